"""From a subscription and a period to the draft of its invoice: what was used, the fixed prices, what came late.

Nothing is stored here, so a preview and the invoice itself are worked out by the same lines.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, select

from app.billing import allowances, facts, subscriptions, tables, taxes
from app.billing.allowances import Allowance
from app.billing.collect import usage_of
from app.billing.periods import Anchoring, Unit
from app.billing.proration import net_of
from app.billing.rating import (
    ADJUSTMENT,
    ADVANCE,
    FIXED,
    NOTHING,
    USAGE,
    Draft,
    Item,
    RatedLine,
    Terms,
    Used,
    bill,
    fixed,
    usage_line,
)
from app.billing.taxes import Taxes
from app.billing.wanted import Wanted, read_span, times
from app.billing.waterfall import Discount, Purse, tax_of
from app.kernel.errors import Broken
from app.kernel.fiat import Fiat
from app.kernel.text import t
from app.metering.aggregate import Span

#: How far back an event may lie and still be billed by itself, on the next invoice.
LATE_REACH: Final = timedelta(days=62)
_MICRO: Final = timedelta(microseconds=1)
_INVOICE, _LINE = tables.billing_invoice, tables.billing_invoice_line
#: The wallets that pay for lines in a currency, in the order in which they pay.
Wallets = Callable[[Connection, str, str], Sequence[Purse]]


def no_wallets(connection: Connection, workspace_id: str, currency: str) -> Sequence[Purse]:
    """For who has none."""
    return ()


@dataclass(frozen=True, slots=True)
class Built:
    """A draft with what must be kept of how it came about."""

    draft: Draft
    computed: Mapping[str, Any]


def build(
    connection: Connection,
    row: Row[Any],
    wanted: Wanted,
    *,
    now: datetime,
    wallets: Wallets = no_wallets,
    keep_zero: bool = True,
) -> Built:
    """The invoice of a subscription, worked out now."""
    customer = facts.customer_of(connection, row.customer_id)
    wanted = replace(wanted, plan_id=wanted.plan_id or row.plan_id)
    included = allowances.included(connection, row, wanted.used, wanted.plan_id)
    coupons, cycle = _coupons(connection, row, now), subscriptions.cycle_of(row)
    used = wanted.used if wanted.used is not None and not subscriptions.is_trial(row, wanted.used) else None
    lines, late = list(wanted.others), list[RatedLine]()
    if used is not None:
        lines += _usage(connection, row, customer.external_id, used, included)
        lines += _arrear(connection, row, used, wanted.used_whole or cycle.whole(used))
        late = _late(connection, row, customer.external_id, used)
        lines += late
    if wanted.ahead is not None:
        wanted = replace(wanted, ahead_whole=wanted.ahead_whole or cycle.whole(wanted.ahead))
        lines += _ahead(connection, row, wanted)
    by_line = _line_discounts(connection, row, now)
    lines = [_discounted(line, by_line) for line in lines]
    tax = taxes.on_bill(
        connection, customer, row.currency, now, subscription_id=row.id, rate_ids=row.agreed.get("tax_rates") or ()
    )
    terms = Terms(
        row.currency,
        subscriptions.commitment(row) if used is not None else None,
        tuple(discount for _, discount in coupons),
        tax.percents,
    )
    draft = bill(
        terms,
        wanted.span,
        (),
        {},
        wallets=wallets(connection, row.workspace_id, row.currency),
        others=lines,
        carried=Fiat(row.carried, row.currency),
        keep_zero=keep_zero,
    )
    kept = computed(draft, [name for name, _ in coupons], tax)
    kept["late"] = [_given_back(line, row.currency) for line in late if line.exact < 0]
    return Built(draft, kept | {"allowances": [_pinned(each) for each in included], **wanted.to_json()})


def build_late(connection: Connection, row: Row[Any], *, now: datetime, wallets: Wallets = no_wallets) -> Built | None:
    """What came after the last invoice of a subscription that is over; None when nothing did."""
    customer = facts.customer_of(connection, row.customer_id)
    late = _late(connection, row, customer.external_id, Span(now, now))
    if not late:
        return None
    begun = min((line.span.start for line in late if line.span is not None), default=row.period_start)
    wanted = Wanted(Span(begun, row.period_end), others=tuple(late))
    built = build(connection, row, wanted, now=now, wallets=wallets)
    kept = {name: said for name, said in built.computed.items() if name not in wanted.to_json()}
    return Built(built.draft, kept | {"late": [_given_back(line, row.currency) for line in late if line.exact < 0]})


def computed(draft: Draft, coupons: Sequence[str], tax: Taxes) -> dict[str, Any]:
    """How a draft came about, as its invoice keeps it."""
    amounts = [tax_of(draft.due.taxable, percent).minor for percent in tax.percents]
    rates = [{**rate, "amount": amount} for rate, amount in zip(tax.rates, amounts, strict=True)]
    return {
        "coupons": list(coupons),
        "tax": {"source": tax.source, "reason": tax.reason, "rates": rates},
        "debits": {wallet: amount.minor for wallet, amount in draft.due.debits.items()},
    }


def usage_lines(
    connection: Connection, row: Row[Any], customer: str, span: Span, included: Sequence[Allowance]
) -> list[RatedLine]:
    """What was used in a period, line by line, with the allowances used up in the order of the lines."""
    return _usage(connection, row, customer, span, included)


def _usage(
    connection: Connection, row: Row[Any], customer: str, span: Span, included: Sequence[Allowance]
) -> list[RatedLine]:
    items = items_of(connection, row, span, USAGE)
    used = usage_of(connection, customer, span, items)
    left = _allowed(connection, customer, items, used, span, included)
    lines = []
    for item in items:
        if item.meter is None:
            continue
        allowance = left.get(item.meter.id, NOTHING)
        line = usage_line(item, used.get(item.line_id, Used()), allowance)
        if allowance is not None and item.meter.id in left:
            left[item.meter.id] = allowance - line.entitled
        lines.append(replace(line, span=item.span or span))
    return lines


def items_of(
    connection: Connection, row: Row[Any], span: Span, kind: str, known: Mapping[str, str | None] | None = None
) -> list[Item]:
    """The prices of a period, each with its part of it; with `known` only those, with the ends they had. What is paid
    once belongs to the period in which it begins, or in which the trial ends."""
    lines = subscriptions.lines_of(connection, row.id, span if known is None else None)
    lines = [line for line in lines if line.kind == kind and (known is None or line.id in known)]
    meters = facts.meters_of(connection, [line.meter_id for line in lines if line.meter_id])
    found = []
    for line, item in zip(lines, subscriptions.items_of(lines, meters), strict=True):
        end = line.end_at if known is None else _moment(known[line.id])
        part = Span(max(span.start, line.start_at), min(span.end, end or span.end))
        begins = max(line.start_at, row.trial_end or row.start_at)
        if item.once and (not span.start <= begins < span.end or (end is not None and end <= begins)):
            continue
        found.append(replace(item, span=None if part == span else part))
    return found


def _allowed(
    connection: Connection,
    customer: str,
    items: Sequence[Item],
    used: Mapping[str, Used],
    span: Span,
    included: Sequence[Allowance],
) -> dict[str, Fraction | None]:
    """How much of each meter is included in this period. One that begins anew is what each of its windows took, of one
    that never does there is what was not used before."""
    found: dict[str, Fraction | None] = {}
    for each in included:
        mine = [item for item in items if item.meter is not None and item.meter.id == each.meter_id]
        if each.since is not None and each.limit is not None and each.since < span.start:
            before = Span(each.since, span.start)
            gone = usage_of(connection, customer, before, [replace(item, span=None) for item in mine])
            found[each.meter_id] = max(each.limit - sum((one.quantity for one in gone.values()), NOTHING), NOTHING)
            continue
        if not mine or each.limit is None or each.reset is None:
            found[each.meter_id] = each.limit
            continue
        taken = NOTHING
        for window in each.windows(span):
            parts = [replace(item, span=_both(item, span, window)) for item in mine]
            inside = usage_of(connection, customer, window, parts)
            taken += min(each.limit, sum((one.quantity for one in inside.values()), NOTHING))
        found[each.meter_id] = taken
    return found


def _both(item: Item, span: Span, window: Span) -> Span:
    part = item.span or span
    return Span(max(part.start, window.start), min(part.end, window.end))


def _arrear(connection: Connection, row: Row[Any], span: Span, whole: Span) -> list[RatedLine]:
    """The fixed prices of a period that is over: a part for a short one, for a line that ended, for a pause. What is
    paid once and began within the period is among them, unless it was asked for already."""
    pauses = subscriptions.pauses_of(connection, row.id)
    items = items_of(connection, row, span, FIXED)
    once = [item.line_id for item in items if item.once]
    asked = _asked(connection, row.id, once, span) if once else frozenset()
    mine = [item for item in items if item.cadence != ADVANCE or (item.once and item.line_id not in asked)]
    return _fixed(row, mine, span, whole, pauses)


def _asked(connection: Connection, subscription_id: str, line_ids: Sequence[str], used: Span) -> frozenset[str]:
    """Those lines whose fixed price other invoices than that of this period state, or stated before they were
    voided."""
    query = (
        select(_LINE.c.subscription_line_id, _INVOICE.c.computed)
        .join(_INVOICE, _INVOICE.c.id == _LINE.c.invoice_id)
        .where(
            _INVOICE.c.subscription_id == subscription_id,
            _LINE.c.subscription_line_id.in_(line_ids),
            _LINE.c.kind == FIXED,
        )
    )
    rows = connection.execute(query)
    return frozenset(line_id for line_id, computed in rows if computed.get("used") != times(used))


def _ahead(connection: Connection, row: Row[Any], wanted: Wanted) -> list[RatedLine]:
    """The fixed prices of a period to come. An anniversary's gets longer by a pause and costs the same."""
    span, whole = wanted.ahead, wanted.ahead_whole
    if span is None or whole is None:
        return []
    items = [item for item in items_of(connection, row, span, FIXED, wanted.ahead_lines) if item.cadence == ADVANCE]
    pauses = [] if row.billing_cycle == Anchoring.ANNIVERSARY else subscriptions.pauses_of(connection, row.id)
    return _fixed(row, items, span, whole, pauses)


def _fixed(
    row: Row[Any], items: Sequence[Item], span: Span, whole: Span, pauses: Sequence[Row[Any]]
) -> list[RatedLine]:
    lines = []
    for item in items:
        if item.once:
            lines.append(fixed(item, span))
            continue
        mine = item.span or span
        served = mine.end - mine.start - subscriptions.paused_in(pauses, mine)
        part = min(Fraction(served // _MICRO, (whole.end - whole.start) // _MICRO), Fraction(1))
        if part > 0:
            lines.append(fixed(item, mine, part))
    return lines


def _late(connection: Connection, row: Row[Any], customer: str, span: Span) -> list[RatedLine]:
    """What was used in a period already invoiced and came in only afterwards: the difference to what was stated."""
    query = select(_INVOICE).where(
        _INVOICE.c.subscription_id == row.id,
        _INVOICE.c.state.in_(("FINALIZED", "SKIPPED")),
        _INVOICE.c.kind == "SUBSCRIPTION",
        _INVOICE.c.period_end <= span.start,
        _INVOICE.c.period_end > span.start - LATE_REACH,
    )
    lines = []
    for invoice in connection.execute(query.order_by(_INVOICE.c.period_start, _INVOICE.c.id)).all():
        if "allowances" not in invoice.computed or not invoice.computed.get("used"):
            continue
        period = Span(*(datetime.fromisoformat(each) for each in invoice.computed["used"]))
        included = [_unpinned(each) for each in invoice.computed["allowances"]]
        stated = _stated(connection, row.id, period)
        for line in _usage(connection, row, customer, period, included):
            lines += _difference(line, stated, row.currency)
    return lines


def _difference(line: RatedLine, stated: Mapping[str, "_Stated"], currency: str) -> list[RatedLine]:
    """More is charged like everything; of what is less, so much comes back as was asked for."""
    if line.item is None:
        return []
    amount, events, quantity, net = stated.get(line.item.line_id, NOTHING_STATED)
    now = Fiat.from_exact(line.exact, currency)
    if line.used.events == events or now.minor == amount:
        return []
    more = replace(line.used, events=line.used.events - events)
    said = t("period.line.late", count=more.events, reason=line.reason)
    gross = Fraction((now - Fiat(amount, currency)).amount)
    back = gross * net / amount if gross < 0 and amount else gross
    return [
        replace(
            line,
            exact=back,
            gross=gross,
            quantity=line.quantity - quantity,
            purpose=ADJUSTMENT,
            reason=said,
            used=more,
            true_up=NOTHING,
            overage=NOTHING,
        )
    ]


class _Stated(NamedTuple):
    """What invoices said of a line so far; `net` of the amount was asked for and not credited since."""

    amount: int
    events: int
    quantity: Fraction
    net: Fraction

    def plus(self, other: "_Stated") -> "_Stated":
        quantity, net = self.quantity + other.quantity, self.net + other.net
        return _Stated(self.amount + other.amount, self.events + other.events, quantity, net)


NOTHING_STATED: Final = _Stated(0, 0, NOTHING, NOTHING)


def _stated(connection: Connection, subscription_id: str, period: Span) -> dict[str, _Stated]:
    """What invoices said of a period so far, by line."""
    query = (
        select(
            _LINE.c.subscription_line_id, _LINE.c.amount, _LINE.c.events, _LINE.c.quantity, _LINE.c.discount, _INVOICE
        )
        .join(_INVOICE, _INVOICE.c.id == _LINE.c.invoice_id)
        .where(
            _INVOICE.c.subscription_id == subscription_id,
            _LINE.c.subscription_line_id.is_not(None),
            _LINE.c.kind == USAGE,
            _LINE.c.period_start >= period.start,
            _LINE.c.period_end <= period.end,
            _INVOICE.c.state == "FINALIZED",
        )
    )
    parts = list(_lowered(connection, subscription_id, period))
    for line_id, amount, events, quantity, discount, *rest in connection.execute(query):
        net = net_of(amount, discount, dict(zip(_INVOICE.c.keys(), rest, strict=True)))
        parts.append((line_id, _Stated(amount, events, Fraction(quantity), net)))
    found: dict[str, _Stated] = {}
    for line_id, part in parts:
        found[line_id] = found.get(line_id, NOTHING_STATED).plus(part)
    return found


def _given_back(line: RatedLine, currency: str) -> dict[str, Any]:
    """A difference below zero is credit and no line: its invoice keeps it, so that it is given back once."""
    if line.item is None or line.span is None:
        raise Broken("A difference for late events has no line and period.")
    amount = Fiat.from_exact(line.exact if line.gross is None else line.gross, currency).minor
    net = str(Fiat.from_exact(line.exact, currency).minor)
    figures = {"amount": amount, "events": line.used.events, "quantity": str(line.quantity), "net": net}
    return {"line_id": line.item.line_id, "span": times(line.span), **figures}


def _lowered(connection: Connection, subscription_id: str, period: Span) -> list[tuple[str, _Stated]]:
    """What was given back of a period so far. It counts after a void too, because the credit went on to the next."""
    query = select(_INVOICE.c.computed).where(
        _INVOICE.c.subscription_id == subscription_id,
        _INVOICE.c.finalized_at.is_not(None),
        _INVOICE.c.period_end > period.start,
    )
    found = []
    for kept in connection.execute(query).scalars():
        for each in kept.get("late") or ():
            span = read_span(each["span"])
            if span is not None and period.start <= span.start and span.end <= period.end:
                amount, net = each["amount"], Fraction(each.get("net", each["amount"]))
                found.append((each["line_id"], _Stated(amount, each["events"], Fraction(each["quantity"]), net)))
    return found


def _coupons(connection: Connection, row: Row[Any], now: datetime) -> list[tuple[str, Discount]]:
    wanted = [each for each in row.agreed.get("coupons") or () if not each.get("line_id") and not each.get("price_id")]
    return facts.discounts(connection, wanted, row.id, row.currency, now)


def _line_discounts(connection: Connection, row: Row[Any], now: datetime) -> dict[str, tuple[Discount, ...]]:
    """Coupons of single lines, by the id of their line or price."""
    found: dict[str, list[Discount]] = defaultdict(list)
    for each in row.agreed.get("coupons") or ():
        target = each.get("line_id") or each.get("price_id")
        if target:
            found[target] += [one for _, one in facts.discounts(connection, [each], row.id, row.currency, now)]
    return {target: tuple(many) for target, many in found.items()}


def _discounted(line: RatedLine, by_line: Mapping[str, tuple[Discount, ...]]) -> RatedLine:
    if line.item is None:
        return line
    off = (*by_line.get(line.item.line_id, ()), *by_line.get(line.item.price_id, ()))
    return replace(line, item=replace(line.item, discounts=off)) if off else line


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _pinned(each: Allowance) -> dict[str, Any]:
    limit, since = each.limit, each.since
    kept = {"meter_id": each.meter_id, "limit": None if limit is None else str(limit), "reset": each.reset}
    return kept if since is None else {**kept, "since": since.isoformat()}


def _unpinned(given: Mapping[str, Any]) -> Allowance:
    limit, reset = given["limit"], given["reset"]
    exact = None if limit is None else Fraction(limit)
    return Allowance(given["meter_id"], exact, Unit(reset) if reset else None, _moment(given.get("since")))
