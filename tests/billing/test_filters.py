"""Prices and meters chosen by any property, also by one that looks like a figure or is of the one event alone: the
bill, what is used of a plan, the analysis and the list of unrated events say the same."""

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from app.billing import drilling, promised, unrated
from app.kernel.db import Database
from app.metering import meter_book
from app.metering.aggregate import Span
from app.metering.analytics import Asked, count
from app.metering.cells import Wanted
from tests.billing.test_lines import own
from tests.billing.world import World, at

APRIL = Span(at("2026-04-01"), at("2026-05-01"))
PLAIN = {"amount": "1", "display_name": "Plain"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    opened = Database(sqlite_url)
    yield World(opened)
    opened.dispose()


def billed(world: World, made: str) -> dict[str, int]:
    """The first month's usage, by the name of its price, and that the events behind each line are found."""
    for moment in ("2026-05-01T00:10", "2026-05-01T02:30"):
        world.now = at(moment)
        world.turn()
    (row,) = [each for each in world.invoices(made) if each.computed.get("used")]
    with world.db.read() as connection:
        found = drilling.billed(connection, row.id, None)
        for line in found.lines:
            for kind in line.drill:
                behind = drilling.events_behind(connection, found, line.id, kind)
                assert len(behind) == kind["events"], (line.name, kind)
    return {line.name: line.amount for line in found.lines}


@pytest.mark.parametrize(
    ("allowed", "said", "others"),
    [
        pytest.param({"level": ["3"]}, [{"level": 3}, {"level": "3"}, {"level": 3.0}], [{"level": 4}, {}], id="figure"),
        pytest.param({"level": ["3", "low"]}, [{"level": "low"}, {"level": 3}], [{"level": "4"}], id="figure or word"),
        pytest.param({"duration_seconds": ["5"]}, [{"duration_seconds": 5}], [{"duration_seconds": 10}], id="counted"),
        pytest.param({"user_id": ["u1"]}, [{"user_id": "u1"}], [{"user_id": "u2"}, {}], id="of the one event"),
        pytest.param({"note": ["x" * 65]}, [{"note": "x" * 65}], [{"note": "x" * 66}, {}], id="long"),
    ],
)
def test_a_price_is_chosen_by_any_property(
    world: World, allowed: dict[str, Any], said: list[dict[str, Any]], others: list[dict[str, Any]]
) -> None:
    chosen = {"amount": "10", "display_name": "Chosen", "filter_values": allowed}
    made = world.subscribe(world.customer("studio"), world.plan("pro", PLAIN, chosen))
    for day, properties in enumerate([*said, *others], 2):
        world.event("studio", "image.generated", f"2026-04-{day:02}", image_count=1, **properties)
    assert billed(world, made) == {"Plain": 100 * len(others), "Chosen": 1_000 * len(said)}


def test_a_price_that_comes_later_counts_together_with_what_was_before(world: World) -> None:
    """Of its time the events are read, of the time before there are sums."""
    made = world.subscribe(world.customer("studio"), world.plan("pro", PLAIN))
    world.event("studio", "image.generated", "2026-04-03", image_count=5)
    world.now = at("2026-04-11")
    own(world, made, {"amount": "10", "display_name": "Chosen", "filter_values": {"level": ["3"]}})
    world.event("studio", "image.generated", "2026-04-20", image_count=2)
    world.event("studio", "image.generated", "2026-04-21", image_count=1, level=3)
    assert billed(world, made) == {"Plain": 700, "Chosen": 1_000}


@pytest.mark.parametrize(
    ("more", "counted"),
    [
        pytest.param({"filters": {"level": ["3"]}}, 3, id="by a figure"),
        pytest.param({"filters": {"user_id": ["u1"]}}, 2, id="by what is of the one event"),
        pytest.param({"aggregation": "MAX"}, 4, id="the largest"),
        pytest.param({"aggregation": "COUNT_UNIQUE", "fields": ["user_id"]}, 2, id="how many different"),
        pytest.param({"aggregation": "SUM_WITH_MULTIPLIER", "multiplier": "2"}, 14, id="times two"),
        pytest.param({"aggregation": "AVG"}, Fraction(7, 3), id="on average"),
        pytest.param({"aggregation": "MAX", "bucket_size": "DAY"}, 6, id="the largest of each day"),
    ],
)
def test_what_is_used_of_a_plan_is_what_its_invoice_counts(
    world: World, more: dict[str, Any], counted: Fraction | int
) -> None:
    world.meter("mine", "made", **{"fields": ["n"], **more})
    plan = world.plan("pro", {"meter_id": "meter_mine", "amount": "1", "display_name": "Mine"})
    customer = world.customer("studio")
    world.entitle(plan, "mine", 100, "MONTHLY")
    made = world.subscribe(customer, plan)
    for when, n, level, user in (("03", 2, 3, "u1"), ("05T01", 1, 3, "u2"), ("05T02", 4, 4, "u2")):
        world.event("studio", "made", f"2026-04-{when}", n=n, level=level, user_id=user)
    with world.db.read() as connection:
        rows = promised.live_of(connection, customer)
        promises = promised.promises_of(connection, rows, at("2026-04-20"))
        (usage,) = promised.usage_of(connection, "studio", promises, rows, at("2026-04-20"))
        meter = next(each for each in meter_book.every(connection) if each.id == "meter_mine")
        asked = Asked(Wanted(APRIL, {"studio"}))
        analysed = count(connection, [meter], asked)["meter_mine"].totals[()].amount
    assert usage.used == analysed == counted
    assert billed(world, made) == {"Mine": 0}
    (line,) = [line for row in world.invoices(made) for line in world.lines(row) if line.entitled]
    assert Fraction(line.entitled) == counted


def test_an_analysis_narrows_and_groups_by_any_property(world: World) -> None:
    world.customer("studio")
    for level, user in ((3, "u1"), (3, "u2"), (4, "u1")):
        world.event("studio", "image.generated", "2026-04-03", image_count=1, level=level, user_id=user)
    with world.db.read() as connection:
        meter = next(each for each in meter_book.every(connection) if each.id == "meter_images")
        only = count(connection, [meter], Asked(Wanted(APRIL, {"studio"}), only={"level": ["3"]}))[meter.id]
        by = count(connection, [meter], Asked(Wanted(APRIL, {"studio"}), by=("level",)))[meter.id]
        by_user = count(connection, [meter], Asked(Wanted(APRIL, {"studio"}), by=("user_id",)))[meter.id]
    assert {group: total.amount for group, total in only.totals.items()} == {(): 2}
    assert {group: total.amount for group, total in by.totals.items()} == {("3",): 2, ("4",): 1}
    assert {group: total.amount for group, total in by_user.totals.items()} == {("u1",): 2, ("u2",): 1}


def test_what_only_events_tell_is_rated_or_unrated_by_each_of_them(world: World) -> None:
    chosen = {"amount": "10", "display_name": "Chosen", "filter_values": {"level": ["3"]}}
    world.subscribe(world.customer("studio"), world.plan("pro", chosen))
    for level in (3, 3, 4):
        world.event("studio", "image.generated", "2026-04-03", image_count=1, level=level)
    with world.db.read() as connection:
        found = unrated.find(connection, Span(APRIL.start, APRIL.end - timedelta(days=1)))
    assert [(each.customer, each.events) for each in found] == [("studio", 1)]
