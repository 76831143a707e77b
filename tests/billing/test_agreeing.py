"""What an agreement takes: nothing that could not be billed later, a coupon as often as it may be used, and a plan's
new prices without forgetting what was agreed."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from app.billing import coupon_changes, one_off, subscriptions, syncing
from app.billing.subscriptions import SUBSCRIPTION
from app.kernel.db import Database
from app.kernel.errors import IdempotencyConflict, InvalidInput, Rejected
from app.kernel.given import Given
from app.plans import price_book, tables
from tests.billing.world import World, at, full

BASE = {"type": "FIXED", "amount": "20", "display_name": "Base"}
SEATS = {"type": "FIXED", "amount": "5", "display_name": "Seats"}
SUPPORT = {"type": "FIXED", "amount": "100", "display_name": "Support"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database)
    database.dispose()


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        pytest.param({"subscription_coupons": [{"coupon_code": "TEN", "start_date": "soon"}]},
                     "subscription_coupons.0.start_date", id="a coupon that begins soon"),
        pytest.param({"subscription_coupons": [{"coupon_code": "TEN", "end_date": "2026-05-01T00:00:00"}]},
                     "subscription_coupons.0.end_date", id="a coupon that ends in no zone"),
        pytest.param({"override_entitlements": [{"entitlement_id": "ent_1", "usage_limit": "ten"}]},
                     "override_entitlements.0.usage_limit", id="a limit in words"),
        pytest.param({"override_entitlements": [{"entitlement_id": ["ent_1"]}]},
                     "override_entitlements.0.entitlement_id", id="a list as an id"),
        pytest.param({"commitment_amount": "much"}, "commitment_amount", id="a commitment in words"),
        pytest.param({"commitment_amount": "1e30"}, "commitment_amount", id="a commitment beyond all accounts"),
        pytest.param({"line_item_commitments": {"{price}": {"commitment_amount": "x"}}},
                     "line_item_commitments.{price}.commitment_amount", id="a line's commitment in words"),
        pytest.param({"override_line_items": [{"price_id": "{price}", "quantity": "1e999999"}]},
                     "override_line_items.0.quantity", id="a quantity without end"),
        pytest.param({"override_line_items": [{"price_id": "{price}", "quantity": "1e9", "amount": "1e6"}]},
                     "quantity", id="a line beyond all accounts"),
        pytest.param({"override_line_items": [{"price_id": "{price}", "amount": "1e30"}]},
                     "override_line_items.0.amount", id="an amount beyond all accounts"),
        pytest.param({"start_date": "9999-12-31T00:00:00Z"}, "start_date", id="the last day there is"),
    ],
)  # fmt: skip
def test_what_could_not_be_billed_is_not_agreed(world: World, wish: dict[str, Any], param: str) -> None:
    world.coupon("TEN", percentage_off="10")
    customer, plan = world.customer("studio"), world.plan("pro", BASE)
    (price,) = prices(world, plan)
    with pytest.raises(InvalidInput) as refused:
        world.subscribe(customer, plan, **named(wish, price))
    assert refused.value.param == named(param, price)


def test_a_bill_of_ones_own_stays_within_an_account(world: World) -> None:
    with pytest.raises(InvalidInput) as refused:
        bill(world, world.customer("studio"), line_items=[{"amount": "1e30", "quantity": "1"}])
    assert refused.value.param == "line_items.0.amount"


def test_a_coupon_is_used_as_often_as_it_may_be(world: World) -> None:
    world.coupon("TWICE", percentage_off="10", max_redemptions=2)
    customer, plan = world.customer("studio"), world.plan("pro", BASE)
    world.subscribe(customer, plan, coupons=["TWICE"])
    first = bill(world, customer, "TWICE", idempotency_key="one")
    assert bill(world, customer, "TWICE", idempotency_key="one").id == first.id  # the same once more uses none up
    with pytest.raises(Rejected, match="used up"):
        bill(world, customer, "TWICE")
    assert bill(world, customer, "TWICE", idempotency_key="one").id == first.id  # nor does it need one
    with pytest.raises(Rejected, match="used up"):
        world.subscribe(customer, plan, coupons=["TWICE"])
    with world.db.read() as connection:
        assert connection.execute(select(tables.coupon.c.total_redemptions)).scalar_one() == 2
        assert len(connection.execute(select(subscriptions.SUBSCRIPTION.c.id)).all()) == 1


@pytest.mark.parametrize(
    "other",
    [{"coupons": []}, {"due_date": "2026-09-01T00:00:00Z"}, {"metadata": {"order": "8"}}, {"description": "Setup"},
     {"line_items": [{"amount": "10", "quantity": "2"}]}],
    ids=lambda other: next(iter(other)),
)  # fmt: skip
def test_a_key_is_good_for_one_bill(world: World, other: dict[str, Any]) -> None:
    world.coupon("TWICE", percentage_off="0", max_redemptions=2)
    customer = world.customer("studio")
    first = bill(world, customer, "TWICE", idempotency_key="one")
    with pytest.raises(IdempotencyConflict):
        bill(world, customer, "TWICE", idempotency_key="one", **other)
    assert bill(world, customer, "TWICE", idempotency_key="one").id == first.id


def test_a_coupon_of_another_currency_is_refused(world: World) -> None:
    world.coupon("EUROS", type="fixed", amount_off="5", percentage_off=None, currency="eur")
    customer, plan = world.customer("studio"), world.plan("pro", BASE)
    made = world.subscribe(customer, plan)
    with pytest.raises(InvalidInput, match="EUR, and this is in USD"):
        bill(world, customer, "EUROS")
    with pytest.raises(InvalidInput, match="EUR, and this is in USD"):
        world.subscribe(customer, plan, coupons=["EUROS"])
    with world.db.write() as connection:
        row = subscriptions.find(connection, made, lock=True)
        with pytest.raises(InvalidInput, match="EUR, and this is in USD"):
            coupon_changes.give(connection, row, Given({"coupon_code": "EUROS"}), world.now)


def test_a_coupon_is_used_while_it_may_be(world: World) -> None:
    world.coupon("SPRING", percentage_off="10", redeem_before=at("2026-04-01"))
    with pytest.raises(Rejected, match="now"):
        bill(world, world.customer("studio"), "SPRING")


def test_a_plans_new_prices_keep_what_was_agreed(world: World) -> None:
    plan = world.plan("pro", BASE, SEATS, SUPPORT)
    base, seats, support = prices(world, plan)
    world.coupon("HALF", percentage_off="50")
    made = world.subscribe(
        world.customer("studio"), plan, include_price_ids=[base, seats],
        override_line_items=[{"price_id": base, "amount": "15"}, {"price_id": seats, "quantity": "10"}],
        subscription_coupons=[{"coupon_code": "HALF", "price_id": seats}],
    )  # fmt: skip
    world.now = at("2026-04-11")
    with world.db.write() as connection:
        for price_id, amount in ((base, "30"), (seats, "6"), (support, "200")):
            price_book.change(connection, price_id, Given({"amount": amount}), actor="test", now=world.now)
        price_book.create(connection, Given(full(plan, {**SUPPORT, "amount": "1"})), actor="test", now=world.now)
    assert [sync(world, plan), sync(world, plan)] == [1, 0]
    open_lines = [line for line in lines(world, made) if line.end_at is None]
    assert [(line.name, line.quantity, line.price["amount"]) for line in open_lines] == [
        ("Base", "1", "15"),
        ("Seats", "10", "6"),
    ]
    assert [line.end_at for line in lines(world, made)[:2]] == [world.now, world.now]
    coupons = world.subscription(made).agreed["coupons"]
    assert [each["price_id"] for each in coupons] == [seats, open_lines[1].price_id]


def test_a_plans_new_prices_reach_who_took_all_of_them(world: World) -> None:
    plan = world.plan("pro", BASE, SEATS)
    _base, seats = prices(world, plan)
    made = world.subscribe(world.customer("studio"), plan)
    (own,) = [line for line in lines(world, made) if line.price_id == seats]
    world.now = at("2026-04-11")
    with world.db.write() as connection:
        subscriptions.end_line(connection, own.id, at=world.now, now=world.now)
        price_book.change(connection, seats, Given({"amount": "6"}), actor="test", now=world.now)
        price_book.create(connection, Given(full(plan, SUPPORT)), actor="test", now=world.now)
    assert sync(world, plan) == 1
    assert [line.name for line in lines(world, made) if line.end_at is None] == ["Base", "Support"]


def test_a_plan_is_brought_up_to_date_one_subscription_after_the_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off at the second, it has kept the first, and goes on there; who has left the plan meanwhile is let be."""
    plan = world.plan("pro", BASE)
    first, second, third = sorted(world.subscribe(world.customer(name), plan) for name in "abc")
    with world.db.write() as connection:
        price_book.create(connection, Given(full(plan, SUPPORT)), actor="test", now=world.now)
    find = subscriptions.find

    def broken_off(connection: Connection, subscription_id: str, **more: Any) -> Any:
        if subscription_id == second:
            raise ConnectionError("the database went away")
        return find(connection, subscription_id, **more)

    monkeypatch.setattr(subscriptions, "find", broken_off)
    with pytest.raises(ConnectionError):
        sync(world, plan)
    monkeypatch.undo()

    def supported() -> list[str]:
        return [each for each in (first, second, third) if "Support" in [line.name for line in lines(world, each)]]

    assert supported() == [first]
    monkeypatch.setattr(subscriptions, "find", ending(world, third))
    assert (sync(world, plan), supported()) == (1, [first, second])


def ending(world: World, gone: str) -> Any:
    """Looking at a subscription that another has just ended."""
    find = subscriptions.find

    def found(connection: Connection, subscription_id: str, **more: Any) -> Any:
        if subscription_id == gone:
            connection.execute(update(SUBSCRIPTION).where(SUBSCRIPTION.c.id == gone).values(state="cancelled"))
        return find(connection, subscription_id, **more)

    return found


def named(value: Any, price: str) -> Any:
    """With the price's id where it says {price}."""
    if isinstance(value, dict):
        return {named(key, price): named(each, price) for key, each in value.items()}
    if isinstance(value, list):
        return [named(each, price) for each in value]
    return value.replace("{price}", price) if isinstance(value, str) else value


def bill(world: World, customer: str, *codes: str, **more: Any) -> Any:
    wish = {
        "customer_id": customer, "currency": "usd", "coupons": list(codes),
        "line_items": [{"amount": "10", "quantity": "1"}], **more,
    }  # fmt: skip
    with world.db.write() as connection:
        return one_off.create(connection, Given(wish), actor="test", now=world.now)


def prices(world: World, plan: str) -> list[str]:
    with world.db.read() as connection:
        return [str(row["id"]) for row in price_book.rows_of(connection, "PLAN", [plan])]


def lines(world: World, made: str) -> list[Any]:
    with world.db.read() as connection:
        return subscriptions.lines_of(connection, made)


def sync(world: World, plan: str) -> int:
    return syncing.sync(world.db, plan, world.clock)
