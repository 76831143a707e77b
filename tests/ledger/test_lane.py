"""The lane: batches that stand or fall operation by operation, answers after the commit, and a clean end."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from app.kernel.db import Database
from app.kernel.errors import Broken, InsufficientCredits, LimitReached, NotFound
from app.kernel.ids import new_id
from app.ledger import lane as lanes
from app.ledger.companion import Companion, CompanionFailed
from app.ledger.lane import Lane
from app.ledger.operations import Held, Released, Settled
from tests.ledger.support import GENERATION, INSERT_GENERATION, Shop, credits, run
from tests.support.threads import at_once

# --- one batch


def kinds(outcomes: list[Any]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


def test_a_batch_is_one_transaction_answered_in_order(shop: Shop, lane: Lane) -> None:
    rich, poor = shop.workspace(100), shop.workspace(5)
    done = shop.hold(rich, 10)
    with counted_commits(shop.db) as commits:
        outcomes = lane.work(
            [shop.hold_op(rich, 30), shop.hold_op(poor, 6), shop.settle_op(done, 7), shop.hold_op(poor, 5)]
        )
    assert kinds(outcomes) == [Held, InsufficientCredits, Settled, Held]
    assert len(commits) == 1
    assert (shop.figures(rich), shop.figures(poor)) == ((93, 30, 0), (5, 5, 0))


def test_an_operation_sees_what_came_before_it_in_the_batch(shop: Shop, lane: Lane) -> None:
    workspace = shop.workspace()
    first, second = shop.hold_op(workspace, 60), shop.hold_op(workspace, 60)
    outcomes = lane.work(
        [
            shop.hold_op(workspace, 1),
            shop.grant_op(workspace, 100),
            first,
            second,
            shop.settle_op(first.generation_id, 20),
            second._replace(generation_id=first.generation_id),
            shop.release_op(first.generation_id),
            shop.hold_op(workspace, 80),
        ]
    )
    assert kinds(outcomes)[:1] == [InsufficientCredits]
    assert kinds(outcomes)[3] is InsufficientCredits
    assert kinds(outcomes)[5:] == [Held, Released, Held]
    assert (outcomes[5].already, outcomes[6].already, outcomes[6].charged) == (True, True, credits(20))
    assert shop.figures(workspace) == (80, 80, 0)


@pytest.mark.parametrize("times", [2, 5])
def test_the_same_operation_many_times_in_one_batch_is_done_once(shop: Shop, lane: Lane, times: int) -> None:
    workspace = shop.workspace(100)
    hold = shop.hold_op(workspace, 30)
    settle = shop.settle_op(hold.generation_id, 20)
    grant = shop.grant_op(workspace, 5)
    outcomes = lane.work([hold] * times + [settle] * times + [grant] * times)
    assert [outcome.already for outcome in outcomes] == ([False] + [True] * (times - 1)) * 3
    assert shop.figures(workspace) == (85, 0, 0)


def test_a_batch_admits_exactly_what_the_balance_holds(shop: Shop, lane: Lane) -> None:
    workspace = shop.workspace(70)
    outcomes = lane.work([shop.hold_op(workspace, 10) for _ in range(30)])
    assert kinds(outcomes) == [Held] * 7 + [InsufficientCredits] * 23


def test_one_lot_may_be_emptied_by_several_operations_of_a_batch(shop: Shop, lane: Lane) -> None:
    workspace = shop.workspace()
    for label in ("a", "b", "c"):
        shop.grant(workspace, 10, label=label)
    generations = [shop.hold(workspace, 6) for _ in range(5)]
    lane.work([shop.settle_op(generation, 6) for generation in generations])
    assert (shop.figures(workspace), shop.remaining(workspace)) == ((0, 0, 0), {"a": 0, "b": 0, "c": 0})


# --- a bad one fails alone


def broken_hold(shop: Shop, workspace: str, taken: str) -> Any:
    """A hold whose generation row collides with one that exists."""
    op = shop.hold_op(workspace, 1)
    row = dict(op.also[0].params) | {"id": taken}
    return op._replace(also=[Companion(INSERT_GENERATION, row)])


def test_a_companion_that_collides_fails_its_operation_alone(shop: Shop, lane: Lane) -> None:
    workspace = shop.workspace(100)
    taken = shop.hold(workspace, 10)
    outcomes = lane.work([shop.hold_op(workspace, 10), broken_hold(shop, workspace, taken), shop.settle_op(taken, 10)])
    assert kinds(outcomes) == [Held, IntegrityError, Settled]
    assert shop.figures(workspace) == (90, 10, 0)


def test_two_requests_with_one_key_in_one_batch(shop: Shop, lane: Lane) -> None:
    workspace = shop.workspace(100)
    one, other = shop.hold_op(workspace, 10), shop.hold_op(workspace, 10)
    same = Companion(INSERT_GENERATION, dict(one.also[0].params) | {"id": "gen_key"})
    outcomes = lane.work([one._replace(also=[*one.also, same]), other._replace(also=[*other.also, same])])
    assert kinds(outcomes) == [Held, IntegrityError]
    shop.execute("DELETE FROM generation WHERE id = 'gen_key'")


def test_a_companion_that_misses_its_row_fails_its_operation_alone(shop: Shop, lane: Lane) -> None:
    workspace = shop.workspace(100)
    first, second = shop.hold(workspace, 10), shop.hold(workspace, 10)
    wrong = shop.settle_op(second, 10)
    finish = wrong.also
    lost = wrong._replace(also=lambda done: [rows._replace(rows=2) for rows in finish(done)])  # type: ignore[operator]
    outcomes = lane.work([lost, shop.settle_op(first, 10)])
    assert kinds(outcomes) == [CompanionFailed, Settled]
    assert shop.figures(workspace) == (90, 10, 0)


def test_a_companion_with_a_mistake_in_it_fails_its_operation_alone(shop: Shop, lane: Lane) -> None:
    workspace = shop.workspace(100)
    mistake = shop.hold_op(workspace, 10, also=[Companion(text("INSERT INTO nowhere VALUES (1)"), {})])

    def surprise(_result: object) -> list[Companion]:
        raise KeyError("surprise")

    outcomes = lane.work([mistake, shop.hold_op(workspace, 10)._replace(also=surprise), shop.hold_op(workspace, 10)])
    assert kinds(outcomes) == [Broken, KeyError, Held]
    assert shop.figures(workspace) == (100, 10, 0)


def test_a_value_the_database_cannot_read_fails_its_operation_alone(shop: Shop, lane: Lane) -> None:
    workspace = shop.workspace(100)
    odd = shop.hold_op(workspace, 1, "gen_\x00")
    outcomes = lane.work([odd, shop.hold_op(workspace, 10)])
    assert kinds(outcomes)[1] is Held
    if isinstance(outcomes[0], Held):  # SQLite takes it
        assert shop.figures(workspace) == (100, 11, 0)
    else:
        assert shop.figures(workspace) == (100, 10, 0)


def test_companions_of_like_statements_keep_the_order_of_their_operation(shop: Shop, lane: Lane) -> None:
    workspace = shop.workspace(100)
    shop.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, said TEXT, after INTEGER REFERENCES note (id))")
    say = text("INSERT INTO note (id, said, after) VALUES (:id, :said, :after)")
    hear = text("UPDATE note SET said = said || '!' WHERE id = :id")

    def chain(start: int) -> list[Companion]:
        first, second = {"id": start, "said": "a", "after": None}, {"id": start + 1, "said": "b", "after": start}
        return [Companion(say, first), Companion(hear, {"id": start}), Companion(say, second)]

    ops = [shop.hold_op(workspace, 1, also=chain(10 * number)) for number in range(1, 6)]
    assert kinds(lane.work(ops)) == [Held] * 5
    with shop.db.read() as connection:
        said = connection.execute(text("SELECT said FROM note ORDER BY id")).scalars().all()
    assert said == ["a!", "b"] * 5


# --- checks


def at_most(allowed: int, workspace: str) -> Any:
    def check(connection: Connection) -> None:
        mine = select(func.count()).select_from(GENERATION).where(GENERATION.c.workspace_id == workspace)
        if connection.execute(mine).scalar_one() >= allowed:
            raise LimitReached("Too many at a time.", retry_after_seconds=1)

    return check


def test_checks_see_the_companions_of_earlier_operations(shop: Shop, lane: Lane) -> None:
    workspace, other = shop.workspace(100), shop.workspace(100)
    checks = [at_most(3, workspace)]
    ops = [shop.hold_op(workspace, 1, checks=checks) for _ in range(6)]
    outcomes = lane.work([*ops, shop.hold_op(other, 1, checks=[at_most(1, other)])])
    assert kinds(outcomes) == [Held] * 3 + [LimitReached] * 3 + [Held]
    assert shop.count("generation") == 4


def test_a_check_that_stumbles_over_its_own_query_fails_its_operation_alone(shop: Shop, lane: Lane) -> None:
    workspace = shop.workspace(100)

    def stumble(connection: Connection) -> None:
        connection.execute(text("SELECT * FROM nowhere"))

    outcomes = lane.work([shop.hold_op(workspace, 1, checks=[stumble]), shop.hold_op(workspace, 1)])
    assert kinds(outcomes) == [Broken, Held]


def test_repeating_a_hold_is_not_checked_again(shop: Shop, lane: Lane) -> None:
    workspace = shop.workspace(100)
    hold = shop.hold_op(workspace, 1, checks=[at_most(1, workspace)])
    assert [outcome.already for outcome in lane.work([hold, hold])] == [False, True]


# --- waiting for it


def test_threads_and_loops_share_a_lane(shop: Shop) -> None:
    workspace = shop.workspace(1000)
    held: list[Any] = []

    def thread() -> None:
        held.append(shop.ledger.perform(shop.hold_op(workspace, 1)))

    async def client() -> None:
        op = shop.hold_op(workspace, 1)
        held.append(
            await shop.ledger.hold(
                op.workspace_id, op.generation_id, op.amount, deadline_at=op.deadline_at, also=op.also
            )
        )

    async def many() -> None:
        await asyncio.gather(*(client() for _ in range(40)))

    at_once(*[thread] * 20, *(partial(run, many()) for _ in range(2)))
    assert (len(held), shop.figures(workspace)) == (100, (1000, 100, 0))


def test_whoever_stops_waiting_has_asked_all_the_same(shop: Shop) -> None:
    workspace = shop.workspace(100)
    op = shop.hold_op(workspace, 10)

    async def impatient() -> None:
        task = asyncio.create_task(
            shop.ledger.hold(workspace, op.generation_id, op.amount, deadline_at=op.deadline_at, also=op.also)
        )
        await asyncio.sleep(0)
        task.cancel()

    run(impatient())
    shop.ledger.perform(shop.hold_op(workspace, 1))
    assert shop.figures(workspace) == (100, 11, 0)


def test_a_closed_loop_does_not_stop_the_lane(database: Database, shop: Shop) -> None:
    workspace = shop.workspace(100)
    gate = threading.Event()
    loop = asyncio.new_event_loop()

    async def ask() -> None:
        shop.ledger._lane.submit_async(shop.hold_op(workspace, 1, checks=[lambda _: gate.wait(5)]))

    loop.run_until_complete(ask())
    loop.close()
    gate.set()
    assert shop.ledger.perform(shop.hold_op(workspace, 1)).available == credits(98)


# --- start and stop


def test_a_lane_that_does_not_run_refuses(database: Database, shop: Shop) -> None:
    workspace = shop.workspace(100)
    idle = Lane(database)
    with pytest.raises(Broken, match="not running"):
        idle.submit(shop.hold_op(workspace, 1))
    idle.start()
    idle.start()
    idle.submit(shop.hold_op(workspace, 1)).result()
    idle.stop()
    idle.stop()
    with pytest.raises(Broken, match="not running"):
        idle.submit(shop.hold_op(workspace, 1))
    idle.start()
    idle.submit(shop.hold_op(workspace, 1)).result()
    idle.stop()


def test_stopping_finishes_what_was_asked(database: Database, shop: Shop) -> None:
    workspace = shop.workspace(1000)
    busy = Lane(database)
    busy.start()
    asked = [busy.submit(shop.hold_op(workspace, 1)) for _ in range(200)]
    busy.stop()
    assert all(future.done() for future in asked)
    assert shop.figures(workspace) == (1000, 200, 0)


def test_a_full_queue_says_so(database: Database, shop: Shop) -> None:
    workspace = shop.workspace(100)
    entered, gate = threading.Event(), threading.Event()

    def wait(_connection: Connection) -> None:
        entered.set()
        gate.wait(10)

    narrow = Lane(database, max_waiting=2)
    narrow.start()
    asked = [narrow.submit(shop.hold_op(workspace, 1, checks=[wait]))]
    entered.wait(10)
    asked += [narrow.submit(shop.hold_op(workspace, 1)) for _ in range(2)]
    with pytest.raises(LimitReached) as refused:
        narrow.submit(shop.hold_op(workspace, 1))
    assert (refused.value.stable_code, refused.value.details) == ("ledger_busy", {"retry_after_seconds": 1})
    gate.set()
    assert all(future.result().amount == credits(1) for future in asked)
    narrow.stop()


# --- a database in trouble


@contextmanager
def counted_commits(db: Database) -> Iterator[list[int]]:
    seen: list[int] = []

    def committed(_connection: Connection) -> None:
        seen.append(1)

    event.listen(db.engine, "commit", committed)
    try:
        yield seen
    finally:
        event.remove(db.engine, "commit", committed)


class Busy(Exception):
    """What a driver raises when the database is busy, in the terms of both."""

    sqlstate = "40001"
    sqlite_errorname = "SQLITE_BUSY"


class Trouble:
    """Raises at every statement that contains `where`, the first `times` times."""

    def __init__(self, where: str, times: int) -> None:
        self.where, self.left = where, times

    def __call__(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if self.where in statement and self.left:
            self.left -= 1
            raise OperationalError(statement, None, Busy())


@pytest.mark.parametrize("where", ["FROM wallet", "INSERT INTO hold", "UPDATE wallet", "INSERT INTO generation"])
def test_passing_trouble_is_sat_out(shop: Shop, lane: Lane, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "FIRST_PAUSE_SECONDS", 0)
    workspace = shop.workspace(100)
    trouble = Trouble(where, times=3)
    event.listen(shop.db.engine, "before_cursor_execute", trouble)
    outcomes = lane.work([shop.hold_op(workspace, 10), shop.hold_op(workspace, 95)])
    assert (kinds(outcomes), trouble.left) == ([Held, InsufficientCredits], 0)


def test_lasting_trouble_is_reported_and_leaves_nothing(
    shop: Shop, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "FIRST_PAUSE_SECONDS", 0)
    workspace = shop.workspace(100)
    trouble = Trouble("INSERT INTO hold", times=10**6)
    event.listen(shop.db.engine, "before_cursor_execute", trouble)
    (outcome,) = lane.work([shop.hold_op(workspace, 10)])
    event.remove(shop.db.engine, "before_cursor_execute", trouble)
    assert isinstance(outcome, Broken)
    assert (shop.figures(workspace), shop.count("generation")) == ((100, 0, 0), 0)
    assert kinds(lane.work([shop.hold_op(workspace, 10)])) == [Held]


def test_a_commit_whose_answer_was_lost_is_not_done_twice(
    shop: Shop, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "FIRST_PAUSE_SECONDS", 0)
    workspace = shop.workspace(100)
    generation = shop.hold(workspace, 10)
    dialect, lost = shop.db.engine.dialect, []
    commit = dialect.do_commit

    def commit_and_lose_the_answer(connection: Any) -> None:
        commit(connection)
        if not lost:
            lost.append(1)
            raise OperationalError("COMMIT", None, Busy())

    monkeypatch.setattr(dialect, "do_commit", commit_and_lose_the_answer)
    outcomes = lane.work([shop.hold_op(workspace, 30), shop.settle_op(generation, 7), shop.hold_op(workspace, 80)])
    assert [getattr(outcome, "already", None) for outcome in outcomes] == [True, True, None]
    assert shop.figures(workspace) == (93, 30, 0)


def test_a_severed_connection_is_replaced(shop: Shop, postgres_only: None) -> None:
    workspace = shop.workspace(100)
    shop.hold(workspace, 10)
    with shop.db.engine.connect() as connection, connection.begin():
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    shop.hold(workspace, 10)
    assert shop.figures(workspace) == (100, 20, 0)


def test_a_wallet_held_by_a_stuck_process_is_not_waited_for_for_ever(
    shop: Shop, postgres_only: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "FIRST_PAUSE_SECONDS", 0)
    monkeypatch.setattr(lanes, "POSTGRES_SETTINGS", {**lanes.POSTGRES_SETTINGS, "lock_timeout": "20ms"})
    workspace, other = shop.workspace(100), shop.workspace(100)
    impatient = Lane(shop.db)
    with shop.db.write() as stuck:
        stuck.execute(text("SELECT 1 FROM wallet WHERE workspace_id = :id FOR UPDATE"), {"id": workspace})
        outcomes = impatient.work([shop.hold_op(workspace, 1)]) + impatient.work([shop.hold_op(other, 1)])
    assert kinds(outcomes) == [Broken, Held]
    assert kinds(impatient.work([shop.hold_op(workspace, 1)])) == [Held]
    impatient.stop()


def test_what_is_not_there_is_not_transient(lane: Lane, shop: Shop) -> None:
    (outcome,) = lane.work([shop.settle_op(new_id("gen"), 1)])
    assert isinstance(outcome, NotFound)
