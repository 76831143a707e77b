"""Lives of subscriptions that are anything but plain, with what each comes to worked out by hand."""

from collections.abc import Iterator
from typing import Any

import pytest

from app.billing import agreeing, closing, subscriptions, turns
from app.billing.audit import run_audit
from app.kernel.db import Database
from app.kernel.given import Given
from tests.billing.world import World, at

BASE = {"type": "FIXED", "amount": "20", "display_name": "Base"}
IMAGES = {"amount": "0.10", "display_name": "Images"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    made = World(database)
    yield made
    assert run_audit(database, made.now) == []
    database.dispose()


def turn(world: World, *moments: str) -> None:
    for moment in moments:
        world.now = at(moment)
        world.turn()


def bills(world: World, made: str) -> list[tuple[int, int, int]]:
    """Of each invoice: subtotal, discount, total."""
    return [(row.subtotal, row.discount, row.total) for row in world.invoices(made)]


def do(world: World, deed: Any, made: str, **more: Any) -> None:
    with world.db.write() as connection:
        deed(connection, made, now=world.now, **more)


def upgrade(world: World, made: str, plan: str) -> None:
    with world.db.write() as connection:
        row = subscriptions.find(connection, made)
        to = agreeing.read_change(connection, Given({"target_plan_id": plan}), row, world.now)
        closing.change_plan(connection, made, to, prorate=True, actor="test", now=world.now)


def test_trial_paid_upgraded_paused_resumed_and_ended_with_the_period(world: World) -> None:
    """Trial to 11 April; paid to 11 May at 20; on 26 April 15 of 30 days go from 20 to 60: 20 more. Paused from 1 to 6
    May, so the period ends on 16 May; 30 images in it at 0.10 before the upgrade, 40 at 0.20 after."""
    plan = world.plan("pro", BASE, IMAGES)
    bigger = world.plan("big", {**BASE, "amount": "60"}, {**IMAGES, "amount": "0.20"})
    made = world.subscribe(world.customer("studio"), plan, trial_period_days=10)
    world.event("studio", "image.generated", "2026-04-05", image_count=500)  # in the trial
    turn(world, "2026-04-11T01:00", "2026-04-11T04:00")
    world.event("studio", "image.generated", "2026-04-20", image_count=30)
    turn(world, "2026-04-26")
    upgrade(world, made, bigger)
    turn(world, "2026-04-26T04:00", "2026-05-01")
    do(world, turns.pause, made, reason="", meta={}, actor="test")
    turn(world, "2026-05-06")
    do(world, turns.resume, made)
    assert world.subscription(made).period_end == at("2026-05-16")
    do(world, turns.cancel, made, at=at("2026-05-16"), reason="")
    world.event("studio", "image.generated", "2026-05-10", image_count=40)
    turn(world, "2026-05-16T01:00", "2026-05-16T04:00", "2026-08-01")
    assert [total for *_, total in bills(world, made)] == [2000, 2000, 1100]
    assert world.subscription(made).state == "cancelled"


@pytest.mark.parametrize(
    ("start", "ends"),
    [
        pytest.param("2026-01-31", ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"], id="31st"),
        pytest.param("2026-01-30", ["2026-02-28", "2026-03-30", "2026-04-30"], id="30th"),
        pytest.param("2026-01-29", ["2026-02-28", "2026-03-29"], id="29th"),
        pytest.param("2028-01-29", ["2028-02-29", "2028-03-29"], id="29th of a leap year"),
    ],
)
def test_each_period_costs_the_same_whatever_its_length(world: World, start: str, ends: list[str]) -> None:
    world.now = at(start)
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE, IMAGES))
    for end in ends:
        day = f"{end}T00:00"
        world.event("studio", "image.generated", day, image_count=10)  # the first of the next period
        turn(world, f"{end}T01:00", f"{end}T04:00")
    assert [row.period_start for row in world.invoices(made)][1:] == [at(each) for each in [start, *ends[:-1]]]
    assert [total for *_, total in bills(world, made)] == [2000, 2000, *[2100] * (len(ends) - 1)]


def test_a_year_from_a_leap_day(world: World) -> None:
    world.now = at("2028-02-29")
    made = world.subscribe(
        world.customer("studio"), world.plan("pro", {**BASE, "amount": "1200", "billing_period": "ANNUAL"}),
        billing_period="ANNUAL",
    )  # fmt: skip
    turn(world, "2028-03-01", "2028-08-29")
    bigger = world.plan("big", {**BASE, "amount": "2400", "billing_period": "ANNUAL"})
    upgrade(world, made, bigger)  # 183 of 365 days are left, the 29th of August counted
    turn(world, "2028-08-29T04:00", "2029-02-28T01:00", "2029-02-28T04:00")
    charge, credit = round(240000 * 183 / 365), round(120000 * 183 / 365)
    assert [total for *_, total in bills(world, made)] == [120000, charge - credit, 240000]
    assert world.subscription(made).period_end == at("2030-02-28")


def test_yen_have_no_cents(world: World) -> None:
    prices = [{**BASE, "amount": "1000", "currency": "jpy"}, {**IMAGES, "amount": "0.5", "currency": "jpy"}]
    world.tax("10")
    made = world.subscribe(world.customer("studio"), world.plan("yen", *prices), currency="jpy")
    world.event("studio", "image.generated", "2026-04-10", image_count=333)  # 166.5 yen, rounded half up
    turn(world, "2026-05-01T01:00", "2026-05-01T04:00")
    assert [(row.subtotal, row.tax, row.total) for row in world.invoices(made)] == [
        (1000, 100, 1100),
        (1167, 117, 1284),
    ]


@pytest.mark.parametrize(
    ("price", "coupon", "wallet", "totals", "left"),
    [
        pytest.param("0", "", 0, [(0, 0, 0), (300, 0, 300)], 0, id="a base of nothing"),
        pytest.param("20", "ALL", 0, [(2000, 2000, 0), (2300, 2300, 0)], 0, id="a coupon for all of it"),
        pytest.param("20", "", 100, [(2000, 0, 2000), (2300, 0, 2000)], 97, id="credits for all of the usage"),
        pytest.param("0", "", 100, [(0, 0, 0), (300, 0, 0)], 97, id="credits for more than all of it"),
        pytest.param("20", "ALL", 100, [(2000, 2000, 0), (2300, 2300, 0)], 100, id="credits are not taken for nothing"),
        pytest.param("20", "FIFTY", 0, [(2000, 2000, 0), (2300, 2300, 0)], 0, id="more off than there is"),
    ],
)
def test_bills_of_nothing(
    world: World, price: str, coupon: str, wallet: int, totals: list[tuple[int, int, int]], left: int
) -> None:
    world.coupon("ALL", percentage_off="100")
    world.coupon("FIFTY", type="fixed", amount_off="50", currency="usd")
    customer = world.customer("studio")
    purse = world.wallet(customer, wallet) if wallet else ""
    made = world.subscribe(
        customer, world.plan("pro", {**BASE, "amount": price}, IMAGES), coupons=[coupon] if coupon else []
    )
    world.event("studio", "image.generated", "2026-04-10", image_count=30)
    turn(world, "2026-04-02", "2026-05-01T01:00", "2026-05-01T04:00")
    assert bills(world, made) == totals
    assert (world.credits(purse) if purse else 0) == left
    waiting = [row.total for row in world.invoices(made) if row.payment_state == "PENDING" and row.state != "SKIPPED"]
    assert waiting == [total for *_, total in totals if total]
