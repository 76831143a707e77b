"""Coupons of single lines: how often they count, and who has them when a line goes on as another."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.billing import line_changes, quantities, subscriptions, syncing
from app.kernel.db import Database
from app.kernel.given import Given
from app.plans import price_book
from tests.billing.world import World, at

IMAGES = {"amount": "0.10", "display_name": "Images"}
SEATS = {"type": "FIXED", "amount": "20", "display_name": "Seats"}
TENTH = {"percentage_off": "10"}
FIVE = {"type": "fixed", "amount_off": "5", "currency": "usd"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database)
    database.dispose()


def agreed(world: World, price: dict[str, Any], **coupon: Any) -> tuple[str, str]:
    """A subscription from the first of April whose only price has a coupon, and the price's id."""
    world.coupon("OFF", **coupon)
    plan = world.plan("pro", price)
    with world.db.read() as connection:
        (row,) = price_book.rows_of(connection, "PLAN", [plan])
    made = world.subscribe(world.customer("studio"), plan, line_item_coupons={row["id"]: ["OFF"]})
    return made, str(row["id"])


def tied_to_the_line(world: World, subscription_id: str) -> str:
    """The coupon is the line's alone from here on; the line."""
    with world.db.write() as connection:
        row = subscriptions.find(connection, subscription_id, lock=True)
        (line,) = subscriptions.lines_of(connection, subscription_id)
        coupons = [{**each, "price_id": None, "line_id": line.id} for each in row.agreed["coupons"]]
        subscriptions.change(connection, row, world.now, agreed={**row.agreed, "coupons": coupons})
    return str(line.id)


def off(world: World, subscription_id: str) -> list[tuple[int, int]]:
    """What each invoice came to, and what came off it."""
    return [(row.subtotal, row.discount) for row in world.invoices(subscription_id)]


def months(world: World, many: int) -> None:
    """Each is closed, and finalised when what comes late has come."""
    for month in range(5, 5 + many):
        for hour in (3, 9):
            world.now = at(f"2026-{month:02d}-01T{hour:02d}")
            world.turn()


@pytest.mark.parametrize(
    ("cadence", "discounts"),
    [
        pytest.param({"cadence": "once"}, [100, 0, 0], id="once"),
        pytest.param({"cadence": "repeated", "duration_in_periods": 2}, [100, 100, 0], id="twice"),
        pytest.param({"cadence": "forever"}, [100, 100, 100], id="always"),
    ],
)
def test_a_coupon_of_a_line_counts_as_often_as_it_says(
    world: World, cadence: dict[str, Any], discounts: list[int]
) -> None:
    made, _ = agreed(world, IMAGES, **TENTH, **cadence)
    for month in (4, 5, 6):
        world.event("studio", "image.generated", f"2026-{month:02d}-10", image_count=100)
    months(world, 3)
    assert off(world, made) == [(1_000, each) for each in discounts]


def test_a_month_without_the_line_uses_no_coupon_up(world: World) -> None:
    made, _ = agreed(world, IMAGES, **TENTH, cadence="once")
    world.event("studio", "image.generated", "2026-05-10", image_count=100)
    months(world, 2)
    assert off(world, made) == [(0, 0), (1_000, 100)]


@pytest.mark.parametrize("is_of_the_line", [True, False])
@pytest.mark.parametrize(
    ("coupon", "april", "may"),
    [
        pytest.param(TENTH, 100 + 200, 200, id="per cent"),
        pytest.param(FIVE, 500, 500, id="an amount comes off once"),
        pytest.param({**FIVE, "amount_off": "15"}, 1_500, 1_500, id="what one part does not bear comes off the other"),
    ],
)
def test_it_follows_a_line_that_goes_on_at_other_terms(
    world: World, is_of_the_line: bool, coupon: dict[str, Any], april: int, may: int
) -> None:
    """April has two parts, 10 dollars and 20; May has one of 20."""
    made, _ = agreed(world, IMAGES, **coupon)
    line = tied_to_the_line(world, made) if is_of_the_line else None
    world.event("studio", "image.generated", "2026-04-10", image_count=100)
    world.now = at("2026-04-15")
    with world.db.write() as connection:
        line = line or subscriptions.lines_of(connection, made)[0].id
        line_changes.change(connection, line, Given({"amount": "0.20"}), world.now)
    for month in ("04-20", "05-20"):
        world.event("studio", "image.generated", f"2026-{month}", image_count=100)
    months(world, 2)
    assert off(world, made) == [(3_000, april), (2_000, may)]


@pytest.mark.parametrize("is_of_the_line", [True, False])
def test_it_follows_a_line_that_goes_on_at_the_plans_new_price(world: World, is_of_the_line: bool) -> None:
    made, price_id = agreed(world, IMAGES, **TENTH)
    if is_of_the_line:
        tied_to_the_line(world, made)
    world.now = at("2026-04-15")
    with world.db.write() as connection:
        price_book.change(connection, price_id, Given({"amount": "0.20"}), actor="test", now=world.now)
    assert syncing.sync(world.db, "plan_pro", world.clock) == 1
    for month in ("04-10", "04-20", "05-20"):
        world.event("studio", "image.generated", f"2026-{month}", image_count=100)
    months(world, 2)
    assert off(world, made) == [(3_000, 300), (2_000, 200)]


@pytest.mark.parametrize("is_of_the_line", [True, False])
def test_other_quantities_are_charged_with_their_coupon(world: World, is_of_the_line: bool) -> None:
    """20 dollars, half of it off; from the 16th two of them: 5 come back, and 10 are charged instead."""
    made, _ = agreed(world, SEATS, percentage_off="50")
    line = tied_to_the_line(world, made) if is_of_the_line else None
    world.now = at("2026-04-16")
    with world.db.write() as connection:
        line = line or subscriptions.lines_of(connection, made)[0].id
        quantities.change(connection, made, [Given({"id": line, "quantity": "2"})], actor="test", now=world.now)
    opened, changed = world.invoices(made)
    assert (opened.total, changed.subtotal, changed.total) == (1_000, 2_000, 1_000 - 500)
    months(world, 1)
    assert world.invoices(made)[-1].total == 2_000
