"""Looking at single events: by their id, and in pages."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select

from app.kernel.clock import as_utc
from app.kernel.errors import InvalidInput
from app.metering import tables
from app.metering.apart import canonical
from app.metering.events import likeness_of
from app.metering.known import in_pages, marked
from app.metering.places import rolled_up_to

#: So many rows are looked at for one page of a search by properties; then the page ends, and its key leads on.
MOST_LOOKED_AT: Final = 20_000
BATCH: Final = 1_000

_event, _shape = tables.event.c, tables.shape.c
_COLUMNS: Final = (
    _event.id, _event.event_id, _event.customer, _event.at, _event.source, _event.properties, _event.received_at,
    _event.generation_id, _event.shape_id, _shape.event_name,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as it was sent."""

    number: int
    event_id: str
    name: str
    customer: str
    at: datetime
    source: str
    properties: Mapping[str, Any]
    received_at: datetime
    generation_id: str | None

    @property
    def key(self) -> str:
        """Where it stands among the events of a search."""
        return f"{self.at.isoformat()}~{self.number}"


@dataclass(frozen=True, slots=True)
class Search:
    """Which events; `properties` by canonical text, `alike` those that have nothing else in common with others of
    their kind and under `names`. The newest first; without customers the last received first."""

    customers: Collection[str] | None = None
    name: str | None = None
    source: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    properties: Mapping[str, Sequence[str]] = field(default_factory=dict)
    alike: Mapping[str, str] | None = None
    names: Collection[str] = ()
    size: int = 50
    after: str | None = None  # the key of the last event of the page before
    before: str | None = None  # the key of the first event of the page after
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    events: Sequence[Seen]
    has_more: bool
    last_key: str | None  # leads on, even where nothing of what was looked at fitted


class Ranked(NamedTuple):
    """The columns that say whose an event is and where it stands."""

    customer: ColumnElement[str]
    at: ColumnElement[datetime]
    id: ColumnElement[int]


def find(connection: Connection, event_id: str) -> Seen | None:
    """The event of this id."""
    if connection.dialect.name == "sqlite":
        numbers = in_pages(connection, [event_id])
        recent = select(_event.id).where(_event.id > marked(connection), _event.event_id == event_id)
        numbers |= set(connection.execute(recent).scalars())
    else:
        known = select(tables.key.c.event).where(tables.key.c.event_id == event_id)
        numbers = set(connection.execute(known).scalars())
    query = _query().where(_event.id.in_(numbers), _event.event_id == event_id)
    row = connection.execute(query).first() if numbers else None
    return None if row is None else _seen(row)


def search(connection: Connection, wanted: Search) -> Found:
    """A page of events."""
    found: list[Seen] = []
    skipped, looked_at, position = 0, 0, wanted.after
    while True:
        rows = _rows(connection, wanted, position)
        for row in rows:
            seen = _seen(row)
            if not _fits(seen, wanted):
                position = seen.key
                continue
            if skipped < wanted.offset:
                skipped += 1
            elif len(found) == wanted.size:
                return Found(_in_order(found, wanted), True, found[-1].key)
            else:
                found.append(seen)
            position = seen.key
        looked_at += len(rows)
        if len(rows) < BATCH or wanted.before is not None:
            return Found(_in_order(found, wanted), False, found[-1].key if found else None)
        if looked_at >= MOST_LOOKED_AT:
            return Found(_in_order(found, wanted), True, position)


def _in_order(found: list[Seen], wanted: Search) -> list[Seen]:
    return found if wanted.before is None else sorted(found, key=lambda seen: (seen.at, seen.number), reverse=True)


def _query() -> Select[Any]:
    return select(*_COLUMNS).join(tables.shape, _shape.id == _event.shape_id)


def _rows(connection: Connection, wanted: Search, position: str | None) -> Sequence[Row[Any]]:
    """A page, in the order in which it is looked through."""
    placed_up_to = None if wanted.customers is None else rolled_up_to(connection)
    if placed_up_to is None:
        return connection.execute(_page(wanted, position)).all()
    last = connection.execute(_page(wanted, position).where(_event.id > placed_up_to)).all()
    placed = connection.execute(_page(wanted, position, placed=True)).all()
    if not last:
        return placed
    both = sorted([*placed, *last], key=lambda row: (row.at, row.id), reverse=wanted.before is None)
    return both[: BATCH if wanted.before is None else wanted.size]


def _page(wanted: Search, position: str | None, *, placed: bool = False) -> Select[Any]:
    """Of the events themselves, or (`placed`, and only where it is for customers) by their places."""
    query = _query().limit(BATCH)
    by_time = wanted.customers is not None
    event = Ranked(_event.customer, _event.at, _event.id)
    if placed:
        place = tables.place.c
        query, event = query.join(tables.place, place.event == _event.id), Ranked(place.customer, place.at, place.event)
    if wanted.customers is not None:
        query = query.where(event.customer.in_(sorted(wanted.customers)))
    if wanted.name is not None:
        query = query.where(_shape.event_name == wanted.name)
    if wanted.source is not None:
        query = query.where(_event.source == wanted.source)
    if wanted.start is not None:
        query = query.where(event.at >= wanted.start)
    if wanted.end is not None:
        query = query.where(event.at < wanted.end)
    if wanted.before is not None:
        at, number = _read_key(wanted.before, "iter_first_key")
        newer = or_(event.at > at, and_(event.at == at, event.id > number)) if by_time else event.id > number
        order = (event.at, event.id) if by_time else (event.id,)
        return query.where(newer).order_by(*order).limit(wanted.size)
    if position is not None:
        at, number = _read_key(position, "iter_last_key")
        older = or_(event.at < at, and_(event.at == at, event.id < number)) if by_time else event.id < number
        query = query.where(older)
    return query.order_by(*((event.at.desc(), event.id.desc()) if by_time else (event.id.desc(),)))


def _read_key(key: str, param: str) -> tuple[datetime, int]:
    try:
        at, number = key.split("~")
        return as_utc(datetime.fromisoformat(at)), int(number)
    except (ValueError, OverflowError):
        raise InvalidInput(f"{param} is no key of a page.", param=param) from None


def _fits(seen: Seen, wanted: Search) -> bool:
    if wanted.alike is not None and likeness_of(seen.properties, wanted.names) != wanted.alike:
        return False
    return all(canonical(seen.properties.get(name)) in allowed for name, allowed in wanted.properties.items())


def _seen(row: Row[Any]) -> Seen:
    return Seen(
        row.id, row.event_id, row.event_name, row.customer, row.at, row.source, orjson.loads(row.properties),
        row.received_at, row.generation_id,
    )  # fmt: skip
