"""Taking back what waits for the end of a period: a cancellation, a change of plan. In the caller's transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from app.billing import closing, subscriptions
from app.billing.lifecycle import State
from app.billing.turns import PRORATED_END
from app.kernel.errors import Conflict


def keep(connection: Connection, subscription_id: str, *, now: datetime) -> Row[Any]:
    """A cancelled subscription that has not ended goes on, until the end it was agreed with where there is one."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    if row.state == State.CANCELLED or (row.cancel_at is not None and row.cancel_at <= now):
        raise Conflict("This subscription has ended: create a new one.", code="invalid_operation")
    if row.cancel_at == row.end_at:
        return row
    agreed = {name: said for name, said in row.agreed.items() if name != PRORATED_END}
    return subscriptions.change(connection, row, now, cancel_at=row.end_at, cancel_reason=None, agreed=agreed)


def keep_plan(connection: Connection, subscription_id: str, *, now: datetime) -> Row[Any]:
    """A change of plan that waits for the end of the period does not happen."""
    row = closing.catch_up(connection, subscription_id, now=now)
    if row.next_plan is None:
        return row
    return subscriptions.change(connection, row, now, next_plan=None)
