"""A failure between every pair of statements: the operation happens once or not at all, and asking again mends it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from app.kernel.db import Database
from app.ledger.lane import Lane
from app.ledger.operations import AdjustOp, CaptureEarlyOp, ReverseOp
from tests.ledger.support import Shop, cost, credits

MOST_STATEMENTS = 80


class Cut(Exception):
    """The wire is cut: not something the lane would try again by itself."""


@contextmanager
def cut_from(db: Database, number: int, times: int) -> Iterator[list[str]]:
    """Fail statement `number` and the `times - 1` after it; the statements that ran are listed."""
    seen: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)
        if number <= len(seen) < number + times:
            raise Cut(statement)

    event.listen(db.engine, "before_cursor_execute", count)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", count)


def holding(shop: Shop, workspace: str) -> Any:
    return shop.hold_op(workspace, 30)


def settling(shop: Shop, workspace: str) -> Any:
    return shop.settle_op(shop.hold(workspace, 30), 20, cost=cost(3_000))


def releasing(shop: Shop, workspace: str) -> Any:
    return shop.release_op(shop.hold(workspace, 30), cost=cost(1_000))


def charging_on_submit(shop: Shop, workspace: str) -> Any:
    return CaptureEarlyOp(shop.hold(workspace, 30), credits(20))


def refunding(shop: Shop, workspace: str) -> Any:
    generation = shop.hold(workspace, 30)
    shop.ledger.perform(CaptureEarlyOp(generation))
    return shop.release_op(generation, cost=cost(1_000))


def ending(shop: Shop, workspace: str) -> Any:
    generation = shop.hold(workspace, 30)
    shop.ledger.perform(CaptureEarlyOp(generation))
    return shop.settle_op(generation, 20)


def granting(shop: Shop, workspace: str) -> Any:
    return shop.grant_op(workspace, 10)


def adjusting(shop: Shop, workspace: str) -> Any:
    return AdjustOp(workspace, credits(-5), "ticket", "ann", "x")


def reversing(shop: Shop, workspace: str) -> Any:
    return ReverseOp(shop.settle(shop.hold(workspace, 30), 20).journal_id, "ann", "x")


EVERY = [
    holding,
    settling,
    releasing,
    charging_on_submit,
    refunding,
    ending,
    granting,
    adjusting,
    reversing,
]


@pytest.mark.parametrize("prepare", EVERY, ids=lambda prepare: prepare.__name__)
def test_cut_once_anywhere_it_is_done_all_the_same(shop: Shop, lane: Lane, prepare: Callable[[Shop, str], Any]) -> None:
    """The batch fails, and its operations are then done one by one."""
    for number in range(1, MOST_STATEMENTS):
        workspace = shop.workspace(100)
        op = prepare(shop, workspace)._replace()
        op = op if not hasattr(op, "ref") else op._replace(ref=f"{op.ref} {number}")
        with cut_from(shop.db, number, times=1) as seen:
            (outcome,) = lane.work([op])
        if len(seen) < number:
            return  # every statement of the operation has been cut once
        assert not isinstance(outcome, Exception), (number, seen[-1], outcome)
        assert not outcome.already
        (again,) = lane.work([op])
        assert again.already
    raise AssertionError("the operation has more statements than this test cuts")


@pytest.mark.parametrize("prepare", EVERY, ids=lambda prepare: prepare.__name__)
def test_cut_for_good_anywhere_nothing_has_happened(
    shop: Shop, lane: Lane, prepare: Callable[[Shop, str], Any]
) -> None:
    """Both the batch and the single try fail; the books are as they were, and a later try does it."""
    for number in range(1, MOST_STATEMENTS):
        workspace = shop.workspace(100)
        op = prepare(shop, workspace)
        op = op if not hasattr(op, "ref") else op._replace(ref=f"{op.ref} {number}")
        before = (shop.figures(workspace), shop.count("journal"), shop.count("entry"), shop.count("generation"))
        with cut_from(shop.db, number, times=10**6) as seen:
            (outcome,) = lane.work([op])
        if len(seen) < number:
            return
        assert isinstance(outcome, Exception)
        after = (shop.figures(workspace), shop.count("journal"), shop.count("entry"), shop.count("generation"))
        assert after == before, (number, seen[-1])
        (retried,) = lane.work([op])
        assert not isinstance(retried, Exception), retried
        assert not retried.already
    raise AssertionError("the operation has more statements than this test cuts")


def test_cut_anywhere_in_a_mixed_batch(shop: Shop, lane: Lane) -> None:
    for number in range(1, MOST_STATEMENTS):
        workspace = shop.workspace(100)
        ops = [
            holding(shop, workspace),
            settling(shop, workspace),
            releasing(shop, workspace),
            granting(shop, workspace),
        ]
        with cut_from(shop.db, number, times=1) as seen:
            outcomes = lane.work(ops)
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        assert [outcome.already for outcome in lane.work(ops)] == [True] * 4
        assert shop.figures(workspace) == (90, 30, 0)
        shop.release(ops[0].generation_id)
        if len(seen) < number:
            return
    raise AssertionError("the batch has more statements than this test cuts")
