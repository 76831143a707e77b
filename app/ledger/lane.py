"""The lane: one writer thread per process that takes up to 60 waiting operations into one transaction.

An operation is answered only after the commit that holds it. The whole batch is first worked through in memory and
written with one statement per table; should any of it fail, the transaction is rolled back and the operations are done
one at a time in another, each in a savepoint of its own, so that a bad one fails alone
(`docs/decisions/0002-lane.md`). One that brings work of its own (`within`) always has a savepoint to itself. A
transient failure of the database is tried again: every operation is idempotent,
so it does no harm when a commit whose answer was lost had in fact arrived.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from queue import Empty, Full, Queue
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from app.kernel import faults, meters
from app.kernel.clock import Clock, now
from app.kernel.db import Database
from app.kernel.errors import Broken, LimitReached
from app.ledger.books import Books
from app.ledger.companion import Companion, Within
from app.ledger.decide import decide
from app.ledger.loading import load
from app.ledger.operations import NAMES, Operation, Result
from app.ledger.transient import is_transient

MAX_BATCH: Final = 60  # PostgreSQL keeps the state of 64 subtransactions at hand; more of them slow everybody down
MAX_WAITING: Final = 10_000
TRIES: Final = 6
FIRST_PAUSE_SECONDS: Final = 0.02

#: Of the lane's own connection. The plans of its few statements never change, so they are made once. That is while the
#: tables of a new installation are empty, where reading a whole one looks cheap, and they are kept while it grows: so
#: they always go by an index, a row at a time. And nobody waits for a wallet for ever, whether its lock is held by a
#: stuck process or this process is stuck with it.
POSTGRES_SETTINGS: Mapping[str, str] = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    "lock_timeout": "10s",
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
}

Outcome = Result | Exception

log = logging.getLogger(__name__)


class Ticket:
    """An operation in the queue, and whoever waits for its answer: a coroutine or a thread."""

    __slots__ = ("_future", "_loop", "op")

    def __init__(self, op: Operation, future: "asyncio.Future[Any] | Future[Any]") -> None:
        self.op = op
        self._future = future
        self._loop = future.get_loop() if isinstance(future, asyncio.Future) else None

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        return self._loop

    def answer(self, outcome: Outcome) -> None:
        """Hand the outcome over; to be called on the waiter's own loop when it has one."""
        if self._future.done():
            return  # whoever asked has stopped waiting; what was done stays done
        if isinstance(outcome, Exception):
            self._future.set_exception(outcome)
        else:
            self._future.set_result(outcome)


class Lane:
    """`submit` from any thread or event loop, between `start` and `stop`."""

    def __init__(self, db: Database, clock: Clock = now, *, max_waiting: int = MAX_WAITING) -> None:
        self._db, self._clock = db, clock
        self._queue: Queue[Ticket | None] = Queue(max_waiting)
        self._thread: threading.Thread | None = None
        self._gate = threading.Lock()
        self._connection: Connection | None = None

    # --- the callers' side

    def start(self) -> None:
        """Begin to work; starting twice is starting once."""
        with self._gate:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="ledger-lane", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Finish what is waiting, then end. Later submissions are refused."""
        with self._gate:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._queue.put(None)
        if thread is not None:
            thread.join()
        self._drop_connection()

    def submit(self, op: Operation) -> "Future[Any]":
        """Queue an operation from a plain thread."""
        future: Future[Any] = Future()
        self._enqueue(Ticket(op, future))
        return future

    def submit_async(self, op: Operation) -> "asyncio.Future[Any]":
        """Queue an operation from a coroutine."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._enqueue(Ticket(op, future))
        return future

    def _enqueue(self, ticket: Ticket) -> None:
        with self._gate:
            if self._thread is None:
                raise Broken("The ledger is not running: start it before asking it anything.")
            try:
                self._queue.put_nowait(ticket)
            except Full:
                raise LimitReached(
                    "Too many requests are waiting for the ledger; try again in a second.",
                    code="ledger_busy",
                    retry_after_seconds=1,
                ) from None

    @property
    def is_running(self) -> bool:
        thread = self._thread
        return thread is not None and thread.is_alive()

    @property
    def waiting(self) -> int:
        """About how many operations wait for the next batch."""
        return self._queue.qsize()

    # --- the writer's side

    def _run(self) -> None:
        while True:
            batch, last = self._next_batch()
            if batch:
                began = time.monotonic()
                outcomes = self.work([ticket.op for ticket in batch])
                _count(batch, outcomes, time.monotonic() - began)
                _deliver(batch, outcomes)
            if last:
                return

    def _next_batch(self) -> tuple[list[Ticket], bool]:
        """Wait for one operation, take those that are there, and say whether the end was among them."""
        batch: list[Ticket] = []
        ticket = self._queue.get()
        while ticket is not None:
            batch.append(ticket)
            if len(batch) == MAX_BATCH:
                return batch, False
            try:
                ticket = self._queue.get_nowait()
            except Empty:
                return batch, False
        return batch, True

    def work(self, ops: Sequence[Operation]) -> list[Outcome]:
        """Do `ops` as one batch on this thread and answer after the commit. Failures are outcomes, never raised."""
        pause = FIRST_PAUSE_SECONDS
        for left in range(TRIES - 1, -1, -1):
            try:
                return self._commit(ops)
            except Exception as error:
                self._drop_connection()
                transient = is_transient(error)
                if not transient and len(ops) > 1:
                    return [outcome for op in ops for outcome in self.work([op])]
                if len(ops) > 1 and any(map(_brings_work, ops)):
                    return self._apart(ops)
                if not transient or not left:
                    return [_unreachable(error) for _ in ops]
            time.sleep(pause)
            pause *= 2
        raise AssertionError("unreachable")

    def _apart(self, ops: Sequence[Operation]) -> list[Outcome]:
        """Nobody's charge waits for what somebody else brought along, such as an order another process has locked."""
        others = iter(self.work([op for op in ops if not _brings_work(op)]))
        return [self.work([op])[0] if _brings_work(op) else next(others) for op in ops]

    def _commit(self, ops: Sequence[Operation]) -> list[Outcome]:
        connection = self._connection or self._connect()
        try:
            with connection.begin():
                outcomes = at_once(connection, ops, self._clock)
                _before_commit(ops)
        except Exception as error:
            if is_transient(error):
                raise
            if isinstance(error, StatementError) and not isinstance(error, DBAPIError):
                log.error("a statement of ours cannot be run for a batch, which makes every one slow: %s", error.orig)
            with connection.begin():
                outcomes = one_by_one(connection, ops, self._clock)
                _before_commit(ops)
        faults.point("lane.after_commit")
        return outcomes

    def _connect(self) -> Connection:
        connection = self._connection = self._db.engine.connect()
        if connection.dialect.name == "postgresql":
            with connection.begin():
                for name, value in POSTGRES_SETTINGS.items():
                    connection.exec_driver_sql(f"SET {name} = '{value}'")
        return connection

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        connection.invalidate()
        connection.close()


def _count(batch: Sequence[Ticket], outcomes: Sequence[Outcome], seconds: float) -> None:
    meters.LEDGER_BATCH.observe(len(batch))
    meters.LEDGER_COMMIT_SECONDS.observe(seconds)
    for ticket, outcome in zip(batch, outcomes, strict=True):
        ended = type(outcome).__name__ if isinstance(outcome, Exception) else "done"
        meters.LEDGER_OPERATIONS.labels(NAMES[type(ticket.op)], ended).inc()


def at_once(connection: Connection, ops: Sequence[Operation], clock: Clock) -> list[Outcome]:
    """Do `ops` in the caller's transaction: those that bring work of their own one by one, the others together."""
    if not any(map(_brings_work, ops)):
        return together(connection, ops, clock)
    load(connection, ops, clock())  # every wallet is locked before the first operation, in their order
    others = iter(together(connection, [op for op in ops if not _brings_work(op)], clock))
    return [_alone(connection, op, clock) if _brings_work(op) else next(others) for op in ops]


def together(connection: Connection, ops: Sequence[Operation], clock: Clock) -> list[Outcome]:
    """Do `ops` as one piece of work in the caller's transaction: read once, decide in memory, write once.

    A refusal is an outcome. Anything the database says is raised, and the caller's transaction is then void.
    """
    books = load(connection, ops, clock())
    outcomes = [_apply(connection, books, op) for op in ops]
    books.pending.flush(connection)
    return outcomes


def one_by_one(connection: Connection, ops: Sequence[Operation], clock: Clock) -> list[Outcome]:
    """Do each of `ops` in a savepoint of its own: what is wrong with one stays with it. Raises only if transient."""
    load(connection, ops, clock())  # every wallet is locked before the first operation, in their order
    return [_alone(connection, op, clock) for op in ops]


def _brings_work(op: Operation) -> bool:
    return getattr(op, "within", None) is not None


def _apply(connection: Connection, books: Books, op: Operation) -> Outcome:
    """Work one operation into the batch. A refusal is an outcome; what the database says, or a breach, is raised."""
    try:
        change = decide(op, books)
        already = not change.posts and change.wallet is None
        if op.checks and not already:
            if books.touched(op):
                books.pending.flush(connection)
            for check in op.checks:
                check(connection)
        companions = () if already else _companions(op, change.result)
    except (SQLAlchemyError, Broken):
        raise
    except Exception as error:
        return error
    books.apply(op, change)
    if companions:
        books.pending.companions(companions)
    return change.result


def _companions(op: Operation, result: Result) -> Sequence[Companion]:
    """A list of companions is meant for the ordinary outcome; a function is asked whenever something is written."""
    if callable(op.also):
        return op.also(result)
    return () if result.already or getattr(result, "late", False) else op.also


def _alone(connection: Connection, op: Operation, clock: Clock) -> Outcome:
    """One operation in its own savepoint: whatever is wrong with it stays with it."""
    savepoint = connection.begin_nested()
    try:
        books = load(connection, [op], clock())
        outcome = _apply(connection, books, op)
        books.pending.flush(connection)
        _within(connection, op, outcome)
    except Exception as error:
        if is_transient(error):
            raise
        savepoint.rollback()
        return _failed(error)
    savepoint.commit()
    return outcome


def _within(connection: Connection, op: Operation, outcome: Outcome) -> None:
    """The work an operation brought along, when it happens now and was not refused."""
    within: Within | None = getattr(op, "within", None)
    if within is None or isinstance(outcome, Exception) or outcome.already:
        return
    faults.point(f"{NAMES[type(op)]}.after_books")
    within(connection, outcome)
    faults.point(f"{NAMES[type(op)]}.after_within")


def _failed(error: Exception) -> Exception:
    """An integrity error is for the caller to read (two requests with one key); any other is our own fault."""
    if not isinstance(error, DBAPIError) or isinstance(error, IntegrityError):
        return error
    broken = Broken(f"The books refused this operation: {error.orig}")
    broken.__cause__ = error
    return broken


def _before_commit(ops: Sequence[Operation]) -> None:
    for kind in {type(op) for op in ops}:
        faults.point(f"{NAMES[kind]}.before_commit")


def _unreachable(error: Exception) -> Exception:
    broken = Broken("The books could not be written just now. Asking again is safe: nothing is ever charged twice.")
    broken.__cause__ = error
    return broken


def _deliver(batch: Iterable[Ticket], outcomes: Iterable[Outcome]) -> None:
    """Answer everybody: threads at once, coroutines with one call per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Ticket, Outcome]]] = {}
    for ticket, outcome in zip(batch, outcomes, strict=True):
        if ticket.loop is None:
            ticket.answer(outcome)
        else:
            by_loop.setdefault(ticket.loop, []).append((ticket, outcome))
    for loop, answers in by_loop.items():
        try:
            loop.call_soon_threadsafe(_answer_all, answers)
        except RuntimeError:
            continue  # that loop is closed: nobody is left to hear it, and the books have it


def _answer_all(answers: Iterable[tuple[Ticket, Outcome]]) -> None:
    for ticket, outcome in answers:
        ticket.answer(outcome)
