"""Several wallets of one workspace, and credits that are taken without a generation."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from app.kernel.clock import now
from app.kernel.errors import IdempotencyConflict, InsufficientCredits, Rejected
from app.kernel.money import MICRO, Money
from app.ledger import reads
from app.ledger.direct import post
from app.ledger.operations import DebitOp, GrantOp, Operation, Posting, ToppedUp, TopUpOp
from app.ledger.wallet import open_wallet
from tests.ledger.support import Shop, credits, run

UNIT = "wallet_second"


def second(amount: int) -> Money:
    return Money(amount * MICRO, UNIT)


@pytest.fixture
def workspace(shop: Shop) -> str:
    """100 product credits, and a second wallet that is empty."""
    workspace_id = shop.workspace(100)
    with shop.db.write() as connection:
        open_wallet(connection, workspace_id, unit=UNIT)
    return workspace_id


def do(shop: Shop, *ops: Operation) -> list[object]:
    with shop.db.write() as connection:
        return list(post(connection, ops, now))


def balances(shop: Shop, workspace_id: str) -> tuple[int, int]:
    def both(connection: Connection) -> tuple[int, int]:
        found = [reads.balance(connection, workspace_id, unit).balance.micros // MICRO for unit in ("credit", UNIT)]
        return found[0], found[1]

    with shop.db.read() as connection:
        return both(connection)


def top_up(workspace_id: str, amount: int, **more: object) -> TopUpOp:
    given = {"ref": "first", "label": "By hand", "actor": "test"}
    return TopUpOp(workspace_id, second(amount), **(given | more))  # type: ignore[arg-type]


def debit(workspace_id: str, amount: Money, ref: str = "debit 1", **more: object) -> DebitOp:
    return DebitOp(workspace_id, amount, "manual", ref, "test", **more)  # type: ignore[arg-type]


def test_two_wallets_of_a_workspace_keep_their_own_books(shop: Shop, workspace: str) -> None:
    do(shop, top_up(workspace, 40))
    do(shop, debit(workspace, second(15)), debit(workspace, credits(7), "debit 2"))
    assert balances(shop, workspace) == (93, 25)


def test_a_debit_happens_once(shop: Shop, workspace: str) -> None:
    first = run(shop.ledger.debit(workspace, credits(30), purpose="manual", ref="r", actor="test"))
    again = run(shop.ledger.debit(workspace, credits(30), purpose="manual", ref="r", actor="test"))
    assert (first.already, again.already, first.journal_id) == (False, True, again.journal_id)
    assert balances(shop, workspace)[0] == 70
    with pytest.raises(IdempotencyConflict):
        run(shop.ledger.debit(workspace, credits(31), purpose="manual", ref="r", actor="test"))


@pytest.mark.parametrize(
    ("asked", "partial", "taken"), [(100, False, 100), (101, False, None), (101, True, 100), (5, True, 5)]
)
def test_no_more_is_taken_than_there_is(
    shop: Shop, workspace: str, asked: int, partial: bool, taken: int | None
) -> None:
    asking = debit(workspace, credits(asked), partial=partial)
    if taken is None:
        with pytest.raises(InsufficientCredits):
            do(shop, asking)
    else:
        [done] = do(shop, asking)
        assert isinstance(done, Posting)
        assert done.amount == credits(taken)
    assert balances(shop, workspace)[0] == 100 - (taken or 0)


def test_what_a_hold_counts_on_stays(shop: Shop, workspace: str) -> None:
    shop.hold(workspace, 80)
    with pytest.raises(InsufficientCredits):
        do(shop, debit(workspace, credits(21)))
    [taken] = do(shop, debit(workspace, credits(100), partial=True))
    assert isinstance(taken, Posting)
    assert taken.amount == credits(20)


def test_one_refusal_leaves_nothing_of_the_whole_transaction(shop: Shop, workspace: str) -> None:
    with pytest.raises(Rejected):
        do(shop, debit(workspace, credits(10)), debit(workspace, second(1), "debit 2"))
    assert balances(shop, workspace) == (100, 0)


def test_an_invoice_that_is_voided_gives_its_credits_back_to_their_lots(shop: Shop, workspace: str) -> None:
    [paid] = do(shop, DebitOp(workspace, credits(60), "invoice", "inv_1", "test"))
    assert isinstance(paid, Posting)
    run(shop.ledger.reverse(paid.journal_id, actor="test", reason="voided"))
    assert balances(shop, workspace)[0] == 100


def test_a_top_up_may_say_when_it_is_used(shop: Shop, workspace: str) -> None:
    """The one with the lower figure goes first, whatever came first."""
    [late] = do(shop, top_up(workspace, 10, priority=5))
    [soon] = do(shop, top_up(workspace, 10, ref="second", priority=1, memo={"note": "x"}))
    do(shop, debit(workspace, second(10)))
    assert isinstance(late, ToppedUp)
    assert isinstance(soon, ToppedUp)
    with shop.db.read() as connection:
        left = {lot.id: lot.remaining for lot in reads.lots(connection, workspace, now(), UNIT)}
        memo = reads.journal(connection, soon.journal_id).memo
    assert left == {late.lot_id: second(10)}
    assert memo == {"note": "x", "label": "By hand"}


def test_what_is_left_in_a_second_wallet_ends_on_its_last_day(shop: Shop, workspace: str) -> None:
    do(shop, GrantOp(workspace, second(9), "plan", "May", "grant 1", "test", 0, now() - timedelta(days=1)))
    assert [one.amount for one in run(shop.ledger.expire_lots())] == [second(9)]
    assert balances(shop, workspace) == (100, 0)
