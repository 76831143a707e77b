"""Lines that come, change and end while a subscription runs: each is paid for its time, and what was billed stays."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection

from app.billing import (
    addons,
    agreeing,
    joining,
    line_changes,
    own_prices,
    prorating,
    quantities,
    subscriptions,
    syncing,
    turns,
)
from app.billing.pinned import pin
from app.billing.subscriptions import Line
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput
from app.kernel.given import Given
from app.plans import price_book
from tests.billing.world import World, at, full

BASE: dict[str, Any] = {"type": "FIXED", "amount": "30", "display_name": "Base", "invoice_cadence": "ARREAR"}
SEATS: dict[str, Any] = {"type": "FIXED", "amount": "30", "display_name": "Seats", "invoice_cadence": "ADVANCE"}
IMAGES: dict[str, Any] = {"amount": "0.10", "display_name": "Images"}
SETUP: dict[str, Any] = {"type": "FIXED", "amount": "99", "display_name": "Setup", "billing_period": "ONETIME"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database)
    database.dispose()


def own(world: World, subscription: str, price: dict[str, Any], **more: Any) -> Any:
    """A price of this subscription alone."""
    wish = Given({**full(subscription, {**price, **more}), "entity_type": "SUBSCRIPTION"})
    with world.db.write() as connection:
        return own_prices.create(connection, wish, actor="test", now=world.now)


def synced(world: World, plan: str, price: dict[str, Any]) -> None:
    with world.db.write() as connection:
        price_book.create(connection, Given(full(plan, price)), actor="test", now=world.now)
    syncing.sync(world.db, plan, world.clock)


def line_named(world: World, subscription: str, name: str) -> Any:
    with world.db.read() as connection:
        return [line for line in subscriptions.lines_of(connection, subscription) if line.name == name][-1]


def asked(world: World, subscription: str, *moments: str) -> list[list[tuple[str, int]]]:
    """The lines of each invoice once these moments have come."""
    for moment in moments:
        world.now = at(moment)
        world.turn()
    return [[(line.name, line.amount) for line in world.lines(row)] for row in world.invoices(subscription)]


@pytest.fixture
def running(world: World) -> str:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE))
    world.now = at("2026-04-11")
    return made


@pytest.mark.parametrize(
    ("more", "april", "may"),
    [
        pytest.param({}, [[("Seats", 2000)]], True, id="now"),
        pytest.param(
            {"start_date": "2026-04-05T00:00:00Z"}, [[("Seats", 2600)]], True, id="since a day of this period"
        ),
        pytest.param({"start_date": "2026-04-21T00:00:00Z"}, [[("Seats", 1000)]], True, id="from a day to come"),
        pytest.param({"end_date": "2026-04-21T00:00:00Z"}, [[("Seats", 1000)]], False, id="until a day to come"),
        pytest.param({"start_date": "2026-05-01T00:00:00Z"}, [], True, id="from the next period"),
        pytest.param({"invoice_cadence": "ARREAR"}, [], True, id="in arrear"),
    ],
)
def test_what_is_paid_ahead_and_comes_within_a_period_is_charged_for_its_days(
    world: World, running: str, more: dict[str, Any], april: list[Any], may: bool
) -> None:
    own(world, running, SEATS, **more)
    assert asked(world, running, "2026-04-11T04:00") == april
    base, seats = [("Base", 3000)], [("Seats", 3000)] * may
    if more.get("invoice_cadence"):
        seats = [("Seats", 2000)]
    assert asked(world, running, "2026-05-01T01:00", "2026-05-01T04:00") == [*april, base + seats]


def resting(world: World, **more: Any) -> str:
    """It was paused on the 11th; today is the 16th."""
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE), **more)
    with world.db.write() as connection:
        turns.pause(connection, made, reason="", meta={}, actor="test", now=at("2026-04-11"))
    world.now = at("2026-04-16")
    return made


def goes_on(world: World, subscription: str) -> list[list[tuple[str, int]]]:
    """Resumed on the 21st: its invoices before the period ends."""
    world.now = at("2026-04-21")
    with world.db.write() as connection:
        joining.resume(connection, subscription, actor="test", now=world.now)
    return asked(world, subscription, "2026-04-21T04:00")


@pytest.mark.parametrize(
    ("cycle", "more", "at_once", "later"),
    [
        pytest.param("anniversary", {}, [], [[("Seats", 2000)]], id="all that is left is served afterwards"),
        pytest.param("calendar", {}, [], [[("Seats", 1000)]], id="a calendar's month ends as ever"),
        pytest.param(
            "anniversary", {"start_date": "2026-04-06T00:00:00Z"}, [[("Seats", 500)]], [[("Seats", 2000)]],
            id="what was served before the pause",
        ),
        pytest.param("anniversary", {"start_date": "2026-04-26T00:00:00Z"}, [], [[("Seats", 1500)]], id="from later"),
        pytest.param(
            "anniversary", {"start_date": "2026-05-05T00:00:00Z"}, [], [[("Seats", 600)]],
            id="from a day that the pause moved into the period",
        ),
        pytest.param("anniversary", {"end_date": "2026-04-19T00:00:00Z"}, [], [], id="over before it goes on"),
    ],
)  # fmt: skip
def test_what_joins_in_a_pause_is_charged_when_the_subscription_goes_on(
    world: World, cycle: str, more: dict[str, Any], at_once: list[Any], later: list[Any]
) -> None:
    made = resting(world, billing_cycle=cycle)
    own(world, made, SEATS, **more)
    assert asked(world, made, "2026-04-16T04:00") == at_once
    assert goes_on(world, made) == [*at_once, *later]
    with world.db.write() as connection:  # and once only
        turns.pause(connection, made, reason="", meta={}, actor="test", now=world.now)
    assert goes_on(world, made) == [*at_once, *later]


@pytest.mark.parametrize("how", ["an addon", "a line at a new price", "a price that changes", "not prorated"])
def test_in_a_pause_nothing_joins_for_nothing_but_what_is_wished_so(world: World, how: str) -> None:
    made = resting(world)
    if how == "an addon":
        world.addon("seats", SEATS)
        with world.db.write() as connection:
            row = subscriptions.find(connection, made)
            wish = addons.read(connection, Given({"addon_id": "addon_seats"}), agreeing.rhythm_of(row), world.now)
            addons.add(connection, made, wish, actor="test", now=world.now)
    elif how == "not prorated":
        with world.db.write() as connection:
            row = subscriptions.find(connection, made, lock=True)
            wish_ = {**full("plan_pro", SEATS), "entity_type": "PLAN"}
            price = price_book.create(connection, Given(wish_), actor="test", now=world.now)
            joining.join(connection, row, [Line(pin(price), "1")], prorate=False, actor="test", now=world.now)
    else:
        price = own(world, made, {**SEATS, "amount": "60"})
        world.now, dearer = at("2026-04-17"), Given({"amount": "30"})
        with world.db.write() as connection:
            if how == "a price that changes":
                own_prices.change(connection, price["id"], dearer, actor="test", now=world.now)
            else:
                line = subscriptions.lines_of(connection, made)[-1]
                line_changes.change(connection, line.id, dearer, world.now)
    assert asked(world, made, "2026-04-17T04:00") == []
    assert goes_on(world, made) == ([] if how == "not prorated" else [[("Seats", 2000)]])


def test_lines_that_come_together_are_on_one_invoice_and_none_where_it_is_not_wished(
    world: World, running: str
) -> None:
    wish = {**full(running, SEATS), "entity_type": "SUBSCRIPTION"}
    with world.db.write() as connection:
        own_prices.create_many(connection, Given({"items": [wish, wish]}), actor="test", now=world.now)
        row = subscriptions.find(connection, running, lock=True)
        price = price_book.rows_of(connection, "SUBSCRIPTION", [running])[0]
        joining.join(connection, row, [Line(pin(price), "1")], prorate=False, actor="test", now=world.now)
    assert asked(world, running, "2026-04-11T04:00") == [[("Seats", 2000), ("Seats", 2000)]]
    assert asked(world, running, "2026-05-01T01:00", "2026-05-01T04:00")[1:] == [
        [("Base", 3000), *[("Seats", 3000)] * 3]
    ]


@pytest.mark.parametrize("since", ["2026-04-01", "2026-04-11"], ids=["from the beginning", "later"])
def test_what_was_paid_ahead_of_a_line_that_would_have_ended_comes_back_for_its_own_days(
    world: World, since: str
) -> None:
    """Paid until the 21st; over on the 16th."""
    until = {"end_date": "2026-04-21T00:00:00Z"}
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE))
    world.now = at(since)
    own(world, made, SEATS, **until)
    world.now = at("2026-04-16")
    with world.db.write() as connection:
        row = subscriptions.find(connection, made, lock=True)
        back = [line for line in prorating.credit(connection, row, world.now) if line.span and line.exact == -5]
    assert len(back) == 1


@pytest.mark.parametrize("how", ["the line changes", "its price changes", "the plan's price changes"])
@pytest.mark.parametrize("paid", [True, False], ids=["paid", "still a draft"])
def test_what_was_paid_ahead_comes_back_with_the_line_that_goes_on(world: World, how: str, paid: bool) -> None:
    """30 for April, 60 from the 11th on, over on the 16th: half of what was paid."""
    plan = world.plan("pro", BASE if how == "its price changes" else {**SEATS, "display_name": "Seats"})
    made = world.subscribe(world.customer("studio"), plan)
    price = own(world, made, SEATS)["id"] if how == "its price changes" else ""
    if paid:
        asked(world, made, "2026-04-01T04:00")
    world.now = at("2026-04-11")
    with world.db.write() as connection:
        line = [each for each in subscriptions.lines_of(connection, made) if each.name == "Seats"][-1]
        to = Given({"amount": "60"})
        if how == "the line changes":
            line_changes.change(connection, line.id, to, world.now)
        else:
            wish = {"actor": "test", "now": world.now}
            own_prices.change(connection, price or line.price_id, to, **wish)
    if how == "the plan's price changes":
        syncing.sync(world.db, plan, world.clock)
    for _ in range(2):  # and once more, on the same day: nothing twice
        world.now = at("2026-04-16")
        with world.db.write() as connection:
            row = subscriptions.find(connection, made, lock=True)
            back = [line.exact for line in prorating.credit(connection, row, world.now)]
            assert back == [-15]
            (goes_on,) = [
                each for each in subscriptions.lines_of(connection, made) if each.name == "Seats" and not each.end_at
            ]
            assert [line.exact for line in prorating.unused(connection, row, goes_on, world.now)] == [-15]


def test_a_line_that_changes_on_a_day_to_come_gives_nothing_back_twice(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", SEATS))
    asked(world, made, "2026-04-01T04:00")
    line = line_named(world, made, "Seats")
    world.now = at("2026-04-16")
    with world.db.write() as connection:
        later = Given({"amount": "60", "effective_from": "2026-04-21T00:00:00Z"})
        line_changes.change(connection, line.id, later, world.now)
        row = subscriptions.find(connection, made, lock=True)
        assert [each.exact for each in prorating.credit(connection, row, world.now)] == [-15]


def test_what_is_paid_once_is_asked_for_once_when_it_comes_within_a_period(world: World, running: str) -> None:
    own(world, running, SETUP)
    assert asked(world, running, "2026-05-01T01:00", "2026-05-01T04:00", "2026-06-01T01:00", "2026-06-01T04:00") == [
        [("Base", 3000), ("Setup", 9900)],
        [("Base", 3000)],
    ]


def test_who_is_there_already_does_not_pay_a_plans_new_one_time_price(world: World, running: str) -> None:
    synced(world, "plan_pro", SETUP)
    assert asked(world, running, "2026-05-01T01:00", "2026-05-01T04:00") == [[("Base", 3000)]]


def test_a_one_time_price_that_was_paid_is_not_paid_again_when_the_plan_changes_it(world: World) -> None:
    plan = world.plan("pro", SETUP)
    made = world.subscribe(world.customer("studio"), plan)
    world.now = at("2026-04-11")
    with world.db.write() as connection:
        (price,) = price_book.rows_of(connection, "PLAN", [plan])
        price_book.change(connection, price["id"], Given({"amount": "50"}), actor="test", now=world.now)
    syncing.sync(world.db, plan, world.clock)
    assert asked(world, made, "2026-04-12", "2026-05-01T01:00", "2026-05-01T04:00") == [[("Setup", 9900)], []]


@pytest.mark.parametrize("by", ["the line", "the price"])
def test_a_one_time_price_does_not_change_once_it_has_begun(world: World, running: str, by: str) -> None:
    price = own(world, running, SETUP)
    world.now = at("2026-04-12")
    wish, line = Given({"amount": "1"}), line_named(world, running, "Setup")

    def changed(connection: Connection) -> None:
        if by == "the price":
            own_prices.change(connection, price["id"], wish, actor="test", now=world.now)
        else:
            line_changes.change(connection, line.id, wish, world.now)

    with world.db.write() as connection, pytest.raises(Conflict, match="paid once"):
        changed(connection)


def test_a_one_time_price_that_is_dropped_before_it_begins_is_not_paid(world: World, running: str) -> None:
    own(world, running, SETUP, start_date="2026-05-10T00:00:00Z")
    with world.db.write() as connection:
        line = line_named(world, running, "Setup")
        subscriptions.end_line(connection, line.id, at=world.now, now=world.now)
    assert asked(world, running, "2026-05-01T01:00", "2026-05-01T04:00", "2026-06-01T01:00", "2026-06-01T04:00") == [
        [("Base", 3000)],
        [("Base", 3000)],
    ]


def billed_april(world: World) -> tuple[str, Any]:
    """A subscription whose April, with 80 images at a price of its own, is on an invoice; and that price."""
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE))
    price = own(world, made, IMAGES)
    world.event("studio", "image.generated", "2026-04-05", image_count=80)
    asked(world, made, "2026-05-01T01:00", "2026-05-01T04:00")
    world.now = at("2026-05-11")
    return made, price


@pytest.mark.parametrize("how", ["another price", "a line that ends", "a price that changes", "a price that ends"])
def test_a_period_that_is_billed_is_not_priced_anew(world: World, how: str) -> None:
    made, price = billed_april(world)
    line, past = line_named(world, made, "Images"), "2026-04-03T00:00:00Z"

    def priced_anew(connection: Connection) -> None:
        if how == "another price":
            wish = Given({**full(made, IMAGES), "entity_type": "SUBSCRIPTION", "amount": "1", "start_date": past})
            own_prices.create(connection, wish, actor="test", now=world.now)
        elif how == "a line that ends":
            subscriptions.end_line(connection, line.id, at=at("2026-04-03"), now=world.now)
        elif how == "a price that ends":
            own_prices.end(connection, price["id"], Given({"end_date": past}), actor="test", now=world.now)
        else:
            wish = Given({"amount": "1", "effective_from": past})
            own_prices.change(connection, price["id"], wish, actor="test", now=world.now)

    with world.db.write() as connection, pytest.raises(InvalidInput, match="a period that is billed"):
        priced_anew(connection)


def test_a_line_that_has_ended_does_not_go_on(world: World) -> None:
    made, _ = billed_april(world)
    line = line_named(world, made, "Images")
    with world.db.write() as connection:
        subscriptions.end_line(connection, line.id, at=world.now, now=world.now)
        later = subscriptions.end_line(connection, line.id, at=at("2026-08-01"), now=world.now)
    assert later.end_at == world.now


def test_a_draft_keeps_what_begins_later_and_waits_for_its_payment(world: World) -> None:
    made = world.subscribe(
        world.customer("studio"), world.plan("pro", {**BASE, "invoice_cadence": "ADVANCE"}),
        subscription_status="draft", payment_behavior="default_incomplete",
    )  # fmt: skip
    own(world, made, IMAGES, start_date="2026-06-01T00:00:00Z")
    with world.db.write() as connection:
        row = turns.activate(connection, made, start_at=at("2026-04-05"), now=world.now)
        starts = [line.start_at for line in subscriptions.lines_of(connection, made)]
    assert (row.state, starts) == ("incomplete", [at("2026-04-05"), at("2026-06-01")])


def test_a_cancellation_never_puts_off_the_end_that_was_agreed(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE), end_date="2026-04-20T00:00:00Z")
    with world.db.write() as connection:
        row = turns.cancel(connection, made, at=at("2026-05-01"), reason="", now=world.now)
    assert row.cancel_at == at("2026-04-20")


@pytest.mark.parametrize(
    ("quantities_", "asked_for", "may"),
    [
        pytest.param(["10"], [(2742, 0)], 10_000, id="more: credit and charge are rounded by themselves"),
        pytest.param(["2.5"], [(0, 1371)], 2_500 - 1371, id="less: what is too much is carried"),
        pytest.param(["10", "5"], [(2742, 0), (0, 2742)], 5_000 - 2742, id="there and back costs nothing"),
        pytest.param(["5.0"], [], 5_000, id="as many"),
    ],
)
def test_a_quantity_that_changes_within_a_period_is_paid_for_by_days(
    world: World, quantities_: list[str], asked_for: list[tuple[int, int]], may: int
) -> None:
    """Five at 10 are paid ahead for 31 days of March; 17 of them are left on the 15th."""
    world.now = at("2026-03-01")
    plan = world.plan("pro", {**SEATS, "amount": "10"})
    with world.db.read() as connection:
        (price,) = price_book.rows_of(connection, "PLAN", [plan])
    wish = [{"price_id": price["id"], "quantity": "5"}]
    made = world.subscribe(world.customer("studio"), plan, override_line_items=wish)
    for moment in ("2026-03-01T03:00", "2026-03-15"):
        world.now = at(moment)
        world.turn()
    for quantity in quantities_:
        line = line_named(world, made, "Seats")
        with world.db.write() as connection:
            given = Given({"id": line.id, "quantity": quantity})
            quantities.change(connection, made, [given], actor="test", now=world.now)
    for moment in ("2026-03-15T04:00", "2026-04-01T00:10", "2026-04-01T03:00"):
        world.now = at(moment)
        world.turn()
    first, *between, last = world.invoices(made)
    kept = [(row.total, row.computed["carried_left"]) for row in between]
    assert (first.total, kept, last.total) == (5_000, asked_for, may)
