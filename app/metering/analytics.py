"""How much of what: a meter's quantity by model, provider, customer, window or any other dimension."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection

from app.kernel.errors import InvalidInput
from app.metering.aggregate import Aggregation, Reading, Span, aggregate
from app.metering.apart import canonical
from app.metering.cells import Cell, Kind, Kinds, Wanted, by_customer, cells, events_of, of_tail
from app.metering.events import BILLIONTHS, is_told
from app.metering.meters import Meter
from app.metering.sums import COUNT
from app.metering.usage import billionths_read_by
from app.metering.windows import start_of

#: What can be added up without looking at the events one by one.
ADDABLE: Final = frozenset({Aggregation.COUNT, Aggregation.SUM, Aggregation.SUM_WITH_MULTIPLIER, Aggregation.AVG})
CUSTOMER, SOURCE, EVENT = "customer", "source", "event_name"
Group = tuple[str, ...]
#: Which figure of which shape.
Figures = frozenset[tuple[int, str]]


@dataclass(slots=True)
class Total:
    """Of one group: how many events a meter read, and what they came to."""

    events: int = 0
    amount: Fraction = Fraction(0)


@dataclass(slots=True)
class Counted:
    """A meter's answer: totals by group, and by group and window where windows were asked for."""

    totals: dict[Group, Total] = field(default_factory=dict)
    points: dict[Group, dict[datetime, Total]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """`by` names dimensions (properties of events, or "customer", "source", "event_name"); `only` narrows them."""

    wanted: Wanted
    by: Sequence[str] = ()
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def is_of_customers(self) -> bool:
        """Everybody, each with one figure: the database adds those up by itself."""
        wanted = self.wanted
        return (
            tuple(self.by) == (CUSTOMER,)
            and wanted.customers is None
            and wanted.window is None
            and not self.only.get(SOURCE)
        )

    def keeps(self, kind: Kind) -> bool:
        """As far as what events are alike in tells; `keeps_event` knows it of each."""
        said = {**kind.properties, EVENT: kind.name}
        return all(
            canonical(said.get(name)) in allowed
            for name, allowed in self.only.items()
            if name not in (CUSTOMER, SOURCE) and (name == EVENT or is_told(name, allowed))
        )

    def keeps_event(self, properties: Mapping[str, Any], source: str) -> bool:
        said = {**properties, SOURCE: source}
        beside = (CUSTOMER, EVENT)
        return all(canonical(said.get(name)) in allowed for name, allowed in self.only.items() if name not in beside)

    def group(self, name: str, properties: Mapping[str, Any], customer: str, source: str) -> Group:
        beside = {CUSTOMER: customer, SOURCE: source, EVENT: name}
        return tuple(beside[each] if each in beside else canonical(properties.get(each)) for each in self.by)

    def reads_events(self, connection: Connection) -> bool:
        """Whether it asks for what only the events themselves tell."""
        beside = (CUSTOMER, SOURCE, EVENT)
        if any(name not in beside and not is_told(name, allowed) for name, allowed in self.only.items()):
            return True
        by = [name for name in self.by if name not in beside]
        if not by or self.wanted.customers is None:
            return False
        figures = {figure for kind in Kinds(connection).every() for figure in kind.figures}
        return any(name in figures or not is_told(name, ()) for name in by)


def count(connection: Connection, meters: Sequence[Meter], asked: Asked) -> dict[str, Counted]:
    """The answer of each meter, by its id. What cannot be added up reads every event, for named customers only."""
    found = {meter.id: Counted() for meter in meters}
    reads_events = asked.reads_events(connection)
    addable = [] if reads_events else [meter for meter in meters if is_addable(meter)]
    if addable:
        _add_up(connection, addable, asked, found)
    for meter in meters:
        if meter not in addable:
            _read(connection, meter, asked, found[meter.id])
    return found


def is_addable(meter: Meter) -> bool:
    return meter.aggregation in ADDABLE and meter.expression is None and meter.bucket_size is None and meter.is_told


def _add_up(connection: Connection, meters: Sequence[Meter], asked: Asked, found: Mapping[str, Counted]) -> None:
    """Cells of one kind, customer, source and window belong together: a meter needs all figures of them at once."""
    sources = asked.only.get(SOURCE)
    together: dict[tuple[str, int, datetime | None, str], _Together] = {}
    sums: dict[str, dict[tuple[Group, datetime | None], list[int]]] = {meter.id: {} for meter in meters}
    found_cells = cells(connection, asked.wanted, asked.keeps)
    if asked.is_of_customers:
        _by_customer(connection, meters, asked, sums)
        found_cells = of_tail(connection, asked.wanted, Kinds(connection), asked.keeps)
    for cell in found_cells:
        if sources and cell.source not in sources:
            continue
        key = (cell.customer, cell.kind.id, cell.start, cell.source)
        parts = together.get(key)
        if parts is None:
            parts = together[key] = _Together(cell)
        parts.add(cell)
    for parts in together.values():
        first = parts.first
        group = asked.group(first.kind.name, first.kind.properties, first.customer, first.source)
        for meter in meters:
            read = billionths_read_by(meter, first.kind.name, first.kind.properties, parts.events, parts.sums)
            if read is not None and read[0]:
                for start in {None, first.start}:
                    sum_ = sums[meter.id].setdefault((group, start), [0, 0])
                    sum_[0] += read[0]
                    sum_[1] += read[1]
    for meter in meters:
        for (group, start), (events, billionths) in sums[meter.id].items():
            _note(found[meter.id], group, start, Total(events, _amount(meter, events, billionths)))


def _by_customer(
    connection: Connection,
    meters: Sequence[Meter],
    asked: Asked,
    sums: Mapping[str, dict[tuple[Group, datetime | None], list[int]]],
) -> None:
    """Kinds of events say which figures they have, and so which of them a meter reads. Meters that read the same ones
    share an answer."""
    kinds = [kind for kind in Kinds(connection).every() if asked.keeps(kind)]
    answers: dict[Figures, list[tuple[str, int, int]]] = {}
    for meter in meters:
        read, counted = _figures_for(meter, kinds)
        for figures, counts in ((read, False), (counted, True)):
            if not figures:
                continue
            if figures not in answers:
                answers[figures] = list(by_customer(connection, asked.wanted, figures))
            for customer, events, billionths in answers[figures]:
                known = sums[meter.id].setdefault(((customer,), None), [0, 0])
                known[0] += events
                known[1] += events * BILLIONTHS if counts else billionths


def _figures_for(meter: Meter, kinds: Iterable[Kind]) -> tuple[Figures, Figures]:
    """What a meter adds up, and what it counts."""
    read, counted = set[tuple[int, str]](), set[tuple[int, str]]()
    for kind in kinds:
        found = billionths_read_by(meter, kind.name, kind.properties, 1, dict.fromkeys(kind.figures, (0, 0)))
        if found is not None and found[0]:
            counted.add((kind.id, COUNT))
        elif found is not None:
            read.add((kind.id, next(each for each in meter.fields if each in kind.figures)))
    return frozenset(read), frozenset(counted)


class _Together:
    """The cells of one kind, customer, source and window."""

    __slots__ = ("events", "first", "sums")

    def __init__(self, first: Cell) -> None:
        self.first, self.events, self.sums = first, 0, dict[str, tuple[int, int]]()

    def add(self, cell: Cell) -> None:
        if not cell.figure:
            self.events += cell.events
            return
        events, billionths = self.sums.get(cell.figure, (0, 0))
        self.sums[cell.figure] = (events + cell.events, billionths + cell.billionths)


def _amount(meter: Meter, events: int, billionths: int) -> Fraction:
    amount = Fraction(billionths, BILLIONTHS)
    if meter.aggregation is Aggregation.SUM_WITH_MULTIPLIER:
        amount *= meter.multiplier
    return amount / events if meter.aggregation is Aggregation.AVG else amount


def _note(counted: Counted, group: Group, start: datetime | None, total: Total) -> None:
    if start is None:
        counted.totals[group] = total
    else:
        counted.points.setdefault(group, {})[start] = total


def _read(connection: Connection, meter: Meter, asked: Asked, counted: Counted) -> None:
    wanted = asked.wanted
    if wanted.customers is None:
        said = f"{meter.name} looks at every event by itself: ask for a customer."
        raise InvalidInput(said, code="customer_needed", param="external_customer_id")
    found: dict[tuple[Group, datetime | None], list[Reading]] = {}
    every = events_of(connection, wanted.customers, wanted.span, Kinds(connection), asked.keeps)
    for customer, kind, at, source, properties in every:
        figure = meter.counted(kind.name, properties) if asked.keeps_event(properties, source) else None
        if figure is None:
            continue
        reading = Reading(at, figure, meter.name_in(properties))
        group = asked.group(kind.name, properties, customer, source)
        found.setdefault((group, None), []).append(reading)
        if wanted.window is not None:
            found.setdefault((group, start_of(at, wanted.window)), []).append(reading)
    for (group, start), readings in found.items():
        amount = _aggregated(meter, readings, wanted.span)
        _note(counted, group, start, Total(len(readings), amount))


def _aggregated(meter: Meter, readings: Sequence[Reading], span: Span) -> Fraction:
    """One quantity; of a meter with buckets each is one, and they are added up, as a bill does."""
    buckets: dict[datetime | None, list[Reading]] = {}
    for each in readings:
        buckets.setdefault(start_of(each.at, meter.bucket_size) if meter.bucket_size else None, []).append(each)
    parts = (aggregate(meter.aggregation, each, multiplier=meter.multiplier, span=span) for each in buckets.values())
    return sum(parts, Fraction(0))
