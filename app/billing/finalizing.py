"""Drafts become documents: finalised when what comes late has come, worked out again, voided, and what follows when
the first one of a subscription is paid.

Each is one transaction under the subscription's lock, before the invoice's; asked twice, it answers what was done.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select

from app.billing import drafts, invoices, paying_in_credits, subscriptions, tables
from app.billing.card_tables import billing_charge
from app.billing.drafts import Wallets
from app.billing.invoices import DRAFT, LATE_WINDOW, Head
from app.billing.lifecycle import Event, State, after
from app.billing.payment_terms import net_days
from app.billing.wallets import funding
from app.billing.wanted import Wanted
from app.kernel.fiat import Fiat
from app.metering.aggregate import Span
from app.payments.unmatched import Reason, report

_SUB, _INVOICE = tables.subscription, tables.billing_invoice
_PAYMENT, _CHARGE = tables.billing_payment, billing_charge
#: Under this name a subscription keeps that it ended before its first payment.
NEVER_BEGAN: Final = "never_began"


def drafts_due(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Drafts of subscriptions that have waited long enough for what comes late."""
    waited = now - LATE_WINDOW
    query = (
        select(_INVOICE.c.id)
        .where(
            _INVOICE.c.state == DRAFT,
            _INVOICE.c.manual.is_(False),
            _INVOICE.c.kind == invoices.SUBSCRIPTION,
            _INVOICE.c.created_at <= waited,
            or_(_INVOICE.c.period_end <= waited, _INVOICE.c.reason != "SUBSCRIPTION_CYCLE"),
        )
        .order_by(_INVOICE.c.created_at, _INVOICE.c.id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def finalize(connection: Connection, invoice_id: str, *, now: datetime, wallets: Wallets = funding) -> Row[Any]:
    """Work a subscription's draft out once more, then give it its number; others get it as they are."""
    row = invoices.find(connection, invoice_id)
    if row.subscription_id is None:
        return invoices.finalize(connection, invoice_id, now=now)
    subscription = subscriptions.find(connection, row.subscription_id, lock=True)
    row = invoices.find(connection, invoice_id, lock=True)
    if row.state != DRAFT:
        return invoices.finalize(connection, invoice_id, now=now)
    if not row.manual and "used" in row.computed:
        row = _recompute(connection, subscription, row, now, wallets)
    done = invoices.finalize(connection, invoice_id, now=now, net_days=net_days(subscription.agreed, now))
    if not row.manual and row.computed.get("carried_left", subscription.carried) != subscription.carried:
        subscriptions.change(connection, subscription, now, carried=row.computed["carried_left"])
    if done.payment_state == invoices.SUCCEEDED or done.state == invoices.SKIPPED:
        paid(connection, done, now)
    give_rest(connection, row.subscription_id, now)
    return done


def ended_since(connection: Connection, since: datetime) -> list[str]:
    """Subscriptions that ended since then and have no draft any more: late usage may still come in for them."""
    drafts_ = select(_INVOICE.c.id).where(_INVOICE.c.subscription_id == _SUB.c.id, _INVOICE.c.state == DRAFT)
    query = select(_SUB.c.id).where(_SUB.c.state == State.CANCELLED, _SUB.c.cancelled_at > since, ~drafts_.exists())
    return list(connection.execute(query.order_by(_SUB.c.id)).scalars())


def bill_late(
    connection: Connection, subscription_id: str, *, now: datetime, wallets: Wallets = funding
) -> Row[Any] | None:
    """An invoice of what came after the last one of a subscription that is over; what became less goes into the
    customer's wallet. Once: what was stated is not stated again."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state != State.CANCELLED:
        return None
    built = drafts.build_late(connection, row, now=now, wallets=wallets)
    if built is None:
        return None
    head = Head.of(row, f"late:{now.isoformat()}", "SUBSCRIPTION_UPDATE")
    made = invoices.keep(connection, head, built, actor="system", now=now)
    return finalize(connection, made.id, now=now, wallets=wallets)


def give_rest(connection: Connection, subscription_id: str, now: datetime) -> None:
    """Credit that no invoice of a cancelled subscription will use goes into the customer's wallet."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state != State.CANCELLED or not row.carried:
        return
    still = select(_INVOICE.c.id).where(_INVOICE.c.subscription_id == row.id, _INVOICE.c.state == DRAFT).limit(1)
    if connection.execute(still).scalar() is not None:
        return
    ref = f"{row.id}:rest:{row.version}"
    paying_in_credits.to_wallet(connection, row.customer_id, Fiat(row.carried, row.currency), ref, now)
    subscriptions.change(connection, row, now, carried=0)


def void(connection: Connection, invoice_id: str, *, now: datetime) -> Row[Any]:
    """As `invoices.void`; what it returns to a cancelled subscription goes on into the wallet."""
    row = invoices.find(connection, invoice_id)
    if row.subscription_id is not None:
        subscriptions.find(connection, row.subscription_id, lock=True)
    done = invoices.void(connection, invoice_id, now=now)
    if row.subscription_id is not None:
        give_rest(connection, row.subscription_id, now)
    return done


def recalculate(connection: Connection, invoice_id: str, *, now: datetime, wallets: Wallets = funding) -> Row[Any]:
    """A draft takes over what is known by now."""
    row = invoices.find(connection, invoice_id)
    if row.subscription_id is None or "used" not in row.computed:
        invoices.require_draft(row)
        return row
    subscription = subscriptions.find(connection, row.subscription_id, lock=True)
    row = invoices.find(connection, invoice_id, lock=True)
    invoices.require_draft(row)
    return _recompute(connection, subscription, row, now, wallets)


def _recompute(
    connection: Connection, subscription: Row[Any], row: Row[Any], now: datetime, wallets: Wallets
) -> Row[Any]:
    wanted = Wanted.from_json(Span(row.period_start, row.period_end), row.computed)
    built = drafts.build(connection, subscription, wanted, now=now, wallets=wallets)
    return invoices.recompute(connection, row, built, now=now)


def paid(connection: Connection, row: Row[Any], now: datetime) -> None:
    """The first invoice of a subscription that waits for its payment is paid, or asks for nothing: it begins. Of one
    that ended before it began the operators are told, because nothing is served for that money."""
    if row.subscription_id is None:
        return
    subscription = subscriptions.find(connection, row.subscription_id, lock=True)
    if row.paid and subscription.agreed.get(NEVER_BEGAN):
        report(
            connection,
            Reason.INVOICE_UNSERVED,
            provider="invoice",
            external_id=row.id,
            livemode=_is_real(connection, row.id),
            now=now,
            amount=Fiat(row.paid, row.currency),
            workspace_id=row.workspace_id,
            invoice=row.number,
        )
    need_not_wait(connection, subscription, now)


def _is_real(connection: Connection, invoice_id: str) -> bool:
    """Whether the money of an invoice is: no provider took a part of it as a test."""
    taken = (
        select(_CHARGE.c.payment_id)
        .join(_PAYMENT, _PAYMENT.c.id == _CHARGE.c.payment_id)
        .where(_PAYMENT.c.invoice_id == invoice_id, _PAYMENT.c.succeeded_at.is_not(None), _CHARGE.c.livemode.is_(False))
    )
    return connection.execute(taken.limit(1)).first() is None


def need_not_wait(connection: Connection, row: Row[Any], now: datetime) -> None:
    """A subscription that waits for its first payment is active without it."""
    if row.state == State.INCOMPLETE:
        subscriptions.change(connection, row, now, state=after(State.INCOMPLETE, Event.PAID))
