"""Usage in small: how much of each figure, by kind of event and window, from the sums or from the events themselves.

The sums answer what is made of whole days, over all customers or for some. Parts of days, windows shorter than a day,
and what the sums do not tell apart (the source of an event) are read from the events, for named customers.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import BigInteger, ColumnElement, Connection, Select, cast, func, literal, null, select, tuple_

from app.metering import tables
from app.metering.aggregate import Span
from app.metering.apart import FIGURES, dimensions
from app.metering.events import BILLIONTHS, figures_of
from app.metering.places import of_customers, rolled_up_to
from app.metering.sums import COUNT
from app.metering.waiting import with_waiting
from app.metering.windows import OF_DAYS, midnight, start_of

DAY: Final = timedelta(days=1)
#: So many shapes and figures are named in one statement.
MOST_PAIRS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Kind:
    """What events of a shape have in common."""

    id: int
    name: str
    properties: dict[str, str]
    figures: tuple[str, ...] = ()

    @property
    def said(self) -> dict[str, str]:
        """The properties, with a figure of one where the events have some: as a meter looks at them."""
        return self.properties | dict.fromkeys(self.figures, "1")


class Cell(NamedTuple):
    """`billionths` of a figure over `events` events; the figure "" counts them. `start` is None without windows."""

    customer: str
    kind: Kind
    start: datetime | None
    source: str
    figure: str
    events: int
    billionths: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which usage: `customers` None is everybody, and then the days at both ends are whole ones. `only_counts` leaves
    all figures out but the one that counts events."""

    span: Span
    customers: Collection[str] | None = None
    window: str | None = None
    by_customer: bool = False
    by_source: bool = False
    only_counts: bool = False

    @property
    def reads_events(self) -> bool:
        return self.by_source or (self.window is not None and self.window not in OF_DAYS)


def cells(connection: Connection, wanted: Wanted, keep: Callable[[Kind], bool] = lambda _: True) -> Iterator[Cell]:
    """Every cell of the kinds to `keep`; a cell may come in several parts."""
    kinds = Kinds(connection)
    if wanted.reads_events:
        yield from _of_events(connection, wanted, wanted.span, kinds, keep)
        return
    first, last = whole_days(wanted.span)
    if wanted.customers is None:
        first, last = (
            wanted.span.start.astimezone(UTC).date(),
            (wanted.span.end - timedelta(microseconds=1)).date() + DAY,
        )
    if first < last:
        yield from _of_days(connection, wanted, first, last, kinds, keep)
        inner = Span(midnight(first), midnight(last))
        rolled = rolled_up_to(connection)
        if rolled is not None:
            yield from _of_events(connection, wanted, inner, kinds, keep, after=rolled)
    if wanted.customers is None:
        return
    edges = [Span(wanted.span.start, midnight(first)), Span(midnight(last), wanted.span.end)]
    for edge in edges if first < last else [wanted.span]:
        if edge.start < edge.end:
            yield from _of_events(connection, wanted, edge, kinds, keep)


def of_tail(
    connection: Connection, wanted: Wanted, kinds: "Kinds", keep: Callable[[Kind], bool] = lambda _: True
) -> Iterator[Cell]:
    """What is not in the sums yet, of whole days."""
    rolled = rolled_up_to(connection)
    if rolled is not None:
        inner = Span(*map(midnight, days_of(wanted)))
        yield from _of_events(connection, wanted, inner, kinds, keep, after=rolled)


def days_of(wanted: Wanted) -> tuple[date, date]:
    """The days that sums answer for: over everybody those at both ends too."""
    if wanted.customers is not None:
        return whole_days(wanted.span)
    return wanted.span.start.astimezone(UTC).date(), (wanted.span.end - timedelta(microseconds=1)).date() + DAY


def by_customer(
    connection: Connection, wanted: Wanted, pairs: Collection[tuple[int, str]]
) -> Iterator[tuple[str, int, int]]:
    """Over everybody: each customer's events and billionths of these figures of these shapes, added up by the
    database; a customer may come several times."""
    first, last = days_of(wanted)
    table, days = _table(connection, wanted, first, last)
    sums = _sums(table)
    wanted_pairs, one = sorted(pairs), tuple_(table.c.shape_id, table.c.figure)
    for begun in range(0, len(wanted_pairs), MOST_PAIRS):
        query: Select[Any] = (
            select(table.c.customer, *sums)
            .where(days >= first, days < last, one.in_(wanted_pairs[begun : begun + MOST_PAIRS]))
            .group_by(table.c.customer)
        )
        for customer, events, whole, billionths in connection.execute(query).all():
            yield customer, events, whole * BILLIONTHS + billionths


def whole_days(span: Span) -> tuple[date, date]:
    """The first day that is wholly inside, and the first one after that is not."""
    start = span.start.astimezone(UTC)
    return start.date() + (DAY if start.time() > time(0) else timedelta(0)), span.end.astimezone(UTC).date()


class Kinds:
    """Looks up kinds by the id of their shape, all of them at once: there are few, and they never change."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: dict[int, Kind] = {}

    def __getitem__(self, shape_id: int) -> Kind:
        found = self._found.get(shape_id)
        if found is None:
            self._load()
            found = self._found[shape_id]
        return found

    def every(self) -> list[Kind]:
        self._load()
        return list(self._found.values())

    def _load(self) -> None:
        known = max(self._found, default=0)
        shape = tables.shape
        for row in self._connection.execute(select(shape).where(shape.c.id > known).order_by(shape.c.id)):
            self._found[row.id] = _kind(row.id, row.event_name, row.properties)


@lru_cache(maxsize=50_000)
def _kind(shape_id: int, name: str, properties: str) -> Kind:
    found = orjson.loads(properties)
    figures = found.get(FIGURES, "")
    return Kind(shape_id, name, dimensions(found), tuple(figures.split(",")) if figures else ())


def _of_days(
    connection: Connection, wanted: Wanted, first: date, last: date, kinds: Kinds, keep: Callable[[Kind], bool]
) -> Iterator[Cell]:
    table, days = _table(connection, wanted, first, last)
    by = [table.c.shape_id, table.c.figure]
    customer, day = literal(""), null()
    if wanted.by_customer:
        customer = table.c.customer
        by.append(customer)
    if wanted.window is not None:
        day = days
        by.append(day)
    query: Select[Any] = (
        select(table.c.shape_id, table.c.figure, customer, day, *_sums(table))
        .where(days >= first, days < last)
        .group_by(*by)
    )
    if wanted.customers is not None:
        query = query.where(table.c.customer.in_(sorted(wanted.customers)))
    if wanted.only_counts:
        query = query.where(table.c.figure == COUNT)
    kept: dict[int, Kind | None] = {}
    for shape_id, figure, name, on, events, whole, billionths in connection.execute(query):
        if shape_id not in kept:
            kept[shape_id] = kinds[shape_id] if keep(kinds[shape_id]) else None
        kind = kept[shape_id]
        if kind is not None:
            start = None if wanted.window is None else _start(on, wanted.window)
            yield Cell(name, kind, start, "", figure, events, whole * BILLIONTHS + billionths)


def _sums(table: Any) -> Iterable[ColumnElement[int]]:
    """Whole numbers on both databases: PostgreSQL adds such numbers up to decimal ones, which cost more to read."""
    return [cast(func.sum(column), BigInteger) for column in (table.c.events, table.c.whole, table.c.billionths)]


@lru_cache(maxsize=5_000)
def _start(day: date, window: str) -> datetime:
    return start_of(midnight(day), window)


def _table(connection: Connection, wanted: Wanted, first: date, last: date) -> tuple[Any, Any]:
    """The smallest sums that answer."""
    months = first.day == 1 and last.day == 1 and wanted.window in (None, "MONTH")
    table, days = tables.rollup, "day"
    if wanted.customers is None and not wanted.by_customer:
        table = tables.daily
    elif wanted.customers is None and months:
        table, days = tables.monthly, "month"
    sums = with_waiting(connection, table)
    return sums, sums.c[days]


def _of_events(
    connection: Connection,
    wanted: Wanted,
    span: Span,
    kinds: Kinds,
    keep: Callable[[Kind], bool],
    after: int | None = None,
) -> Iterator[Cell]:
    found: dict[tuple[str, int, datetime | None, str], dict[str, list[int]]] = {}
    for customer, kind, at, source, properties in events_of(connection, wanted.customers, span, kinds, keep, after):
        key = (
            customer if wanted.by_customer else "",
            kind.id,
            start_of(at, wanted.window) if wanted.window is not None else None,
            source if wanted.by_source else "",
        )
        cell = found.setdefault(key, {})
        for figure, billionths in ((COUNT, 0), *(() if wanted.only_counts else figures_of(properties).items())):
            sums = cell.setdefault(figure, [0, 0])
            sums[0] += 1
            sums[1] += billionths
    for (customer, shape_id, start, source), figures in found.items():
        for figure, (events, billionths) in figures.items():
            yield Cell(customer, kinds[shape_id], start, source, figure, events, billionths)


def events_of(
    connection: Connection,
    customers: Collection[str] | None,
    span: Span,
    kinds: Kinds,
    keep: Callable[[Kind], bool] = lambda _: True,
    after: int | None = None,
) -> Iterator[tuple[str, Kind, datetime, str, dict[str, Any]]]:
    """The events themselves, in the order of time: customer, kind, moment, source, properties as they were sent."""
    event = tables.event.c
    query = select(event.customer, event.shape_id, event.at, event.source, event.properties)
    if customers is not None:
        query = query.where(of_customers(connection, customers, span, after))
    else:
        query = query.where(event.at >= span.start, event.at < span.end)
        if after is not None:
            query = query.where(event.id > after)
    for customer, shape_id, at, source, properties in connection.execute(query.order_by(event.at, event.id)):
        kind = kinds[shape_id]
        if keep(kind):
            yield customer, kind, at, source, orjson.loads(properties)
