"""A subscription through its periods: what is billed when, and why."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from app.billing import (
    agreeing,
    closing,
    credit_notes,
    invoices,
    outstanding,
    payments,
    postpaid,
    promised,
    subscriptions,
    turns,
    wallets,
)
from app.billing.paying_in_credits import NO_HOUSE
from app.kernel.db import Database
from app.kernel.errors import Conflict
from app.kernel.fiat import Fiat
from app.kernel.given import Given
from app.plans import customers, price_book
from tests.billing.world import World, at

BASE = {"type": "FIXED", "amount": "20", "display_name": "Base"}
IMAGES = {"amount": "0.10", "display_name": "Images"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database)
    database.dispose()


def said(world: World, subscription_id: str) -> list[tuple[Any, ...]]:
    return [
        (row.state, row.reason, row.total, [(line.name, line.amount) for line in world.lines(row)])
        for row in world.invoices(subscription_id)
    ]


def test_fixed_prices_ahead_and_usage_in_arrear(world: World) -> None:
    customer = world.customer("studio")
    made = world.subscribe(customer, world.plan("pro", BASE, IMAGES))
    world.event("studio", "image.generated", "2026-04-10", model="gpt", image_count=30)
    world.event("studio", "image.generated", "2026-04-30T23:59", model="gpt")
    world.event("studio", "image.generated", "2026-05-01", model="gpt", image_count=100)
    world.now = at("2026-05-01T03:00")
    world.turn()
    first, second = said(world, made)
    assert first == ("FINALIZED", "SUBSCRIPTION_CREATE", 2000, [("Base", 2000)])
    assert second == ("DRAFT", "SUBSCRIPTION_CYCLE", 2310, [("Images", 310), ("Base", 2000)])
    world.now = at("2026-05-01T05:01")
    world.turn()
    row = world.invoices(made)[1]
    assert (row.state, row.number, row.payment_state) == ("FINALIZED", "EX-2026-000002", "PENDING")
    (usage, _) = world.lines(row)
    assert (usage.quantity, usage.events) == ("31", 2)
    assert usage.drill == [
        {"event_name": "image.generated", "properties": {"model": "gpt"}, "events": 2, "quantity": "31"}
    ]


def test_what_comes_late_is_on_the_draft_and_then_on_the_next(world: World) -> None:
    customer = world.customer("studio")
    made = world.subscribe(customer, world.plan("pro", IMAGES))
    world.event("studio", "image.generated", "2026-04-10", image_count=10)
    world.now = at("2026-05-01T00:30")
    world.turn()
    world.event("studio", "image.generated", "2026-04-30", image_count=5)
    world.now = at("2026-05-01T02:31")
    world.turn()
    assert said(world, made) == [("FINALIZED", "SUBSCRIPTION_CYCLE", 150, [("Images", 150)])]
    world.event("studio", "image.generated", "2026-04-29", image_count=7)
    world.event("studio", "image.generated", "2026-05-02", image_count=1)
    world.now = at("2026-06-01T03:00")
    world.turn()
    world.now = at("2026-06-01T06:00")
    world.turn()
    row = world.invoices(made)[1]
    assert [(line.purpose, line.amount, line.events, line.quantity) for line in world.lines(row)] == [
        ("", 10, 1, "1"),
        ("adjustment", 70, 1, "7"),
    ]
    world.now = at("2026-07-01T06:00")
    world.turn()
    assert [line.amount for line in world.lines(world.invoices(made)[2])] == [0]


def test_a_trial_costs_nothing_and_then_the_first_period_begins(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE, IMAGES), trial_period_days=14)
    assert world.subscription(made).state == "trialing"
    world.event("studio", "image.generated", "2026-04-10", image_count=500)
    assert world.invoices(made) == []
    world.now = at("2026-04-15T00:00")
    world.turn()
    row = world.subscription(made)
    assert (row.state, row.period_start, row.period_end) == ("active", at("2026-04-15"), at("2026-05-15"))
    assert said(world, made) == [("DRAFT", "SUBSCRIPTION_TRIAL_END", 2000, [("Base", 2000)])]


def test_what_was_settled_from_the_balance_is_shown_and_not_billed_again(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", IMAGES))
    world.event("studio", "image.generated", "2026-04-10", image_count=10)
    world.event("studio", "image.generated", "2026-04-11", image_count=90, settled_by="ledger")
    world.now = at("2026-05-01T00:30")
    world.turn()
    (line,) = world.lines(world.invoices(made)[0])
    assert (line.amount, line.quantity) == (100, "10")
    assert "90 more paid from the balance already" in line.reason


def test_the_most_exact_price_wins_and_the_reason_says_so(world: World) -> None:
    prices: list[dict[str, Any]] = [
        IMAGES,
        {"amount": "0.50", "display_name": "4K", "filter_values": {"model": ["veo"], "size": ["4k"]}},
        {"amount": "0.20", "display_name": "Veo", "filter_values": {"model": ["veo"]}},
    ]
    made = world.subscribe(world.customer("studio"), world.plan("pro", *prices))
    for model, size in (("veo", "4k"), ("veo", "hd"), ("gpt", "4k")):
        world.event("studio", "image.generated", "2026-04-10", image_count=10, model=model, size=size)
    world.now = at("2026-05-01T00:30")
    world.turn()
    lines = {line.name: line for line in world.lines(world.invoices(made)[0])}
    assert {name: line.amount for name, line in lines.items()} == {"Images": 100, "4K": 500, "Veo": 200}
    assert lines["4K"].reason == "10 images at 0.5 for model = veo, size = 4k"


@pytest.mark.parametrize(
    ("reset", "billed"), [pytest.param(None, 1500, id="with the period"), pytest.param("DAILY", 200, id="every day")]
)
def test_what_a_plan_includes(world: World, reset: str | None, billed: int) -> None:
    plan = world.plan("pro", {**IMAGES, "amount": "1"})
    world.entitle(plan, "images", 10, reset)
    made = world.subscribe(world.customer("studio"), plan)
    for day, many in (("2026-04-02", 9), ("2026-04-03", 12), ("2026-04-04", 14 - 10)):
        world.event("studio", "image.generated", day, image_count=many)
    world.now = at("2026-05-01T00:30")
    world.turn()
    (line,) = world.lines(world.invoices(made)[0])
    assert line.amount == billed


@pytest.mark.parametrize(
    ("reset", "billed"),
    [
        pytest.param(None, [600, 0], id="anew with each period"),
        pytest.param("MONTHLY", [600, 0], id="anew each month, which a period is"),
        pytest.param("NEVER", [600, 1000], id="once and for all"),
    ],
)
def test_when_what_is_included_begins_anew(world: World, reset: str | None, billed: list[int]) -> None:
    plan = world.plan("pro", {**IMAGES, "amount": "1"})
    world.entitle(plan, "images", 10, reset)
    customer = world.customer("studio")
    made = world.subscribe(customer, plan)
    world.event("studio", "image.generated", "2026-04-02", image_count=16)
    world.event("studio", "image.generated", "2026-05-02", image_count=10)
    for moment in ("2026-05-01T00:30", "2026-06-01T00:30"):
        world.now = at(moment)
        world.turn()
    assert [line.amount for invoice in world.invoices(made) for line in world.lines(invoice)] == billed
    with world.db.read() as connection:  # what is answered counts from the same moment
        rows = promised.live_of(connection, customer)
        promises = promised.promises_of(connection, rows, world.now)
        (usage,) = promised.usage_of(connection, "studio", promises, rows, world.now)
    assert (usage.used, usage.resets_at) == ((26, None) if reset == "NEVER" else (0, at("2026-07-01")))


VOLUME = {
    "billing_model": "TIERED", "tier_mode": "VOLUME",
    "tiers": [{"up_to": 3, "unit_amount": "2"}, {"up_to": None, "unit_amount": "1"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("meter", "price", "reset", "billed"),
    [  # by hand: of 15, 4 and 12 in three days 5, 0 and 2 exceed what is included a day
        pytest.param({}, VOLUME, "DAILY", [7, 0], id="in tiers"),
        pytest.param({"bucket_size": "DAY"}, VOLUME, "DAILY", [5 + 2 * 2, 0], id="tiers of a day"),
        pytest.param({"bucket_size": "WEEK"}, VOLUME, "DAILY", [7, 0], id="tiers of a week"),
        pytest.param({"aggregation": "MAX"}, {"amount": "1"}, "DAILY", [7, 0], id="the largest of a day"),
    ],
)
def test_what_is_included_comes_off_the_window_it_is_for(
    world: World, meter: dict[str, Any], price: dict[str, Any], reset: str, billed: list[int]
) -> None:
    world.meter("odd", "made", fields=["n"], **meter)
    plan = world.plan("pro", {"meter_id": "meter_odd", **price})
    world.entitle(plan, "odd", 10, reset)
    made = world.subscribe(world.customer("studio"), plan)
    for day, n in (("2026-04-14", 15), ("2026-04-15", 4), ("2026-04-16", 12)):
        world.event("studio", "made", day, n=n)
    for moment in ("2026-05-01T00:30", "2026-06-01T00:30"):
        world.now = at(moment)
        world.turn()
    assert [line.amount // 100 for invoice in world.invoices(made) for line in world.lines(invoice)] == billed


def test_what_one_price_takes_back_is_not_included_in_another(world: World) -> None:
    dear = {"amount": "1", "filter_values": {"model": ["veo"]}}
    made = world.subscribe(world.customer("studio"), world.plan("pro", {**IMAGES, "amount": "1"}, dear))
    world.event("studio", "image.generated", "2026-04-10", image_count=-3)
    world.event("studio", "image.generated", "2026-04-11", image_count=5, model="veo")
    world.now = at("2026-05-01T00:30")
    world.turn()
    assert [line.amount for line in world.lines(world.invoices(made)[0])] == [0, 500]


def test_what_several_include_of_a_meter_begins_anew_as_most_of_them_do(world: World) -> None:
    plan = world.plan("pro", {**IMAGES, "amount": "1"})
    for limit, reset in ((3, None), (3, "DAILY"), (4, "DAILY"), (0, "MONTHLY")):
        world.entitle(plan, "images", limit, reset)
    made = world.subscribe(world.customer("studio"), plan)
    for day in ("2026-04-14", "2026-04-15"):
        world.event("studio", "image.generated", day, image_count=12)
    world.now = at("2026-05-01T00:30")
    world.turn()
    assert [line.amount for line in world.lines(world.invoices(made)[0])] == [400]


def test_what_a_week_includes_is_included_once_where_a_period_ends_in_it(world: World) -> None:
    """What comes late for the first part of that week changes the second."""
    plan = world.plan("pro", {**IMAGES, "amount": "1"})
    world.entitle(plan, "images", 10, "WEEKLY")
    made = world.subscribe(world.customer("studio"), plan)
    world.event("studio", "image.generated", "2026-04-29", image_count=8)
    world.event("studio", "image.generated", "2026-05-02", image_count=8)
    for moment in ("2026-05-01T00:30", "2026-05-01T03:00", "2026-06-01T00:30", "2026-06-01T03:00"):
        world.now = at(moment)
        world.turn()
    assert [line.amount for invoice in world.invoices(made) for line in world.lines(invoice)] == [0, 600]
    world.event("studio", "image.generated", "2026-04-30", image_count=1)
    world.now = at("2026-07-01T03:00")
    world.turn()
    assert world.invoices(made)[-1].total == 100


def test_coupons_credit_carried_and_tax(world: World) -> None:
    world.coupon("TEN", percentage_off="10")
    world.coupon("ONCE", type="fixed", amount_off="5", cadence="once")
    world.tax("19")
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE), coupons=["TEN", "ONCE"])
    for moment in ("2026-05-02", "2026-05-03"):
        world.now = at(moment)
        world.turn()
    first, second = world.invoices(made)
    assert (first.subtotal, first.discount, first.tax, first.total) == (2000, 700, 247, 1547)
    assert (second.subtotal, second.discount, second.tax, second.total) == (2000, 200, 342, 2142)


def test_cancelled_at_once(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE, IMAGES))
    world.event("studio", "image.generated", "2026-04-05", image_count=10)
    world.now = at("2026-04-16")
    with world.db.write() as connection:
        row, invoice, credits_ = closing.cancel_now(
            connection, made, reason="", prorate=True, invoice=True, actor="test", now=world.now
        )
    assert (row.state, row.period_end) == ("cancelled", at("2026-05-01"))
    assert [line.exact for line in credits_] == [-10]
    assert invoice is not None
    assert (invoice.subtotal, invoice.discount, invoice.total) == (100, 100, 0)
    for _ in range(2):
        world.now = at("2026-08-01")
        world.turn()
    assert world.subscription(made).carried == 0
    with world.db.read() as connection:
        found = wallets.of_customer(connection, customers.get(connection, row.customer_id), NO_HOUSE)
    assert [world.credits(str(each["id"])) for each in found if each["unit"] == each["id"]] == [9]


def test_cancelled_at_the_end_of_the_period(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE, IMAGES))
    world.event("studio", "image.generated", "2026-04-20", image_count=10)
    with world.db.write() as connection:
        turns.cancel(connection, made, at=at("2026-05-01"), reason="", now=world.now)
    world.now = at("2026-06-15")
    world.turn()
    world.now = at("2026-06-16")
    world.turn()
    assert [(row.state, row.total) for row in world.invoices(made)] == [("FINALIZED", 2000), ("FINALIZED", 100)]
    assert world.subscription(made).state == "cancelled"


def test_paused_and_resumed(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE, IMAGES))
    world.now = at("2026-04-11")
    with world.db.write() as connection:
        turns.pause(connection, made, reason="holiday", meta={}, actor="test", now=world.now)
    world.now = at("2026-05-11")
    world.turn()
    with world.db.write() as connection:
        row, _ = turns.resume(connection, made, now=world.now)
    assert (row.state, row.period_end) == ("active", at("2026-05-31"))
    world.now = at("2026-06-01")
    world.turn()
    assert world.subscription(made).period_end == at("2026-06-30")
    assert [row.total for row in world.invoices(made)] == [2000, 2000]


def test_another_plan_within_the_period(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("small", {**BASE, "amount": "10"}, IMAGES))
    world.event("studio", "image.generated", "2026-04-05", image_count=10)
    big = world.plan("big", {**BASE, "amount": "20"}, {**IMAGES, "amount": "0.05"})
    world.now = at("2026-04-15")
    with world.db.write() as connection:
        row = subscriptions.find(connection, made)
        to = agreeing.read_change(connection, Given({"target_plan_id": big}), row, world.now)
        _, invoice, _ = closing.change_plan(connection, made, to, prorate=True, actor="test", now=world.now)
    assert invoice is not None
    assert (invoice.subtotal, invoice.discount, invoice.total) == (1067, 533, 534)
    world.event("studio", "image.generated", "2026-04-20", image_count=10)
    world.now = at("2026-05-01T00:30")
    world.turn()
    last = world.invoices(made)[-1]
    assert [(line.name, line.amount) for line in world.lines(last)] == [("Images", 100), ("Images", 50), ("Base", 2000)]


@pytest.mark.parametrize("how", ["with the next period", "to a longer period", "while the draft waits"])
def test_a_period_includes_what_its_own_plan_does(world: World, how: str) -> None:
    small, big = world.plan("small", IMAGES), world.plan("big", IMAGES, {**IMAGES, "billing_period": "ANNUAL"})
    world.entitle(small, "images", 100)
    made = world.subscribe(world.customer("studio"), small)
    world.event("studio", "image.generated", "2026-04-05", image_count=80)
    world.now = at("2026-04-15")
    if how == "while the draft waits":
        world.now = at("2026-05-01T00:30")
        world.turn()
    more = {"billing_period": "ANNUAL"} if how == "to a longer period" else {}
    with world.db.write() as connection:
        row = subscriptions.find(connection, made)
        to = agreeing.read_change(connection, Given({"target_plan_id": big, **more}), row, world.now)
        if how == "with the next period":
            closing.plan_change_later(connection, made, to, now=world.now)
        else:
            closing.change_plan(connection, made, to, prorate=True, actor="test", now=world.now)
    for moment in ("2026-05-01T01:00", "2026-05-01T04:00"):
        world.now = at(moment)
        world.turn()
    [invoice] = world.invoices(made)
    assert [(line.quantity, line.entitled, line.amount) for line in world.lines(invoice)] == [("0", "80", 0)]


def test_asking_again_does_nothing_again(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE, IMAGES))
    world.now = at("2026-07-15")
    for _ in range(3):
        world.turn()
    assert [row.period_start for row in world.invoices(made)] == [
        at("2026-04-01"),
        at("2026-04-01"),
        at("2026-05-01"),
        at("2026-06-01"),
    ]
    assert world.subscription(made).period_end == at("2026-08-01")


def test_credits_of_a_wallet_pay_for_usage_and_come_back_with_a_void(world: World) -> None:
    customer = world.customer("studio")
    made = world.subscribe(customer, world.plan("pro", BASE, IMAGES))
    wallet = world.wallet(customer, 5)
    world.event("studio", "image.generated", "2026-04-10", image_count=80)
    for moment in ("2026-05-01T01:00", "2026-05-01T04:00"):
        world.now = at(moment)
        world.turn()
    row = world.invoices(made)[1]
    assert (row.subtotal, row.credits, row.total) == (2800, 500, 2300)
    assert world.credits(wallet) == 0
    with world.db.write() as connection:
        invoices.void(connection, row.id, now=world.now)
    assert world.credits(wallet) == 5


def test_what_a_wallet_has_left_counts_what_waits_to_be_billed(world: World) -> None:
    """Between the close of a period and its invoice, and not what was written off."""
    customer = world.customer("studio")
    made = world.subscribe(customer, world.plan("pro", IMAGES))
    world.event("studio", "image.generated", "2026-04-10", image_count=80)
    found = []
    for moment in ("2026-04-30", "2026-05-01T01:00", "2026-05-01T04:00"):
        world.now = at(moment)
        world.turn()
        found.append(due_of(world, made))
    assert found == [(800, 0), (800, 0), (0, 800)]
    with world.db.write() as connection:
        postpaid.write_off(connection, world.invoices(made)[0].id, reason="gone", now=world.now)
    assert due_of(world, made) == (0, 0)


def due_of(world: World, subscription_id: str) -> tuple[int, int]:
    """What periods and what invoices ask of the wallets, in cents."""
    row = world.subscription(subscription_id)
    with world.db.read() as connection:
        found = outstanding.outstanding(connection, row.workspace_id, row.currency, world.now)
    return int(found.usage * 100), int(found.unpaid * 100)


def test_a_refund_becomes_credits_and_credits_pay_an_invoice(world: World) -> None:
    customer = world.customer("studio")
    made = world.subscribe(customer, world.plan("pro", BASE))
    for moment in ("2026-04-02", "2026-05-02", "2026-05-03"):
        world.now = at(moment)
        world.turn()
    first, second = world.invoices(made)
    with world.db.write() as connection:
        payments.mark(connection, first.id, "SUCCEEDED", None, actor="test", now=world.now)
        wish = Given({"invoice_id": first.id, "reason": "SERVICE_ISSUE"})
        note = credit_notes.create(connection, wish, actor="test", now=world.now)
        credit_notes.finalize(connection, note.id, now=world.now)
        credit_notes.finalize(connection, note.id, now=world.now)
    with world.db.write() as connection:
        pay, _ = payments.create(
            connection, second.id, Fiat(2000, "USD"), "CREDITS", key="k", actor="test", now=world.now
        )
        payments.from_credits(connection, pay.id, now=world.now)
    first, second = world.invoices(made)
    assert (first.payment_state, first.refunded, second.payment_state, second.paid) == (
        "REFUNDED",
        2000,
        "SUCCEEDED",
        2000,
    )
    with world.db.write() as connection, pytest.raises(Conflict):
        payments.create(connection, second.id, Fiat(1, "USD"), "CREDITS", key=None, actor="test", now=world.now)


@pytest.mark.parametrize(
    ("statement", "tax"),
    [
        pytest.param("UPDATE billing_tax_rate SET tax_rate_status = 'INACTIVE'", 0, id="a rate that is not in use"),
        pytest.param("UPDATE billing_tax_association SET currency = 'EUR'", 0, id="for bills in another currency"),
        pytest.param("UPDATE billing_tax_association SET currency = 'usd'", 380, id="for bills in this one"),
    ],
)
def test_which_taxes_are_charged(world: World, statement: str, tax: int) -> None:
    world.tax("19")
    with world.db.write() as connection:
        connection.execute(text(statement))
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE))
    assert world.invoices(made)[0].tax == tax


@pytest.mark.parametrize(
    ("more", "included", "amount"),
    [
        pytest.param({}, None, 600, id="each window by itself"),
        pytest.param({"true_up": True}, None, 6_200, id="windows without usage are raised to the commitment too"),
        pytest.param({"true_up": False}, None, 700, id="only what exceeds it costs more"),
        pytest.param({}, 4, 200, id="what is included is not in any window"),
        pytest.param({}, 100, 0, id="all of it is included"),
        pytest.param({"true_up": False}, 4, 200, id="the first windows use up what is included"),
        pytest.param({"true_up": False}, 2, 500, id="what is left of each window is measured"),
        pytest.param({"true_up": True}, 100, 6_000, id="what is agreed is due though all is included"),
    ],
)
def test_usage_in_windows(world: World, more: dict[str, Any], included: int | None, amount: int) -> None:
    """Three days of April with 2, 1 and 3 at most, in tiers; 2 dollars a day are agreed, twice as much beyond."""
    world.meter("peak", "peak", fields=["n"], aggregation="MAX", bucket_size="DAY")
    tiers = [{"up_to": 2, "unit_amount": "1"}, {"up_to": None, "unit_amount": "0.50", "flat_amount": "0.50"}]
    price = {"meter_id": "meter_peak", "billing_model": "TIERED", "tier_mode": "SLAB", "tiers": tiers}
    plan = world.plan("pro", {**price, "display_name": "Peak"})
    if included is not None:
        world.entitle(plan, "peak", included)
    agreed = {"commitment_amount": "2", "commitment_overage_factor": "2", "commitment_windowed": True}
    with world.db.read() as connection:
        (row,) = price_book.rows_of(connection, "PLAN", [plan])
    wish = {row["id"]: {**agreed, "commitment_true_up_enabled": more["true_up"]}} if more else {}
    made = world.subscribe(world.customer("studio"), plan, line_item_commitments=wish)
    for when, n in (("02T01", 2), ("02T09", 1), ("20", 1), ("30", 3)):
        world.event("studio", "peak", f"2026-04-{when}", n=n)
    world.now = at("2026-05-01T00:30")
    world.turn()
    assert [line.amount for line in world.lines(world.invoices(made)[0])] == [amount]


@pytest.mark.parametrize(
    ("cycle", "used_in_the_pause", "amount"),
    [
        pytest.param("anniversary", False, 31 * 200, id="days of a pause are not raised to what is agreed for a day"),
        pytest.param("calendar", False, 25 * 200, id="nor in a month that a pause makes no longer"),
        pytest.param("calendar", True, 26 * 200, id="a day of it with usage is one like others"),
    ],
)
def test_a_pause_has_no_windows(world: World, cycle: str, used_in_the_pause: bool, amount: int) -> None:
    """April with a pause from the 10th at noon until the 16th at noon: five whole days. 2 dollars a day are agreed."""
    world.meter("peak", "peak", fields=["n"], aggregation="MAX", bucket_size="DAY")
    plan = world.plan("pro", {"meter_id": "meter_peak", "amount": "1", "display_name": "Peak"})
    with world.db.read() as connection:
        (row,) = price_book.rows_of(connection, "PLAN", [plan])
    agreed = {"commitment_amount": "2", "commitment_windowed": True, "commitment_true_up_enabled": True}
    made = world.subscribe(
        world.customer("studio"), plan, billing_cycle=cycle, line_item_commitments={row["id"]: agreed}
    )
    world.event("studio", "peak", "2026-04-10T08", n=1)
    if used_in_the_pause:
        world.event("studio", "peak", "2026-04-13T08", n=1)
    for when, turn in (("10T12", turns.pause), ("16T12", turns.resume)):
        world.now, words = at(f"2026-04-{when}"), {"reason": "", "meta": {}, "actor": "test"}
        with world.db.write() as connection:
            turn(connection, made, now=world.now, **(words if turn is turns.pause else {}))
    world.now = at("2026-05-07T12:30")
    world.turn()
    assert [line.amount for line in world.lines(world.invoices(made)[0])] == [amount]
