"""Taking events in: written down once by their id, with the sums they belong to, before anybody is told so.

Whoever comes second with an id changes nothing, whatever time they give; when they say something else about the same
id, that is kept beside for the operator and reported. Batches that come at the same time share a transaction: whoever
finds the door free takes everybody in who is waiting.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.metering import tables
from app.metering.events import Event
from app.metering.writing import DAY, Rows, iso, writing

#: Shapes are remembered up to this many; beyond it they are asked for again.
REMEMBERED: Final = 100_000
#: So many events share a transaction; a single larger batch has one for itself.
MOST_AT_ONCE: Final = 5_000
Likeness = tuple[str, str]

_shape = tables.shape
_SHAPE_ID = select(_shape.c.id).where(
    _shape.c.event_name == bindparam("b_name"), _shape.c.properties == bindparam("b_likeness")
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a batch: `conflicts` names ids that were known with another content."""

    new: int
    repeated: int
    conflicts: tuple[str, ...] = ()


@dataclass(slots=True)
class _Batch:
    """Events that are taken in together or not at all; `also` is done in the same transaction."""

    events: Sequence[Event]
    also: Callable[[Connection], object] | None = None
    accepted: Accepted | None = None
    failed: BaseException | None = None
    differing: list[Event] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)


class Ingest:
    """The door for events; safe to use from many threads."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock, self._writing = db, clock, writing(db)
        self._shapes: dict[Likeness, int] = {}
        self._waiting: deque[_Batch] = deque()
        self._line = threading.Lock()
        self._turns = threading.Semaphore(self._writing.at_once)

    def accept(self, events: Sequence[Event], also: Callable[[Connection], object] | None = None) -> Accepted:
        """Write events down; returns after the commit."""
        mine = _Batch(events, also)
        with self._line:
            self._waiting.append(mine)
        with self._turns:  # everybody takes in once, and those who stand in the line are never more than that
            batches = self._next()
            try:
                self._take_in(batches)
            finally:
                for batch in batches:
                    batch.done.set()
        mine.done.wait()
        if mine.failed is not None:
            raise mine.failed
        assert mine.accepted is not None  # noqa: S101 - taking in ends with one of the two
        return mine.accepted

    def catch_up(self) -> int:
        """Add up what is not yet in the sums, so that whoever reads them finds little beside; how many events."""
        with self._db.read() as connection:
            if not self._writing.is_behind(connection):
                return 0
        # Where sums are added up beside those who write (PostgreSQL), nobody who brings events waits for it.
        turn = self._turns if self._db.is_sqlite else nullcontext()
        with turn, self._db.write() as connection:
            try:
                return self._writing.catch_up(connection)
            except BaseException:
                self._writing.forget()
                raise

    def _next(self) -> list[_Batch]:
        """Those who have waited longest, as many as share a transaction; nobody when others have taken all of them."""
        taken, events = list[_Batch](), 0
        with self._line:
            while self._waiting and (not taken or events + len(self._waiting[0].events) <= MOST_AT_ONCE):
                taken.append(self._waiting.popleft())
                events += len(taken[-1].events)
        return taken

    def _take_in(self, batches: list[_Batch]) -> None:
        if not batches:
            return
        try:
            self._write(batches)
        except BaseException as failed:
            self._writing.forget()
            if len(batches) == 1:
                batches[0].failed = failed
                return
            for batch in batches:  # one of them is to blame; the others must not suffer for it
                self._take_in([batch])

    def _write(self, batches: list[_Batch]) -> None:
        first = _first([event for batch in batches for event in batch.events])
        events, now = list(first.values()), self._clock()
        moments = iso([event.at for event in events])
        with self._db.write() as connection:
            shapes, made = self._shape_ids(connection, events)
            known = self._writing.write(connection, Rows(first, shapes, moments), now)
            faults.point("metering.after_events")
            accepted = [self._judge(batch, first, known) for batch in batches]
            self._keep_conflicts(connection, batches, now)
            self._writing.add_up(
                connection,
                [
                    (event.customer, moment[:DAY], shape, event.figures)
                    for event, shape, moment in zip(events, shapes, moments, strict=True)
                    if event.event_id not in known
                ],
            )
            for batch in batches:
                if batch.also is not None:
                    batch.also(connection)
            faults.point("metering.before_commit")
        self._remember(made)
        for batch, found in zip(batches, accepted, strict=True):
            batch.accepted = found

    def _judge(self, batch: _Batch, first: dict[str, Event], known: Any) -> Accepted:
        """What is new of a batch, and what says something else than was known."""
        new, batch.differing = 0, []
        for event in batch.events:
            said = known.get(event.event_id)
            if said is None:
                if first[event.event_id] is event:
                    new += 1
                    continue
                said = first[event.event_id].digest
            if said != event.digest:
                batch.differing.append(event)
        conflicts = dict.fromkeys(event.event_id for event in batch.differing)
        return Accepted(new, len(batch.events) - new, tuple(conflicts))

    def _keep_conflicts(self, connection: Connection, batches: Iterable[_Batch], now: datetime) -> None:
        differing = [event for batch in batches for event in batch.differing]
        if differing:
            self._writing.keep_conflicts(connection, differing, now)

    def _shape_ids(self, connection: Connection, events: Sequence[Event]) -> tuple[list[int], dict[Likeness, int]]:
        """The shape of each event, and those that are not remembered yet."""
        wanted = [(event.name, event.likeness) for event in events]
        found = list(map(self._shapes.get, wanted))
        if None not in found:
            return found, {}  # type: ignore[return-value]
        missing = sorted({key for key, known in zip(wanted, found, strict=True) if known is None})
        made = sqlite.insert if self._db.is_sqlite else postgresql.insert
        unless_known = made(_shape).on_conflict_do_nothing()
        connection.execute(unless_known, [{"event_name": name, "properties": said} for name, said in missing])
        new = {
            (name, said): connection.execute(_SHAPE_ID, {"b_name": name, "b_likeness": said}).scalar_one()
            for name, said in missing
        }
        return [new[key] if known is None else known for key, known in zip(wanted, found, strict=True)], new

    def _remember(self, shapes: dict[Likeness, int]) -> None:
        """After the commit: a shape that was rolled back has no id."""
        if len(self._shapes) > REMEMBERED:
            self._shapes.clear()
        self._shapes |= shapes


def _first(events: list[Event]) -> dict[str, Event]:
    """Each id once, in the order in which they came."""
    found = {event.event_id: event for event in events}
    if len(found) < len(events):
        found = {}
        for event in events:
            found.setdefault(event.event_id, event)
    return found
