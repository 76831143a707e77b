"""The inbox of webhooks: written down at once, applied later.

A sender is answered after the commit. Deliveries that arrive together are committed together, so that many at a time
wait for one disk write and not for each other's. A delivery that is known already changes nothing: whether the first
one was applied is the worker's business, which tries again by itself until it was.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Row, bindparam, select, update

from app.kernel.bulk import InsertUnlessKnown
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound
from app.payments import tables
from app.payments.crowd import Crowd
from app.payments.verify import Hint

NEW, DONE, IGNORED, PARKED = "new", "done", "ignored", "parked"
MOST_AT_ONCE: Final = 200
CLAIMED_FOR: Final = timedelta(seconds=60)
#: Waiting time before the second, third, … try; the last one repeats until `GIVES_UP`, then an operator is asked.
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (2, 10, 60, 300, 1800))
GIVES_UP: Final = 20
LONGEST_OUTCOME: Final = 500
NOT_USED: Final = "not used"
_WRITE = InsertUnlessKnown(tables.webhook_event, ("provider", "event_id"), without=("id", "order_id"))


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event taken to be applied; `attempts` counts this one."""

    id: int
    event_id: str
    type: str
    api_version: str
    livemode: bool
    object_id: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an event: `state` NEW means that it failed and is tried again."""

    state: str
    outcome: str
    order_id: str | None = None


@dataclass(slots=True)
class _Waiting:
    rows: list[tuple[dict[str, Any], "asyncio.Future[None]"]] = field(default_factory=list)
    writer: "asyncio.Task[None] | None" = None


class Inbox:
    """Accepts verified events, hands out those that are due, and keeps what came of them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self.crowd = Crowd()
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiting] = WeakKeyDictionary()

    async def accept(self, provider: str, hint: Hint, *, used: bool = True) -> None:
        """Write an event down; returns after the commit. Known ones are not written again.

        One that is not `used` is kept as it came and never taken out: providers tell us much that we need not know.
        """
        loop = asyncio.get_running_loop()
        waiting = self._loops.setdefault(loop, _Waiting())
        written: asyncio.Future[None] = loop.create_future()
        waiting.rows.append((_row(provider, hint, self._clock(), used), written))
        if waiting.writer is None or waiting.writer.done():
            waiting.writer = loop.create_task(self._write(waiting))
        await written

    async def _write(self, waiting: _Waiting) -> None:
        while waiting.rows:
            batch, waiting.rows = waiting.rows[:MOST_AT_ONCE], waiting.rows[MOST_AT_ONCE:]
            self.crowd.seen(len(batch))
            try:
                await asyncio.to_thread(self.write_now, [row for row, _ in batch])
            except Exception as error:
                _answer(batch, error)
            else:
                _answer(batch, None)

    def write_now(self, rows: Sequence[dict[str, Any]]) -> None:
        """One statement, and so one commit, for all of them; in one order, so that two who write the same events at the
        same time wait for each other and not in a circle."""
        once = {(row["provider"], row["event_id"]): row for row in rows}
        with self._db.at_once() as connection:
            _WRITE.run(connection, [once[key] for key in sorted(once)])

    def insert(self, provider: str, hints: Sequence[Hint]) -> None:
        """Write events down that did not come by webhook: the reconciliation found them at the provider."""
        if hints:
            self.write_now([_row(provider, hint, self._clock(), True) for hint in hints])

    def claim(self, provider: str, limit: int) -> list[Delivery]:
        """Take what is due, oldest first, and hide it from others for a while."""
        kept, now = tables.webhook_event, self._clock()
        due = (
            select(kept)
            .where(kept.c.next_at <= now, kept.c.provider == provider)
            .order_by(kept.c.next_at, kept.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._db.read() as connection:  # most of the time there is nothing, and asking should lock nobody out
            if connection.execute(due.with_only_columns(kept.c.id).limit(1)).first() is None:
                return []
        with self._db.write() as connection:
            rows = connection.execute(due).all()
            taken = update(kept).where(kept.c.id.in_([row.id for row in rows]))
            connection.execute(taken.values(attempts=kept.c.attempts + 1, next_at=now + CLAIMED_FOR))
        return [_delivery(row) for row in rows]

    def close(self, results: Sequence[tuple[Delivery, Result]]) -> None:
        """Write down what came of events, in one transaction. One that failed is tried again later, and parked when
        it failed too often."""
        now, kept = self._clock(), tables.webhook_event
        closing = (
            update(kept)
            .where(kept.c.id == bindparam("row_id"))
            .values({name: bindparam(name) for name in ("state", "outcome", "order_id", "next_at", "done_at")})
        )
        rows = [_closed(delivery, result, now) for delivery, result in results]
        if rows:
            with self._db.write() as connection:
                connection.execute(closing, rows)

    def replay(self, event_id: str) -> None:
        """Apply an event once more, whatever became of it: an operator asked. Nothing is credited twice."""
        kept = tables.webhook_event
        fresh = update(kept).where(kept.c.event_id == event_id)
        with self._db.write() as connection:
            changed = connection.execute(fresh.values(state=NEW, attempts=0, next_at=self._clock(), done_at=None))
        if not changed.rowcount:
            raise NotFound(f"There is no event {event_id[:64]}.", code="event_not_found")


def is_last_try(delivery: Delivery) -> bool:
    """Whether an event that fails once more is given up, until an operator has it applied again."""
    return delivery.attempts >= GIVES_UP


def _closed(delivery: Delivery, result: Result, now: datetime) -> dict[str, Any]:
    state, next_at = result.state, None
    if state == NEW:
        gave_up = is_last_try(delivery)
        state = PARKED if gave_up else NEW
        next_at = None if gave_up else now + BACKOFF[min(delivery.attempts, len(BACKOFF)) - 1]
    return {
        "row_id": delivery.id,
        "state": state,
        "outcome": result.outcome[:LONGEST_OUTCOME],
        "order_id": result.order_id,
        "next_at": next_at,
        "done_at": None if state == NEW else now,
    }


def _row(provider: str, hint: Hint, now: datetime, used: bool) -> dict[str, Any]:
    return {
        "provider": provider,
        "event_id": hint.event_id,
        "type": hint.type,
        "api_version": hint.api_version,
        "livemode": hint.livemode,
        "object_id": hint.object_id,
        "body_sha256": hint.sha256,
        "body": hint.body,
        "state": NEW if used else IGNORED,
        "attempts": 0,
        "next_at": now if used else None,
        "outcome": "" if used else NOT_USED,
        "received_at": now,
        "done_at": None if used else now,
    }


def _answer(batch: Sequence[tuple[dict[str, Any], "asyncio.Future[None]"]], error: Exception | None) -> None:
    for _, written in batch:
        if written.done():
            continue  # the sender went away; what was written stays written
        if error is None:
            written.set_result(None)
        else:
            written.set_exception(error)


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(row.id, row.event_id, row.type, row.api_version, row.livemode, row.object_id, row.attempts + 1)
