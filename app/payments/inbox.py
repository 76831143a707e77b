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

from sqlalchemy import Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound
from app.payments import tables
from app.payments.verify import Hint

NEW, DONE, IGNORED, PARKED = "new", "done", "ignored", "parked"
MOST_AT_ONCE: Final = 200
CLAIMED_FOR: Final = timedelta(seconds=60)
#: Waiting time before the second, third, … try; the last one repeats until `GIVES_UP`, then an operator is asked.
BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (2, 10, 60, 300, 1800))
GIVES_UP: Final = 20
LONGEST_OUTCOME: Final = 500


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


@dataclass(slots=True)
class _Waiting:
    rows: list[tuple[dict[str, Any], "asyncio.Future[None]"]] = field(default_factory=list)
    writer: "asyncio.Task[None] | None" = None


class Inbox:
    """Accepts verified events, hands out those that are due, and keeps what came of them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiting] = WeakKeyDictionary()

    async def accept(self, provider: str, hint: Hint) -> None:
        """Write an event down; returns after the commit. Known ones are not written again."""
        loop = asyncio.get_running_loop()
        waiting = self._loops.setdefault(loop, _Waiting())
        written: asyncio.Future[None] = loop.create_future()
        waiting.rows.append((_row(provider, hint, self._clock()), written))
        if waiting.writer is None or waiting.writer.done():
            waiting.writer = loop.create_task(self._write(waiting))
        await written

    async def _write(self, waiting: _Waiting) -> None:
        while waiting.rows:
            batch, waiting.rows = waiting.rows[:MOST_AT_ONCE], waiting.rows[MOST_AT_ONCE:]
            try:
                await asyncio.to_thread(self.write_now, [row for row, _ in batch])
            except Exception as error:
                _answer(batch, error)
            else:
                _answer(batch, None)

    def write_now(self, rows: Sequence[dict[str, Any]]) -> None:
        """One commit for all of them."""
        made = sqlite.insert if self._db.is_sqlite else postgresql.insert
        unless_known = made(tables.webhook_event).on_conflict_do_nothing(index_elements=["provider", "event_id"])
        once = {(row["provider"], row["event_id"]): row for row in rows}
        with self._db.write() as connection:
            connection.execute(unless_known, list(once.values()))

    def insert(self, provider: str, hints: Sequence[Hint]) -> None:
        """Write events down that did not come by webhook: the reconciliation found them at the provider."""
        if hints:
            self.write_now([_row(provider, hint, self._clock()) for hint in hints])

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

    def close(self, delivery: Delivery, state: str, outcome: str, order_id: str | None = None) -> None:
        """It was applied, ignored for good, or parked for an operator."""
        self._set(delivery.id, state=state, outcome=outcome, order_id=order_id, next_at=None, done_at=self._clock())

    def again(self, delivery: Delivery, error: str) -> None:
        """It failed for now: later, or parked when it failed too often."""
        if delivery.attempts >= GIVES_UP:
            self.close(delivery, PARKED, error)
            return
        wait = BACKOFF[min(delivery.attempts, len(BACKOFF)) - 1]
        self._set(delivery.id, outcome=error, next_at=self._clock() + wait)

    def replay(self, event_id: str) -> None:
        """Apply an event once more, whatever became of it: an operator asked. Nothing is credited twice."""
        kept = tables.webhook_event
        fresh = update(kept).where(kept.c.event_id == event_id)
        with self._db.write() as connection:
            changed = connection.execute(fresh.values(state=NEW, attempts=0, next_at=self._clock(), done_at=None))
        if not changed.rowcount:
            raise NotFound(f"There is no event {event_id[:64]}.", code="event_not_found")

    def _set(self, row_id: int, **values: Any) -> None:
        kept = tables.webhook_event
        values["outcome"] = values["outcome"][:LONGEST_OUTCOME]
        with self._db.write() as connection:
            connection.execute(update(kept).where(kept.c.id == row_id).values(**values))


def _row(provider: str, hint: Hint, now: datetime) -> dict[str, Any]:
    return {
        "provider": provider,
        "event_id": hint.event_id,
        "type": hint.type,
        "api_version": hint.api_version,
        "livemode": hint.livemode,
        "object_id": hint.object_id,
        "body_sha256": hint.sha256,
        "body": hint.body,
        "state": NEW,
        "attempts": 0,
        "next_at": now,
        "outcome": "",
        "received_at": now,
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
