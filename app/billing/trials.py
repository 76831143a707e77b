"""A trial ends sooner or later than was agreed. What waits for its end waits for the new one."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from app.billing import closing, subscriptions
from app.billing.agreeing import LONGEST_TRIAL
from app.billing.invoices import INVOICE
from app.billing.lifecycle import State
from app.billing.periods import Anchoring
from app.billing.subscriptions import ADDON, LINE
from app.kernel.errors import Conflict, InvalidInput


def end(
    connection: Connection, subscription_id: str, *, at: datetime | None, actor: str, now: datetime
) -> tuple[Row[Any], Row[Any] | None]:
    """The trial ends `at` a moment to come, or now: then its first paid period begins, with its invoice. `Conflict`
    where no trial runs."""
    row = closing.catch_up(connection, subscription_id, now=now, actor=actor)
    if row.state != State.TRIALING or row.start_at >= now:
        raise Conflict("No trial of this subscription runs at this moment.", code="invalid_operation")
    if at is not None and not now < at <= row.start_at + timedelta(days=LONGEST_TRIAL):
        said = f"new_trial_end lies in the future, and at most {LONGEST_TRIAL:,} days after the trial began."
        raise InvalidInput(said, param="new_trial_end")
    over, moment = row.period_end, at or now
    values: dict[str, Any] = {"trial_end": moment, "period_end": moment}
    if row.billing_cycle == Anchoring.ANNIVERSARY:
        values["anchor"] = moment
    if row.cancel_at == over and row.cancel_at != row.end_at:
        values["cancel_at"] = moment
    for table in (LINE, ADDON):
        mine = table.c.subscription_id == row.id
        connection.execute(update(table).where(mine, table.c.end_at == over).values(end_at=moment, updated_at=now))
        connection.execute(update(table).where(mine, table.c.start_at == over).values(start_at=moment, updated_at=now))
    subscriptions.change(connection, row, now, **values)
    if at is not None:
        return subscriptions.find(connection, row.id), None
    closing.close(connection, row.id, now=now, actor=actor)
    made = select(INVOICE).where(INVOICE.c.subscription_id == row.id, INVOICE.c.reason == "SUBSCRIPTION_TRIAL_END")
    return subscriptions.find(connection, row.id), connection.execute(made).one_or_none()
