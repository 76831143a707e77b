"""A change of plan that waits for the end of the period, with addons that go and periods that begin anew."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.billing import addons, agreeing, plan_changes
from app.kernel.db import Database
from app.kernel.given import Given
from tests.billing.world import World, at

SMALL = {"type": "FIXED", "amount": "10", "display_name": "Small"}
LARGE = {"type": "FIXED", "amount": "40", "display_name": "Large"}
WEEKS = {**LARGE, "amount": "12", "billing_period": "WEEKLY", "display_name": "Weeks"}
SEAT = {"type": "FIXED", "amount": "5", "display_name": "Seat"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database)
    database.dispose()


def changed_later(world: World, subscription_id: str, **more: Any) -> None:
    wish = {"target_plan_id": "plan_large", "proration_behavior": "none", "change_at": "end_of_period", **more}
    with world.db.write() as connection:
        row = world.subscription(subscription_id)
        asked = plan_changes.read(connection, Given(wish), row, world.now)
        plan_changes.change(connection, subscription_id, asked, actor="test", now=world.now)


@pytest.mark.parametrize("is_weekly", [False, True])
def test_addons_go_when_the_plan_does(world: World, is_weekly: bool) -> None:
    seat = world.addon("seat", SEAT)
    world.plan("large", LARGE, WEEKS)
    made = world.subscribe(world.customer("studio"), world.plan("small", SMALL))
    with world.db.write() as connection:
        row = world.subscription(made)
        wish = addons.read(connection, Given({"addon_id": seat}), agreeing.rhythm_of(row), world.now)
        kept = addons.add(connection, made, wish, actor="test", now=world.now).kept
    world.now = at("2026-04-10")
    config = {"billing_period_config": {"billing_period_unit": "WEEKLY"}} if is_weekly else {}
    changed_later(
        world, made, entity_policies={"addons": {"default_behaviour": "drop"}},
        billing_period_behaviour="anchor_at_effect", **config,
    )  # fmt: skip
    with world.db.read() as connection:
        assert addons.status_of(addons.find(connection, kept.id), world.now) == "active"
    world.now = at("2026-05-01T03:00")
    world.turn()
    row = world.subscription(made)
    assert (row.plan_id, row.next_plan, row.period_start) == ("plan_large", None, at("2026-05-01"))
    assert row.period_end == at("2026-05-08" if is_weekly else "2026-06-01")
    last = world.invoices(made)[-1]
    assert [(line.name, line.amount) for line in world.lines(last)] == [
        ("Weeks", 1_200) if is_weekly else ("Large", 4_000)
    ]
    with world.db.read() as connection:
        gone = addons.find(connection, kept.id)
    assert (addons.status_of(gone, world.now), gone.end_at) == ("cancelled", at("2026-05-01"))


def test_periods_count_from_an_anchor_of_their_own(world: World) -> None:
    """From the 20th of April on, by anchors on the 5th: 15 days of a month are asked for at once, then months."""
    world.plan("large", LARGE)
    made = world.subscribe(world.customer("studio"), world.plan("small", SMALL))
    world.now = at("2026-04-20")
    changed_later(
        world, made, change_at="immediate", billing_period_behaviour="anchor_at_config",
        billing_period_config={"billing_anchor": "2026-05-05T00:00:00Z"},
    )  # fmt: skip
    row = world.subscription(made)
    assert (row.period_start, row.period_end) == (at("2026-04-20"), at("2026-05-05"))
    assert [(line.name, line.amount) for line in world.lines(world.invoices(made)[-1])] == [("Large", 2_000)]
    world.now = at("2026-05-05T03:00")
    world.turn()
    assert (world.subscription(made).period_end, world.invoices(made)[-1].total) == (at("2026-06-05"), 4_000)
