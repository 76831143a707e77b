"""What is to happen to a subscription when its period or its time ends: a change of plan, a cancellation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, or_, select

from app.billing import subscriptions, tables, undo
from app.billing.lifecycle import State
from app.kernel.errors import Conflict, NotFound

_SUB = tables.subscription
PLAN_CHANGE, CANCELLATION = "plan_change", "cancellation"
_KINDS = {"plan": PLAN_CHANGE, "end": CANCELLATION}


class Schedule(NamedTuple):
    """One of at most two of a subscription: its id is made of that one's."""

    id: str
    subscription_id: str
    kind: str
    at: datetime
    made_at: datetime
    plan_id: str | None = None
    may_be_called_off: bool = True  # an end that was agreed from the start stays


def id_of(subscription_id: str, kind: str) -> str:
    """Of the schedule of that kind: there is one at most."""
    return f"{subscription_id}.{next(name for name, each in _KINDS.items() if each == kind)}"


def of_subscription(row: Row[Any]) -> list[Schedule]:
    """What waits."""
    found = list[Schedule]()
    if row.state == State.CANCELLED:
        return found
    if row.next_plan is not None:
        found.append(
            Schedule(f"{row.id}.plan", row.id, PLAN_CHANGE, row.period_end, row.updated_at, row.next_plan["plan_id"])
        )
    if row.cancel_at is not None:
        agreed = row.cancel_at == row.end_at
        found.append(Schedule(f"{row.id}.end", row.id, CANCELLATION, row.cancel_at, row.updated_at, None, not agreed))
    return found


def every(connection: Connection, subscription_ids: Sequence[str]) -> list[Schedule]:
    """Of several subscriptions, in their order."""
    rows = (subscriptions.find(connection, each) for each in subscription_ids)
    return [schedule for row in rows for schedule in of_subscription(row)]


def waiting(connection: Connection) -> list[str]:
    """Every subscription that something is planned for, the newest first."""
    planned = or_(_SUB.c.next_plan.is_not(None), _SUB.c.cancel_at.is_not(None))
    query = select(_SUB.c.id).where(planned, _SUB.c.state != State.CANCELLED)
    return list(connection.execute(query.order_by(_SUB.c.created_at.desc(), _SUB.c.id.desc())).scalars())


def get(connection: Connection, schedule_id: str) -> Schedule:
    """`NotFound` "schedule_not_found" also for one that happened or was called off."""
    subscription_id, _, kind = schedule_id.rpartition(".")
    if kind in _KINDS:
        for each in of_subscription(subscriptions.find(connection, subscription_id)):
            if each.id == schedule_id:
                return each
    raise NotFound(f"Nothing is planned under {schedule_id[:100]}.", code="schedule_not_found")


def cancel(connection: Connection, schedule_id: str, *, now: datetime) -> Schedule:
    """Call it off; `Conflict` for an end that was agreed from the start."""
    found = get(connection, schedule_id)
    if not found.may_be_called_off:
        raise Conflict("This subscription was agreed until then.", code="invalid_operation")
    (undo.keep_plan if found.kind == PLAN_CHANGE else undo.keep)(connection, found.subscription_id, now=now)
    return found
