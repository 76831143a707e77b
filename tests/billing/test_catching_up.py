"""What becomes of a subscription whose period is over: it owes the same whether or not the chore came by first."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from app.billing import addons, agreeing, closing, line_changes, own_prices, quantities, subscriptions
from app.kernel.db import Database
from app.kernel.given import Given
from tests.billing.world import World, at, full

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


def planned(connection: Connection, made: str, other: str) -> None:
    row = subscriptions.find(connection, made, lock=True)
    to = agreeing.read_change(connection, Given({"target_plan_id": other}), row, NOW)
    closing.plan_change_later(connection, made, to, now=NOW)


def more(connection: Connection, made: str, _other: str) -> None:
    wish = Given({"id": line(connection, made), "quantity": "3"})
    quantities.change(connection, made, [wish], actor="test", now=NOW)


def dearer(connection: Connection, made: str, _other: str) -> None:
    line_changes.change(connection, line(connection, made), Given({"amount": "45"}), NOW)


def ended(connection: Connection, made: str, _other: str) -> None:
    line_changes.end(connection, line(connection, made), at=None, now=NOW)


def joined(connection: Connection, made: str, _other: str) -> None:
    price = {**full(made, AHEAD), "entity_type": "SUBSCRIPTION", "display_name": "Own"}
    own_prices.create(connection, Given(price), actor="test", now=NOW)


def extended(connection: Connection, made: str, _other: str) -> None:
    row = subscriptions.find(connection, made)
    wish = addons.read(connection, Given({"addon_id": "addon_more"}), agreeing.rhythm_of(row), NOW)
    addons.add(connection, made, wish, actor="test", now=NOW)


def line(connection: Connection, made: str) -> str:
    return str(next(each.id for each in subscriptions.lines_of(connection, made) if each.price["amount"] == "30"))


@pytest.mark.parametrize(
    "deed", [cancelled, paused, changed, planned, more, dearer, ended, joined, extended], ids=lambda deed: deed.__name__
)
def test_a_period_that_is_over_is_billed_first(world: World, deed: Callable[[Connection, str, str], None]) -> None:
    plan, other = world.plan("pro", AHEAD, BEHIND), world.plan("big", {**AHEAD, "amount": "60"})
    world.addon("more", {**AHEAD, "amount": "6"})
    early, late = (world.subscribe(world.customer(name), plan) for name in ("early", "late"))
    world.now = NOW
    with world.db.write() as connection:
        closing.catch_up(connection, early, now=NOW, actor="chore")
    for made in (early, late):
        with world.db.write() as connection:
            deed(connection, made, other)
    world.now = at("2026-08-03")
    world.turn()
    bills = [
        [
            (each.period_start, each.period_end, each.state, each.total, each.carried_used)
            for each in world.invoices(made)
        ]
        for made in (early, late)
    ]
    assert bills[0] == bills[1]
    assert len(bills[0]) > 2, "a first invoice, and one for each period that was over"
