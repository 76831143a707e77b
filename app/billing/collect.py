"""From a customer's events to the usage of each item: which price pays for which kind of event, and how much it was.

Sums come from the daily rollups. Only what cannot be added up day by day (largest, latest, unique, weighted, bucketed,
by expression) reads the events themselves.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Final

import orjson
from sqlalchemy import Connection, select

from app.billing.rating import NOTHING, USAGE, Item, Used, UsedKind, price_for
from app.metering import tables
from app.metering.aggregate import Aggregation, Reading, Span, aggregate
from app.metering.apart import LEDGER, SETTLED_BY, canonical, dimensions
from app.metering.events import is_told
from app.metering.meters import Meter
from app.metering.usage import Alike, alike, readings_with
from app.pricing.charge import BillingModel, Charge

ADDABLE: Final = frozenset({Aggregation.COUNT, Aggregation.SUM, Aggregation.SUM_WITH_MULTIPLIER, Aggregation.AVG})
_WINDOWS: Final = {
    "MINUTE": timedelta(minutes=1),
    "15MIN": timedelta(minutes=15),
    "30MIN": timedelta(minutes=30),
    "HOUR": timedelta(hours=1),
    "3HOUR": timedelta(hours=3),
    "6HOUR": timedelta(hours=6),
    "12HOUR": timedelta(hours=12),
    "DAY": timedelta(days=1),
    "WEEK": timedelta(days=7),
}
_MONDAY: Final = datetime(1970, 1, 5, tzinfo=UTC)


def usage_of(connection: Connection, customer: str, span: Span, items: Sequence[Item]) -> dict[str, Used]:
    """The usage of every item in the period, by line id. Where an item has only a part of the period, time is cut
    there: an event is paid for by one of those that hold when it happens."""
    metered = [item for item in items if item.meter is not None]
    own = {item.line_id: _within(item, span) for item in metered}
    cuts = sorted({moment for part in own.values() for moment in (part.start, part.end)})
    found: dict[str, list[_Part]] = defaultdict(list)
    for start, end in pairwise(cuts):
        mine = [item for item in metered if own[item.line_id].start <= start and end <= own[item.line_id].end]
        for line_id, parts in _gathered(connection, customer, Span(start, end), mine).items():
            found[line_id] += parts
    by_line = {item.line_id: item for item in metered}
    return {line_id: _used(by_line[line_id], parts, own[line_id]) for line_id, parts in found.items() if parts}


def quantity_of(connection: Connection, customer: str, span: Span, meter: Meter) -> Fraction:
    """What a meter counts of a customer's events in a time, whatever paid for them."""
    anyone = Item("", "", USAGE, Charge(BillingModel.FLAT_FEE), meter=meter)
    return _together(meter, _gathered(connection, customer, span, [anyone])[""], span)[0]


def _within(item: Item, span: Span) -> Span:
    part = item.span or span
    return Span(max(part.start, span.start), min(part.end, span.end))


def _gathered(connection: Connection, customer: str, span: Span, items: Sequence[Item]) -> dict[str, list["_Part"]]:
    """What each item pays for of a time in which all of them hold."""
    meters = {item.meter.id: item.meter for item in items if item.meter is not None}
    if not meters:
        return {}
    figures = {name for meter in meters.values() for name in meter.apart.figures}
    kinds = alike(connection, customer, span, figures)
    found: dict[str, list[_Part]] = defaultdict(list)
    for meter in meters.values():
        mine = [item for item in items if item.meter is not None and item.meter.id == meter.id]
        untold = _untold(meter, mine)
        addable = meter.aggregation in ADDABLE and not untold and not any(map(_apart, mine))
        parts = _added(kinds, meter, mine) if addable else None
        if parts is None:
            parts = _read(connection, customer, span, meter, mine, untold)
        for line_id, part in parts:
            found[line_id].append(part)
    return found


class _Part:
    """What one kind of event adds to an item: a figure out of the sums, the readings of its events, or both."""

    __slots__ = ("events", "name", "properties", "quantity", "readings", "summed")

    def __init__(
        self,
        name: str,
        properties: Mapping[str, str],
        events: int,
        quantity: Fraction,
        readings: Sequence[Reading] = (),
        summed: Fraction | None = None,
    ) -> None:
        self.name, self.properties, self.events = name, properties, events
        self.quantity, self.readings = quantity, readings
        self.summed = summed if summed is not None else NOTHING if readings else quantity  # beside the readings

    @property
    def is_settled(self) -> bool:
        return self.properties.get(SETTLED_BY) == LEDGER


def _apart(item: Item) -> bool:
    return item.meter is not None and (item.meter.bucket_size is not None or item.meter.expression is not None)


def _untold(meter: Meter, items: Sequence[Item]) -> list[str]:
    """Properties that events and prices are chosen by, and that only the events themselves tell."""
    named = [*meter.filters.items(), *((name, told) for item in items for name, told in item.filters.items())]
    return sorted({name for name, allowed in named if not is_told(name, allowed)})


def _added(kinds: Sequence[Alike], meter: Meter, items: Sequence[Item]) -> list[tuple[str, _Part]] | None:
    """Out of the sums; None where they do not tell which field an event would have been counted by."""
    parts = []
    for kind in kinds:
        if meter.event_name not in ("", kind.name) or not _passes(meter, kind.properties):
            continue
        item = price_for(items, kind.name, kind.properties)
        if item is None:
            continue
        counted = _counted(meter, kind)
        if counted is None:
            return None
        events, amount = counted
        if events:
            parts.append((item.line_id, _Part(kind.name, kind.properties, events, amount)))
    return parts


def _passes(meter: Meter, properties: Mapping[str, str]) -> bool:
    return all(canonical(properties.get(name)) in allowed for name, allowed in meter.filters.items())


def _counted(meter: Meter, kind: Alike) -> tuple[int, Fraction] | None:
    """How many events the meter reads of a kind and what they add up to, before a multiplier."""
    if meter.aggregation is Aggregation.COUNT:
        return kind.events, Fraction(kind.events)
    events, amount = 0, NOTHING
    for name in meter.fields:
        having = kind.counted.get(name, 0)
        if not having:
            continue
        if events:
            return None  # some events may have both fields: only each by itself can tell
        events, amount = having, kind.sums.get(name, NOTHING)
        if having == kind.events:
            break
    if meter.counts_one:
        amount += kind.events - events
        events = kind.events
    return events, amount


def _read(
    connection: Connection, customer: str, span: Span, meter: Meter, items: Sequence[Item], names: Sequence[str]
) -> list[tuple[str, _Part]]:
    """Out of the events themselves: they are alike that share a shape and say the same under these `names`."""
    alike_: dict[tuple[int, tuple[str, ...]], list[Reading]] = defaultdict(list)
    for shape_id, said, reading in readings_with(connection, customer, span, meter, names):
        alike_[shape_id, said].append(reading)
    shape, ids = tables.shape, {shape_id for shape_id, _ in alike_}
    rows = connection.execute(select(shape).where(shape.c.id.in_(ids))) if ids else ()
    known = {row.id: row for row in rows}
    parts = []
    for (shape_id, said), mine in alike_.items():
        row = known[shape_id]
        own = {name: value for name, value in zip(names, said, strict=True) if value}
        properties = dimensions(orjson.loads(row.properties)) | own
        item = price_for(items, row.event_name, properties)
        if item is None:
            continue
        amount = aggregate(meter.aggregation, mine, multiplier=meter.multiplier, span=span)
        parts.append((item.line_id, _Part(row.event_name, properties, len(mine), amount, mine)))
    return parts


def _used(item: Item, parts: Sequence[_Part], span: Span) -> Used:
    meter = item.meter
    if meter is None:
        return Used()
    due = _alike([part for part in parts if not part.is_settled])
    paid = [part for part in parts if part.is_settled]
    quantity, buckets = _together(meter, due, span)
    return Used(
        quantity,
        sum(part.events for part in due),
        tuple(UsedKind(part.name, part.properties, part.events, part.quantity) for part in due),
        None if buckets is None else tuple(buckets.values()),
        _together(meter, paid, span)[0],
        sum(part.events for part in paid),
        tuple(buckets or ()),
    )


def _alike(parts: Sequence[_Part]) -> Sequence[_Part]:
    """Those of one kind as one: time that was cut shows each kind several times."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], _Part] = {}
    for part in parts:
        key = (part.name, frozenset(part.properties.items()))
        if (known := found.get(key)) is None:
            found[key] = part
        else:
            events, quantity = known.events + part.events, known.quantity + part.quantity
            every = (*known.readings, *part.readings)
            found[key] = _Part(part.name, part.properties, events, quantity, every, known.summed + part.summed)
    return list(found.values())


def _together(meter: Meter, parts: Sequence[_Part], span: Span) -> tuple[Fraction, dict[datetime, Fraction] | None]:
    """One quantity of all the kinds, and its buckets by their beginning where the meter has any."""
    every = [reading for part in parts for reading in part.readings]
    if meter.bucket_size is not None:
        buckets = _buckets(meter, every, span)
        return sum(buckets.values(), NOTHING), buckets
    if meter.aggregation not in ADDABLE:
        every.sort(key=lambda reading: (reading.at, reading.number))
        return aggregate(meter.aggregation, every, multiplier=meter.multiplier, span=span), None
    # of time that was cut, one part may come from the sums and another from the events
    amount = sum((part.summed for part in parts), NOTHING) + sum((reading.figure for reading in every), NOTHING)
    if meter.aggregation is Aggregation.AVG:
        events = sum(part.events for part in parts)
        return (amount / events if events else NOTHING), None
    if meter.aggregation is Aggregation.SUM_WITH_MULTIPLIER:
        amount *= meter.multiplier
    return amount, None


def _buckets(meter: Meter, every: Sequence[Reading], span: Span) -> dict[datetime, Fraction]:
    found: dict[datetime, list[Reading]] = defaultdict(list)
    for reading in every:
        found[window_of(reading.at, meter.bucket_size or "DAY")].append(reading)
    return {
        begun: aggregate(meter.aggregation, found[begun], multiplier=meter.multiplier, span=span)
        for begun in sorted(found)
    }


def window_of(at: datetime, size: str) -> datetime:
    """The beginning of the window that a moment lies in, in UTC."""
    moment = at.astimezone(UTC)
    if size == "MONTH":
        return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    length = _WINDOWS.get(size, timedelta(days=1))
    return moment - (moment - _MONDAY) % length
