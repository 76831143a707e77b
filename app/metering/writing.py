"""The statements of `ingest`, as fast as each database takes them: many rows at a time, written by hand.

Both answer the same question: which of these events are new (they are then written). PostgreSQL has many writers, and
its unique index decides between them. SQLite has one at a time, which makes two things cheap: what is not known when it
looks is new when it writes (`known.py`), and sums may be added up and events be put in their customers' order many
thousand events later, because the last event of which that is done is a number.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection

from app.kernel import faults
from app.kernel.db import Database
from app.metering import waiting
from app.metering.adding import ADDING
from app.metering.copying import array, columns
from app.metering.events import Event, figures_of
from app.metering.known import Known
from app.metering.sums import Counted, Sums


class Writing(Protocol):
    #: So many transactions of one process write at the same time.
    at_once: int

    def write(
        self, connection: Connection, events: Mapping[str, Event], shapes: Sequence[int], now: datetime
    ) -> Mapping[str, int]:
        """Write those down whose id is new; of the others, what they said before (as a digest)."""

    def add_up(self, connection: Connection, events: Sequence[Counted]) -> None:
        """See to it that these, just written, are in the sums."""

    def is_behind(self, connection: Connection) -> bool:
        """Whether there are events that are not in the sums."""

    def catch_up(self, connection: Connection) -> int:
        """Add up what was not yet; how many events that were."""

    def digests(self, connection: Connection, ids: Sequence[str]) -> dict[str, int]:
        """Of those that are known."""

    def forget(self) -> None:
        """The transaction did not happen."""


def writing(db: Database) -> Writing:
    return Sqlite() if db.is_sqlite else Postgres()


class Sqlite:
    """One writer at a time: every method is called inside a write transaction."""

    at_once = 1
    #: Sums and places are written when so many events are not in them; by who brings few events, when it is so many:
    #: where not much is going on, readers shall find little beside.
    roll_at, roll_soon_at, few = 100_000, 5_000, 100

    #: In KiB, for what a transaction of very many events changes: without it, SQLite writes the same pages several
    #: times within one transaction to make room for others.
    _room = "PRAGMA cache_size=-16384"
    _insert = """INSERT INTO usage_event
    (id, event_id, customer, shape_id, at, properties, source, digest, received_at, generation_id)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
    _rolled = "SELECT event FROM usage_mark WHERE name = 'rolled'"
    _last = "SELECT max(id) FROM usage_event"
    _mark = """INSERT INTO usage_mark (name, event) VALUES ('rolled', ?)
    ON CONFLICT (name) DO UPDATE SET event = excluded.event"""
    _unrolled = "SELECT customer, substr(at, 1, 10), shape_id, properties FROM usage_event WHERE id > ? AND id <= ?"

    place = """INSERT INTO usage_place (customer, at, event)
    SELECT customer, at, id FROM usage_event WHERE id > ? AND id <= ? ORDER BY customer, at, id"""

    def __init__(self) -> None:
        self._known = Known()
        self.forget()

    def forget(self) -> None:
        self._known.forget()
        self._sums: Sums | None = None  # of the events from `_from` (excluded) to `_upto`; None: not all are known here
        self._from = self._upto = 0

    def write(
        self, connection: Connection, events: Mapping[str, Event], shapes: Sequence[int], now: datetime
    ) -> Mapping[str, int]:
        connection.exec_driver_sql(self._room)
        known = self._known.digests(connection, list(events))
        number, received = self._known.last, _wall_clock(now)
        rows: list[tuple[object, ...]] = []
        for one, shape in zip(events.values(), shapes, strict=True):
            if one.event_id not in known:
                number += 1
                rows.append((
                    number, one.event_id, one.customer, shape, _wall_clock(one.at), one.properties, one.source,
                    one.digest, received, one.generation_id,
                ))  # fmt: skip
        if rows:
            connection.exec_driver_sql(self._insert, rows)
            self._known.add(each for each in events if each not in known)
        self._known.write_pages(connection)
        return known

    def digests(self, connection: Connection, ids: Sequence[str]) -> dict[str, int]:
        return self._known.digests(connection, ids)

    def add_up(self, connection: Connection, events: Sequence[Counted]) -> None:
        rolled, last = self._marks(connection)
        if self._sums is None and rolled == last - len(events):  # all that is not in the sums
            self._sums, self._from, self._upto = Sums(), rolled, rolled
        if self._sums is not None and self._from == rolled and self._upto == last - len(events):
            self._sums.add(events)
            self._upto = last
        else:
            self._sums = None  # others have written: the events themselves will tell
        if last - rolled >= (self.roll_at if len(events) > self.few else min(self.roll_at, self.roll_soon_at)):
            self._roll(connection, rolled, last)

    def is_behind(self, connection: Connection) -> bool:
        rolled, last = self._marks(connection)
        return last > rolled

    def catch_up(self, connection: Connection) -> int:
        rolled, last = self._marks(connection)
        if last > rolled:
            self._roll(connection, rolled, last)
        return last - rolled

    def _marks(self, connection: Connection) -> tuple[int, int]:
        rolled = connection.exec_driver_sql(self._rolled).scalar() or 0
        return rolled, connection.exec_driver_sql(self._last).scalar() or 0

    def _roll(self, connection: Connection, rolled: int, last: int) -> None:
        sums = self._sums
        if sums is None or self._from != rolled or self._upto != last:
            sums = Sums()
            rows = connection.exec_driver_sql(self._unrolled, (rolled, last))
            sums.add(
                Counted(customer, date.fromisoformat(day), shape, figures_of(orjson.loads(properties)))
                for customer, day, shape, properties in rows
            )
        written = [(customer, str(day), *rest) for customer, day, *rest in sums.rows()]
        connection.exec_driver_sql(ADDING["usage_rollup"], written)
        connection.exec_driver_sql(ADDING["usage_daily"], [(str(day), *rest) for day, *rest in sums.daily()])
        connection.exec_driver_sql(ADDING["usage_monthly"], [(str(day), *rest) for day, *rest in sums.monthly()])
        connection.exec_driver_sql(self.place, (rolled, last))
        connection.exec_driver_sql(self._mark, (last,))
        faults.point("metering.rolled")
        self._sums, self._from, self._upto = Sums(), last, last


class Postgres:
    """Others write at the same time: the unique id decides. Ids come sorted, so that no two wait for each other.

    Rows travel as text that is put together here. Handing lists to the driver costs more than everything else that is
    done with an event: it looks at each value by itself.
    """

    #: While one waits for the server, another is put together here.
    at_once = 3
    #: What waits is added up when it is so many events.
    roll_at = 100_000

    _keys = """INSERT INTO usage_key (event_id, digest, event)
    SELECT given.id, given.digest, nextval((SELECT pg_get_serial_sequence('usage_event', 'id'))::regclass)
    FROM unnest(%s::text[], %s::bigint[]) WITH ORDINALITY AS given (id, digest, place) ORDER BY given.place
    ON CONFLICT DO NOTHING RETURNING event_id, event"""
    _copy = """COPY usage_event
    (id, shape_id, at, digest, received_at, event_id, customer, properties, source, generation_id) FROM STDIN"""
    _known = "SELECT event_id, digest FROM usage_key WHERE event_id = ANY(%s::text[])"

    def __init__(self) -> None:
        self._put = 0  # events of this process since it added up: about, as what is rolled back counts too

    def write(
        self, connection: Connection, events: Mapping[str, Event], shapes: Sequence[int], now: datetime
    ) -> Mapping[str, int]:
        ordered = sorted(events)
        given = (array(ordered), array([events[each].digest for each in ordered]))
        new: dict[str, int] = {row[0]: row[1] for row in connection.exec_driver_sql(self._keys, given)}
        if new:
            lines = [
                f"{number}\t{shape}\t{one.at}\t{one.digest}\t{now}\t{_copied(one)}\n"
                for one, shape in zip(events.values(), shapes, strict=True)
                if (number := new.get(one.event_id)) is not None
            ]
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(self._copy) as copy:
                copy.write("".join(lines))
        return self.digests(connection, [each for each in ordered if each not in new])

    def digests(self, connection: Connection, ids: Sequence[str]) -> dict[str, int]:
        if not ids:
            return {}
        return {row[0]: row[1] for row in connection.exec_driver_sql(self._known, (array(ids),))}

    def add_up(self, connection: Connection, events: Sequence[Counted]) -> None:
        if not events:
            return
        waiting.put(connection, events)
        self._put += len(events)
        if self._put >= self.roll_at:
            self._put = 0
            waiting.add_up(connection)

    def is_behind(self, connection: Connection) -> bool:
        return waiting.is_waiting(connection)

    def catch_up(self, connection: Connection) -> int:
        return waiting.add_up(connection)

    def forget(self) -> None:
        return None


def _wall_clock(moment: datetime) -> str:
    """As `UtcDateTime` keeps it on SQLite; `moment` is in UTC."""
    return moment.isoformat(" ", "microseconds")[:26]


def _copied(event: Event) -> str:
    """The columns of text, as COPY reads them."""
    said = columns(event.event_id, event.customer, event.properties, event.source, event.generation_id or "")
    return said if event.generation_id else said + "\\N"
