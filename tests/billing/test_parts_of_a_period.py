"""Short periods, pauses, changes and ends: what is charged for a part, and what comes back of what was charged."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Row

from app.billing import agreeing, closing, finalizing, invoices, subscriptions, turns, wallets
from app.billing.paying_in_credits import NO_HOUSE
from app.billing.proration import net_of
from app.kernel.db import Database
from app.kernel.given import Given
from app.plans import customers
from tests.billing.world import World, at

BASE: dict[str, Any] = {"type": "FIXED", "amount": "30", "display_name": "Base"}
ARREAR: dict[str, Any] = {**BASE, "invoice_cadence": "ARREAR"}
BIG: dict[str, Any] = {**BASE, "amount": "60", "display_name": "Big"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database)
    database.dispose()


def cancel(world: World, subscription_id: str, when: str, *, prorate: bool = True, invoice: bool = True) -> list[float]:
    """What comes back."""
    world.now = at(when)
    with world.db.write() as connection:
        *_, credits_ = closing.cancel_now(
            connection, subscription_id, reason="", prorate=prorate, invoice=invoice, actor="test", now=world.now
        )
    return [float(line.exact) for line in credits_]


def change(world: World, subscription_id: str, plan: str, when: str, **more: Any) -> list[tuple[str, float]]:
    world.now = at(when)
    with world.db.write() as connection:
        row = subscriptions.find(connection, subscription_id, lock=True)
        to = agreeing.read_change(connection, Given({"target_plan_id": plan, **more}), row, world.now)
        *_, lines = closing.change_plan(connection, subscription_id, to, prorate=True, actor="test", now=world.now)
    return [(line.name, float(line.exact)) for line in lines]


def paused(world: World, subscription_id: str, since: str, until: str) -> None:
    with world.db.write() as connection:
        turns.pause(connection, subscription_id, reason="", meta={}, actor="test", now=at(since))
        turns.resume(connection, subscription_id, now=at(until))


def turn(world: World, *moments: str) -> None:
    for moment in moments:
        world.now = at(moment)
        world.turn()


def charged(world: World, subscription_id: str) -> list[tuple[int, int]]:
    return [(row.subtotal, row.total) for row in world.invoices(subscription_id)]


@pytest.mark.parametrize(
    ("coupon", "first", "back"),
    [
        pytest.param(False, 2000, 1000, id="a short first period"),
        pytest.param(True, 1000, 500, id="and half of it taken off by a coupon"),
    ],
)
def test_what_comes_back_is_a_part_of_what_was_charged(world: World, coupon: bool, first: int, back: int) -> None:
    world.coupon("HALF", percentage_off="50")
    world.now = at("2026-04-11")
    more = {"coupons": ["HALF"]} if coupon else {}
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE), billing_cycle="calendar", **more)
    turn(world, "2026-04-11T03:00")
    assert world.invoices(made)[0].total == first
    assert cancel(world, made, "2026-04-21") == [-back / 100]


def test_nothing_comes_back_of_an_invoice_that_was_voided(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE))
    turn(world, "2026-04-01T03:00")
    with world.db.write() as connection:
        invoices.void(connection, world.invoices(made)[0].id, now=world.now)
    assert cancel(world, made, "2026-04-16") == []


def test_a_draft_still_charges_what_comes_back(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE))
    assert cancel(world, made, "2026-04-01T01:00") == [-30]
    turn(world, "2026-04-02")
    assert charged(world, made)[0] == (3000, 3000)


def test_a_change_and_then_the_end_give_back_what_each_charged(world: World) -> None:
    world.now = at("2026-04-11")
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE), billing_cycle="calendar")
    turn(world, "2026-04-11T03:00")
    big = world.plan("big", BIG)
    assert change(world, made, big, "2026-04-21") == [("Base", -10), ("Big", 20)]
    turn(world, "2026-04-21T03:00")
    assert charged(world, made) == [(2000, 2000), (2000, 1000)]
    assert cancel(world, made, "2026-04-26") == [-10]


@pytest.mark.parametrize("how", ["agreed", "cancelled", "cancelled in a pause"])
def test_an_end_within_a_period_gives_back_what_was_charged_ahead(world: World, how: str) -> None:
    """By itself, when its day has come: what was paid for the days after it is in the wallet, once."""
    customer, plan = world.customer("studio"), world.plan("pro", BASE)
    made = world.subscribe(customer, plan, **({"end_date": "2026-05-11T00:00:00Z"} if how == "agreed" else {}))
    turn(world, "2026-04-02", "2026-05-01T01:00", "2026-05-01T04:00")
    with world.db.write() as connection:
        if how != "agreed":
            turns.cancel(connection, made, at=at("2026-05-11"), reason="", now=world.now)
        if how == "cancelled in a pause":
            turns.pause(connection, made, reason="", meta={}, actor="test", now=at("2026-05-09"))
    turn(world, "2026-05-11T01:00", "2026-05-11T04:00", "2026-05-12")
    assert [row.total for row in world.invoices(made)] == [3000, 3000, 0]
    with world.db.read() as connection:
        (wallet,) = wallets.of_customer(connection, customers.get(connection, customer), NO_HOUSE)[1:]
        left = wallets.credits_of(connection, wallet).balance.amount
    days = 23 if how == "cancelled in a pause" else 21
    assert round(left, 2) == round(Decimal(30) * days / 31, 2)


def test_an_end_that_was_agreed_without_proration_gives_nothing_back(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE))
    turn(world, "2026-04-02")
    with world.db.write() as connection:
        turns.cancel(connection, made, at=at("2026-04-11"), reason="", now=world.now, prorate=False)
    turn(world, "2026-04-11T01:00", "2026-04-11T04:00")
    assert (world.subscription(made).state, world.subscription(made).carried) == ("cancelled", 0)
    assert [row.state for row in world.invoices(made)] == ["FINALIZED", "SKIPPED"]


def test_days_that_a_pause_added_come_back_too(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE))
    turn(world, "2026-04-01T03:00")
    paused(world, made, "2026-04-11", "2026-05-11")
    assert cancel(world, made, "2026-05-16") == [-15]


@pytest.mark.parametrize(
    ("when", "last"),
    [pytest.param("2026-06-03", 200, id="on its third day"), pytest.param("2026-06-16", 1500, id="in its middle")],
)
def test_a_later_period_that_ends_early_is_charged_for_its_days(world: World, when: str, last: int) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", ARREAR))
    turn(world, "2026-05-01T03:00", "2026-06-01T03:00", "2026-06-01T06:00")
    cancel(world, made, when)
    assert [row.total for row in world.invoices(made)] == [3000, 3000, last]


def test_a_change_of_length_charges_the_days_of_the_old_one(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", ARREAR))
    year = world.plan("year", {**BIG, "amount": "600", "billing_period": "ANNUAL"})
    change(world, made, year, "2026-04-16", billing_period="ANNUAL")
    turn(world, "2026-04-17")
    assert [(line.name, line.amount) for line in world.lines(world.invoices(made)[0])] == [
        ("Base", 1500),
        ("Big", 60000),
    ]


@pytest.mark.parametrize(
    ("begun", "cycle", "total"),
    [
        pytest.param("2026-04-01", "anniversary", 3000, id="an anniversary's period is longer and costs the same"),
        pytest.param("2026-04-01", "calendar", 2900, id="a calendar's costs less"),
    ],
)
def test_a_pause_of_a_day_in_the_first_period(world: World, begun: str, cycle: str, total: int) -> None:
    world.now = at(begun)
    made = world.subscribe(world.customer("studio"), world.plan("pro", ARREAR), billing_cycle=cycle)
    paused(world, made, "2026-04-11", "2026-04-12")
    turn(world, "2026-05-02T03:00", "2026-05-02T06:00")
    assert world.invoices(made)[0].total == total


def trial_end(world: World, row: Row[Any]) -> datetime:
    world.now = row.trial_end
    world.turn()
    return world.subscription(row.id).period_end


def test_a_plan_of_another_length_waits_for_the_end_of_the_trial(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE), trial_period_days=14)
    year = world.plan("year", {**BIG, "amount": "600", "billing_period": "ANNUAL"})
    assert change(world, made, year, "2026-04-05", billing_period="ANNUAL") == []
    row = world.subscription(made)
    assert (row.state, row.period_start, row.period_end) == ("trialing", at("2026-04-01"), at("2026-04-15"))
    assert world.invoices(made) == []
    assert trial_end(world, row) == at("2027-04-15")
    assert charged(world, made) == [(60000, 60000)]


def test_credit_from_before_goes_into_the_wallet_when_there_is_no_last_invoice(world: World) -> None:
    customer = world.customer("studio")
    made = world.subscribe(customer, world.plan("big", BIG))
    turn(world, "2026-04-01T03:00")
    change(world, made, world.plan("small", BASE), "2026-04-16")
    turn(world, "2026-04-16T03:00")
    assert world.subscription(made).carried == 1500
    wallet = world.wallet(customer, 1)
    cancel(world, made, "2026-04-20", prorate=False, invoice=False)
    assert (world.subscription(made).carried, world.credits(wallet)) == (0, 16)


def test_the_last_draft_of_a_cancelled_subscription_that_is_dropped_frees_the_credit(world: World) -> None:
    customer = world.customer("studio")
    made = world.subscribe(customer, world.plan("big", BIG))
    turn(world, "2026-04-01T03:00")
    change(world, made, world.plan("small", BASE), "2026-04-16")
    turn(world, "2026-04-16T03:00")
    cancel(world, made, "2026-04-20", prorate=False)
    wallet = world.wallet(customer, 1)
    assert (world.subscription(made).carried, world.credits(wallet)) == (1500, 1)
    for _ in range(2):
        with world.db.write() as connection:
            finalizing.void(connection, world.invoices(made)[-1].id, now=world.now)
    assert (world.subscription(made).carried, world.credits(wallet)) == (0, 16)


def test_credit_from_before_does_not_change_by_a_cent_what_a_line_comes_to() -> None:
    """What each line bore of it is rounded: it is not worked back from that."""
    invoice = {"subtotal": 111_564, "discount": 48_547, "carried_used": 48_547, "total": 63_017}
    assert net_of(94_100, 40_948, {**invoice, "adjusted": 0, "refunded": 0}) == 94_100
