"""What was charged ahead of its time, and what a change within a period makes of it: credit for the days that are
left, a charge for what takes their place."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.billing import heirs, invoices, subscriptions, tables
from app.billing.invoices import DRAFT
from app.billing.periods import Unit
from app.billing.pinned import ONCE, is_ahead, item_of
from app.billing.proration import change as prorated
from app.billing.proration import net_of
from app.billing.rating import FIXED, PRORATION, RatedLine
from app.billing.subscriptions import Line
from app.billing.wanted import Wanted
from app.kernel.fiat import exponent
from app.kernel.text import t
from app.metering.aggregate import Span
from app.pricing.charge import cost

_INVOICE = tables.billing_invoice
_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class NewPlan:
    """Where a subscription goes. With `is_anew` its first period begins with it, counted from `anchor` or from there,
    and the addons that it `drops` end."""

    plan_id: str
    plan_name: str
    lines: tuple[Line, ...]
    unit: Unit
    count: int = 1
    is_anew: bool = False
    anchor: datetime | None = None
    drops: tuple[str, ...] = ()

    def is_other_rhythm(self, row: Row[Any]) -> bool:
        """Whether its periods have another length than the subscription's."""
        return (self.unit, self.count) != (row.billing_period, row.billing_period_count)


def both(connection: Connection, row: Row[Any], to: NewPlan, now: datetime) -> list[RatedLine]:
    """What a change within the period takes off and adds, by day, each rounded by itself because each is a line."""
    return [*credit(connection, row, now, addons=False), *charge(row, to, now)]


def charge(row: Row[Any], to: NewPlan, now: datetime, line_ids: Sequence[str] = ()) -> list[RatedLine]:
    """The new prices for the days that are left of a whole period, those that are paid once in full; `line_ids` are
    the subscription's new lines."""
    if subscriptions.is_trial(row, subscriptions.period_of(row)):
        return []
    whole, lines = subscriptions.whole_of(row), []
    for new, line_id in zip(to.lines, line_ids or [""] * len(to.lines), strict=True):
        if is_ahead(new.price):
            name = new.name or str(new.price.get("display_name") or to.plan_name)
            cost_ = worth(new.price, new.quantity)
            line = _prorated(row, whole, now, name, new=cost_)
            if new.price.get("billing_period") == ONCE:
                line = replace(line, exact=cost_, reason=t("period.proration.once"))
            lines.append(replace(line, line_id=line_id))
    return [line for line in lines if line.exact]


def joined(
    row: Row[Any], line: Row[Any], *, since: datetime | None = None, until: datetime | None = None
) -> RatedLine | None:
    """A line that came within the period, for the days until the period ends or the line does, and of those only what
    lies `since` and `until` then. None where nothing is paid ahead for those: in a trial, for what is paid once (it is
    asked for with the period), for days to come."""
    if not is_ahead(line.price) or line.price.get("billing_period") == ONCE:
        return None
    if subscriptions.is_trial(row, subscriptions.period_of(row)):
        return None
    begin, whole = max(line.start_at, since or row.period_start, row.period_start), subscriptions.whole_of(row)
    end = min(line.end_at or row.period_end, until or row.period_end, row.period_end)
    if begin >= end:
        return None
    of_period = worth(line.price, line.quantity)
    found = _prorated(row, whole, begin, line.name, new=of_period)
    if end < row.period_end:
        after = _prorated(row, whole, end, line.name, new=of_period).exact
        found = replace(found, exact=found.exact - after, span=Span(begin, end))
    return replace(found, line_id=line.id) if found.exact else None


def credit(
    connection: Connection, row: Row[Any], now: datetime, *, addons: bool = True, association: str | None = None
) -> list[RatedLine]:
    """What was charged ahead for the days that are left, as credit. In a pause they count from its beginning. Without
    `addons` only what the plan charged, with an `association` only what that addon did."""
    if subscriptions.is_trial(row, subscriptions.period_of(row)):
        return []
    pauses = subscriptions.pauses_of(connection, row.id)
    unused_from = min((each.begun_at for each in pauses if each.resumed_at is None), default=now)
    going_on = lines_ahead(connection, row, subscriptions.period_of(row), now)
    theirs, lines = {line.id for line in going_on}, []
    for line in going_on:
        if line.price.get("billing_period") == ONCE or (association and line.association_id != association):
            continue
        if line.association_id is not None and not addons:
            continue
        paid = [each for each in heirs.paid_as(row, line.id) if each == line.id or each not in theirs]
        for of, charged in _charged_ahead(connection, row, paid):
            until = of.end if line.end_at == of.end else row.period_end
            back = _prorated(row, of, unused_from, line.name, old=charged, until=until)
            if line.association_id and line.end_at and line.end_at < of.end:  # the rest came back when it was dropped
                back = replace(back, exact=back.exact - _prorated(row, of, line.end_at, line.name, old=charged).exact)
            lines.append(back)
    return [line for line in lines if line.exact]


def unused(connection: Connection, row: Row[Any], line: Row[Any], at: datetime) -> list[RatedLine]:
    """What was charged ahead for a line that ends `at`, for the days after it."""
    if not is_ahead(line.price) or at >= row.period_end or subscriptions.is_trial(row, subscriptions.period_of(row)):
        return []
    lines = []
    for of, charged in _charged_ahead(connection, row, heirs.paid_as(row, line.id)):
        until = of.end if line.end_at == of.end else row.period_end
        lines.append(_prorated(row, of, at, line.name, old=charged, until=until))
    return [each for each in lines if each.exact]


def _charged_ahead(connection: Connection, row: Row[Any], line_ids: Sequence[str]) -> list[tuple[Span, Fraction]]:
    """For which days of this period invoices charge lines, and how much: less discounts and what was credited."""
    stated = invoices.LINE
    query = (
        select(stated.c.amount, stated.c.discount, stated.c.period_start, stated.c.period_end, _INVOICE)
        .join(_INVOICE, _INVOICE.c.id == stated.c.invoice_id)
        .where(
            _INVOICE.c.subscription_id == row.id,
            _INVOICE.c.state.in_((DRAFT, invoices.FINALIZED)),
            stated.c.subscription_line_id.in_(line_ids),
            stated.c.kind == FIXED,
            stated.c.period_start >= row.period_start,
            stated.c.period_start < row.period_end,
        )
    )
    found = []
    for amount, discount, start, end, *rest in connection.execute(query.order_by(stated.c.period_start, stated.c.id)):
        invoice = dict(zip(_INVOICE.c.keys(), rest, strict=True))
        minor = net_of(amount, discount, invoice)
        found.append((Span(start, end), minor / 10 ** exponent(row.currency)))
    return found


def _prorated(
    row: Row[Any],
    of: Span,
    now: datetime,
    name: str,
    *,
    old: Fraction = Fraction(0),
    new: Fraction = Fraction(0),
    until: datetime | None = None,
) -> RatedLine:
    """The days left `of` what the price is for; a pause moved the end of the period (`until`), and the days with it."""
    last, day = (of.end - _MOMENT).date(), (now - ((until or row.period_end) - of.end)).date()
    found = prorated(of.start.date(), last, day, old=old, new=new, currency=row.currency)
    amount, key = (found.credit, "unused") if old else (found.charge, "rest")
    reason = t(f"period.proration.{key}", part=f"{found.part.numerator}/{found.part.denominator}")
    span = Span(now, row.period_end)
    return RatedLine(None, FIXED, name, Fraction(1), Fraction(amount.amount), reason, PRORATION, span=span)


def lines_ahead(connection: Connection, row: Row[Any], span: Span, now: datetime) -> list[Row[Any]]:
    """The lines that were paid for in advance and go on."""
    return [line for line in subscriptions.lines_of(connection, row.id, Span(now, span.end)) if is_ahead(line.price)]


def hold(connection: Connection, row: Row[Any], now: datetime) -> None:
    """Drafts say what is paid ahead, and proration starts from that: what ends or begins now does not change them."""
    query = select(_INVOICE).where(_INVOICE.c.subscription_id == row.id, _INVOICE.c.state == DRAFT)
    for draft in connection.execute(query.order_by(_INVOICE.c.id).with_for_update()).all():
        ahead = Wanted.from_json(Span(draft.period_start, draft.period_end), draft.computed).ahead
        if ahead is None or draft.computed.get("ahead_lines") is not None:
            continue
        lines = [line for line in subscriptions.lines_of(connection, row.id, ahead) if is_ahead(line.price)]
        held = {line.id: line.end_at and line.end_at.isoformat() for line in lines}
        invoices.change(connection, draft, now, computed={**draft.computed, "ahead_lines": held})


def worth(price: Any, quantity: str) -> Fraction:
    """What a fixed price comes to for a whole period."""
    item = item_of("", price, None, quantity=quantity)
    return cost(item.charge, item.quantity).amount * item.unit_rate
