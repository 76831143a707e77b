"""Events that come after the invoice of their period was finalised are settled once, whichever way they go."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from app.billing import subscriptions, turns, wallets
from app.billing.audit import run_audit
from app.billing.paying_in_credits import NO_HOUSE
from app.billing.service import bill_late
from app.kernel.db import Database
from app.plans import customers
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


@pytest.mark.parametrize(("coupon", "back"), [("", 4950), ("HALF", 2475), ("ALL", 0)])
def test_of_what_became_cheaper_so_much_comes_back_as_was_asked_for(world: World, coupon: str, back: int) -> None:
    world.coupon("HALF", percentage_off="50")
    world.coupon("ALL", percentage_off="100")
    made = world.subscribe(world.customer("studio"), world.plan("pro", VOLUME), coupons=[coupon] if coupon else [])
    world.event("studio", "image.generated", "2026-04-10", image_count=100)
    month(world, "2026-05-01")
    world.event("studio", "image.generated", "2026-04-11", image_count=1)
    month(world, "2026-06-01")
    month(world, "2026-07-01")
    assert world.subscription(made).carried == back


def test_what_comes_after_the_last_invoice_is_billed_by_itself_once(world: World) -> None:
    customer = world.customer("studio")
    made = world.subscribe(customer, world.plan("pro", IMAGES), end_date="2026-04-20T00:00:00Z")
    other = world.subscribe(customer, world.plan("more", VOLUME), end_date="2026-04-20T00:00:00Z")
    world.event("studio", "image.generated", "2026-04-10", image_count=100)
    for moment in ("2026-04-20T01:00", "2026-04-20T04:00"):
        world.now = at(moment)
        world.turn()
    assert bill_late(world.db, world.now) == 0
    world.event("studio", "image.generated", "2026-04-11", image_count=1)
    world.event("studio", "image.generated", "2026-04-21", image_count=9)  # after its end
    assert bill_late(world.db, at("2026-04-22")) == 2
    assert bill_late(world.db, at("2026-04-23")) == 0
    assert [(row.state, row.total) for row in world.invoices(made)] == [("FINALIZED", 1000), ("FINALIZED", 10)]
    assert [row.total for row in world.invoices(other)] == [10000, 0]
    assert world.subscription(other).carried == 0
    with world.db.read() as connection:
        (wallet,) = wallets.of_customer(connection, customers.get(connection, customer), NO_HOUSE)[1:]
        assert wallets.credits_of(connection, wallet).balance.amount == Decimal("49.5")
    world.event("studio", "image.generated", "2026-04-12", image_count=1)
    assert bill_late(world.db, at("2026-07-01")) == 0
    assert run_audit(world.db, at("2026-04-23")) == []


@pytest.mark.parametrize("state", ["paused", "incomplete"])
def test_what_waits_ends_when_it_was_to_end(world: World, state: str) -> None:
    more = {"payment_behavior": "default_incomplete"} if state == "incomplete" else {}
    base = {"type": "FIXED", "amount": "20"}
    made = world.subscribe(
        world.customer("studio"), world.plan("pro", base, IMAGES), end_date="2026-04-20T00:00:00Z", **more
    )
    if state == "paused":
        world.now = at("2026-04-05")
        with world.db.write() as connection:
            turns.pause(connection, made, reason="", meta={}, actor="test", now=world.now)
    world.event("studio", "image.generated", "2026-04-03", image_count=10)
    for moment in ("2026-04-19", "2026-04-20T01:00", "2026-04-20T04:00"):
        before = world.subscription(made).state
        world.now = at(moment)
        world.turn()
    assert (before, world.subscription(made).state) == ("cancelled", "cancelled")
    # paused, what was paid ahead comes back from the pause on, and pays what was used before it
    billed = [(2000, 2000), (100, 0)] if state == "paused" else [(2000, 2000)]
    assert [(row.subtotal, row.total) for row in world.invoices(made)] == billed
    with world.db.read() as connection:
        assert all(each.resumed_at == at("2026-04-20") for each in subscriptions.pauses_of(connection, made))


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


@pytest.mark.parametrize(
    ("coupon", "factor", "april", "late", "may", "totals"),
    [
        pytest.param("", "1.5", 600, 100, 950, [1000, 1000], id="less is missing"),
        pytest.param("", "1.5", 600, 100, 1200, [1000, 1300], id="less is missing, and the next exceeds it"),
        pytest.param("", "1.5", 950, 100, 500, [1000, 1075], id="it is exceeded after all"),
        pytest.param("", "1.5", 1200, 100, 500, [1300, 1150], id="more exceeds it"),
        pytest.param("", "0.5", 1200, 100, 500, [1100, 1050], id="what exceeds it is cheaper"),
        pytest.param("HALF", "1.5", 600, 100, 950, [500, 500], id="with a coupon"),
    ],
)
def test_what_comes_late_counts_for_the_commitment_of_its_own_period(
    world: World, coupon: str, factor: str, april: int, late: int, may: int, totals: list[int]
) -> None:
    """1000 a month are agreed, and every month comes to what it would have, had the events come in time."""
    world.coupon("HALF", percentage_off="50")
    more: dict[str, Any] = {"coupons": [coupon]} if coupon else {}
    made = world.subscribe(
        world.customer("studio"),
        world.plan("pro", {**IMAGES, "amount": "1"}),
        commitment_amount="1000",
        overage_factor=factor,
        enable_true_up=True,
        **more,
    )
    world.event("studio", "image.generated", "2026-04-10", image_count=april)
    month(world, "2026-05-01")
    world.event("studio", "image.generated", "2026-04-11", image_count=late)
    world.event("studio", "image.generated", "2026-05-10", image_count=may)
    month(world, "2026-06-01")
    month(world, "2026-07-01")
    base = 500 if coupon else 1000
    assert [row.total for row in world.invoices(made)] == [each * 100 for each in (*totals, base)]
    assert world.subscription(made).carried == 0
    assert run_audit(world.db, world.now) == []


def test_a_commitment_is_adjusted_once_for_each_that_comes_late(world: World) -> None:
    made = world.subscribe(
        world.customer("studio"),
        world.plan("pro", {**IMAGES, "amount": "1"}),
        commitment_amount="1000",
        overage_factor="2",
        enable_true_up=True,
    )
    month(world, "2026-05-01")
    for day, many in (("10", 900), ("11", 200)):
        world.event("studio", "image.generated", f"2026-04-{day}", image_count=many)
        month(world, "2026-06-01" if day == "10" else "2026-07-01")
    month(world, "2026-08-01")
    # 1000; 1000 and nothing for the 900; 1000 and what takes April from 1000 to 1200; 1000
    assert [row.total for row in world.invoices(made)] == [100_000, 100_000, 120_000, 100_000]
    assert world.subscription(made).carried == 0


def test_what_is_included_is_shared_anew_by_all_lines_of_a_meter(world: World) -> None:
    """Of 10 included, 4 plain ones and 6 of the 8 by veo were free; with 3 more plain ones only 3 of those are."""
    plan = world.plan("pro", IMAGES, {"amount": "1", "display_name": "Veo", "filter_values": {"model": ["veo"]}})
    world.entitle(plan, "images", 10)
    made = world.subscribe(world.customer("studio"), plan)
    world.event("studio", "image.generated", "2026-04-10", image_count=4)
    world.event("studio", "image.generated", "2026-04-10", image_count=8, model="veo")
    month(world, "2026-05-01")
    world.event("studio", "image.generated", "2026-04-11", image_count=3)
    month(world, "2026-06-01")
    month(world, "2026-07-01")
    assert [row.total for row in world.invoices(made)] == [200, 300, 0]


def test_what_is_included_once_and_for_all_counts_in_the_periods_after_it(world: World) -> None:
    """Of 10, 4 were used in April and 6 of May's 8 were free; with 3 more in April only 3 of May's are."""
    plan = world.plan("pro", {**IMAGES, "amount": "1"})
    world.entitle(plan, "images", 10, "NEVER")
    made = world.subscribe(world.customer("studio"), plan)
    world.event("studio", "image.generated", "2026-04-10", image_count=4)
    month(world, "2026-05-01")
    world.event("studio", "image.generated", "2026-05-10", image_count=8)
    month(world, "2026-06-01")
    world.event("studio", "image.generated", "2026-04-11", image_count=3)
    month(world, "2026-07-01")
    assert [row.total for row in world.invoices(made)] == [0, 200, 300]
