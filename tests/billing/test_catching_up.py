"""What becomes of a subscription whose period is over: it owes the same whether or not the chore came by first."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from app.billing import agreeing, closing, subscriptions
from app.kernel.db import Database
from app.kernel.given import Given
from tests.billing.world import World, at

AHEAD: dict[str, Any] = {"type": "FIXED", "amount": "30", "display_name": "Base"}
BEHIND: dict[str, Any] = {**AHEAD, "amount": "10", "display_name": "Support", "invoice_cadence": "ARREAR"}
NOW = at("2026-06-15T12:00:00")


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def cancelled(connection: Connection, made: str, _other: str) -> None:
    closing.cancel_now(connection, made, reason="", prorate=True, invoice=True, actor="test", now=NOW)


def paused(connection: Connection, made: str, _other: str) -> None:
    closing.pause(connection, made, reason="", meta={}, actor="test", now=NOW)


def changed(connection: Connection, made: str, other: str) -> None:
    row = subscriptions.find(connection, made, lock=True)
    to = agreeing.read_change(connection, Given({"target_plan_id": other}), row, NOW)
    closing.change_plan(connection, made, to, prorate=True, actor="test", now=NOW)


@pytest.mark.parametrize("deed", [cancelled, paused, changed])
def test_a_period_that_is_over_is_billed_first(world: World, deed: Callable[[Connection, str, str], None]) -> None:
    plan, other = world.plan("pro", AHEAD, BEHIND), world.plan("big", {**AHEAD, "amount": "60"})
    early, late = (world.subscribe(world.customer(name), plan) for name in ("early", "late"))
    world.now = NOW
    with world.db.write() as connection:
        closing.catch_up(connection, early, now=NOW, actor="chore")
    for made in (early, late):
        with world.db.write() as connection:
            deed(connection, made, other)
    bills = [
        [(bill.period_start, bill.period_end, bill.total, bill.carried_used) for bill in world.invoices(made)]
        for made in (early, late)
    ]
    assert bills[0] == bills[1]
    assert len(bills[0]) > 2, "a first invoice, and one for each period that was over"
