"""Invoices that an integrator makes: lines with amounts, discounts and tax as everywhere, a source that exists once."""

from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.billing import agreeing, drafts, facts, invoices, taxes
from app.billing.drafts import Built
from app.billing.invoices import Head
from app.billing.rating import FIXED, USAGE, RatedLine, Terms, settled
from app.kernel.errors import IdempotencyConflict, InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.given import Given
from app.kernel.ids import new_id
from app.kernel.text import t
from app.metering.aggregate import Span
from app.plans import customers, reductions
from app.plans import tables as plans
from app.plans.price_reader import MOST_AMOUNT

REASONS = (
    "SUBSCRIPTION_CREATE", "SUBSCRIPTION_CYCLE", "SUBSCRIPTION_UPDATE", "SUBSCRIPTION_TRIAL_END",
    "SUBSCRIPTION_TRIAL_START", "PRORATION", "MANUAL", "AUTO_INVOICE_THRESHOLD", "WALLET_AUTO_TOPUP",
    "SUBSCRIPTION_PAUSED", "SUBSCRIPTION_RESUME",
)  # fmt: skip
#: Under this name an invoice keeps what was asked for, so that its key is good for nothing else.
ASKED: Final = "asked"


def create(connection: Connection, given: Given, *, actor: str, now: datetime) -> Row[Any]:
    """A draft of these lines. The same `idempotency_key` answers the one that was made before, whatever became of
    coupons and taxes since; `IdempotencyConflict` where anything else was asked for with it."""
    customer = facts.customer_of(connection, given.text("customer_id"))
    key = given.maybe("idempotency_key")
    source = f"one_off:{customer.id}:{key or new_id('src')}"
    locked = select(plans.customer.c.id).where(plans.customer.c.id == customer.id).with_for_update()
    connection.execute(locked)  # of two with the same key the second finds the first one's
    known = connection.execute(select(invoices.INVOICE).where(invoices.INVOICE.c.source == source)).one_or_none()
    if known is None:
        return _made(connection, given, customer, source, actor, now)
    if known.computed.get(ASKED) != given.digest():
        raise IdempotencyConflict("This idempotency_key was used for another invoice.", param="idempotency_key")
    return known


def _made(connection: Connection, given: Given, customer: Row[Any], source: str, actor: str, now: datetime) -> Row[Any]:
    currency = customers.currency(given)
    span = Span(given.maybe_moment("period_start") or now, given.maybe_moment("period_end") or now)
    if span.end < span.start:
        raise InvalidInput("period_end lies after period_start.", param="period_end")
    lines = _lines(given, currency, span)
    _agrees(given, lines, currency)
    coupons = facts.discounts(
        connection,
        [agreeing.coupon(connection, code, currency) for code in given.texts("coupons", most=20)],
        None,
        currency,
        now,
    )
    rates = [_rate(connection, given, each) for each in given.texts("tax_rates", most=20)]
    rates += agreeing.taxed(connection, given, currency)
    tax = taxes.on_bill(connection, customer, currency, now, rate_ids=rates)
    terms = Terms(currency, None, tuple(discount for _, discount in coupons), tax.percents)
    draft = settled(terms, span, lines)
    for name in ("total", "amount_due"):
        said = given.maybe_decimal(name, most=MOST_AMOUNT)
        if said is not None and said not in (draft.due.subtotal.amount, draft.due.total.amount):
            raise given.wrong(name, f"is not what it comes to, {draft.due.total}.")
    head = Head(
        customer_id=customer.id,
        workspace_id=customer.workspace_id,
        currency=currency,
        source=source,
        kind=invoices.ONE_OFF,
        reason=given.choice("billing_reason", REASONS, "MANUAL"),
        description=given.maybe("description", longest=1_000) or "",
        due_at=given.maybe_moment("due_date"),
        manual=True,
        meta=given.labels(),
    )
    kept = {**drafts.computed(draft, [name for name, _ in coupons], tax), ASKED: given.digest()}
    row = invoices.keep(connection, head, Built(draft, kept), actor=actor, now=now)
    reductions.redeem_all(connection, [name for name, _ in coupons], now=now)
    return row


def _lines(given: Given, currency: str, span: Span) -> list[RatedLine]:
    lines = [_line(each, span) for each in given.objects("line_items", most=1_000)]
    if lines:
        return lines
    amount = Fraction(given.decimal("subtotal", most=MOST_AMOUNT))
    name = given.maybe("description", longest=1_000) or t("period.one_off.title")
    return [RatedLine(None, FIXED, name, Fraction(1), amount, "", span=span)] if amount else []


def _line(given: Given, span: Span) -> RatedLine:
    own = Span(given.maybe_moment("period_start") or span.start, given.maybe_moment("period_end") or span.end)
    kind = given.choice("price_type", (FIXED, USAGE), FIXED)
    if own.end < own.start:
        raise given.wrong("period_end", "lies after period_start.")
    quantity = Fraction(given.decimal("quantity", most=MOST_AMOUNT))
    amount = Fraction(given.decimal("amount", most=MOST_AMOUNT))
    name = given.maybe("display_name") or t("period.one_off.item")
    return RatedLine(None, kind, name, quantity, amount, "", span=own)


def _rate(connection: Connection, given: Given, named: str) -> str:
    """A rate that is in use, by its id or code."""
    c = plans.tax_rate.c
    active = (c.tax_rate_status == "ACTIVE") & (c.status == plans.PUBLISHED)
    if connection.execute(select(c.id).where((c.id == named) | (c.code == named), active)).first() is None:
        raise given.wrong("tax_rates", f"names {named[:100]}, which is no rate that is in use.")
    return named


def _agrees(given: Given, lines: list[RatedLine], currency: str) -> None:
    """The subtotal that was sent is what the lines come to."""
    if not given.has("subtotal") or not given.has("line_items"):
        return
    come_to = sum(Fiat.from_exact(line.exact, currency).minor for line in lines)
    if Fiat.from_exact(given.decimal("subtotal", most=MOST_AMOUNT * len(lines)), currency).minor != come_to:
        raise InvalidInput(
            f"The lines come to {Fiat(come_to, currency)}, subtotal says {given.raw['subtotal']}.", param="subtotal"
        )
