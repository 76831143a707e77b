"""The statements of `ingest`, as fast as each database takes them: many rows at a time, written by hand.

Both answer the same question: which of these events are new (they are then written). PostgreSQL has many writers, and
its unique index decides between them. SQLite has one at a time, which makes two things cheap: what is not known when it
looks is new when it writes (`known.py`), and sums may be added up and events be put in their customers' order many
thousand events later, because the last event of which that is done is a number.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, Final, NamedTuple, Protocol

import orjson
from sqlalchemy import Connection

from app.kernel import faults
from app.kernel.db import Database
from app.metering import sums, waiting
from app.metering.adding import ADDING
from app.metering.copying import NOTHING, array, copied
from app.metering.events import Event, figures_of
from app.metering.known import Known
from app.metering.sums import Added

#: Of a moment as `iso` has it, the day.
DAY: Final = 10


class Rows(NamedTuple):
    """Events by their ids, with their shapes and their moments (`iso`)."""

    events: Mapping[str, Event]
    shapes: Sequence[int]
    moments: Sequence[str]


class Writing(Protocol):
    #: So many transactions of one process write at the same time.
    at_once: int

    def write(self, connection: Connection, rows: Rows, now: datetime) -> Mapping[str, int]:
        """Write those down whose id is new; of the others, what they said before (as a digest)."""

    def keep_conflicts(self, connection: Connection, events: Sequence[Event], now: datetime) -> None:
        """Keep beside what these said about an id that was known with another content."""

    def add_up(self, connection: Connection, events: Sequence[Added]) -> None:
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
    #: Several rows to a statement: each time the driver runs one, the turn to go on may go to another thread.
    _rows_at_once = 50
    _row = f"({', '.join('?' * 10)})"
    _insert = """INSERT INTO usage_event
    (id, event_id, customer, shape_id, at, properties, source, digest, received_at, generation_id) VALUES """
    _insert_many, _insert_one = _insert + ", ".join([_row] * _rows_at_once), _insert + _row
    _conflict = "INSERT INTO usage_conflict (event_id, customer, body, received_at) VALUES (?, ?, ?, ?)"
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
        #: Of the events from `_from` (excluded) to `_upto`; None: not all are known here.
        self._counted: Counter[Added] | None = None
        self._from = self._upto = 0

    def write(self, connection: Connection, rows: Rows, now: datetime) -> Mapping[str, int]:
        connection.exec_driver_sql(self._room)
        ids = list(rows.events)
        known = self._known.digests(connection, ids)
        fresh = list(zip(rows.events.values(), rows.shapes, rows.moments, strict=True))
        if known:
            fresh = [each for each in fresh if each[0].event_id not in known]
            ids = [each for each in ids if each not in known]
        received = _wall_clock(*iso([now]))
        self._insert_rows(
            connection,
            [
                (
                    number, one.event_id, one.customer, shape, _wall_clock(moment), one.properties, one.source,
                    one.digest, received, one.generation_id,
                )
                for number, (one, shape, moment) in enumerate(fresh, self._known.last + 1)
            ],
        )  # fmt: skip
        self._known.add(ids)
        self._known.write_pages(connection)
        return known

    def _insert_rows(self, connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
        driver: Any = connection.connection.driver_connection
        whole = len(rows) - len(rows) % self._rows_at_once
        for begun in range(0, whole, self._rows_at_once):
            driver.execute(self._insert_many, list(chain.from_iterable(rows[begun : begun + self._rows_at_once])))
        driver.executemany(self._insert_one, rows[whole:])

    def keep_conflicts(self, connection: Connection, events: Sequence[Event], now: datetime) -> None:
        received = _wall_clock(*iso([now]))
        rows = [(each.event_id, each.customer, each.properties, received) for each in events]
        connection.exec_driver_sql(self._conflict, rows)

    def digests(self, connection: Connection, ids: Sequence[str]) -> dict[str, int]:
        return self._known.digests(connection, ids)

    def add_up(self, connection: Connection, events: Sequence[Added]) -> None:
        rolled, last = self._marks(connection)
        if self._counted is None and rolled == last - len(events):  # all that is not in the sums
            self._counted, self._from, self._upto = Counter(), rolled, rolled
        if self._counted is not None and self._from == rolled and self._upto == last - len(events):
            self._counted.update(events)
            self._upto = last
        else:
            self._counted = None  # others have written: the events themselves will tell
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
        counted = self._counted
        if counted is None or self._from != rolled or self._upto != last:
            written = connection.exec_driver_sql(self._unrolled, (rolled, last))
            counted = Counter(
                (customer, day, shape, tuple(figures_of(orjson.loads(properties)).items()))
                for customer, day, shape, properties in written
            )
        cells = sums.summed(counted)
        connection.exec_driver_sql(ADDING["usage_rollup"], sums.rows(cells))
        connection.exec_driver_sql(ADDING["usage_daily"], sums.daily(cells))
        connection.exec_driver_sql(ADDING["usage_monthly"], sums.monthly(cells))
        connection.exec_driver_sql(self.place, (rolled, last))
        connection.exec_driver_sql(self._mark, (last,))
        faults.point("metering.rolled")
        self._counted, self._from, self._upto = Counter(), last, last


class Postgres:
    """Others write at the same time: the unique id decides. Ids come sorted, so that no two wait for each other.

    Rows travel as text that is put together here. Handing lists to the driver costs more than everything else that is
    done with an event: it looks at each value by itself.
    """

    #: Events that come again are mostly under way at the same time: two transactions of one process wait for each
    #: other's ids nearly always, and longer than they gain. Those who come meanwhile share the next one.
    at_once = 1
    #: What waits is added up when it is so many events.
    roll_at = 100_000

    _keys = """INSERT INTO usage_key (event_id, digest, event)
    SELECT given.id, given.digest, nextval((SELECT pg_get_serial_sequence('usage_event', 'id'))::regclass)
    FROM unnest(%s::text[], %s::bigint[]) WITH ORDINALITY AS given (id, digest, place) ORDER BY given.place
    ON CONFLICT DO NOTHING RETURNING event_id, event"""
    _copy = """COPY usage_event
    (id, shape_id, at, digest, received_at, event_id, customer, properties, source, generation_id) FROM STDIN"""
    _copy_conflicts = "COPY usage_conflict (event_id, customer, body, received_at) FROM STDIN"
    _known = "SELECT event_id, digest FROM usage_key WHERE event_id = ANY(%s::text[])"

    def __init__(self) -> None:
        self._put = 0  # events of this process since it added up: about, as what is rolled back counts too

    def write(self, connection: Connection, rows: Rows, now: datetime) -> Mapping[str, int]:
        events, (received,) = rows.events, iso([now])
        ordered = sorted(events)
        given = (array(ordered), array([events[each].digest for each in ordered]))
        # Before the ids are taken: from then on, whoever brings one of them too waits for our commit.
        lines = [
            f"\t{shape}\t{moment}\t{one.digest}\t{received}\t{one.event_id}\t{one.customer}\t"
            f"{one.properties}\t{one.source}\t{one.generation_id or NOTHING}\n"
            for one, shape, moment in zip(events.values(), rows.shapes, rows.moments, strict=True)
        ]
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            new = dict(cursor.execute(self._keys, given))
            if new:
                numbers = map(new.get, events)
                text = copied([f"{number}{line}" for number, line in zip(numbers, lines, strict=True) if number])
                with cursor.copy(self._copy) as copy:
                    copy.write(text)
        return self.digests(connection, [each for each in ordered if each not in new])

    def keep_conflicts(self, connection: Connection, events: Sequence[Event], now: datetime) -> None:
        (received,) = iso([now])
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(self._copy_conflicts) as copy:
            copy.write(
                copied([f"{each.event_id}\t{each.customer}\t{each.properties}\t{received}\n" for each in events])
            )

    def digests(self, connection: Connection, ids: Sequence[str]) -> dict[str, int]:
        if not ids:
            return {}
        return {row[0]: row[1] for row in connection.exec_driver_sql(self._known, (array(ids),))}

    def add_up(self, connection: Connection, events: Sequence[Added]) -> None:
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


def iso(moments: Sequence[datetime]) -> list[str]:
    """Moments in UTC as ISO has them. All in one go: each by itself costs ten times as much."""
    return orjson.loads(orjson.dumps(moments))  # type: ignore[no-any-return]


def _wall_clock(moment: str) -> str:
    """As `UtcDateTime` keeps it on SQLite; `moment` as `iso` has it, where nothing stands for no microseconds."""
    micros = moment[19:26] if moment[19] == "." else ".000000"
    return f"{moment[:10]} {moment[11:19]}{micros}"
