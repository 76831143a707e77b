"""What was used: sums by what events are alike in, from the daily sums where whole days are asked for.

A period is cut at midnight UTC: whole days come from `usage_rollup`, the parts at both ends from the events themselves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, time, timedelta
from fractions import Fraction
from typing import Any

import orjson
from sqlalchemy import Connection, func, select

from app.metering import tables
from app.metering.aggregate import Aggregation, Reading, Span
from app.metering.apart import canonical, dimensions
from app.metering.events import BILLIONTHS, billionths
from app.metering.meters import Meter
from app.metering.places import of_customers, rolled_up_to
from app.metering.waiting import with_waiting
from app.metering.windows import midnight

DAY = timedelta(days=1)


@dataclass(slots=True)
class Alike:
    """Events that differ only in their figures: how many, how many of them had each figure, and the sums."""

    name: str
    properties: Mapping[str, str]
    events: int = 0
    counted: dict[str, int] = field(default_factory=dict)
    sums: dict[str, Fraction] = field(default_factory=dict)

    def add(self, figure: str, events: int, amount: Fraction) -> None:
        if not figure:
            self.events += events
            return
        self.counted[figure] = self.counted.get(figure, 0) + events
        self.sums[figure] = self.sums.get(figure, Fraction(0)) + amount


def alike(connection: Connection, customer: str, span: Span, figures: Iterable[str]) -> list[Alike]:
    """A customer's usage in a period, one entry for each kind of event."""
    figures = frozenset(figures)
    found: dict[int, Alike] = {}
    first, last = _whole_days(span)
    if first < last:
        _from_days(connection, customer, first, last, found)
        _from_tail(connection, customer, Span(midnight(first), midnight(last)), figures, found)
        edges = (Span(span.start, midnight(first)), Span(midnight(last), span.end))
    else:
        edges = (span, Span(span.end, span.end))
    for edge in edges:
        if edge.start < edge.end:
            _from_events(connection, customer, edge, figures, found)
    return list(found.values())


def billionths_read_by(
    meter: Meter, name: str, properties: Mapping[str, str], events: int, sums: Mapping[str, tuple[int, int]]
) -> tuple[int, int] | None:
    """How many events of a kind a meter reads and what they add up to in billionths, before a multiplier; None when
    they are not its business. Events of one kind have the same figures: the first field that is there counts."""
    if meter.event_name not in ("", name):
        return None
    if any(canonical(properties.get(each)) not in allowed for each, allowed in meter.filters.items()):
        return None
    if meter.aggregation is not Aggregation.COUNT:
        for each in meter.fields:
            if each in sums:
                return sums[each]
    if meter.aggregation is Aggregation.COUNT or meter.counts_one:
        return events, events * BILLIONTHS
    return None


def readings(connection: Connection, customer: str, span: Span, meter: Meter) -> list[tuple[int, Reading]]:
    """Every event that a meter reads, by itself, with the id of its shape; in the order of time."""
    return [(shape_id, reading) for shape_id, _, reading in readings_with(connection, customer, span, meter, ())]


def readings_with(
    connection: Connection, customer: str, span: Span, meter: Meter, names: Sequence[str]
) -> list[tuple[int, tuple[str, ...], Reading]]:
    """The same with what each event says under these `names`, as filters compare it."""
    event, shape = tables.event, tables.shape
    query = (
        select(event.c.shape_id, event.c.id, event.c.at, event.c.properties, shape.c.event_name)
        .join(shape, shape.c.id == event.c.shape_id)
        .where(of_customers(connection, [customer], span))
        .order_by(event.c.at, event.c.id)
    )
    if meter.event_name:
        query = query.where(shape.c.event_name == meter.event_name)
    found = []
    for shape_id, number, at, text, name in connection.execute(query):
        properties: dict[str, Any] = orjson.loads(text)
        figure = meter.counted(name, properties)
        if figure is not None:
            told = tuple(canonical(properties.get(each)) for each in names)
            found.append((shape_id, told, Reading(at, figure, meter.name_in(properties), number)))
    return found


def _from_days(connection: Connection, customer: str, first: date, last: date, found: dict[int, Alike]) -> None:
    rolled, shape = with_waiting(connection, tables.rollup), tables.shape
    sums = (func.sum(rolled.c.events), func.sum(rolled.c.whole), func.sum(rolled.c.billionths))
    query = (
        select(rolled.c.shape_id, shape.c.event_name, shape.c.properties, rolled.c.figure, *sums)
        .join(shape, shape.c.id == rolled.c.shape_id)
        .where(rolled.c.customer == customer, rolled.c.day >= first, rolled.c.day < last)
        .group_by(rolled.c.shape_id, shape.c.event_name, shape.c.properties, rolled.c.figure)
    )
    for shape_id, name, properties, figure, events, whole, rest in connection.execute(query):
        kind = found.get(shape_id) or found.setdefault(shape_id, Alike(name, dimensions(orjson.loads(properties))))
        kind.add(figure, int(events), int(whole) + Fraction(int(rest), BILLIONTHS))


def _from_tail(
    connection: Connection, customer: str, span: Span, figures: frozenset[str], found: dict[int, Alike]
) -> None:
    """What is not in the sums yet (`writing.Sqlite`)."""
    rolled = rolled_up_to(connection)
    if rolled is not None:
        _from_events(connection, customer, span, figures, found, after=rolled)


def _from_events(
    connection: Connection,
    customer: str,
    span: Span,
    figures: frozenset[str],
    found: dict[int, Alike],
    after: int | None = None,
) -> None:
    event, shape = tables.event, tables.shape
    query = (
        select(event.c.shape_id, shape.c.event_name, shape.c.properties, event.c.properties)
        .join(shape, shape.c.id == event.c.shape_id)
        .where(of_customers(connection, [customer], span, after))
    )
    for shape_id, name, likeness, text in connection.execute(query):
        kind = found.get(shape_id) or found.setdefault(shape_id, Alike(name, dimensions(orjson.loads(likeness))))
        kind.add("", 1, Fraction(0))
        for figure, value in orjson.loads(text).items():
            amount = billionths(value, figure, strict=False) if figure in figures and value is not None else None
            if amount is not None:
                kind.add(figure, 1, Fraction(amount, BILLIONTHS))


def _whole_days(span: Span) -> tuple[date, date]:
    """The first day that is wholly inside, and the first one after that is not."""
    start = span.start.astimezone(UTC)
    first = start.date() + (DAY if start.time() > time(0) else timedelta(0))
    return first, span.end.astimezone(UTC).date()
