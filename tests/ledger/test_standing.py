"""What a workspace's balance is made of, and what its books said at an earlier moment."""

from datetime import timedelta

import pytest

from app.kernel.clock import now
from app.kernel.money import Money
from app.ledger import reads
from app.ledger.history import available_before, balance_at, lot_uses
from app.ledger.reads import HoldView
from app.ledger.standing import standing
from tests.ledger.support import Shop, credits, run


def stands(shop: Shop, workspace_id: str):
    with shop.db.read() as connection:
        return standing(connection, workspace_id, now())


def held(shop: Shop, generation_id: str) -> HoldView:
    with shop.db.read() as connection:
        found = reads.hold_of(connection, generation_id)
    assert found is not None
    return found


def before(shop: Shop, workspace_id: str, generation_id: str) -> Money | None:
    with shop.db.read() as connection:
        return available_before(connection, workspace_id, held(shop, generation_id))


def test_the_balance_is_named_by_where_it_came_from(shop: Shop) -> None:
    workspace = shop.workspace(500)
    shop.grant(workspace, 2_000, kind="paid", label="Team package", priority=20)
    shop.hold(workspace, 96)

    found = stands(shop, workspace)

    assert found.balance.available == credits(2_404)
    assert (found.left_of("promo"), found.left_of("paid")) == (credits(500), credits(2_000))
    assert found.open_holds == 1
    assert [lot.label for lot in found.lots] == ["Gift", "Team package"]


def test_only_what_ends_within_thirty_days_is_expiring(shop: Shop) -> None:
    workspace = shop.workspace()
    shop.grant(workspace, 10, expires_at=now() + timedelta(days=9))
    shop.grant(workspace, 20, expires_at=now() + timedelta(days=20))
    shop.grant(workspace, 40, expires_at=now() + timedelta(days=31))
    shop.grant(workspace, 80)

    found = stands(shop, workspace)

    assert found.expiring == credits(30)
    assert found.first_end is not None
    assert (found.first_end - now()).days == 8


@pytest.mark.one_engine
def test_an_empty_workspace_stands_at_nothing(shop: Shop) -> None:
    found = stands(shop, shop.workspace())
    assert (found.balance.available, found.open_holds, found.lots, found.expiring, found.first_end) == (
        credits(0),
        0,
        (),
        credits(0),
        None,
    )


@pytest.mark.one_engine
def test_what_was_available_before_a_hold_counts_the_other_holds_of_that_moment(shop: Shop) -> None:
    workspace = shop.workspace(1_000)
    first = shop.hold(workspace, 100)
    second = shop.hold(workspace, 30)
    shop.settle(first, 60)
    third = shop.hold(workspace, 10)

    found = [before(shop, workspace, generation) for generation in (first, second, third)]

    assert found == [credits(1_000), credits(900), credits(910)]


@pytest.mark.one_engine
def test_on_a_credit_limit_nobody_can_say_what_was_available(shop: Shop) -> None:
    workspace = shop.workspace(10, credit_limit=100)
    assert before(shop, workspace, shop.hold(workspace, 50)) is None


@pytest.mark.one_engine
def test_a_charge_names_its_lots_and_what_it_left_in_them(shop: Shop) -> None:
    workspace = shop.workspace()
    shop.grant(workspace, 50, label="First", priority=1)
    shop.grant(workspace, 500, label="Second", priority=2)
    early = shop.hold(workspace, 40)
    shop.settle(early, 40)
    over_both = shop.hold(workspace, 64)
    shop.settle(over_both, 64)
    shop.settle(shop.hold(workspace, 100), 100)  # later uses change nothing about earlier ones

    with shop.db.read() as connection:
        uses = lot_uses(connection, over_both)

    assert [(use.label, use.amount, use.left) for use in uses] == [
        ("First", credits(10), credits(0)),
        ("Second", credits(54), credits(446)),
    ]


@pytest.mark.one_engine
def test_a_charge_on_submit_that_ended_lower_is_told_by_what_it_came_to(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 60)
    run(shop.ledger.capture_early(generation, credits(60)))
    shop.settle(generation, 45)

    with shop.db.read() as connection:
        (use,) = lot_uses(connection, generation)
    assert (use.amount, use.left) == (credits(45), credits(55))


@pytest.mark.one_engine
def test_a_released_generation_used_no_lot(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 60)
    shop.release(generation)
    with shop.db.read() as connection:
        assert lot_uses(connection, generation) == []


def test_the_balance_of_a_moment_is_that_of_the_last_movement(shop: Shop) -> None:
    workspace = shop.workspace(100)
    started = now()
    shop.settle(shop.hold(workspace, 60), 60)
    with shop.db.read() as connection:
        assert balance_at(connection, workspace, started) == credits(100)
        assert balance_at(connection, workspace, now()) == credits(40)
        assert balance_at(connection, workspace, started - timedelta(days=1)) is None
