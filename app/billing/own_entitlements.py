"""What a subscription alone is promised, beside or instead of what its plan promises."""

from datetime import datetime

from sqlalchemy import Connection

from app.billing import subscriptions
from app.billing.lifecycle import State
from app.billing.pinned import OWN
from app.kernel.errors import Conflict
from app.kernel.given import Given
from app.plans import entitlements
from app.plans.shelf import Record


def create(connection: Connection, given: Given, *, actor: str, now: datetime) -> Record:
    """A new promise; one to a subscription that there is and that has not ended."""
    if not given.maybe("plan_id") and given.raw.get("entity_type") == OWN:
        row = subscriptions.find(connection, given.text("entity_id"), lock=True)
        if row.state == State.CANCELLED:
            raise Conflict("A cancelled subscription is promised nothing more.", code="invalid_operation")
    return entitlements.create(connection, given, actor=actor, now=now)


def create_many(connection: Connection, given: Given, *, actor: str, now: datetime) -> list[Record]:
    """1 to 100 of them, all or none."""
    items = given.objects("items", least=1, most=entitlements.MOST_AT_ONCE)
    return [create(connection, each, actor=actor, now=now) for each in items]
