"""What is announced of subscriptions, invoices and payments."""

from collections.abc import Iterator

import pytest
from sqlalchemy import insert, select

from app.billing import payments, turns
from app.kernel.db import Database
from app.kernel.events import BILLING, HOUSE
from app.kernel.tables import outbox, webhook_listener
from tests.billing.world import World, at


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    with database.write() as connection:
        connection.execute(insert(webhook_listener).values(workspace_id=HOUSE, since=at("2026-04-01")))
    yield World(database)
    database.dispose()


def test_a_life_is_told_once(world: World) -> None:
    plan = world.plan("pro", {"type": "FIXED", "amount": "20"})
    made = world.subscribe(world.customer("studio"), plan)
    world.now = at("2026-04-02")
    world.turn()
    world.turn()
    (invoice,) = world.invoices(made)
    with world.db.write() as connection:
        payments.mark(connection, invoice.id, "SUCCEEDED", None, actor="test", now=world.now)
        turns.pause(connection, made, reason="", meta={}, actor="test", now=world.now)
        turns.resume(connection, made, now=world.now)
        turns.cancel(connection, made, at=None, reason="", now=world.now)
    with world.db.read() as connection:
        query = select(outbox.c.payload).where(outbox.c.topic == BILLING).order_by(outbox.c.id)
        told = [payload["type"] for payload in connection.execute(query).scalars()]
    assert told == [
        "customer.created",
        "subscription.created",
        "invoice.create.drafted",
        "invoice.update.finalized",
        "payment.created",
        "invoice.update.payment",
        "payment.success",
        "subscription.paused",
        "subscription.resumed",
        "subscription.cancelled",
    ]
