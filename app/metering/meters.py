"""A meter: which events it reads, and what each of them adds. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from app.kernel.errors import InvalidInput
from app.metering.aggregate import Aggregation
from app.metering.apart import Apart, canonical
from app.metering.events import BILLIONTHS, LARGEST, billionths, is_told
from app.metering.expression import compile_expression, figure_of


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
        return self.counted(event_name, properties) is not None

    def reads_each(self, event_name: str, properties: Mapping[str, Any]) -> bool:
        """The same of what events are alike in: whether it reads every one of them. False also where an expression
        can be worked out of some, which only the events themselves tell."""
        if self.expression is not None and not compile_expression(self.expression).is_total:
            return False
        return self.reads(event_name, properties)

    def may_read(self, event_name: str, properties: Mapping[str, Any]) -> bool:
        """Whether it may read some of them."""
        if self.expression is not None:
            return self._is_meant(event_name, properties)
        return self.reads(event_name, properties)

    def counted(self, event_name: str, properties: Mapping[str, Any]) -> Fraction | None:
        """What one event adds; None where it is not the meter's business, or where what it says is no figure: such an
        event must not keep the others from being billed."""
        if not self._is_meant(event_name, properties):
            return None
        if self.aggregation is Aggregation.COUNT:
            return Fraction(1)
        if self.expression is not None:
            return self._worked_out(properties)
        for name in self.fields:
            if properties.get(name) is not None:
                if self.aggregation is Aggregation.COUNT_UNIQUE:
                    return Fraction(1)
                if (figure := _figure(properties[name], name)) is not None:
                    return figure
        return Fraction(1) if self.counts_one else None

    def name_in(self, properties: Mapping[str, Any]) -> str:
        """What COUNT_UNIQUE tells events apart by: the first field that is there, as filters compare it."""
        return next((canonical(properties[each]) for each in self.fields if properties.get(each) is not None), "")

    def _is_meant(self, event_name: str, properties: Mapping[str, Any]) -> bool:
        if self.event_name not in ("", event_name):
            return False
        return all(canonical(properties.get(name)) in allowed for name, allowed in self.filters.items())

    def _worked_out(self, properties: Mapping[str, Any]) -> Fraction | None:
        try:
            found = compile_expression(self.expression or "").of(properties)
        except InvalidInput:
            return None
        return found if abs(found) <= LARGEST else None

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


def _figure(value: object, name: str) -> Fraction | None:
    """A property as the sums take it, but exact."""
    found = billionths(value, name, strict=False)
    if found is None:
        return None
    try:
        return figure_of(value, name)
    except InvalidInput:  # too small for any decimals that count
        return Fraction(found, BILLIONTHS)
