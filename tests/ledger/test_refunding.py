"""Credits whose payment goes back: set aside, given back or taken back; what was used by then is debt."""

from typing import Any

import pytest
from sqlalchemy import Connection

from app.kernel.errors import (
    Conflict,
    IdempotencyConflict,
    InsufficientCredits,
    InvalidInput,
    NotAllowed,
    NotFound,
)
from app.kernel.money import Money
from app.ledger.asides import set_asides
from app.ledger.lane import Lane
from app.ledger.operations import (
    FreezeOp,
    GiveBackOp,
    ReverseOp,
    SetAside,
    SetAsideOp,
    TakeBackOp,
    TakenBack,
    ThawOp,
    WriteOffOp,
)
from app.ledger.reads import account_balances
from tests.ledger.support import EUR, Shop, credits, run

NONE = credits(0)


@pytest.fixture
def customer(shop: Shop) -> tuple[str, str]:
    """A workspace with 100 credits bought, and that lot."""
    workspace = shop.workspace()
    return workspace, shop.top_up(workspace, 100).lot_id


def aside(workspace: str, lot_id: str, amount: int, ref: str = "re_1", **more: Any) -> SetAsideOp:
    return SetAsideOp(workspace, ref, lot_id, credits(amount), **({"reason": "refund", "actor": "ann"} | more))


def taken(ref: str = "re_1", shortfall: int = 0, **more: Any) -> TakeBackOp:
    return TakeBackOp(ref, credits(shortfall), **({"actor": "ann"} | more))


def stands(shop: Shop, workspace: str) -> tuple[int, int, int, int, bool]:
    """Balance, set aside, debt, available, frozen: whole credits."""
    found = shop.ledger.balance(workspace)
    figures = (found.balance, found.set_aside, found.debt, found.available)
    return (*(int(figure.amount) for figure in figures), found.frozen)  # type: ignore[return-value]


# --- setting aside


def test_what_is_set_aside_is_out_of_the_balance(shop: Shop, customer: tuple[str, str]) -> None:
    workspace, lot_id = customer
    done = run(
        shop.ledger.set_aside(workspace, ref="re_1", lot_id=lot_id, amount=credits(40), reason="refund", actor="ann")
    )
    assert (done.amount, done.short, done.already) == (credits(40), NONE, False)
    assert stands(shop, workspace) == (60, 40, 0, 60, False)
    with pytest.raises(InsufficientCredits):
        shop.hold(workspace, 61)
    view = shop.ledger.set_aside_of("re_1")
    assert view is not None
    assert (view.state, view.amount, view.lot_id, view.workspace_id) == ("open", credits(40), lot_id, workspace)


def test_it_takes_from_that_lot_and_no_other(shop: Shop, customer: tuple[str, str]) -> None:
    workspace, lot_id = customer
    shop.grant(workspace, 50)
    shop.perform(aside(workspace, lot_id, 100))
    assert shop.remaining(workspace) == {"Starter": 0, "Gift": 50}
    with pytest.raises(InsufficientCredits) as refused:
        shop.perform(aside(workspace, lot_id, 1, "re_2"))
    assert refused.value.details == {"required": 1_000_000, "available": 0}


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("held", "settled", "free"),
    [
        pytest.param(30, None, 70, id="held"),
        pytest.param(30, 20, 80, id="used"),
        pytest.param(100, None, 0, id="all of it held"),
        pytest.param(100, 100, 0, id="all of it used"),
    ],
)
def test_what_is_held_or_used_stays(
    shop: Shop, customer: tuple[str, str], held: int, settled: int | None, free: int
) -> None:
    workspace, lot_id = customer
    generation = shop.hold(workspace, held)
    if settled is not None:
        shop.settle(generation, settled)
    with pytest.raises(InsufficientCredits):
        shop.perform(aside(workspace, lot_id, 100))
    done = shop.perform(aside(workspace, lot_id, 100, partial=True))
    assert (done.amount, done.short) == (credits(free), credits(100 - free))
    assert (done.journal_id is None) == (free == 0)
    again = shop.perform(aside(workspace, lot_id, 100, partial=True))
    assert again == done._replace(already=True)
    if settled is None:
        assert shop.settle(generation, held).charged == credits(held), "a hold keeps what it was promised"
    assert stands(shop, workspace) == (0 if settled is None else 100 - settled - free, free, 0, 0, False)


def test_a_refund_counts_once(shop: Shop, customer: tuple[str, str]) -> None:
    workspace, lot_id = customer
    first = shop.perform(aside(workspace, lot_id, 40))
    assert shop.perform(aside(workspace, lot_id, 40)) == first._replace(already=True)
    for other in (aside(workspace, lot_id, 41), aside(shop.workspace(), lot_id, 40)):
        with pytest.raises(IdempotencyConflict):
            shop.perform(other)
    assert stands(shop, workspace) == (60, 40, 0, 60, False)


def test_two_operators_at_once_share_what_is_there(shop: Shop, lane: Lane, customer: tuple[str, str]) -> None:
    workspace, lot_id = customer
    first, second = lane.work([aside(workspace, lot_id, 70, "re_1"), aside(workspace, lot_id, 70, "re_2")])
    assert isinstance(first, SetAside)
    assert isinstance(second, InsufficientCredits)


@pytest.mark.one_engine
@pytest.mark.parametrize(
    ("op", "error"),
    [
        pytest.param(aside("", "", 0), InvalidInput, id="nothing"),
        pytest.param(aside("", "", 1, reason="whim"), InvalidInput, id="for no known reason"),
    ],
)
def test_what_cannot_be_set_aside(shop: Shop, customer: tuple[str, str], op: SetAsideOp, error: Any) -> None:
    with pytest.raises(error):
        shop.perform(op._replace(workspace_id=customer[0], lot_id=customer[1]))


@pytest.mark.one_engine
def test_somebody_elses_lot_is_not_there(shop: Shop, customer: tuple[str, str]) -> None:
    with pytest.raises(NotFound):
        shop.perform(aside(shop.workspace(), customer[1], 10))
    with pytest.raises(NotFound):
        shop.perform(aside(customer[0], "lot_none", 10))


# --- giving back


def test_a_refund_that_failed_returns_everything(shop: Shop, customer: tuple[str, str]) -> None:
    workspace, lot_id = customer
    shop.perform(aside(workspace, lot_id, 100))
    done = run(shop.ledger.give_back("re_1", actor="ann"))
    assert (done.amount, done.already) == (credits(100), False)
    assert stands(shop, workspace) == (100, 0, 0, 100, False)
    assert shop.perform(GiveBackOp("re_1", "ann")) == done._replace(already=True)
    assert shop.perform(aside(workspace, lot_id, 100, "re_2")).amount == credits(100), "all of it may be tried again"


@pytest.mark.one_engine
def test_what_was_decided_is_not_decided_otherwise(shop: Shop, customer: tuple[str, str]) -> None:
    workspace, lot_id = customer
    shop.perform(aside(workspace, lot_id, 10, "re_1"))
    shop.perform(aside(workspace, lot_id, 10, "re_2"))
    shop.perform(GiveBackOp("re_1", "ann"))
    shop.perform(taken("re_2"))
    with pytest.raises(Conflict) as refused:
        shop.perform(taken("re_1"))
    assert refused.value.stable_code == "already_given_back"
    with pytest.raises(Conflict) as refused:
        shop.perform(GiveBackOp("re_2", "ann"))
    assert refused.value.stable_code == "already_taken_back"
    assert stands(shop, workspace) == (90, 0, 0, 90, False)


@pytest.mark.one_engine
@pytest.mark.parametrize("op", [GiveBackOp("re_none", "ann"), taken("re_none")], ids=["give back", "take back"])
def test_nothing_is_decided_that_was_not_set_aside(shop: Shop, op: Any) -> None:
    with pytest.raises(NotFound):
        shop.perform(op)


def test_nothing_set_aside_gives_nothing_back(shop: Shop, customer: tuple[str, str]) -> None:
    workspace, lot_id = customer
    shop.settle(shop.hold(workspace, 100), 100)
    shop.perform(aside(workspace, lot_id, 40, partial=True))
    done = shop.perform(GiveBackOp("re_1", "ann"))
    assert (done.journal_id, done.amount, done.already) == (None, NONE, False)
    assert shop.perform(GiveBackOp("re_1", "ann")).already


# --- taking back


def test_a_refund_that_went_through_undoes_the_issue(shop: Shop, customer: tuple[str, str]) -> None:
    workspace, lot_id = customer
    shop.perform(aside(workspace, lot_id, 40))
    done = run(shop.ledger.take_back("re_1", shortfall=NONE, actor="ann"))
    assert (done.amount, done.shortfall, done.already) == (credits(40), NONE, False)
    assert stands(shop, workspace) == (60, 0, 0, 60, False)
    assert shop.perform(taken("re_1")) == done._replace(already=True)
    with shop.db.read() as connection:
        assert account_balances(connection, "issued:") == {("issued:credits:paid", "credit"): 60_000_000}


def test_what_was_used_of_a_refunded_payment_is_debt(shop: Shop, customer: tuple[str, str]) -> None:
    """Case 26: refunded at the provider, after most of it was used."""
    workspace, lot_id = customer
    shop.settle(shop.hold(workspace, 70), 70)
    running = shop.hold(workspace, 10)
    done = shop.perform(aside(workspace, lot_id, 100, partial=True))
    assert (done.amount, done.short) == (credits(20), credits(80))
    back = shop.perform(taken("re_1", 80))
    assert (back.amount, back.shortfall) == (credits(20), credits(80))
    assert stands(shop, workspace) == (10, 0, 80, 0, True)
    (freeze,) = shop.ledger.freezes(workspace)
    assert (freeze.reason, freeze.ref, freeze.actor) == ("debt", "re_1", "ann")
    with pytest.raises(NotAllowed) as refused:
        shop.hold(workspace, 1)
    assert refused.value.stable_code == "wallet_frozen"
    shop.settle(running, 10)
    assert shop.perform(taken("re_1", 80)) == back._replace(already=True)
    with pytest.raises(IdempotencyConflict):
        shop.perform(taken("re_1", 79))


def test_no_more_is_taken_back_than_a_lot_ever_held(shop: Shop, customer: tuple[str, str]) -> None:
    """Partial refunds, one after another; a charge given back in between makes no more of them."""
    workspace, lot_id = customer
    generation = shop.hold(workspace, 60)
    charge = shop.settle(generation, 60).journal_id
    shop.perform(aside(workspace, lot_id, 100, partial=True))
    with pytest.raises(InvalidInput, match="ever held"):
        shop.perform(taken("re_1", 61))
    shop.perform(taken("re_1", 60))
    shop.perform(ReverseOp(charge, "ann", "it was bad"))
    assert stands(shop, workspace) == (60, 0, 60, 0, True)
    again = shop.perform(aside(workspace, lot_id, 60, "re_2", partial=True))
    assert (again.amount, again.short) == (NONE, credits(60))
    with pytest.raises(InvalidInput, match="ever held"):
        shop.perform(taken("re_2", 1))


def test_partial_refunds_add_up(shop: Shop, customer: tuple[str, str]) -> None:
    """Case 27: three of them, decided out of order, each told twice."""
    workspace, lot_id = customer
    for ref in ("re_1", "re_2", "re_3"):
        shop.perform(aside(workspace, lot_id, 20, ref))
    for ref in ("re_3", "re_1", "re_1", "re_2", "re_3"):
        shop.perform(taken(ref))
    assert stands(shop, workspace) == (40, 0, 0, 40, False)
    with shop.db.read() as connection:
        assert {view.state for view in set_asides(connection, lot_id)} == {"taken_back"}


def test_the_money_goes_out_as_it_came(shop: Shop) -> None:
    workspace = shop.workspace()
    lot_id = shop.top_up(workspace, 100, cash=EUR).lot_id
    shop.perform(aside(workspace, lot_id, 100))
    shop.perform(taken("re_1", cash=EUR))
    with shop.db.read() as connection:
        assert not any(micros for (_, unit), micros in account_balances(connection).items() if unit == "EUR")


def test_a_bonus_goes_back_to_what_it_was(shop: Shop) -> None:
    workspace = shop.workspace()
    bought = shop.top_up(workspace, 100, 10)
    shop.perform(aside(workspace, bought.bonus_lot_id or "", 10))
    shop.perform(taken("re_1"))
    with shop.db.read() as connection:
        assert account_balances(connection, "expense:promo") == {("expense:promo", "credit"): 0}


def test_what_travels_with_a_decision_commits_with_it_or_undoes_it(shop: Shop, customer: tuple[str, str]) -> None:
    workspace, lot_id = customer
    seen: list[TakenBack] = []

    def refuses(_connection: Connection, _done: object) -> None:
        raise ZeroDivisionError

    def sees(_connection: Connection, done: TakenBack) -> None:
        seen.append(done)

    for op in (aside(workspace, lot_id, 40), taken("re_1")):
        with pytest.raises(ZeroDivisionError):
            shop.perform(op._replace(within=refuses))
        shop.perform(op._replace(within=sees))
        shop.perform(op._replace(within=sees))
    assert len(seen) == 2
    assert stands(shop, workspace) == (60, 0, 0, 60, False)


# --- debt


@pytest.fixture
def debtor(shop: Shop, customer: tuple[str, str]) -> str:
    """Used 100 credits whose payment went back."""
    workspace, lot_id = customer
    shop.settle(shop.hold(workspace, 100), 100)
    shop.perform(aside(workspace, lot_id, 100, partial=True))
    shop.perform(taken("re_1", 100))
    assert stands(shop, workspace) == (0, 0, 100, 0, True)
    return workspace


def test_a_top_up_pays_the_debt_first(shop: Shop, debtor: str) -> None:
    first = shop.top_up(debtor, 60)
    assert first.debt_paid == credits(60)
    assert stands(shop, debtor) == (0, 0, 40, 0, True)
    second = shop.top_up(debtor, 100, 10, ref="pi_x")
    assert second.debt_paid == credits(40)
    assert stands(shop, debtor) == (70, 0, 0, 70, False)
    assert shop.ledger.freezes(debtor) == []
    assert shop.ledger.lot(second.lot_id).remaining == credits(60)
    assert shop.top_up(debtor, 100, 10, ref="pi_x") == second._replace(already=True)
    shop.hold(debtor, 70)


@pytest.mark.one_engine
def test_a_bonus_pays_no_debt(shop: Shop, debtor: str) -> None:
    done = shop.top_up(debtor, 50, 60)
    assert done.debt_paid == credits(50)
    assert stands(shop, debtor) == (60, 0, 50, 10, True)


@pytest.mark.one_engine
def test_credits_that_paid_a_debt_are_not_refundable(shop: Shop, debtor: str) -> None:
    bought = shop.top_up(debtor, 130)
    done = shop.perform(aside(debtor, bought.lot_id, 130, "re_2", partial=True))
    assert (done.amount, done.short) == (credits(30), credits(100))


@pytest.mark.one_engine
def test_another_reason_keeps_a_balance_frozen(shop: Shop, debtor: str) -> None:
    shop.perform(FreezeOp(debtor, "dispute", "du_1", "stripe"))
    shop.top_up(debtor, 100)
    assert shop.ledger.balance(debtor).frozen
    assert [freeze.reason for freeze in shop.ledger.freezes(debtor)] == ["dispute"]
    assert shop.perform(ThawOp(debtor, "dispute", "du_1", "stripe")).frozen is False
    assert not shop.ledger.balance(debtor).frozen


def test_a_debt_is_written_off(shop: Shop, debtor: str) -> None:
    with pytest.raises(InvalidInput):
        shop.perform(WriteOffOp(debtor, credits(101), "ticket 9", "ann", "gone"))
    part = shop.perform(WriteOffOp(debtor, credits(30), "ticket 9", "ann", "gone"))
    assert shop.perform(WriteOffOp(debtor, credits(30), "ticket 9", "ann", "gone")) == part._replace(already=True)
    with pytest.raises(IdempotencyConflict):
        shop.perform(WriteOffOp(debtor, credits(31), "ticket 9", "ann", "gone"))
    assert stands(shop, debtor) == (0, 0, 70, 0, True)
    run(shop.ledger.write_off(debtor, credits(70), ref="ticket 10", actor="ann", reason="gone"))
    assert stands(shop, debtor) == (0, 0, 0, 0, False)


@pytest.mark.one_engine
def test_a_debt_is_not_reversed(shop: Shop, debtor: str) -> None:
    rows = shop.ledger.statement(debtor, kinds=["take_back", "top_up"])
    assert len(rows) == 2
    for row in rows:
        with pytest.raises(Conflict, match="not reversed"):
            shop.perform(ReverseOp(row.journal_id or "", "ann", "x"))


@pytest.mark.one_engine
@pytest.mark.parametrize(("limit", "available"), [(0, 0), (150, 50)], ids=["prepaid", "on a limit"])
def test_debt_counts_against_what_is_available(shop: Shop, limit: int, available: int) -> None:
    workspace = shop.workspace(credit_limit=limit)
    lot_id = shop.top_up(workspace, 100).lot_id
    generation = shop.hold(workspace, 100)
    shop.settle(generation, 100)
    shop.perform(aside(workspace, lot_id, 100, partial=True))
    shop.perform(taken("re_1", 100))
    assert shop.ledger.balance(workspace).available == credits(available)


@pytest.mark.one_engine
def test_a_charge_over_its_hold_finds_no_room_in_debt(shop: Shop) -> None:
    """`extend` raises a hold only as far as what is available, and debt is not."""
    workspace = shop.workspace()
    lot_id = shop.top_up(workspace, 100).lot_id
    shop.settle(shop.hold(workspace, 40), 40)
    first, second = shop.hold(workspace, 10), shop.hold(workspace, 10)
    assert shop.settle(first, 15, overage="extend").charged == credits(15)
    shop.perform(aside(workspace, lot_id, 1, "re_0"))
    shop.perform(aside(workspace, lot_id, 100, "re_1", partial=True))
    shop.perform(taken("re_1", 40))
    shop.perform(ThawOp(workspace, "debt", None, "ann"))
    shop.grant(workspace, 30)
    assert shop.settle(second, 15, overage="extend").charged == credits(10)


# --- freezing


def test_a_balance_is_frozen_for_each_reason_once(shop: Shop) -> None:
    workspace = shop.workspace(10)
    assert run(shop.ledger.freeze(workspace, "dispute", "du_1", actor="stripe")) == (True, False)
    assert run(shop.ledger.freeze(workspace, "dispute", "du_1", actor="stripe")) == (True, True)
    run(shop.ledger.freeze(workspace, "dispute", "du_2", actor="stripe"))
    run(shop.ledger.freeze(workspace, "operator", "ticket 9", actor="ann"))
    assert run(shop.ledger.thaw(workspace, "dispute", "du_1", actor="stripe")) == (True, False)
    assert run(shop.ledger.thaw(workspace, "dispute", "du_1", actor="stripe")) == (True, True)
    assert run(shop.ledger.thaw(workspace, "operator", actor="ann")) == (True, False)
    assert run(shop.ledger.thaw(workspace, "dispute", actor="stripe")) == (False, False)
    shop.hold(workspace, 10)


@pytest.mark.one_engine
def test_a_reason_may_come_again(shop: Shop) -> None:
    """Case 31: a dispute won, and reopened."""
    workspace = shop.workspace(10)
    for _ in range(2):
        assert shop.perform(FreezeOp(workspace, "dispute", "du_1", "stripe")) == (True, False)
        assert shop.perform(ThawOp(workspace, "dispute", "du_1", "stripe")) == (False, False)
    assert shop.count("wallet_freeze") == 2


@pytest.mark.one_engine
@pytest.mark.parametrize(("reason", "ref"), [("", "x"), ("x", "")], ids=["no reason", "about nothing"])
def test_a_freeze_says_why(shop: Shop, reason: str, ref: str) -> None:
    with pytest.raises(InvalidInput):
        shop.perform(FreezeOp(shop.workspace(), reason, ref, "ann"))


def test_freezing_and_thawing_in_one_batch(shop: Shop, lane: Lane) -> None:
    workspace = shop.workspace(10)
    outcomes = lane.work(
        [
            FreezeOp(workspace, "operator", "a", "ann"),
            shop.hold_op(workspace, 1),
            ThawOp(workspace, "operator", "a", "ann"),
            shop.hold_op(workspace, 1),
        ]
    )
    assert isinstance(outcomes[1], NotAllowed)
    assert not isinstance(outcomes[3], Exception)


def test_a_refund_decided_in_the_batch_it_was_set_aside_in(shop: Shop, lane: Lane, customer: tuple[str, str]) -> None:
    workspace, lot_id = customer
    outcomes = lane.work([aside(workspace, lot_id, 40), taken("re_1"), aside(workspace, lot_id, 60, "re_2")])
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert stands(shop, workspace) == (0, 60, 0, 0, False)


@pytest.mark.one_engine
def test_a_unit_is_not_mistaken_for_another(shop: Shop, customer: tuple[str, str]) -> None:
    shop.perform(aside(*customer, 40))
    with pytest.raises(InvalidInput):
        shop.perform(taken("re_1")._replace(shortfall=Money(1, "EUR")))
