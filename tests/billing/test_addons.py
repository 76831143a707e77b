"""Addons on subscriptions: their prices are lines from the day they are taken, and back when they are dropped."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from app.billing import addons, agreeing, beginning, closing, line_changes, promised, subscriptions
from app.billing.audit import run_audit
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput, NotFound
from app.kernel.given import Given
from tests.billing.world import World, at

BASE = {"type": "FIXED", "amount": "20", "display_name": "Base"}
SEATS = {"type": "FIXED", "amount": "30", "display_name": "Seats"}
ONCE = {"type": "FIXED", "amount": "7", "display_name": "Set-up", "billing_period": "ONETIME"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    made = World(database)
    yield made
    assert run_audit(database, made.now) == []
    database.dispose()


def take(world: World, subscription_id: str, addon_id: str, **more: Any) -> str:
    with world.db.write() as connection:
        row = subscriptions.find(connection, subscription_id)
        wish = addons.read(connection, Given({"addon_id": addon_id, **more}), agreeing.rhythm_of(row), world.now)
        return str(addons.add(connection, subscription_id, wish, actor="test", now=world.now)[0].id)


def drop(world: World, association_id: str, **more: Any) -> None:
    given = {"at": None, "at_period_end": False, "prorate": True, "reason": "", **more}
    with world.db.write() as connection:
        addons.remove(connection, association_id, actor="test", now=world.now, **given)


def subscribed(world: World, *wanted: str, **more: Any) -> str:
    """On a plan of 20 a month, with these addons from the start."""
    plan = world.plan("pro", BASE, {"amount": "0.10"})
    who = {"customer_id": world.customer("studio"), "plan_id": plan}
    given = {**who, "currency": "usd", "billing_period": "MONTHLY", **more}
    given["addons"] = [{"addon_id": each} for each in wanted]
    with world.db.write() as connection:
        return beginning.begin(connection, Given(given), actor="test", now=world.now)


def turn(world: World, *moments: str) -> None:
    for moment in moments:
        world.now = at(moment)
        world.turn()


def billed(world: World, made: str) -> list[tuple[int, list[tuple[str, int]]]]:
    """Each invoice: its total, its lines by name."""
    return [
        (row.total, [(line.name, line.amount) for line in world.lines(row) if line.amount])
        for row in world.invoices(made)
    ]


def test_from_the_start_its_prices_are_on_the_first_invoice(world: World) -> None:
    made = subscribed(world, world.addon("seats", SEATS, ONCE))
    turn(world, "2026-04-02", "2026-05-01T01:00", "2026-05-01T04:00")
    assert billed(world, made) == [
        (5700, [("Base", 2000), ("Seats", 3000), ("Set-up", 700)]),
        (5000, [("Base", 2000), ("Seats", 3000)]),
    ]


def test_one_that_has_no_price_for_the_subscription_is_refused_and_not_given_away(world: World) -> None:
    made = subscribed(world)
    yearly = world.addon("yearly", {**SEATS, "billing_period": "ANNUAL"})
    with pytest.raises(InvalidInput, match="yearly has no prices in USD for MONTHLY periods"):
        take(world, made, yearly)
    take(world, made, world.addon("free"))


def test_within_a_period_the_days_that_are_left_are_charged_and_what_is_paid_once_in_full(world: World) -> None:
    made = subscribed(world)
    seats = world.addon("seats", SEATS, ONCE)
    turn(world, "2026-04-02", "2026-04-21")
    take(world, made, seats)
    turn(world, "2026-04-22", "2026-05-01T01:00", "2026-05-01T04:00")
    assert billed(world, made) == [  # 10 of 30 days
        (2000, [("Base", 2000)]),
        (1700, [("Seats", 1000), ("Set-up", 700)]),
        (5000, [("Base", 2000), ("Seats", 3000)]),
    ]


def test_dropped_within_a_period_what_is_left_comes_off_the_next_invoice(world: World) -> None:
    seats = world.addon("seats", SEATS, ONCE)
    made = subscribed(world, seats)
    turn(world, "2026-04-02", "2026-04-21")
    (kept,) = _associations(world, made)
    drop(world, kept.id, reason="too dear")
    drop(world, kept.id)
    (ended,) = _associations(world, made)
    assert (ended.end_at, addons.status_of(ended, world.now)) == (at("2026-04-21"), "cancelled")
    turn(world, "2026-04-22", "2026-05-01T01:00", "2026-05-01T04:00")
    assert [total for total, _ in billed(world, made)] == [5700, 0, 1000]  # 20 less 10 of credit
    assert world.subscription(made).carried == 0


@pytest.mark.parametrize(
    ("more", "totals"),
    [
        pytest.param({"change_at": "end_of_period"}, [2000, 5000, 5000], id="with the next period"),
        pytest.param({"start_date": "2026-05-16T12:00:00Z"}, [2000, 3500, 5000], id="in the middle of the next"),
        pytest.param({"proration_behavior": "none"}, [2000, 5000, 5000], id="not for the rest of this one"),
        pytest.param({"cadence": "onetime"}, [2000, 1000, 2000, 2000], id="for this period only"),
    ],
)
def test_when_it_begins_and_ends(world: World, more: dict[str, str], totals: list[int]) -> None:
    made = subscribed(world)
    seats = world.addon("seats", SEATS)
    turn(world, "2026-04-02", "2026-04-21")
    take(world, made, seats, **more)
    turn(world, "2026-04-22", "2026-05-01T01:00", "2026-05-01T04:00", "2026-06-01T01:00", "2026-06-01T04:00")
    assert [total for total, _ in billed(world, made)] == totals


def test_what_is_paid_once_is_paid_in_the_period_in_which_it_begins(world: World) -> None:
    made = subscribed(world)
    turn(world, "2026-04-02", "2026-04-21")
    take(world, made, world.addon("seats", SEATS, ONCE), change_at="end_of_period")
    turn(world, "2026-05-01T01:00", "2026-05-01T04:00", "2026-06-01T01:00", "2026-06-01T04:00")
    assert [total for total, _ in billed(world, made)] == [2000, 5700, 5000]


def test_an_end_with_the_period_bills_nothing_more(world: World) -> None:
    made = subscribed(world, world.addon("seats", SEATS))
    turn(world, "2026-04-02")
    (kept,) = _associations(world, made)
    drop(world, kept.id, at_period_end=True)
    turn(world, "2026-05-01T01:00", "2026-05-01T04:00")
    assert [total for total, _ in billed(world, made)] == [5000, 2000]


def test_what_it_includes_is_added_to_what_the_plan_includes(world: World) -> None:
    seats = world.addon("seats", SEATS)
    made = subscribed(world, seats)
    world.entitle("plan_pro", "images", 10)
    world.entitle(seats, "images", 5, kind="ADDON")
    take(world, made, seats, proration_behavior="none")
    with world.db.read() as connection:
        row = subscriptions.find(connection, made)
        promises = promised.promises_of(connection, [row], world.now)
        assert sorted(each.usage_limit or 0 for each in promises) == [10, 10]  # a feature each; five twice
    world.event("studio", "image.generated", "2026-04-10", image_count=30)
    turn(world, "2026-05-01T01:00", "2026-05-01T04:00")
    usage = [line for line in world.lines(world.invoices(made)[-1]) if line.kind == "USAGE"]
    assert [(line.entitled, line.quantity, line.amount) for line in usage] == [("20", "10", 100)]


def test_it_stays_when_the_plan_changes_and_goes_when_all_of_it_ends(world: World) -> None:
    made = subscribed(world, world.addon("seats", SEATS))
    bigger = world.plan("big", {**BASE, "amount": "60"})
    yearly = world.plan("year", {**BASE, "billing_period": "ANNUAL"})
    turn(world, "2026-04-02", "2026-04-16")

    def move(plan: str, **more: str) -> None:
        with world.db.write() as connection:
            row = subscriptions.find(connection, made)
            to = agreeing.read_change(connection, Given({"target_plan_id": plan, **more}), row, world.now)
            closing.change_plan(connection, made, to, prorate=True, actor="test", now=world.now)

    move(bigger)
    with pytest.raises(Conflict):
        move(yearly, billing_period="ANNUAL")
    turn(world, "2026-04-17", "2026-05-01T01:00", "2026-05-01T04:00", "2026-05-16T12:00")
    assert [total for total, _ in billed(world, made)] == [5000, 2000, 9000]  # half of 60 less half of 20
    with world.db.write() as connection:
        _, _, lines = closing.cancel_now(
            connection, made, reason="", prorate=True, invoice=True, actor="test", now=world.now
        )
    assert sorted(float(line.exact) for line in lines) == [-30.97, -15.48]  # 16 of 31 days of 60 and of 30
    assert _associations(world, made)[0].end_at == at("2026-05-16T12:00")


@pytest.mark.parametrize("begun", [True, False], ids=["ends later", "begins later"])
def test_what_was_given_back_already_does_not_come_back_again(world: World, begun: bool) -> None:
    """Of 30 for April: dropped for the 21st, 10 days come back; ended on the 11th, the ten days before come too."""
    seats = world.addon("seats", SEATS)
    made = subscribed(world, *([seats] if begun else []))
    turn(world, "2026-04-02", "2026-04-06")
    if begun:
        drop(world, _associations(world, made)[0].id, at=at("2026-04-21"))
    else:
        take(world, made, seats, start_date="2026-04-21T00:00:00Z")
    turn(world, "2026-04-07", "2026-04-11")
    with world.db.write() as connection:
        _, _, lines = closing.cancel_now(
            connection, made, reason="", prorate=True, invoice=True, actor="test", now=world.now
        )
    assert {line.name: float(line.exact) for line in lines} == {"Base": -13.33, "Seats": -10.0}


def test_what_cannot_be(world: World) -> None:
    made = subscribed(world)
    seats = world.addon("seats", SEATS)
    with pytest.raises(NotFound):
        take(world, made, "addon_nobodys")
    with pytest.raises(Conflict):
        take(world, made, seats, start_date="2026-03-01T00:00:00Z")
    with world.db.write() as connection:
        closing.cancel_now(connection, made, reason="", prorate=False, invoice=False, actor="test", now=world.now)
    with pytest.raises(Conflict):
        take(world, made, seats)


def test_a_trial_pays_for_it_when_it_is_over(world: World) -> None:
    seats = world.addon("seats", SEATS, ONCE)
    made = subscribed(world, trial_period_days=10)
    turn(world, "2026-04-05")
    take(world, made, seats)
    turn(world, "2026-04-11T01:00", "2026-04-11T04:00")
    assert [total for total, _ in billed(world, made)] == [5700]


def test_a_price_of_it_that_was_changed_is_dropped_with_it(world: World) -> None:
    made = subscribed(world, world.addon("seats", SEATS))
    [association] = _associations(world, made)
    world.now = at("2026-04-10")
    with world.db.write() as connection:
        (line,) = [each for each in subscriptions.lines_of(connection, made) if each.association_id == association.id]
        changed = line_changes.change(connection, line.id, Given({"amount": "40"}), world.now)
    assert changed.association_id == association.id
    turn(world, "2026-05-01T01:00", "2026-05-01T04:00")
    drop(world, association.id, at_period_end=True)
    turn(world, "2026-06-01T01:00", "2026-06-01T04:00")
    assert [lines for _, lines in billed(world, made)] == [
        [("Base", 2000), ("Seats", 3000)],
        [("Base", 2000), ("Seats", 4000)],
        [("Base", 2000)],
    ]


def _associations(world: World, made: str) -> list[Any]:
    with world.db.read() as connection:
        return list(connection.execute(select(addons.ADDON).where(addons.ADDON.c.subscription_id == made)))
