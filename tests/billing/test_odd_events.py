"""Events that say something a meter cannot count, or more than anything can be: they are kept and shown as unrated, and
whatever else a customer used is billed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.billing import drilling, unrated
from app.billing.audit import run_audit
from app.kernel.db import Database
from app.metering import meter_book
from app.metering.aggregate import Span
from app.metering.analytics import Asked, count
from app.metering.cells import Wanted
from tests.billing.world import World, at

APRIL = Span(at("2026-04-01"), at("2026-05-01"))
NONE = ("many", "", True, [1], {"a": 1}, "NaN")
HUGE = ("1e30", 10**17)


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    opened = Database(sqlite_url)
    made = World(opened)
    yield made
    assert run_audit(opened, made.now) == []
    opened.dispose()


def billed(world: World, made: str) -> list[tuple[int, int, str]]:
    """Of each line of the first month: amount, events, quantity."""
    for moment in ("2026-05-01T00:10", "2026-05-01T02:30"):
        world.now = at(moment)
        world.turn()
    (row,) = world.invoices(made)
    assert row.state == "FINALIZED"
    with world.db.read() as connection:
        found = drilling.billed(connection, row.id, None)
        lines = found.lines
        for line in lines:
            for kind in line.drill:
                assert len(drilling.events_behind(connection, found, line.id, kind)) == kind["events"], kind
    return [(line.amount, line.events, line.quantity) for line in lines]


@pytest.mark.parametrize(
    ("meter", "amount"),
    [
        pytest.param({"aggregation": "SUM"}, 400, id="sum"),
        pytest.param({"aggregation": "AVG"}, 400, id="average"),
        pytest.param({"aggregation": "MAX"}, 400, id="largest"),
        pytest.param({"aggregation": "LATEST"}, 400, id="latest"),
        pytest.param({"aggregation": "WEIGHTED_SUM"}, 240, id="weighted"),
        pytest.param({"aggregation": "SUM", "bucket_size": "DAY"}, 400, id="in windows"),
        pytest.param({"aggregation": "MAX", "bucket_size": "HOUR"}, 400, id="largest in windows"),
        pytest.param({"aggregation": "SUM", "expression": "8 / (n / 2)", "fields": []}, 400, id="by an expression"),
        pytest.param({"aggregation": "SUM", "expression": "n > 0 ? n : 8 / n"}, 400, id="by one that chooses"),
    ],
)
def test_what_is_no_figure_keeps_nothing_from_being_billed(world: World, meter: dict[str, Any], amount: int) -> None:
    world.meter("odd", "made", **{"fields": ["n"], **meter})
    made = world.subscribe(world.customer("studio"), world.plan("pro", {"meter_id": "meter_odd", "amount": "1"}))
    world.event("studio", "made", "2026-04-13", n=4)
    odd = (*NONE, *((0,) if "expression" in meter else HUGE))
    for day, n in enumerate(odd, 14):
        world.event("studio", "made", f"2026-04-{day}T01", n=n)
    assert [(money, events) for money, events, _ in billed(world, made)] == [(amount, 1)]
    with world.db.read() as connection:
        (found,) = [each for each in meter_book.every(connection) if each.id == "meter_odd"]
        analysed = count(connection, [found], Asked(Wanted(APRIL, {"studio"})))["meter_odd"].totals[()]
        shown = unrated.find(connection, Span(APRIL.start, APRIL.end - timedelta(days=1)))
    assert (analysed.events, analysed.amount * 100) == (1, amount)
    assert sum(each.events for each in shown) == len(odd)


def test_the_next_field_counts_where_the_first_is_no_figure(world: World) -> None:
    """Of windows, whose events are read one by one, as of sums."""
    for name, more in (("sums", {}), ("windows", {"bucket_size": "DAY"})):
        world.meter(name, "made", fields=["a", "b"], **more)
    prices = [{"meter_id": f"meter_{name}", "amount": "1"} for name in ("sums", "windows")]
    made = world.subscribe(world.customer("studio"), world.plan("pro", *prices))
    world.event("studio", "made", "2026-04-13", a="none", b=3)
    world.event("studio", "made", "2026-04-14", a=2, b=7)
    assert billed(world, made) == [(500, 2, "5")] * 2


def test_a_line_leads_to_its_events_whatever_another_is_told_apart_by(world: World) -> None:
    """One meter has a price of its own for a level that is a figure; the other does not look at it."""
    for name in ("one", "other"):
        world.meter(name, "made", fields=["n"])
    prices: list[dict[str, Any]] = [
        {"meter_id": "meter_one", "amount": "1"},
        {"meter_id": "meter_one", "amount": "2", "filter_values": {"level": ["3"]}},
        {"meter_id": "meter_other", "amount": "5"},
    ]
    made = world.subscribe(world.customer("studio"), world.plan("pro", *prices))
    for day, level in enumerate((3, 4, "low"), 10):
        world.event("studio", "made", f"2026-04-{day}", n=1, level=level)
    world.event("studio", "made", "2026-04-14", n=1)
    assert billed(world, made) == [(300, 3, "3"), (200, 1, "1"), (2000, 4, "4")]


def test_names_are_told_apart_as_filters_compare_them(world: World) -> None:
    world.meter("users", "made", fields=["user"], aggregation="COUNT_UNIQUE")
    made = world.subscribe(world.customer("studio"), world.plan("pro", {"meter_id": "meter_users", "amount": "1"}))
    for day, user in enumerate((8, 8.0, "8", "eight", False, "false"), 10):
        world.event("studio", "made", f"2026-04-{day}", user=user)
    assert billed(world, made) == [(300, 6, "3")]


def test_more_than_anybody_counts_is_still_billed_to_the_cent(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", {"amount": "0.001"}))
    for day in range(10, 22):
        world.event("studio", "image.generated", f"2026-04-{day}", image_count=10**15)
    world.event("studio", "image.generated", "2026-04-23", image_count="0.000000001")
    quantity = "12000000000000000000000001/1000000000"
    assert billed(world, made) == [(12 * 10**14, 13, quantity)]


def test_a_multiplier_is_for_sums_with_one(world: World) -> None:
    """The analysis counts as the bill does."""
    world.meter("plain", "made", fields=["n"], multiplier="2")
    made = world.subscribe(world.customer("studio"), world.plan("pro", {"meter_id": "meter_plain", "amount": "1"}))
    world.event("studio", "made", "2026-04-13", n=4)
    with world.db.read() as connection:
        (found,) = [each for each in meter_book.every(connection) if each.id == "meter_plain"]
        assert count(connection, [found], Asked(Wanted(APRIL, {"studio"})))["meter_plain"].totals[()].amount == 4
    assert billed(world, made) == [(400, 1, "4")]


def test_of_two_at_the_same_moment_the_latest_is_what_came_in_last(world: World) -> None:
    """Also of events that are not alike; the analysis says the same."""
    world.meter("level", "made", fields=["n"], aggregation="LATEST")
    made = world.subscribe(world.customer("studio"), world.plan("pro", {"meter_id": "meter_level", "amount": "1"}))
    for day, n, model in (("12", 1, "veo"), ("13", 2, "flux"), ("13", 3, "veo")):
        world.event("studio", "made", f"2026-04-{day}", n=n, model=model)
    with world.db.read() as connection:
        (found,) = [each for each in meter_book.every(connection) if each.id == "meter_level"]
        assert count(connection, [found], Asked(Wanted(APRIL, {"studio"})))["meter_level"].totals[()].amount == 3
    assert billed(world, made) == [(300, 3, "3")]
