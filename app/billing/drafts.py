"""From a subscription and a period to the draft of its invoice: what was used, the fixed prices, what came late.

Nothing is stored here, so a preview and the invoice itself are worked out by the same lines.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.billing import (
    allowances,
    came_late,
    ended_credits,
    facts,
    late_commitment,
    line_coupons,
    subscriptions,
    tables,
    taxes,
    usage_lines,
)
from app.billing.items import items_in
from app.billing.lifecycle import State
from app.billing.periods import Anchoring
from app.billing.rating import ADVANCE, FIXED, Draft, Item, RatedLine, Terms, bill, fixed
from app.billing.taxes import Taxes
from app.billing.wallets import funding
from app.billing.wanted import Wanted, times
from app.billing.waterfall import Discount, Purse, tax_of
from app.kernel.fiat import Fiat
from app.metering.aggregate import Span

_MICRO: Final = timedelta(microseconds=1)
_INVOICE, _LINE = tables.billing_invoice, tables.billing_invoice_line
#: The wallets that pay for lines in a currency at a moment, in the order in which they pay.
Wallets = Callable[[Connection, str, str, datetime], Sequence[Purse]]


def no_wallets(connection: Connection, workspace_id: str, currency: str, now: datetime) -> Sequence[Purse]:
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
        lines += usage_lines.of(connection, row, customer.external_id, used, included)
        lines += _arrear(connection, row, used, wanted.used_whole or cycle.whole(used))
        late = came_late.lines(connection, row, customer.external_id, used)
        lines += late
    if wanted.ahead is not None:
        wanted = replace(wanted, ahead_whole=wanted.ahead_whole or cycle.whole(wanted.ahead))
        lines += _ahead(connection, row, wanted)
    lines, on_lines = line_coupons.take(connection, row, lines, now)
    tax = taxes.on_bill(
        connection, customer, row.currency, now, subscription_id=row.id, rate_ids=row.agreed.get("tax_rates") or ()
    )
    agreed = subscriptions.commitment(row) if used is not None else None
    terms = Terms(
        row.currency,
        agreed,
        tuple(discount for _, discount in coupons),
        tax.percents,
    )

    def worth_until(moment: datetime) -> Fraction:
        until = Span(used.start, moment) if used is not None else wanted.span
        some = usage_lines.of(connection, row, customer.external_id, until, included)
        return sum((line.exact for line in some if line.exact > 0), Fraction(0))

    purses, ended = ended_credits.spent_in_time(
        wallets(connection, row.workspace_id, row.currency, now), used, worth_until
    )
    draft = bill(
        terms,
        wanted.span,
        (),
        {},
        wallets=purses,
        others=lines,
        carried=Fiat(row.carried, row.currency),
        keep_zero=keep_zero,
    )
    kept = computed(draft, [*(name for name, _ in coupons), *on_lines], tax)
    kept |= {"late": came_late.given_back(late, row.currency), "ended": ended}
    kept |= late_commitment.kept(lines, late, agreed, row.currency)
    return Built(draft, kept | {"allowances": [each.to_json() for each in included], **wanted.to_json()})


def build_late(connection: Connection, row: Row[Any], *, now: datetime, wallets: Wallets = no_wallets) -> Built | None:
    """What came after the last invoice of a subscription that is over; None when nothing did."""
    customer = facts.customer_of(connection, row.customer_id)
    late = came_late.lines(connection, row, customer.external_id, Span(now, now))
    if not late:
        return None
    begun = min((line.span.start for line in late if line.span is not None), default=row.period_start)
    wanted = Wanted(Span(begun, row.period_end), others=tuple(late))
    built = build(connection, row, wanted, now=now, wallets=wallets)
    kept = {name: said for name, said in built.computed.items() if name not in wanted.to_json()}
    kept |= late_commitment.kept((), late, None, row.currency)
    return Built(built.draft, kept | {"late": came_late.given_back(late, row.currency)})


def preview(
    connection: Connection,
    subscription_id: str,
    *,
    now: datetime,
    span: Span | None = None,
    keep_zero: bool = True,
    wallets: Wallets = funding,
) -> tuple[Row[Any], Built]:
    """What the invoice of the period would be if it ended now; with a `span`, what one over that time would be."""
    row = subscriptions.find(connection, subscription_id)
    current = subscriptions.period_of(row)
    wanted_span = span or current
    whole = subscriptions.whole_of(row) if wanted_span == current else None
    ahead = None
    if span is None and row.state in (State.ACTIVE, State.TRIALING) and not row.cancel_at:
        following = subscriptions.cycle_of(row).containing(current.end)
        ahead = Span(current.end, following.end)
    wanted = Wanted(wanted_span, wanted_span, ahead, used_whole=whole)
    built = build(connection, row, wanted, now=now, wallets=wallets, keep_zero=keep_zero)
    return row, built


def computed(draft: Draft, coupons: Sequence[str], tax: Taxes) -> dict[str, Any]:
    """How a draft came about, as its invoice keeps it."""
    amounts = [tax_of(draft.due.taxable, percent).minor for percent in tax.percents]
    rates = [{**rate, "amount": amount} for rate, amount in zip(tax.rates, amounts, strict=True)]
    return {
        "coupons": list(coupons),
        "tax": {"source": tax.source, "reason": tax.reason, "rates": rates},
        "debits": {wallet: amount.minor for wallet, amount in draft.due.debits.items()},
    }


def _arrear(connection: Connection, row: Row[Any], span: Span, whole: Span) -> list[RatedLine]:
    """The fixed prices of a period that is over: a part for a short one, for a line that ended, for a pause. What is
    paid once and began within the period is among them, unless it was asked for already."""
    pauses = subscriptions.pauses_of(connection, row.id)
    items = items_in(connection, row, span, FIXED)
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
    items = [item for item in items_in(connection, row, span, FIXED, wanted.ahead_lines) if item.cadence == ADVANCE]
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


def _coupons(connection: Connection, row: Row[Any], now: datetime) -> list[tuple[str, Discount]]:
    wanted = [each for each in row.agreed.get("coupons") or () if not facts.is_of_a_line(each)]
    return facts.discounts(connection, wanted, row.id, row.currency, now)
