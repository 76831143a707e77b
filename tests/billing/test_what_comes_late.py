"""Events that come after the invoice of their period was finalised are settled once, whichever way they go."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.kernel.db import Database
from tests.billing.world import World, at

IMAGES: dict[str, Any] = {"amount": "0.10", "display_name": "Images"}
#: All at the price of the tier that is reached: the hundred and first makes it cheaper.
VOLUME: dict[str, Any] = {
    "billing_model": "TIERED",
    "tier_mode": "VOLUME",
    "tiers": [{"up_to": 100, "unit_amount": "1"}, {"up_to": None, "unit_amount": "0.5"}],
    "display_name": "Images",
}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database)
    database.dispose()


def month(world: World, first: str) -> None:
    """A period that ends on this day is closed and its invoice finalised."""
    for hour in ("00:30", "03:00"):
        world.now = at(f"{first}T{hour}")
        world.turn()


def test_what_makes_a_period_cheaper_is_given_back_once(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", VOLUME))
    world.event("studio", "image.generated", "2026-04-10", image_count=100)
    month(world, "2026-05-01")
    world.event("studio", "image.generated", "2026-04-11", image_count=1)
    world.event("studio", "image.generated", "2026-05-10", image_count=70)
    for first in ("2026-06-01", "2026-07-01", "2026-08-01"):
        month(world, first)
    april, may, *_ = world.invoices(made)
    assert (april.total, may.subtotal, may.discount, may.total) == (10000, 7000, 4950, 2050)
    assert world.subscription(made).carried == 0


def test_what_is_given_back_on_an_invoice_of_nothing_is_given_back_once(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", VOLUME))
    world.event("studio", "image.generated", "2026-04-10", image_count=100)
    month(world, "2026-05-01")
    world.event("studio", "image.generated", "2026-04-11", image_count=1)
    month(world, "2026-06-01")
    month(world, "2026-07-01")
    assert world.subscription(made).carried == 4950


def test_usage_of_a_period_that_had_none_is_billed_when_it_comes(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", IMAGES))
    month(world, "2026-05-01")
    world.event("studio", "image.generated", "2026-04-10", image_count=10)
    month(world, "2026-06-01")
    month(world, "2026-07-01")
    assert [(row.state, row.total) for row in world.invoices(made)] == [
        ("SKIPPED", 0),
        ("FINALIZED", 100),
        ("SKIPPED", 0),
    ]
