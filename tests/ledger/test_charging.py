"""Hold, settle, release, charge on submit: what each leaves in the wallet and in the journals, on both databases."""

import pytest
from sqlalchemy.exc import IntegrityError

from app.kernel.errors import Conflict, InsufficientCredits, InvalidInput, LimitReached, NotAllowed, NotFound
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.ledger.companion import Companion, CompanionFailed
from app.ledger.operations import AbsorbOp, CaptureEarlyOp, FreezeOp, HoldOp, SettleOp
from tests.ledger.support import DEADLINE, FINISH_GENERATION, INSERT_GENERATION, Shop, cost, credits, dollars

# --- hold


def test_a_hold_sets_credits_aside_without_moving_them(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    assert shop.figures(workspace) == (100, 30, 0)
    assert shop.ledger.balance(workspace).available == credits(70)
    assert shop.journals(generation) == []


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("granted", "limit", "asked", "fits"),
    [
        pytest.param(10, 0, 10, True, id="the last credit can be held"),
        pytest.param(10, 0, 11, False, id="one more cannot"),
        pytest.param(0, 0, 0, True, id="a free model runs on an empty balance"),
        pytest.param(0, 0, 1, False, id="nothing is nothing"),
        pytest.param(10, 5, 15, True, id="the credit limit counts"),
        pytest.param(10, 5, 16, False, id="and ends"),
    ],
)
def test_a_hold_needs_that_much_available(shop: Shop, granted: int, limit: int, asked: int, fits: bool) -> None:
    workspace = shop.workspace(granted, credit_limit=limit)
    if fits:
        shop.hold(workspace, asked)
        assert shop.figures(workspace) == (granted, asked, 0)
        return
    with pytest.raises(InsufficientCredits) as refused:
        shop.hold(workspace, asked)
    assert refused.value.details == {"required": asked * 10**6, "available": (granted + limit) * 10**6}
    assert shop.count("generation") == 0


def test_not_one_micro_credit_more(shop: Shop) -> None:
    workspace = shop.workspace(10)
    op = shop.hold_op(workspace, 10)
    with pytest.raises(InsufficientCredits):
        shop.ledger.perform(op._replace(amount=Money(10_000_001)))


def test_holding_again_answers_the_first_hold(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    again = shop.ledger.perform(shop.hold_op(workspace, 99, generation))
    assert (again.amount, again.already) == (credits(30), True)
    assert shop.figures(workspace) == (100, 30, 0)


def test_a_generation_is_held_in_one_workspace_only(shop: Shop) -> None:
    generation = shop.hold(shop.workspace(100), 30)
    with pytest.raises(Conflict):
        shop.hold(shop.workspace(100), 30, generation)


@pytest.mark.one_engine
def test_a_frozen_balance_takes_no_hold_but_lets_work_finish(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    shop.ledger.perform(FreezeOp(workspace, "operator", "ticket 9", "ann"))
    with pytest.raises(NotAllowed) as refused:
        shop.hold(workspace, 1)
    assert refused.value.stable_code == "wallet_frozen"
    shop.settle(generation, 20)
    assert shop.figures(workspace) == (80, 0, 0)


@pytest.mark.one_engine
def test_an_unknown_workspace_has_no_balance(shop: Shop) -> None:
    with pytest.raises(NotFound):
        shop.ledger.perform(HoldOp(new_id("ws"), new_id("gen"), credits(1), DEADLINE))


@pytest.mark.one_engine
def test_amounts_below_zero_and_foreign_units_are_refused(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    with pytest.raises(InvalidInput):
        shop.hold(workspace, -1)
    with pytest.raises(InvalidInput):
        shop.settle(generation, -1)
    with pytest.raises(InvalidInput):
        shop.ledger.perform(SettleOp(generation, Money(1, "EUR")))
    with pytest.raises(NotFound):
        shop.ledger.perform(HoldOp(workspace, new_id("gen"), Money(1, "EUR"), DEADLINE))


# --- companions and checks


def test_a_companion_lives_and_dies_with_its_hold(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    twin = shop.hold_op(workspace, 30)
    clash = Companion(INSERT_GENERATION, {**twin.also[0].params, "id": generation})
    with pytest.raises(IntegrityError):
        shop.ledger.perform(twin._replace(also=[clash]))
    assert (shop.figures(workspace), shop.count("hold")) == ((100, 30, 0), 1)


def test_a_companion_that_touches_no_row_stops_its_operation(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    missing = Companion(FINISH_GENERATION, {"which": "gen_missing", "to": "settled", "charged": 0, "at": DEADLINE})
    with pytest.raises(CompanionFailed):
        shop.ledger.perform(SettleOp(generation, credits(20), also=[missing]))
    assert shop.figures(workspace) == (100, 30, 0)
    shop.settle(generation, 20)


def test_any_number_of_rows_is_fine_when_none_is_asked_for(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    missing = Companion(
        FINISH_GENERATION, {"which": "gen_missing", "to": "settled", "charged": 0, "at": DEADLINE}, rows=None
    )
    op = shop.settle_op(generation, 20)
    finish = op.also
    shop.ledger.perform(op._replace(also=lambda done: [missing, *finish(done)]))  # type: ignore[operator]
    assert shop.figures(workspace) == (80, 0, 0)


def test_a_check_refuses_under_the_lock(shop: Shop) -> None:
    workspace = shop.workspace(100)

    def refuse(_connection: object) -> None:
        raise LimitReached("Wait a minute.", retry_after_seconds=60)

    with pytest.raises(LimitReached):
        shop.hold(workspace, 30, checks=[refuse])
    assert (shop.figures(workspace), shop.count("generation")) == ((100, 0, 0), 0)


# --- settle


def test_settling_charges_what_was_measured_and_returns_the_rest(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    settled = shop.settle(generation, 20, cost=None)
    assert (settled.charged, settled.absorbed, settled.already) == (credits(20), credits(0), False)
    assert shop.figures(workspace) == (80, 0, 0)
    assert shop.moved(generation) == {"prepaid": 20_000_000, "revenue:usage": -20_000_000}


@pytest.mark.parametrize(
    ("overage", "granted", "limit", "charged", "balance", "owed"),
    [
        pytest.param("cap", 100, 0, 30, 70, 0, id="cap: never more than the hold"),
        pytest.param("extend", 100, 0, 50, 50, 0, id="extend: the balance allows it"),
        pytest.param("extend", 50, 0, 50, 0, 0, id="extend: to the last credit"),
        pytest.param("extend", 49, 0, 30, 19, 0, id="extend: one short is a cap"),
        pytest.param("extend", 30, 20, 50, 0, 20, id="extend: the limit counts as well"),
        pytest.param("owe", 30, 20, 50, 0, 20, id="owe: on the limit"),
        pytest.param("owe", 30, 15, 45, 0, 15, id="owe: as far as the limit goes"),
        pytest.param("owe", 100, 0, 30, 70, 0, id="owe: nothing to owe without a limit"),
    ],
)
def test_what_happens_above_the_hold(
    shop: Shop, overage: str, granted: int, limit: int, charged: int, balance: int, owed: int
) -> None:
    workspace = shop.workspace(granted, credit_limit=limit)
    generation = shop.hold(workspace, 30)
    settled = shop.settle(generation, 50, overage=overage)
    assert (settled.charged, settled.absorbed) == (credits(charged), credits(50 - charged))
    assert shop.figures(workspace) == (balance, 0, owed)
    moved = {"revenue:usage": -50, "prepaid": granted - balance, "receivable": owed}
    moved["expense:absorbed_overage"] = 50 - charged
    assert shop.moved(generation) == {name: micros * 10**6 for name, micros in moved.items() if micros}


def test_a_charge_uses_credits_before_the_limit(shop: Shop) -> None:
    workspace = shop.workspace(20, credit_limit=50)
    generation = shop.hold(workspace, 30)
    shop.settle(generation, 30)
    assert shop.figures(workspace) == (0, 0, 10)


@pytest.mark.one_engine
def test_a_charge_of_nothing_closes_the_hold(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    settled = shop.settle(generation, 0)
    assert settled.charged == credits(0)
    assert shop.journals(generation) == ["capture: "]
    assert shop.figures(workspace) == (100, 0, 0)
    assert shop.settle(generation, 0) == settled._replace(already=True)


@pytest.mark.one_engine
def test_a_free_generation_is_held_settled_and_booked_at_cost(shop: Shop) -> None:
    generation = shop.hold(shop.workspace(), 0)
    shop.ledger.perform(shop.settle_op(generation, 0))
    assert shop.moved(generation) == {}


@pytest.mark.one_engine
def test_cost_is_booked_beside_the_charge(shop: Shop) -> None:
    generation = shop.hold(shop.workspace(100), 30)
    shop.ledger.perform(shop.settle_op(generation, 20, cost=cost(3_000)))
    assert shop.journals(generation) == [
        "capture: prepaid 20 credit, revenue:usage -20 credit, "
        "expense:provider:fal 0.003 USD, payable:provider:fal -0.003 USD"
    ]


def test_settling_again_answers_the_same_figures(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    first = shop.settle(generation, 50)
    again = shop.settle(generation, 7, overage="extend")
    assert again == first._replace(already=True)
    assert shop.figures(workspace) == (70, 0, 0)


@pytest.mark.one_engine
def test_nothing_is_settled_that_was_not_held(shop: Shop) -> None:
    with pytest.raises(NotFound) as refused:
        shop.settle(new_id("gen"), 1)
    assert refused.value.stable_code == "hold_not_found"


# --- release


def test_a_release_gives_the_hold_back(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    released = shop.release(generation)
    assert (released.returned, released.charged, released.already) == (credits(30), credits(0), False)
    assert (shop.figures(workspace), shop.journals(generation)) == ((100, 0, 0), [])
    assert shop.release(generation) == released._replace(already=True)


def test_a_release_after_settling_changes_nothing(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    settled = shop.settle(generation, 20)
    released = shop.release(generation)
    assert released.already
    assert (released.returned, released.charged, released.journal_id) == (
        credits(0),
        credits(20),
        settled.journal_id,
    )
    assert shop.figures(workspace) == (80, 0, 0)


def test_what_upstream_bills_for_a_failure_is_ours(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    shop.release(generation, cost=cost(3_000))
    assert shop.figures(workspace) == (100, 0, 0)
    assert shop.moved(generation) == {"expense:provider:fal": 3_000, "payable:provider:fal": -3_000}
    shop.release(generation, cost=cost(3_000))
    assert shop.count("journal WHERE generation_id IS NOT NULL") == 1


def test_a_cost_that_becomes_known_after_the_release_is_booked_once(shop: Shop) -> None:
    generation = shop.hold(shop.workspace(100), 30)
    shop.release(generation)
    for _ in range(3):
        shop.release(generation, cost=cost(3_000))
    assert shop.moved(generation) == {"expense:provider:fal": 3_000, "payable:provider:fal": -3_000}


@pytest.mark.one_engine
def test_an_unknown_outcome_is_booked_as_expected_until_it_is_known(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    shop.release(generation, cost=cost(3_000), unknown=True)
    assert shop.moved(generation) == {"expense:unknown_upstream": 3_000, "payable:provider:fal": -3_000}
    late = shop.settle(generation, 20, cost=cost(3_500))
    assert (late.late, late.charged, late.already) == (True, credits(0), False)
    assert shop.moved(generation) == {"expense:provider:fal": 3_500, "payable:provider:fal": -3_500}
    assert shop.settle(generation, 20, cost=cost(3_500)) == late._replace(already=True)
    assert shop.figures(workspace) == (100, 0, 0)


@pytest.mark.one_engine
def test_an_unknown_outcome_needs_its_expected_cost(shop: Shop) -> None:
    generation = shop.hold(shop.workspace(100), 30)
    with pytest.raises(InvalidInput):
        shop.release(generation, unknown=True)


def test_a_late_success_is_not_charged(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    shop.release(generation, cost=cost(1_000))
    late = shop.settle(generation, 20, cost=cost(3_000))
    assert late.late
    assert shop.figures(workspace) == (100, 0, 0)
    assert shop.moved(generation) == {"expense:provider:fal": 3_000, "payable:provider:fal": -3_000}


@pytest.mark.one_engine
def test_a_late_success_without_a_known_cost_leaves_a_mark(shop: Shop) -> None:
    generation = shop.hold(shop.workspace(100), 30)
    shop.release(generation)
    assert not shop.settle(generation, 20).already
    assert shop.settle(generation, 20).already
    assert shop.journals(generation) == ["late_cost: "]


@pytest.mark.one_engine
def test_a_failed_attempt_that_was_billed_is_booked_by_itself(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    for expected in (False, True):
        also = [shop.attempt(generation, 2, 1_000)]
        booked = shop.ledger.perform(AbsorbOp(generation, "att_1", cost(1_000), "system", "timed out", also))
        assert (booked.amount, booked.already) == (dollars(1_000), expected)
    shop.settle(generation, 20, cost=cost(3_000))
    assert shop.moved(generation)["expense:provider:fal"] == 4_000
    assert shop.figures(workspace) == (80, 0, 0)


# --- charge on submit


def test_charging_on_submit_takes_the_estimate(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    charged = shop.ledger.perform(CaptureEarlyOp(generation, credits(20)))
    assert (charged.charged, shop.figures(workspace)) == (credits(20), (80, 0, 0))
    assert shop.ledger.perform(CaptureEarlyOp(generation, credits(20))) == charged._replace(already=True)


def test_charging_on_submit_never_exceeds_the_hold(shop: Shop) -> None:
    generation = shop.hold(shop.workspace(100), 30)
    assert shop.ledger.perform(CaptureEarlyOp(generation, credits(40))).charged == credits(30)


@pytest.mark.parametrize(
    ("measured", "charged", "absorbed"),
    [
        pytest.param(20, 20, 0, id="as estimated"),
        pytest.param(5, 5, 0, id="less arrived"),
        pytest.param(0, 0, 0, id="nothing arrived"),
        pytest.param(25, 20, 5, id="more arrived"),
    ],
)
def test_settling_has_the_last_word_after_an_early_charge(
    shop: Shop, measured: int, charged: int, absorbed: int
) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    shop.ledger.perform(CaptureEarlyOp(generation, credits(20)))
    settled = shop.settle(generation, measured)
    assert (settled.charged, settled.absorbed) == (credits(charged), credits(absorbed))
    assert shop.figures(workspace) == (100 - charged, 0, 0)
    assert shop.settle(generation, 1) == settled._replace(already=True)
    assert shop.release(generation).charged == credits(charged)


def test_a_failure_gives_an_early_charge_back(shop: Shop) -> None:
    workspace = shop.workspace(15, credit_limit=50)
    generation = shop.hold(workspace, 30)
    shop.ledger.perform(CaptureEarlyOp(generation))
    assert shop.figures(workspace) == (0, 0, 15)
    released = shop.release(generation)
    assert (released.returned, released.charged) == (credits(30), credits(0))
    assert shop.figures(workspace) == (15, 0, 0)
    again = shop.release(generation)
    assert (again.already, again.journal_id, again.returned) == (True, released.journal_id, credits(30))
    assert shop.settle(generation, 20).late


@pytest.mark.one_engine
def test_an_early_charge_of_a_released_generation_charges_nothing(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    shop.release(generation)
    charged = shop.ledger.perform(CaptureEarlyOp(generation))
    assert (charged.charged, charged.already, charged.late) == (credits(0), True, True)
    assert shop.figures(workspace) == (100, 0, 0)
