"""What becomes of a subscription: begun, paused, resumed, moved to another plan, ended. In the caller's transaction,
under the lock of the subscription's row; what is charged for it is seen to in closing.py and joining.py."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, or_, select, update

from app.billing import subscriptions
from app.billing.lifecycle import Event, State, after
from app.billing.periods import Anchoring, Unit, cycle
from app.billing.subscriptions import ADDON, INCOMPLETE_FIRST, LINE, PAUSE, Line
from app.kernel.errors import Conflict
from app.kernel.ids import new_id
from app.metering.aggregate import Span

#: Under this name it is kept whether an end within a period gives back what was paid for the rest of it.
PRORATED_END: Final = "prorated_end"


def cancel(
    connection: Connection,
    subscription_id: str,
    *,
    at: datetime | None,
    reason: str,
    now: datetime,
    prorate: bool = True,
) -> Row[Any]:
    """End it: now when `at` is None or past, else then, and then with `prorate` what was paid for the days after it
    comes back. Cancelling again changes nothing."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state == State.CANCELLED:
        return row
    state = after(State(row.state), Event.CANCEL)
    if at is not None and at > now:
        at = min(at, row.end_at or at)
        agreed = {**row.agreed, PRORATED_END: prorate}
        return subscriptions.change(connection, row, now, cancel_at=at, cancel_reason=reason or None, agreed=agreed)
    values = {"state": state, "cancelled_at": now, "cancel_at": now, "cancel_reason": reason or None}
    ended = subscriptions.change(connection, row, now, **values)
    subscriptions.end_lines(connection, subscription_id, now, now)
    end_pause(connection, subscription_id, now)
    return ended


def pause(
    connection: Connection, subscription_id: str, *, reason: str, meta: Mapping[str, str], actor: str, now: datetime
) -> tuple[Row[Any], Row[Any]]:
    """Stop it from now on: nothing is used, nothing is charged."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    state = after(State(row.state), Event.PAUSE)
    pause_id = new_id("pause")
    connection.execute(
        insert(PAUSE).values(
            id=pause_id,
            subscription_id=subscription_id,
            begun_at=now,
            reason=reason or None,
            period_start=row.period_start,
            period_end=row.period_end,
            meta=dict(meta),
            created_by=actor,
            created_at=now,
        )
    )
    changed = subscriptions.change(connection, row, now, state=state)
    return changed, connection.execute(select(PAUSE).where(PAUSE.c.id == pause_id)).one()


def resume(
    connection: Connection, subscription_id: str, *, now: datetime, meta: Mapping[str, str] | None = None
) -> tuple[Row[Any], Row[Any]]:
    """Go on, with `meta` added to what the pause noted. An anniversary's period ends later by the length of the pause;
    a calendar's keeps its end, and `paused_in` makes its fixed prices smaller."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    state = after(State(row.state), Event.RESUME)
    query = select(PAUSE).where(PAUSE.c.subscription_id == subscription_id, PAUSE.c.resumed_at.is_(None))
    open_pause = connection.execute(query).one()
    values: dict[str, Any] = {"state": state}
    if row.billing_cycle == Anchoring.ANNIVERSARY:
        length, whole = now - open_pause.begun_at, subscriptions.whole_of(row)
        # the anchor moves with the end, and then no longer says how long this period was to be
        kept = {"of": row.period_start, "start": whole.start, "end": whole.end}
        values["agreed"] = {**row.agreed, "whole": {name: each.isoformat() for name, each in kept.items()}}
        values |= {"anchor": row.period_end + length, "period_end": row.period_end + length}
    end_pause(connection, subscription_id, now)
    if meta:
        noted = update(PAUSE).where(PAUSE.c.id == open_pause.id).values(meta={**open_pause.meta, **meta})
        connection.execute(noted)
    changed = subscriptions.change(connection, row, now, **values)
    return changed, connection.execute(select(PAUSE).where(PAUSE.c.id == open_pause.id)).one()


def activate(connection: Connection, subscription_id: str, *, start_at: datetime, now: datetime) -> Row[Any]:
    """A draft begins: its periods count from here, and so do its lines but for those that begin later. One that is to
    be paid first waits for that (`closing.begin`)."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    event = Event.AWAIT_PAYMENT if row.agreed.get("payment_behavior") == INCOMPLETE_FIRST else Event.ACTIVATE
    state = after(State(row.state), Event.BEGIN_TRIAL if row.trial_end else event)
    turns = cycle(Unit(row.billing_period), row.billing_period_count, Anchoring(row.billing_cycle), start_at)
    anchor, span, trial = turns.anchor, turns.containing(start_at), None
    if row.trial_end:
        trial = start_at + (row.trial_end - row.trial_start)
        span = Span(start_at, trial)
        anchor = trial if row.billing_cycle == Anchoring.ANNIVERSARY else anchor
    for table in (LINE, ADDON):
        mine = table.c.subscription_id == subscription_id
        with_it = or_(table.c.start_at <= row.start_at, table.c.start_at < start_at)
        connection.execute(update(table).where(mine, with_it).values(start_at=start_at))
    return subscriptions.change(
        connection,
        row,
        now,
        state=state,
        anchor=anchor,
        start_at=start_at,
        period_start=span.start,
        period_end=span.end,
        trial_start=start_at if trial else None,
        trial_end=trial,
    )


def move(
    connection: Connection,
    row: Row[Any],
    *,
    plan_id: str,
    plan_name: str,
    lines: Sequence[Line],
    unit: Unit,
    count: int,
    now: datetime,
    is_anew: bool = False,
    anchor: datetime | None = None,
) -> Row[Any]:
    """Another plan from now on; `row` was read under the lock. A plan of another length, or one `is_anew`, begins a new
    period, after the trial where there is one."""
    if State(row.state) not in (State.ACTIVE, State.TRIALING):
        raise Conflict(f"A subscription that is {row.state} keeps its plan.", code="invalid_operation")
    values: dict[str, Any] = {"plan_id": plan_id, "next_plan": None}
    require_rhythm(connection, row, unit, count, now)
    if is_anew or (unit, count) != (row.billing_period, row.billing_period_count):
        trial = subscriptions.is_trial(row, subscriptions.period_of(row))
        begins = row.trial_end if trial else now
        turns = cycle(unit, count, Anchoring(row.billing_cycle), begins, anchor)
        values |= {"billing_period": unit, "billing_period_count": count, "anchor": turns.anchor}
        values |= {"period_end": row.trial_end if trial else turns.containing(begins).end}
    subscriptions.end_lines(connection, row.id, now, now, addons=False)
    subscriptions.add_lines(connection, row.id, plan_id, plan_name, lines, now, now)
    return subscriptions.change(connection, row, now, **values)


def require_rhythm(
    connection: Connection, row: Row[Any], unit: Unit, count: int, now: datetime, but: Sequence[str] = ()
) -> None:
    """`Conflict` where addons, `but` these, are billed in the rhythm that is to end: their prices are agreed for it."""
    if (unit, count) == (row.billing_period, row.billing_period_count):
        return
    query = select(ADDON.c.id).where(
        ADDON.c.subscription_id == row.id, ADDON.c.id.not_in(but), (ADDON.c.end_at.is_(None)) | (ADDON.c.end_at > now)
    )
    if connection.execute(query.limit(1)).first() is not None:
        raise Conflict("Remove its addons first: they are agreed for another billing period.", code="invalid_operation")


def end_pause(connection: Connection, subscription_id: str, now: datetime) -> None:
    """Where one is open it is over now."""
    still = (PAUSE.c.subscription_id == subscription_id) & PAUSE.c.resumed_at.is_(None)
    connection.execute(update(PAUSE).where(still).values(resumed_at=now))
