"""Taking events in: written down once by their id, with the sums they belong to, before anybody is told so.

One transaction for a batch. Whoever comes second with an id changes nothing, whatever time they give; when they say
something else about the same id, that is kept beside for the operator and reported. Batches of different requests may
come at once: the unique id decides, never a look beforehand.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.metering import tables
from app.metering.events import BILLIONTHS, Event
from app.metering.writing import Rolled, writing

#: Shapes are remembered up to this many; beyond it they are asked for again.
REMEMBERED = 100_000
Likeness = tuple[str, str]
Key = tuple[str, date, int, str]

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


class Ingest:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock, self._writing = db, clock, writing(db)
        self._shapes: dict[Likeness, int] = {}
        self._lock = threading.Lock()

    def accept(self, events: Sequence[Event]) -> Accepted:
        """Write events down; returns after the commit."""
        first: dict[str, Event] = {}
        for event in events:
            first.setdefault(event.event_id, event)
        again = [event for event in events if first[event.event_id] is not event]
        now = self._clock()
        with self._db.write() as connection:
            shapes = self._shape_ids(connection, first.values())
            ids = [shapes[event.name, event.likeness] for event in first.values()]
            new = self._writing.insert(connection, first, ids, now)
            faults.point("metering.after_events")
            known = [event for event in first.values() if event.event_id not in new]
            conflicts = self._conflicts(connection, [*known, *again], now)
            self._add_up(
                connection, [pair for pair in zip(first.values(), ids, strict=True) if pair[0].event_id in new]
            )
            faults.point("metering.before_commit")
        self._remember(shapes)
        return Accepted(len(new), len(events) - len(new), tuple(conflicts))

    def _shape_ids(self, connection: Connection, events: Iterable[Event]) -> dict[Likeness, int]:
        wanted = sorted({(event.name, event.likeness) for event in events})
        with self._lock:
            found = {key: self._shapes[key] for key in wanted if key in self._shapes}
        missing = [key for key in wanted if key not in found]
        if missing:
            made = sqlite.insert if self._db.is_sqlite else postgresql.insert
            unless_known = made(_shape).on_conflict_do_nothing(index_elements=["event_name", "properties"])
            connection.execute(unless_known, [{"event_name": name, "properties": said} for name, said in missing])
            for name, said in missing:
                found[name, said] = connection.execute(_SHAPE_ID, {"b_name": name, "b_likeness": said}).scalar_one()
        return found

    def _remember(self, shapes: dict[Likeness, int]) -> None:
        """After the commit: a shape that was rolled back has no id."""
        with self._lock:
            if len(self._shapes) > REMEMBERED:
                self._shapes.clear()
            self._shapes |= shapes

    def _conflicts(self, connection: Connection, repeated: Sequence[Event], now: datetime) -> list[str]:
        if not repeated:
            return []
        known = self._writing.known(connection, sorted({event.event_id for event in repeated}))
        differing = [event for event in repeated if known[event.event_id] != event.digest]
        if differing:
            rows = [
                {"event_id": event.event_id, "customer": event.customer, "body": event.properties, "received_at": now}
                for event in differing
            ]
            connection.execute(insert(tables.conflict), rows)
        return list(dict.fromkeys(event.event_id for event in differing))

    def _add_up(self, connection: Connection, events: Iterable[tuple[Event, int]]) -> None:
        sums: dict[Key, list[int]] = {}
        for event, shape in events:
            day = event.at.date()
            for figure, billionths in (("", 0), *event.figures.items()):
                found = sums.setdefault((event.customer, day, shape, figure), [0, 0])
                found[0] += 1
                found[1] += billionths
        rows: list[Rolled] = [(*key, sums[key][0], *divmod(sums[key][1], BILLIONTHS)) for key in sorted(sums)]
        if rows:  # sorted: two batches that add to the same sums do not wait for each other in a circle
            self._writing.roll_up(connection, rows)
