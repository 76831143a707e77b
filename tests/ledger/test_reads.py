"""What pages read: the balance, lots, the statement and its pages, the journals behind a generation."""

from datetime import timedelta

import pytest

from app.kernel.errors import NotFound
from app.kernel.money import MICRO
from app.ledger import reads
from app.ledger.lane import Lane
from app.ledger.operations import CaptureEarlyOp, ReverseOp
from tests.ledger.support import DEADLINE, START, Shop, cost, credits


def line(row: reads.StatementRow) -> tuple[str, int, int]:
    return (row.kind, row.moved.micros // MICRO, row.held.micros // MICRO)


def test_a_balance_says_what_each_part_is(shop: Shop) -> None:
    workspace = shop.workspace(10, credit_limit=20)
    shop.settle(shop.hold(workspace, 15), 15)
    shop.hold(workspace, 4)
    balance = shop.ledger.balance(workspace)
    assert balance == (credits(0), credits(4), credits(5), credits(20), credits(11), False, credits(0), credits(0))
    with pytest.raises(NotFound):
        shop.ledger.balance("ws_none")


@pytest.mark.one_engine
def test_available_never_reads_below_zero(shop: Shop) -> None:
    workspace = shop.workspace(0, credit_limit=20)
    shop.hold(workspace, 20)
    shop.execute("UPDATE wallet SET credit_limit = 5000000")
    assert shop.ledger.balance(workspace).available == credits(0)
    shop.hold(workspace, 0)


def test_the_statement_tells_the_story_backwards(shop: Shop) -> None:
    workspace = shop.workspace(100)
    done = shop.hold(workspace, 30)
    settled = shop.settle(done, 20, cost=cost(3_000))
    failed = shop.hold(workspace, 10)
    shop.release(failed, cost=cost(1_000))
    early = shop.hold(workspace, 8)
    shop.ledger.perform(CaptureEarlyOp(early))
    shop.settle(early, 6)
    shop.ledger.perform(ReverseOp(settled.journal_id, "ann", "x"))
    rows = shop.ledger.statement(workspace)
    assert [line(row) for row in rows] == [
        ("reversal", 20, 0),
        ("final", 2, 0),
        ("early_capture", -8, -8),
        ("hold", 0, 8),
        ("release", 0, -10),
        ("hold", 0, 10),
        ("capture", -20, -30),
        ("hold", 0, 30),
        ("grant", 100, 0),
    ]
    assert [row.balance_after for row in rows if row.balance_after] == [
        credits(amount) for amount in (94, 74, 72, 80, 100)
    ]
    assert {row.generation_id for row in rows} == {None, done, failed, early}
    assert sum(row.moved.micros for row in rows) == shop.ledger.balance(workspace).balance.micros
    assert sum(row.held.micros for row in rows) == shop.ledger.balance(workspace).held.micros


@pytest.mark.one_engine
def test_a_free_generation_is_in_the_statement(shop: Shop) -> None:
    workspace = shop.workspace()
    shop.settle(shop.hold(workspace, 0), 0)
    assert [line(row) for row in shop.ledger.statement(workspace)] == [("capture", 0, 0), ("hold", 0, 0)]


@pytest.mark.one_engine
def test_our_own_costs_are_not_on_a_customers_statement(shop: Shop) -> None:
    workspace = shop.workspace(10)
    generation = shop.hold(workspace, 5)
    shop.release(generation, cost=cost(1_000), unknown=True)
    shop.settle(generation, 5, cost=cost(1_500))
    assert {row.kind for row in shop.ledger.statement(workspace)} == {"grant", "hold", "release"}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_pages_of_a_statement_join_without_gap_or_repetition(shop: Shop, size: int) -> None:
    workspace = shop.workspace(100)
    stopped = Lane(shop.db, lambda: START)  # everything in one batch and at one moment: the hardest to page through
    holds = [shop.hold_op(workspace, 2) for _ in range(8)]
    ends = [shop.settle_op(hold.generation_id, 1) for hold in holds[:4]]
    ends_too = [shop.release_op(hold.generation_id) for hold in holds[4:6]]
    stopped.work([*holds, *ends, *ends_too])
    stopped.stop()
    whole = shop.ledger.statement(workspace, limit=1000)
    assert len(whole) == 15
    paged, after = [], None
    while page := shop.ledger.statement(workspace, limit=size, after=after):
        assert len(page) <= size
        paged += page
        after = page[-1].cursor
    assert paged == whole


def test_a_statement_can_be_narrowed(shop: Shop) -> None:
    workspace = shop.workspace(100)
    shop.settle(shop.hold(workspace, 30), 20)
    shop.release(shop.hold(workspace, 10))
    statement = shop.ledger.statement
    assert [row.kind for row in statement(workspace, kinds=["capture", "release"])] == ["release", "capture"]
    assert [row.kind for row in statement(workspace, kinds=["hold"])] == ["hold", "hold"]
    newest = statement(workspace)[0].at
    assert [row.kind for row in statement(workspace, since=newest)] == ["release"]
    assert len(statement(workspace, until=newest)) == 4
    assert statement(workspace, since=newest + timedelta(seconds=1)) == []
    assert statement(shop.workspace()) == []


@pytest.mark.one_engine
def test_journals_of_a_generation_show_legs_lots_and_who(shop: Shop) -> None:
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 30)
    shop.settle(generation, 20, cost=cost(3_000), actor="worker", memo={"rule": "tier 2"})
    (view,) = shop.ledger.journals_of(generation)
    assert (view.kind, view.ref, view.actor, view.memo) == ("capture", generation, "worker", {"rule": "tier 2"})
    assert view.entries[0].balance_after == credits(80)
    assert [(use.label, use.amount) for use in view.lot_uses] == [("Gift", credits(20))]
    assert shop.ledger.journal(view.id) == view
    with pytest.raises(NotFound):
        shop.ledger.journal("jrn_none")


@pytest.mark.one_engine
def test_a_hold_can_be_looked_up(shop: Shop) -> None:
    generation = shop.hold(shop.workspace(100), 30)
    held = shop.ledger.hold_of(generation)
    assert held is not None
    assert (held.amount, held.captured, held.state, held.closed_at) == (credits(30), credits(0), 0, None)
    assert held.deadline_at == DEADLINE
    assert shop.ledger.hold_of("gen_none") is None


def test_overdue_holds_are_found(shop: Shop) -> None:
    workspace = shop.workspace(100)
    late, done = shop.hold(workspace, 1), shop.hold(workspace, 1)
    shop.settle(done, 1)
    assert shop.ledger.overdue() == []
    with shop.db.read() as connection:
        assert reads.overdue(connection, DEADLINE + timedelta(seconds=1)) == [late]


def test_account_balances_come_from_the_entries(shop: Shop) -> None:
    workspace = shop.workspace(100)
    shop.settle(shop.hold(workspace, 30), 20, cost=cost(3_000))
    with shop.db.read() as connection:
        assert reads.account_balances(connection, "expense:") == {
            ("expense:promo", "credit"): 100 * MICRO,
            ("expense:provider:fal", "USD"): 3_000,
        }
        assert sum(reads.account_balances(connection).values()) == 0
