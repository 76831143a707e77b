"""The statements of `ingest`, as fast as each database takes them: many rows at a time, written by hand.

Both answer the same two questions: which of these ids are new (they are then written), and what is known about an id.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Protocol

import orjson
from sqlalchemy import Connection

from app.kernel.db import Database
from app.metering.events import Event

#: customer, day, shape, figure, events, whole, billionths
Rolled = tuple[str, date, int, str, int, int, int]

_EVENT: Final = """
INSERT INTO usage_event (event_id, customer, shape_id, at, properties, source, digest, received_at) {rows}
"""
_ROLLUP: Final = """
INSERT INTO usage_rollup (customer, day, shape_id, figure, events, whole, billionths) {rows}
ON CONFLICT (customer, day, shape_id, figure) DO UPDATE SET events = usage_rollup.events + excluded.events,
    whole = usage_rollup.whole + excluded.whole, billionths = usage_rollup.billionths + excluded.billionths
"""


class Writing(Protocol):
    def insert(
        self, connection: Connection, events: Mapping[str, Event], shapes: Sequence[int], now: datetime
    ) -> set[str]:
        """Write those down whose id is new, in the order given; the ids that were."""

    def known(self, connection: Connection, ids: Sequence[str]) -> dict[str, int]:
        """The digests of events that are written down."""

    def roll_up(self, connection: Connection, rows: Sequence[Rolled]) -> None:
        """Add to the sums."""


def writing(db: Database) -> Writing:
    return _Sqlite() if db.is_sqlite else _Postgres()


class _Sqlite:
    """There is one writer: what is not known when it looks is new when it writes."""

    _insert = _EVENT.format(rows="VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    _known = "SELECT event_id, digest FROM usage_event WHERE event_id IN (SELECT value FROM json_each(?))"
    _rolled = _ROLLUP.format(rows="VALUES (?, ?, ?, ?, ?, ?, ?)")

    def insert(
        self, connection: Connection, events: Mapping[str, Event], shapes: Sequence[int], now: datetime
    ) -> set[str]:
        known = self.known(connection, list(events))
        received = _wall_clock(now)
        rows = [
            (
                one.event_id, one.customer, shape, _wall_clock(one.at), one.properties, one.source, one.digest, received
            )
            for one, shape in zip(events.values(), shapes, strict=True)
            if one.event_id not in known
        ]  # fmt: skip
        if rows:
            connection.exec_driver_sql(self._insert, rows)
        return events.keys() - known.keys()

    def known(self, connection: Connection, ids: Sequence[str]) -> dict[str, int]:
        found = connection.exec_driver_sql(self._known, (orjson.dumps(ids).decode(),))
        return {row[0]: row[1] for row in found}

    def roll_up(self, connection: Connection, rows: Sequence[Rolled]) -> None:
        written = [(customer, str(day), *rest) for customer, day, *rest in rows]
        connection.exec_driver_sql(self._rolled, written)


class _Postgres:
    """Others write at the same time: the unique id decides. Ids come sorted, so that no two wait for each other."""

    _insert = _EVENT.format(
        rows="""SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[],
        %s::bigint[], %s::timestamptz[]) ON CONFLICT (event_id) DO NOTHING RETURNING event_id"""
    )
    _known = "SELECT event_id, digest FROM usage_event WHERE event_id = ANY(%s)"
    _rolled = _ROLLUP.format(
        rows="""SELECT * FROM unnest(%s::text[], %s::date[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[],
        %s::bigint[])"""
    )

    def insert(
        self, connection: Connection, events: Mapping[str, Event], shapes: Sequence[int], now: datetime
    ) -> set[str]:
        ordered = sorted(zip(events.values(), shapes, strict=True), key=lambda each: each[0].event_id)
        columns: tuple[list[Any], ...] = (
            [one.event_id for one, _ in ordered],
            [one.customer for one, _ in ordered],
            [shape for _, shape in ordered],
            [one.at for one, _ in ordered],
            [one.properties for one, _ in ordered],
            [one.source for one, _ in ordered],
            [one.digest for one, _ in ordered],
            [now] * len(ordered),
        )
        return {row[0] for row in connection.exec_driver_sql(self._insert, columns)}

    def known(self, connection: Connection, ids: Sequence[str]) -> dict[str, int]:
        return {row[0]: row[1] for row in connection.exec_driver_sql(self._known, (list(ids),))}

    def roll_up(self, connection: Connection, rows: Sequence[Rolled]) -> None:
        connection.exec_driver_sql(self._rolled, tuple(list(column) for column in zip(*rows, strict=True)))


def _wall_clock(moment: datetime) -> str:
    """As `UtcDateTime` keeps it on SQLite."""
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")
