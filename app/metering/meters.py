"""A meter: which events it reads, and what each of them adds. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from app.kernel.errors import InvalidInput
from app.metering.aggregate import Aggregation
from app.metering.apart import Apart, canonical
from app.metering.events import is_told
from app.metering.expression import compile_expression, figure_of

#: Read, and never counted by value.
UNREAD = frozenset({Aggregation.COUNT, Aggregation.COUNT_UNIQUE})


@dataclass(frozen=True, slots=True)
class Meter:
    """See `tables.MeterRow`. Without an `event_name` it reads every event."""

    id: str
    name: str
    event_name: str
    aggregation: Aggregation
    fields: tuple[str, ...] = ()
    counts_one: bool = False
    expression: str | None = None
    multiplier: Fraction = Fraction(1)
    bucket_size: str | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def reads(self, event_name: str, properties: Mapping[str, Any]) -> bool:
        """Whether an event is its business: by name, by its filters, and by having something to count."""
        if self.event_name not in ("", event_name):
            return False
        if any(canonical(properties.get(name)) not in allowed for name, allowed in self.filters.items()):
            return False
        if self.aggregation is Aggregation.COUNT or self.expression is not None or self.counts_one:
            return True
        return any(properties.get(name) is not None for name in self.fields)

    def figure(self, properties: Mapping[str, Any]) -> Fraction:
        """What one event adds; raises `InvalidInput` for a property that is no number."""
        if self.aggregation in UNREAD:
            return Fraction(1)
        if self.expression is not None:
            return compile_expression(self.expression).of(properties)
        for name in self.fields:
            if properties.get(name) is not None:
                return figure_of(properties[name], name)
        if self.counts_one:
            return Fraction(1)
        raise InvalidInput(f"{self.name} needs one of {', '.join(self.fields)}.", code="nothing_to_count")

    @property
    def is_told(self) -> bool:
        """Whether what events are alike in says if its filters hold; else it reads the events themselves."""
        return all(is_told(name, allowed) for name, allowed in self.filters.items())

    @property
    def apart(self) -> Apart:
        """The properties in which events may differ and still be alike to this meter."""
        if self.expression is not None:
            return Apart(figures=compile_expression(self.expression).names)
        if self.aggregation is Aggregation.COUNT_UNIQUE:
            return Apart(names=frozenset(self.fields))
        return Apart(figures=frozenset(self.fields))
