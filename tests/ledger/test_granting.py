"""Grants, corrections and reversals; and in which order lots are used up and filled again."""

from datetime import timedelta

import pytest

from app.kernel.errors import Conflict, IdempotencyConflict, InsufficientCredits, InvalidInput, NotFound
from app.kernel.money import Money
from app.ledger.operations import AdjustOp, CaptureEarlyOp, ReverseOp
from tests.ledger.support import START, Shop, cost, credits

# The ledger's clock is the real one, so these are long past and far ahead.
PAST, SOON, LATER = (START.replace(year=year) for year in (2020, 2090, 2095))


# --- grants


def test_a_grant_is_a_lot_and_a_balance(shop: Shop) -> None:
    workspace = shop.workspace()
    granted = shop.grant(workspace, 100, label="Welcome", ref="welcome")
    assert (granted.amount, granted.already) == (credits(100), False)
    assert shop.figures(workspace) == (100, 0, 0)
    assert shop.remaining(workspace) == {"Welcome": 100}


def test_an_occasion_counts_once(shop: Shop) -> None:
    workspace = shop.workspace()
    first = shop.grant(workspace, 100, ref="order 7")
    assert shop.grant(workspace, 100, ref="order 7") == first._replace(already=True)
    assert shop.figures(workspace) == (100, 0, 0)
    with pytest.raises(IdempotencyConflict):
        shop.grant(workspace, 99, ref="order 7")
    with pytest.raises(IdempotencyConflict):
        shop.grant(shop.workspace(), 100, ref="order 7")


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("amount", "more"),
    [
        pytest.param(0, {}, id="nothing"),
        pytest.param(-1, {}, id="less than nothing"),
        pytest.param(1, {"kind": "loan"}, id="an unknown kind of credits"),
    ],
)
def test_what_cannot_be_granted(shop: Shop, amount: int, more: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        shop.grant(shop.workspace(), amount, **more)


def test_a_balance_takes_no_more_than_it_can_tell(shop: Shop) -> None:
    workspace, much = shop.workspace(), 1_500_000_000_000
    shop.grant(workspace, much)
    adjustment = AdjustOp(workspace, credits(much), "slip", "test", "a slip of the pen")
    for more in (
        lambda: shop.grant(workspace, much),
        lambda: shop.perform(adjustment),
        lambda: shop.top_up(workspace, 1, bonus=much),
    ):
        with pytest.raises(InvalidInput) as refused:
            more()
        assert (refused.value.stable_code, refused.value.param) == ("balance_full", "amount")
    assert shop.ledger.balance(workspace).balance == credits(much)


@pytest.mark.one_engine
def test_a_lot_keeps_what_was_paid(shop: Shop) -> None:
    workspace = shop.workspace()
    shop.grant(workspace, 100, kind="paid", cost_basis=Money(95_000_000, "USD"), expires_at=SOON, priority=100)
    (lot,) = shop.ledger.lots(workspace)
    assert (lot.kind, lot.granted, lot.remaining, lot.cost_basis, lot.expires_at) == (
        "paid",
        credits(100),
        credits(100),
        Money(95_000_000, "USD"),
        SOON,
    )


# --- the order of lots


def test_lots_are_used_expired_first_then_by_priority_and_expiry(shop: Shop) -> None:
    workspace = shop.workspace()
    shop.grant(workspace, 10, label="bought, never expires", priority=100)
    shop.grant(workspace, 10, label="gift, later", priority=10, expires_at=LATER)
    shop.grant(workspace, 10, label="gift, soon", priority=10, expires_at=SOON)
    shop.grant(workspace, 10, label="gift, never", priority=10)
    shop.grant(workspace, 10, label="bought, expired", priority=100, expires_at=PAST)
    order = ["bought, expired", "gift, soon", "gift, later", "gift, never", "bought, never expires"]
    assert [lot.label for lot in shop.ledger.lots(workspace)] == order
    for used in range(1, 6):
        shop.settle(shop.hold(workspace, 10), 10)
        emptied = {label for label, left in shop.remaining(workspace).items() if not left}
        assert emptied == set(order[:used])


@pytest.mark.one_engine
def test_published_order_of_expiry(shop: Shop) -> None:
    """Lots of 50 without expiry, 30, 20 and 100 with ever later ones; 70 are used."""
    workspace = shop.workspace()
    for label, amount, expires in (("A", 50, None), ("B", 30, SOON), ("C", 20, LATER), ("D", 100, LATER)):
        at = expires + timedelta(days=1) if label == "D" and expires else expires
        shop.grant(workspace, amount, label=label, expires_at=at)
    shop.settle(shop.hold(workspace, 70), 70)
    assert shop.remaining(workspace) == {"A": 50, "B": 0, "C": 0, "D": 80}


def test_a_charge_may_draw_several_lots(shop: Shop) -> None:
    workspace = shop.workspace()
    for label in ("first", "second", "third"):
        shop.grant(workspace, 10, label=label)
    generation = shop.hold(workspace, 25)
    shop.settle(generation, 25)
    (view,) = shop.ledger.journals_of(generation)
    assert [(use.label, use.amount) for use in view.lot_uses] == [
        ("first", credits(10)),
        ("second", credits(10)),
        ("third", credits(5)),
    ]


# --- adjustments


@pytest.mark.one_engine
def test_an_adjustment_up_is_a_lot_of_its_own(shop: Shop) -> None:
    workspace = shop.workspace(10)
    shop.ledger.perform(AdjustOp(workspace, credits(5), "ticket 9", "ann", "late delivery"))
    assert (shop.figures(workspace), shop.remaining(workspace)) == ((15, 0, 0), {"Gift": 10, "late delivery": 5})


def test_an_adjustment_down_draws_lots(shop: Shop) -> None:
    workspace = shop.workspace(10)
    for expected in (False, True):
        done = shop.ledger.perform(AdjustOp(workspace, credits(-4), "ticket 9", "ann", "twice granted"))
        assert (done.amount, done.already) == (credits(-4), expected)
    assert (shop.figures(workspace), shop.remaining(workspace)) == ((6, 0, 0), {"Gift": 6})
    with pytest.raises(IdempotencyConflict):
        shop.ledger.perform(AdjustOp(workspace, credits(4), "ticket 9", "ann", "typo"))


def test_held_credits_are_not_adjusted_away(shop: Shop) -> None:
    workspace = shop.workspace(10)
    shop.hold(workspace, 7)
    with pytest.raises(InsufficientCredits) as refused:
        shop.ledger.perform(AdjustOp(workspace, credits(-4), "ticket 9", "ann", "x"))
    assert refused.value.details == {"required": 4_000_000, "available": 3_000_000}
    shop.ledger.perform(AdjustOp(workspace, credits(-3), "ticket 9", "ann", "x"))


@pytest.mark.one_engine
def test_an_adjustment_of_nothing_is_refused(shop: Shop) -> None:
    with pytest.raises(InvalidInput):
        shop.ledger.perform(AdjustOp(shop.workspace(10), credits(0), "t", "ann", "x"))


# --- reversals


def test_reversing_a_charge_fills_the_lots_it_drew(shop: Shop) -> None:
    workspace = shop.workspace()
    shop.grant(workspace, 10, label="expired", expires_at=PAST)
    shop.grant(workspace, 10, label="gift")
    generation = shop.hold(workspace, 15)
    settled = shop.settle(generation, 15)
    assert shop.remaining(workspace) == {"expired": 0, "gift": 5}
    for expected in (False, True):
        back = shop.ledger.perform(ReverseOp(settled.journal_id, "ann", "bad result"))
        assert (back.amount, back.already) == (credits(15), expected)
    assert (shop.figures(workspace), shop.remaining(workspace)) == ((20, 0, 0), {"expired": 10, "gift": 10})
    assert shop.moved(generation) == {}
    shop.settle(shop.hold(workspace, 12), 12)
    assert shop.remaining(workspace) == {"expired": 0, "gift": 8}


def test_reversing_a_charge_lowers_what_is_owed(shop: Shop) -> None:
    workspace = shop.workspace(10, credit_limit=20)
    settled = shop.settle(shop.hold(workspace, 25), 25)
    assert shop.figures(workspace) == (0, 0, 15)
    shop.ledger.perform(ReverseOp(settled.journal_id, "ann", "x"))
    assert shop.figures(workspace) == (10, 0, 0)


def test_reversing_a_charge_keeps_our_cost(shop: Shop) -> None:
    workspace = shop.workspace(10)
    generation = shop.hold(workspace, 10)
    settled = shop.settle(generation, 10, cost=cost(3_000))
    shop.ledger.perform(ReverseOp(settled.journal_id, "ann", "x"))
    assert shop.moved(generation) == {"expense:provider:fal": 3_000, "payable:provider:fal": -3_000}


def test_reversing_a_free_generation_keeps_our_cost_too(shop: Shop) -> None:
    generation = shop.hold(shop.workspace(), 0)
    settled = shop.settle(generation, 0, cost=cost(3_000))
    assert shop.ledger.perform(ReverseOp(settled.journal_id, "ann", "x")).amount == credits(0)
    assert shop.moved(generation) == {"expense:provider:fal": 3_000, "payable:provider:fal": -3_000}


def test_reversing_a_grant_takes_it_back_whole(shop: Shop) -> None:
    workspace = shop.workspace(10)
    granted = shop.grant(workspace, 5, label="wrong")
    shop.ledger.perform(ReverseOp(granted.journal_id, "ann", "x"))
    assert (shop.figures(workspace), shop.remaining(workspace)) == ((10, 0, 0), {"Gift": 10, "wrong": 0})


def test_a_grant_in_use_is_not_reversed(shop: Shop) -> None:
    workspace = shop.workspace()
    granted = shop.grant(workspace, 10)
    generation = shop.hold(workspace, 4)
    with pytest.raises(InsufficientCredits):
        shop.ledger.perform(ReverseOp(granted.journal_id, "ann", "x"))
    shop.settle(generation, 4)
    shop.grant(workspace, 10)
    with pytest.raises(Conflict, match="4 credits of this grant are used"):
        shop.ledger.perform(ReverseOp(granted.journal_id, "ann", "x"))


def test_reversing_an_adjustment_either_way(shop: Shop) -> None:
    workspace = shop.workspace(10)
    up = shop.ledger.perform(AdjustOp(workspace, credits(5), "up", "ann", "x"))
    down = shop.ledger.perform(AdjustOp(workspace, credits(-4), "down", "ann", "y"))
    shop.ledger.perform(ReverseOp(down.journal_id, "ann", "x"))
    assert shop.remaining(workspace) == {"Gift": 10, "x": 5}
    shop.ledger.perform(ReverseOp(up.journal_id, "ann", "x"))
    assert (shop.figures(workspace), shop.remaining(workspace)) == ((10, 0, 0), {"Gift": 10, "x": 0})


def test_an_early_charge_partly_returned_is_reversed_for_the_rest(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    early = shop.ledger.perform(CaptureEarlyOp(generation))
    final = shop.settle(generation, 20)
    assert shop.ledger.perform(ReverseOp(early.journal_id, "ann", "x")).amount == credits(20)
    assert (shop.figures(workspace), shop.moved(generation)) == ((100, 0, 0), {})
    with pytest.raises(Conflict):
        shop.ledger.perform(ReverseOp(final.journal_id, "ann", "x"))


@pytest.mark.one_engine
def test_an_expected_cost_can_be_taken_back(shop: Shop) -> None:
    generation = shop.hold(shop.workspace(100), 30)
    booked = shop.release(generation, cost=cost(3_000), unknown=True)
    free = shop.finished(generation, booked._replace(already=True), cost(0))
    shop.ledger.perform(ReverseOp(booked.journal_id, "ann", "upstream says no", also=free))
    assert shop.moved(generation) == {}


@pytest.mark.one_engine
def test_what_cannot_be_reversed(shop: Shop) -> None:
    with pytest.raises(NotFound):
        shop.ledger.perform(ReverseOp("jrn_none", "ann", "x"))
    granted = shop.grant(shop.workspace(), 5)
    back = shop.ledger.perform(ReverseOp(granted.journal_id, "ann", "x"))
    with pytest.raises(Conflict):
        shop.ledger.perform(ReverseOp(back.journal_id, "ann", "x"))
