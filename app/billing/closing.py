"""Periods begin and end: the first invoice, the close of a period, a change of plan, the end of a subscription.

Each is one transaction under the subscription's lock, and each invoice has a source that exists once: a chore that was
killed carries on where it was, and two that run at once do the work once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select, update

from app.billing import drafts, invoices, paying_in_credits, subscriptions, tables
from app.billing.drafts import Wallets, Wanted
from app.billing.invoices import DRAFT, LATE_WINDOW, Head
from app.billing.lifecycle import Event, State, after
from app.billing.periods import Unit
from app.billing.pinned import ONCE, item_of
from app.billing.proration import change as prorated
from app.billing.rating import ADVANCE, FIXED, PRORATION, RatedLine
from app.billing.subscriptions import Line
from app.billing.wallets import funding
from app.kernel import faults
from app.kernel.errors import Conflict
from app.kernel.fiat import Fiat, exponent
from app.kernel.text import t
from app.metering.aggregate import Span
from app.pricing.charge import cost

_SUB, _INVOICE = tables.subscription, tables.billing_invoice
BATCH: Final = 100
_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class NewPlan:
    """Where a subscription goes."""

    plan_id: str
    plan_name: str
    lines: tuple[Line, ...]
    unit: Unit
    count: int = 1


def begin(connection: Connection, subscription_id: str, *, actor: str, now: datetime) -> Row[Any] | None:
    """What is paid ahead for the first period, if there is anything; a trial pays nothing. A subscription that waits
    for its first payment, and is asked for none, is active at once."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    span = subscriptions.period_of(row)
    if row.state not in (State.ACTIVE, State.INCOMPLETE):
        return None
    if not _pays_ahead(connection, row):
        _need_not_wait(connection, row, now)
        return None
    wanted = Wanted(span, ahead=span)
    head = _head(row, f"open:{span.start.isoformat()}", "SUBSCRIPTION_CREATE")
    made = invoices.keep(connection, head, drafts.build(connection, row, wanted, now=now), actor=actor, now=now)
    if not made.total:
        _need_not_wait(connection, row, now)
    return made


def due(connection: Connection, now: datetime, limit: int = BATCH) -> list[str]:
    """Subscriptions whose period, or whose whole time, is over."""
    alive = _SUB.c.state.in_((State.ACTIVE, State.TRIALING))
    over = or_(_SUB.c.period_end <= now, _SUB.c.cancel_at <= now)
    query = select(_SUB.c.id).where(alive, over).order_by(_SUB.c.period_end, _SUB.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def close(connection: Connection, subscription_id: str, *, now: datetime, actor: str = "system") -> bool:
    """End the oldest period that is over and begin the next; False when there is none to end."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state not in (State.ACTIVE, State.TRIALING):
        return False
    if row.cancel_at is not None and row.cancel_at <= min(row.period_end, now):
        _end(connection, row, row.cancel_at, now, actor)
        return True
    if row.period_end > now:
        return False
    closed = subscriptions.period_of(row)
    trial, whole = subscriptions.is_trial(row, closed), subscriptions.whole_of(row)
    row = _next_period(connection, row, closed, now)
    if row.next_plan:
        row = _planned_change(connection, row, closed.end)
    ahead = subscriptions.period_of(row)
    wanted = Wanted(closed, None if trial else closed, ahead, used_whole=whole)
    reason = "SUBSCRIPTION_TRIAL_END" if trial else "SUBSCRIPTION_CYCLE"
    head = _head(row, f"close:{closed.end.isoformat()}", reason)
    invoices.keep(connection, head, drafts.build(connection, row, wanted, now=now), actor=actor, now=now)
    faults.point("period.after_close")
    return True


def _next_period(connection: Connection, row: Row[Any], closed: Span, now: datetime) -> Row[Any]:
    span = subscriptions.cycle_of(row).containing(closed.end)
    values: dict[str, Any] = {"period_start": closed.end, "period_end": span.end}
    if row.state == State.TRIALING:
        values["state"] = after(State.TRIALING, Event.TRIAL_OVER)
    return subscriptions.change(connection, row, now, **values)


def _end(connection: Connection, row: Row[Any], at: datetime, now: datetime, actor: str) -> None:
    """The subscription ends at `at`: a last invoice for what was used until then."""
    span, whole = Span(row.period_start, max(at, row.period_start)), subscriptions.whole_of(row)
    values = {"state": after(State(row.state), Event.CANCEL), "cancelled_at": at, "period_end": span.end}
    row = subscriptions.change(connection, row, now, **values)
    subscriptions.end_lines(connection, row.id, at, now)
    if span.start < span.end:
        head = _head(row, f"end:{span.end.isoformat()}", "SUBSCRIPTION_CYCLE")
        wanted = Wanted(span, None if row.trial_end and span.end <= row.trial_end else span, used_whole=whole)
        invoices.keep(connection, head, drafts.build(connection, row, wanted, now=now), actor=actor, now=now)
    _give_rest(connection, row.id, now)
    faults.point("period.after_close")


def cancel_now(
    connection: Connection,
    subscription_id: str,
    *,
    reason: str,
    prorate: bool,
    invoice: bool,
    actor: str,
    now: datetime,
) -> tuple[Row[Any], Row[Any] | None, list[RatedLine]]:
    """End it this moment. What was paid ahead and not used comes back as credit when asked; what was used is billed."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state == State.CANCELLED:
        return row, None, []
    before, span = row, subscriptions.period_of(row)
    credits_ = _ahead_credit(connection, row, now) if prorate else []
    was_trial = subscriptions.is_trial(row, span)
    served = row.state in (State.ACTIVE, State.TRIALING, State.PAUSED)
    if served:
        _hold_ahead(connection, row, now)
    row = subscriptions.cancel(connection, subscription_id, at=None, reason=reason, now=now)
    made = None
    if (invoice or credits_) and served and before.period_start < now:
        used = Span(before.period_start, now) if invoice and not was_trial else None
        whole = subscriptions.whole_of(before)
        wanted = Wanted(Span(before.period_start, now), used, others=tuple(credits_), used_whole=whole)
        head = _head(row, f"end:{now.isoformat()}", "SUBSCRIPTION_UPDATE")
        made = invoices.keep(connection, head, drafts.build(connection, row, wanted, now=now), actor=actor, now=now)
    _give_rest(connection, row.id, now)
    return subscriptions.find(connection, row.id), made, credits_


def change_plan(
    connection: Connection, subscription_id: str, to: NewPlan, *, prorate: bool, actor: str, now: datetime
) -> tuple[Row[Any], Row[Any] | None, list[RatedLine]]:
    """Another plan from this moment on: credit for what was paid ahead, a charge for what is used instead."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    span, whole = subscriptions.period_of(row), subscriptions.whole_of(row)
    others, used, ahead = _ahead_credit(connection, row, now) if prorate else [], None, None
    _hold_ahead(connection, row, now)
    moved = subscriptions.move(
        connection,
        row,
        plan_id=to.plan_id,
        plan_name=to.plan_name,
        lines=to.lines,
        unit=to.unit,
        count=to.count,
        now=now,
    )
    if subscriptions.is_trial(row, span):
        return moved, None, []
    if (to.unit, to.count) != (row.billing_period, row.billing_period_count):
        used, ahead = Span(span.start, now), Span(now, moved.period_end)
        moved = subscriptions.change(connection, moved, now, period_start=now)
    elif prorate:
        added = subscriptions.lines_of(connection, row.id)[-len(to.lines) :] if to.lines else []
        others += _ahead_charge(row, to, now, [line.id for line in added])
    if not others and used is None:
        return moved, None, others
    wanted = Wanted(span if used is None else used, used, ahead, tuple(others), used_whole=whole)
    head = _head(moved, f"change:{moved.version}", "SUBSCRIPTION_UPDATE")
    made = invoices.keep(connection, head, drafts.build(connection, moved, wanted, now=now), actor=actor, now=now)
    return moved, made, others


def plan_change_later(connection: Connection, subscription_id: str, to: NewPlan, *, now: datetime) -> Row[Any]:
    """Another plan from the next period on."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state not in (State.ACTIVE, State.TRIALING):
        raise Conflict(f"A subscription that is {row.state} keeps its plan.", code="invalid_operation")
    kept = {
        "plan_id": to.plan_id,
        "plan_name": to.plan_name,
        "unit": to.unit,
        "count": to.count,
        "lines": [{"price": dict(line.price), "quantity": line.quantity, "name": line.name} for line in to.lines],
        "at": row.period_end.isoformat(),
    }
    return subscriptions.change(connection, row, now, next_plan=kept)


def _planned_change(connection: Connection, row: Row[Any], at: datetime) -> Row[Any]:
    kept = row.next_plan
    lines = tuple(Line(each["price"], each["quantity"], each["name"]) for each in kept["lines"])
    return subscriptions.move(
        connection,
        row,
        plan_id=kept["plan_id"],
        plan_name=kept["plan_name"],
        lines=lines,
        unit=Unit(kept["unit"]),
        count=kept["count"],
        now=at,
    )


def proration_lines(connection: Connection, row: Row[Any], to: NewPlan, now: datetime) -> list[RatedLine]:
    """What a change within the period takes off and adds, by day, each rounded by itself because each is a line."""
    return [*_ahead_credit(connection, row, now), *_ahead_charge(row, to, now)]


def _ahead_charge(row: Row[Any], to: NewPlan, now: datetime, line_ids: Sequence[str] = ()) -> list[RatedLine]:
    """The new prices for the days that are left of a whole period; `line_ids` are the subscription's new lines."""
    if subscriptions.is_trial(row, subscriptions.period_of(row)):
        return []
    whole, lines = subscriptions.whole_of(row), []
    for new, line_id in zip(to.lines, line_ids or [""] * len(to.lines), strict=True):
        if _is_ahead(new.price):
            name = new.name or str(new.price.get("display_name") or to.plan_name)
            line = _prorated(row, whole, now, name, new=worth(new.price, new.quantity))
            lines.append(replace(line, line_id=line_id))
    return [line for line in lines if line.exact]


def _ahead_credit(connection: Connection, row: Row[Any], now: datetime) -> list[RatedLine]:
    """What was charged ahead for the days that are left, as credit. In a pause they count from its beginning."""
    if subscriptions.is_trial(row, subscriptions.period_of(row)):
        return []
    pauses = subscriptions.pauses_of(connection, row.id)
    unused_from = min((each.begun_at for each in pauses if each.resumed_at is None), default=now)
    lines = []
    for line in _ahead_lines(connection, row, subscriptions.period_of(row), now):
        if line.price.get("billing_period") == ONCE:
            continue
        for of, charged in _charged_ahead(connection, row, line.id, now):
            lines.append(_prorated(row, of, unused_from, line.name, old=charged))
    return [line for line in lines if line.exact]


def _charged_ahead(connection: Connection, row: Row[Any], line_id: str, now: datetime) -> list[tuple[Span, Fraction]]:
    """For which days of this period invoices charge a line, and how much: less discounts and what was credited."""
    stated = invoices.LINE
    query = (
        select(stated.c.amount, stated.c.discount, stated.c.period_start, stated.c.period_end, _INVOICE)
        .join(_INVOICE, _INVOICE.c.id == stated.c.invoice_id)
        .where(
            _INVOICE.c.subscription_id == row.id,
            _INVOICE.c.state.in_((DRAFT, invoices.FINALIZED)),
            stated.c.subscription_line_id == line_id,
            stated.c.kind == FIXED,
            stated.c.period_start >= row.period_start,
            stated.c.period_start <= now,
        )
    )
    found = []
    for amount, discount, start, end, *rest in connection.execute(query.order_by(stated.c.period_start, stated.c.id)):
        invoice = dict(zip(_INVOICE.c.keys(), rest, strict=True))
        minor = _net(amount, discount, invoice)
        found.append((Span(start, end), minor / 10 ** exponent(row.currency)))
    return found


def _net(amount: int, discount: int, invoice: Mapping[str, Any]) -> Fraction:
    """In the smallest unit. Credit carried from before stands among the discounts, but it was money."""
    net, left, carried = Fraction(amount - discount), invoice["subtotal"] - invoice["discount"], invoice["carried_used"]
    if carried:
        net = net * (left + carried) / left if left else Fraction(carried * amount, invoice["subtotal"])
    if invoice["total"]:
        net *= 1 - min(Fraction(invoice["adjusted"] + invoice["refunded"], invoice["total"]), Fraction(1))
    return net


def _prorated(
    row: Row[Any], of: Span, now: datetime, name: str, *, old: Fraction = Fraction(0), new: Fraction = Fraction(0)
) -> RatedLine:
    """The days left `of` what the price is for; a pause moved the end of the period, and the days with it."""
    last, day = (of.end - _MOMENT).date(), (now - (row.period_end - of.end)).date()
    found = prorated(of.start.date(), last, day, old=old, new=new, currency=row.currency)
    amount, key = (found.credit, "unused") if old else (found.charge, "rest")
    reason = t(f"period.proration.{key}", part=f"{found.part.numerator}/{found.part.denominator}")
    span = Span(now, row.period_end)
    return RatedLine(None, FIXED, name, Fraction(1), Fraction(amount.amount), reason, PRORATION, span=span)


def _ahead_lines(connection: Connection, row: Row[Any], span: Span, now: datetime) -> list[Row[Any]]:
    """The lines that were paid for in advance and go on."""
    return [line for line in subscriptions.lines_of(connection, row.id, Span(now, span.end)) if _is_ahead(line.price)]


def _is_ahead(price: Mapping[str, Any]) -> bool:
    return bool(price["type"] == FIXED and price.get("invoice_cadence") == ADVANCE)


def _hold_ahead(connection: Connection, row: Row[Any], now: datetime) -> None:
    """Drafts say what is paid ahead, and proration starts from that: what ends or begins now does not change them."""
    query = select(_INVOICE).where(_INVOICE.c.subscription_id == row.id, _INVOICE.c.state == DRAFT)
    for draft in connection.execute(query.order_by(_INVOICE.c.id).with_for_update()).all():
        ahead = Wanted.from_json(Span(draft.period_start, draft.period_end), draft.computed).ahead
        if ahead is None or draft.computed.get("ahead_lines") is not None:
            continue
        lines = [line for line in subscriptions.lines_of(connection, row.id, ahead) if _is_ahead(line.price)]
        held = {line.id: line.end_at and line.end_at.isoformat() for line in lines}
        invoices.change(connection, draft, now, computed={**draft.computed, "ahead_lines": held})


def worth(price: Any, quantity: str) -> Fraction:
    """What a fixed price comes to for a whole period."""
    item = item_of("", price, None, quantity=quantity)
    return cost(item.charge, item.quantity).amount * item.unit_rate


# --- drafts become documents


def drafts_due(connection: Connection, now: datetime, limit: int = BATCH) -> list[str]:
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
    done = invoices.finalize(connection, invoice_id, now=now, net_days=invoices.net_days(subscription.agreed))
    if not row.manual and row.computed.get("carried_left", subscription.carried) != subscription.carried:
        subscriptions.change(connection, subscription, now, carried=row.computed["carried_left"])
    if done.payment_state == invoices.SUCCEEDED or done.state == invoices.SKIPPED:
        paid(connection, done, now)
    _give_rest(connection, row.subscription_id, now)
    return done


def _give_rest(connection: Connection, subscription_id: str, now: datetime) -> None:
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
        _give_rest(connection, row.subscription_id, now)
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


def preview(
    connection: Connection,
    subscription_id: str,
    *,
    now: datetime,
    span: Span | None = None,
    keep_zero: bool = True,
    wallets: Wallets = funding,
) -> tuple[Row[Any], drafts.Built]:
    """What the invoice of the period would be if it ended now; nothing is stored."""
    row = subscriptions.find(connection, subscription_id)
    current = subscriptions.period_of(row)
    wanted_span = span or current
    whole = subscriptions.whole_of(row) if wanted_span == current else None
    ahead = None
    if span is None and row.state in (State.ACTIVE, State.TRIALING) and not row.cancel_at:
        following = subscriptions.cycle_of(row).containing(current.end)
        ahead = Span(current.end, following.end)
    wanted = Wanted(wanted_span, wanted_span, ahead, used_whole=whole)
    built = drafts.build(connection, row, wanted, now=now, wallets=wallets, keep_zero=keep_zero)
    return row, built


def paid(connection: Connection, row: Row[Any], now: datetime) -> None:
    """The first invoice of a subscription that waits for its payment is paid, or asks for nothing: it begins."""
    if row.subscription_id is not None:
        _need_not_wait(connection, subscriptions.find(connection, row.subscription_id, lock=True), now)


def _need_not_wait(connection: Connection, row: Row[Any], now: datetime) -> None:
    if row.state == State.INCOMPLETE:
        subscriptions.change(connection, row, now, state=after(State.INCOMPLETE, Event.PAID))


def amount_of(lines: Sequence[RatedLine], currency: str) -> Fiat:
    """Lines added up as they are printed."""
    return Fiat(sum(Fiat.from_exact(line.exact, currency).minor for line in lines), currency)


def clear_schedule(connection: Connection, subscription_id: str, now: datetime) -> None:
    """A change or an end that was planned is not to be."""
    connection.execute(
        update(_SUB).where(_SUB.c.id == subscription_id).values(next_plan=None, cancel_at=_SUB.c.end_at, updated_at=now)
    )


def _pays_ahead(connection: Connection, row: Row[Any]) -> bool:
    return bool(_ahead_lines(connection, row, subscriptions.period_of(row), row.period_start))


def _head(row: Row[Any], what: str, reason: str) -> Head:
    return Head(
        customer_id=row.customer_id,
        workspace_id=row.workspace_id,
        currency=row.currency,
        source=f"{row.id}:{what}",
        kind=invoices.SUBSCRIPTION,
        reason=reason,
        subscription_id=row.id,
    )
