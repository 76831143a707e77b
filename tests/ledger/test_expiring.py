"""The last day of a lot: once, only what nobody holds, and the rest is used up first."""

from datetime import datetime, timedelta

import pytest

from app.kernel.db import Database
from app.kernel.errors import Conflict, NotFound
from app.ledger.lane import Lane
from app.ledger.operations import ExpireOp, GiveBackOp, ReverseOp, SetAsideOp
from app.ledger.reads import account_balances
from app.ledger.wallet import Ledger
from tests.ledger.support import Shop, credits, run

TODAY = datetime.now().astimezone()
YESTERDAY, TOMORROW, NEXT_YEAR = TODAY - timedelta(days=1), TODAY + timedelta(days=1), TODAY + timedelta(days=365)


def expired(shop: Shop) -> list[int]:
    return [int(done.amount.amount) for done in run(shop.ledger.expire_lots())]


def test_what_is_left_of_a_lot_ends_once(shop: Shop) -> None:
    workspace = shop.workspace()
    shop.grant(workspace, 30, kind="paid", label="Old", expires_at=YESTERDAY)
    shop.grant(workspace, 50, kind="paid", label="New", expires_at=TOMORROW)
    shop.settle(shop.hold(workspace, 10), 10)
    assert expired(shop) == [20]
    assert expired(shop) == []
    assert shop.remaining(workspace) == {"Old": 0, "New": 50}
    assert shop.figures(workspace) == (50, 0, 0)
    (row,) = shop.ledger.statement(workspace, kinds=["expiry"])
    assert (row.moved, row.balance_after, (row.memo or {})["label"]) == (-credits(20), credits(50), "Old")


@pytest.mark.parametrize(
    ("kind", "account"),
    [
        pytest.param("paid", "revenue:breakage", id="paid for and unused: earned"),
        pytest.param("plan", "revenue:breakage", id="of a plan and unused: earned"),
        pytest.param("promo", "expense:promo", id="a gift nobody used: no expense"),
    ],
)
def test_where_it_goes(shop: Shop, kind: str, account: str) -> None:
    workspace = shop.workspace()
    shop.grant(workspace, 30, kind=kind, expires_at=YESTERDAY)
    with shop.db.read() as connection:
        before = account_balances(connection, account)
    assert expired(shop) == [30]
    with shop.db.read() as connection:
        after = account_balances(connection, account)
    key = (account, "credit")
    assert after[key] - before.get(key, 0) == -30_000_000


def test_what_is_held_waits_for_its_hold_and_is_used_first(shop: Shop) -> None:
    workspace = shop.workspace()
    shop.grant(workspace, 30, label="Old", expires_at=YESTERDAY, priority=100)
    shop.grant(workspace, 50, label="New", priority=1)
    generation = shop.hold(workspace, 70)
    assert expired(shop) == [10]
    assert shop.remaining(workspace) == {"Old": 20, "New": 50}
    assert expired(shop) == []
    shop.settle(generation, 15)
    assert shop.remaining(workspace) == {"Old": 5, "New": 50}, "the ended lot is drawn first"
    assert expired(shop) == [5]
    assert shop.figures(workspace) == (50, 0, 0)


def test_what_comes_back_into_an_ended_lot_ends_as_well(shop: Shop) -> None:
    """Case 44: a refund of an expired lot, given back."""
    workspace = shop.workspace()
    lot_id = shop.top_up(workspace, 100, expires_at=YESTERDAY).lot_id
    charge = shop.settle(shop.hold(workspace, 20), 20)
    shop.perform(SetAsideOp(workspace, "re_1", lot_id, credits(30), "refund", "ann"))
    assert expired(shop) == [50]
    shop.perform(GiveBackOp("re_1", "ann"))
    assert expired(shop) == [30]
    shop.perform(ReverseOp(charge.journal_id, "ann", "x"))
    assert expired(shop) == [20]
    assert shop.figures(workspace) == (0, 0, 0)


def test_two_processes_at_once_end_a_lot_once(shop: Shop, lane: Lane, database: Database) -> None:
    workspace = shop.workspace()
    lots = [shop.top_up(workspace, 10, expires_at=YESTERDAY).lot_id for _ in range(3)]
    first = lane.work([ExpireOp(lot_id) for lot_id in lots] * 2)
    again = Lane(database)
    second = again.work([ExpireOp(lot_id) for lot_id in lots])
    again.stop()
    assert [done.already for done in (*first, *second)] == [False] * 3 + [True] * 6  # type: ignore[union-attr]
    assert shop.count("journal WHERE kind = 'expiry'") == 3


def test_a_lot_does_not_end_before_its_day(shop: Shop) -> None:
    workspace = shop.workspace()
    for expires_at in (None, TOMORROW):
        lot_id = shop.top_up(workspace, 10, expires_at=expires_at).lot_id
        with pytest.raises(Conflict):
            shop.perform(ExpireOp(lot_id))
    with pytest.raises(NotFound):
        shop.perform(ExpireOp("lot_none"))
    assert expired(shop) == []


def test_a_lot_ends_at_its_moment(shop: Shop, database: Database) -> None:
    workspace = shop.workspace()
    shop.top_up(workspace, 10, expires_at=TOMORROW)
    early = Ledger(database, lambda: TOMORROW - timedelta(microseconds=1))
    late = Ledger(database, lambda: TOMORROW)
    for ledger, ended in ((early, 0), (late, 1)):
        ledger.start()
        assert len(run(ledger.expire_lots())) == ended
        ledger.stop()


def test_many_lots_end_a_few_at_a_time(shop: Shop) -> None:
    workspace = shop.workspace()
    for number in range(5):
        shop.top_up(workspace, 1, expires_at=YESTERDAY - timedelta(days=number))
    counts = []
    while done := run(shop.ledger.expire_lots(limit=2)):
        counts.append(len(done))
    assert counts == [2, 2, 1]


def test_which_lots_end_soon(shop: Shop) -> None:
    first, second = shop.workspace(), shop.workspace()
    shop.top_up(first, 10, label="Ended", expires_at=YESTERDAY)
    shop.top_up(first, 10, label="Soon", expires_at=TOMORROW)
    shop.top_up(second, 20, label="Soon too", expires_at=TOMORROW + timedelta(hours=1))
    shop.top_up(second, 10, label="Later", expires_at=NEXT_YEAR)
    shop.top_up(second, 10, label="Never")
    shop.top_up(first, 5, label="Used up", expires_at=TOMORROW - timedelta(hours=1))
    shop.settle(shop.hold(first, 15), 15)
    soon = shop.ledger.expiring(timedelta(days=7))
    assert [(lot.workspace_id, lot.label, lot.remaining) for lot in soon] == [
        (first, "Soon", credits(10)),
        (second, "Soon too", credits(20)),
    ]
    page = shop.ledger.expiring(timedelta(days=7), limit=1)
    assert [*page, *shop.ledger.expiring(timedelta(days=7), after=page[0].place)] == soon
