"""Periods begin and end: the first invoice, the close of a period, a change of plan, the end of a subscription.

Each is one transaction under the subscription's lock, and each invoice has a source that exists once: a chore that was
killed carries on where it was, and two that run at once do the work once.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from app.billing import finalizing, invoices, prorating, subscriptions, tables, turns
from app.billing.finalizing import NEVER_BEGAN
from app.billing.invoices import DRAFT
from app.billing.lifecycle import Event, State, after
from app.billing.periods import Unit
from app.billing.prorating import NewPlan
from app.billing.rating import RatedLine
from app.billing.subscriptions import Line
from app.billing.turns import PRORATED_END
from app.billing.wanted import Wanted
from app.kernel import faults
from app.kernel.errors import Conflict
from app.metering.aggregate import Span

_SUB, _INVOICE = tables.subscription, tables.billing_invoice


def begin(connection: Connection, subscription_id: str, *, actor: str, now: datetime) -> Row[Any] | None:
    """What is paid ahead for the first period, if there is anything; a trial pays nothing. A subscription that waits
    for its first payment, and is asked for none, is active at once."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    span = subscriptions.period_of(row)
    if row.state not in (State.ACTIVE, State.INCOMPLETE):
        return None
    if not _pays_ahead(connection, row):
        finalizing.need_not_wait(connection, row, now)
        return None
    wanted = Wanted(span, ahead=span)
    made = invoices.draw_up(
        connection, row, f"open:{span.start.isoformat()}", "SUBSCRIPTION_CREATE", wanted, actor=actor, now=now
    )
    if not made.total:
        finalizing.need_not_wait(connection, row, now)
    return made


def due(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Subscriptions whose period, or whose whole time, is over."""
    alive = _SUB.c.state.in_((State.ACTIVE, State.TRIALING))
    waiting = _SUB.c.state.in_((State.INCOMPLETE, State.PAUSED))  # their periods do not end, their whole time does
    over = or_(alive & (_SUB.c.period_end <= now), (alive | waiting) & (_SUB.c.cancel_at <= now))
    query = select(_SUB.c.id).where(over).order_by(_SUB.c.period_end, _SUB.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def close(connection: Connection, subscription_id: str, *, now: datetime, actor: str = "system") -> bool:
    """End the oldest period that is over and begin the next; False when there is none to end."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state in (State.INCOMPLETE, State.PAUSED) and row.cancel_at is not None and row.cancel_at <= now:
        _end(connection, row, row.cancel_at, now, actor)
        return True
    if row.state not in (State.ACTIVE, State.TRIALING):
        return False
    if row.cancel_at is not None and row.cancel_at <= min(row.period_end, now):
        _end(connection, row, row.cancel_at, now, actor)
        return True
    if row.period_end > now:
        return False
    closed = subscriptions.period_of(row)
    trial, whole, plan_id = subscriptions.is_trial(row, closed), subscriptions.whole_of(row), row.plan_id
    row = _next_period(connection, row, closed, now)
    if row.next_plan:
        row = _planned_change(connection, row, closed.end)
    ahead = subscriptions.period_of(row)
    wanted = Wanted(closed, None if trial else closed, ahead, used_whole=whole, plan_id=plan_id)
    reason = "SUBSCRIPTION_TRIAL_END" if trial else "SUBSCRIPTION_CYCLE"
    invoices.draw_up(connection, row, f"close:{closed.end.isoformat()}", reason, wanted, actor=actor, now=now)
    faults.point("period.after_close")
    return True


def catch_up(connection: Connection, subscription_id: str, *, now: datetime, actor: str = "system") -> Row[Any]:
    """End every period that is over, before anything else becomes of a subscription: what it owes must not depend on
    whether the chore came by first. Answers it as it is then, under its lock."""
    while close(connection, subscription_id, now=now, actor=actor):
        pass
    return subscriptions.find(connection, subscription_id, lock=True)


def _next_period(connection: Connection, row: Row[Any], closed: Span, now: datetime) -> Row[Any]:
    span = subscriptions.cycle_of(row).containing(closed.end)
    values: dict[str, Any] = {"period_start": closed.end, "period_end": span.end}
    if row.state == State.TRIALING:
        values["state"] = after(State.TRIALING, Event.TRIAL_OVER)
    return subscriptions.change(connection, row, now, **values)


def _end(connection: Connection, row: Row[Any], at: datetime, now: datetime, actor: str) -> None:
    """The subscription ends at `at`: a last invoice for what was used until then, less what was paid for the days
    after it."""
    span, whole = Span(row.period_start, max(at, row.period_start)), subscriptions.whole_of(row)
    served = row.state != State.INCOMPLETE  # whose first invoice was never paid
    credits_: list[RatedLine] = []
    if served and row.agreed.get(PRORATED_END, True) and (at < row.period_end or row.state == State.PAUSED):
        credits_ = prorating.credit(connection, row, at)
        prorating.hold(connection, row, now)
    values = {"state": after(State(row.state), Event.CANCEL), "cancelled_at": at, "period_end": span.end}
    row = subscriptions.change(connection, row, now, **values)
    subscriptions.end_lines(connection, row.id, at, now)
    turns.end_pause(connection, row.id, at)
    if served and span.start < span.end:
        used = None if row.trial_end and span.end <= row.trial_end else span
        wanted, what = Wanted(span, used, others=tuple(credits_), used_whole=whole), f"end:{span.end.isoformat()}"
        invoices.draw_up(connection, row, what, "SUBSCRIPTION_CYCLE", wanted, actor=actor, now=now)
    if not served:
        _ask_no_more(connection, row, now)
    finalizing.give_rest(connection, row.id, now)
    faults.point("period.after_close")


def _ask_no_more(connection: Connection, row: Row[Any], now: datetime) -> None:
    """A subscription that ended before its first payment asks for none: its invoices are taken back, but for those
    that somebody is paying at this moment. `paid` sees to money that comes for one of them."""
    row = subscriptions.find(connection, row.id)
    subscriptions.change(connection, row, now, agreed={**row.agreed, NEVER_BEGAN: True})
    still = select(_INVOICE.c.id).where(
        _INVOICE.c.subscription_id == row.id,
        _INVOICE.c.state.in_((DRAFT, invoices.FINALIZED)),
        _INVOICE.c.paid + _INVOICE.c.adjusted + _INVOICE.c.refunded == 0,
    )
    for invoice_id in connection.execute(still.order_by(_INVOICE.c.id)).scalars().all():
        if not invoices.is_being_paid(connection, invoice_id):
            invoices.void(connection, invoice_id, now=now)


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
    row = catch_up(connection, subscription_id, now=now, actor=actor)
    if row.state == State.CANCELLED:
        return row, None, []
    before, span = row, subscriptions.period_of(row)
    was_trial = subscriptions.is_trial(row, span)
    served = row.state in (State.ACTIVE, State.TRIALING, State.PAUSED)
    credits_ = prorating.credit(connection, row, now) if prorate and served else []
    if served:
        prorating.hold(connection, row, now)
    row = turns.cancel(connection, subscription_id, at=None, reason=reason, now=now)
    if before.state == State.INCOMPLETE:
        _ask_no_more(connection, row, now)
    made = None
    if served and (credits_ or (invoice and before.period_start < now)):
        begun = Span(min(before.period_start, now), now)  # nothing was used of one that was still to begin
        used = begun if invoice and not was_trial and begun.start < now else None
        whole = subscriptions.whole_of(before)
        wanted = Wanted(begun, used, others=tuple(credits_), used_whole=whole)
        made = invoices.draw_up(
            connection, row, f"end:{now.isoformat()}", "SUBSCRIPTION_UPDATE", wanted, actor=actor, now=now
        )
    finalizing.give_rest(connection, row.id, now)
    return subscriptions.find(connection, row.id), made, credits_


def pause(
    connection: Connection, subscription_id: str, *, reason: str, meta: Mapping[str, str], actor: str, now: datetime
) -> tuple[Row[Any], Row[Any]]:
    """Stop it from this moment on, with what is over billed."""
    catch_up(connection, subscription_id, now=now, actor=actor)
    return turns.pause(connection, subscription_id, reason=reason, meta=meta, actor=actor, now=now)


def change_plan(
    connection: Connection, subscription_id: str, to: NewPlan, *, prorate: bool, actor: str, now: datetime
) -> tuple[Row[Any], Row[Any] | None, list[RatedLine]]:
    """Another plan from this moment on: credit for what was paid ahead, a charge for what is used instead."""
    row = catch_up(connection, subscription_id, now=now, actor=actor)
    span, whole = subscriptions.period_of(row), subscriptions.whole_of(row)
    others, used, ahead = prorating.credit(connection, row, now, addons=False) if prorate else [], None, None
    prorating.hold(connection, row, now)
    moved = turns.move(
        connection,
        row,
        plan_id=to.plan_id,
        plan_name=to.plan_name,
        lines=to.lines,
        unit=to.unit,
        count=to.count,
        now=now,
        is_anew=to.is_anew,
        anchor=to.anchor,
    )
    if subscriptions.is_trial(row, span):
        return moved, None, []
    if to.is_anew or to.is_other_rhythm(row):
        used, ahead = Span(span.start, now), Span(now, moved.period_end)
        moved = subscriptions.change(connection, moved, now, period_start=now)
    elif prorate:
        added = subscriptions.lines_of(connection, row.id)[-len(to.lines) :] if to.lines else []
        others += prorating.charge(row, to, now, [line.id for line in added])
    if not others and used is None:
        return moved, None, others
    plan_id = None if used is None else row.plan_id
    wanted = Wanted(span if used is None else used, used, ahead, tuple(others), used_whole=whole, plan_id=plan_id)
    made = invoices.draw_up(
        connection, moved, f"change:{moved.version}", "SUBSCRIPTION_UPDATE", wanted, actor=actor, now=now
    )
    return moved, made, others


def plan_change_later(connection: Connection, subscription_id: str, to: NewPlan, *, now: datetime) -> Row[Any]:
    """Another plan from the next period on."""
    row = catch_up(connection, subscription_id, now=now)
    if row.state not in (State.ACTIVE, State.TRIALING):
        raise Conflict(f"A subscription that is {row.state} keeps its plan.", code="invalid_operation")
    turns.require_rhythm(connection, row, to.unit, to.count, row.period_end, but=to.drops)
    kept = {
        "plan_id": to.plan_id,
        "plan_name": to.plan_name,
        "unit": to.unit,
        "count": to.count,
        "lines": [{"price": dict(line.price), "quantity": line.quantity, "name": line.name} for line in to.lines],
        "at": row.period_end.isoformat(),
        "is_anew": to.is_anew,
        "anchor": to.anchor and to.anchor.isoformat(),
        "drops": list(to.drops),
    }
    return subscriptions.change(connection, row, now, next_plan=kept)


def _planned_change(connection: Connection, row: Row[Any], at: datetime) -> Row[Any]:
    kept = row.next_plan
    lines = tuple(Line(each["price"], each["quantity"], each["name"]) for each in kept["lines"])
    anchor = kept.get("anchor")
    subscriptions.end_addons(connection, kept.get("drops") or (), at)
    return turns.move(
        connection,
        row,
        plan_id=kept["plan_id"],
        plan_name=kept["plan_name"],
        lines=lines,
        unit=Unit(kept["unit"]),
        count=kept["count"],
        now=at,
        is_anew=bool(kept.get("is_anew")),
        anchor=datetime.fromisoformat(anchor) if anchor else None,
    )


def _pays_ahead(connection: Connection, row: Row[Any]) -> bool:
    return bool(prorating.lines_ahead(connection, row, subscriptions.period_of(row), row.period_start))
