"""When a tier or an attribute applies: tests on the values of parameters, in their canonical form.

An absent parameter is the value None here and the word `absent` in a rule. A file or a list can only be asked for by
the words `absent` and `present`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.kernel.money import plain
from app.pricing.numbers import measure_in

ABSENT = "absent"
PRESENT = "present"

Value = Any


def settled(value: Value) -> Value:
    """A parameter's value as conditions compare it: floats become exact, files and lists become `present`."""
    if isinstance(value, float):
        return Decimal(repr(value))  # no limits here: a provider may report anything, and it merely matches nothing
    return PRESENT if isinstance(value, list | tuple | dict) else value


def word(value: Value) -> str:
    """A value as people read it: `high`, `2`, `true`, `absent`."""
    match settled(value):
        case None:
            return ABSENT
        case bool() as flag:
            return "true" if flag else "false"
        case Decimal() as number:
            return plain(number)
        case other:
            return str(other)


@dataclass(frozen=True, slots=True)
class OneOf:
    """Any of these values; None stands for absent."""

    values: tuple[Value, ...]

    def holds(self, value: Value) -> bool:
        return settled(value) in self.values

    @property
    def breakpoints(self) -> tuple[Value, ...]:
        return self.values

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f"= {word(self.values[0])}"
        return f"is {', '.join(map(word, self.values[:-1]))} or {word(self.values[-1])}"


@dataclass(frozen=True, slots=True)
class Worded(OneOf):
    """One of these texts, whatever kind the value is: `false` is "false", 8.0 is "8"; nothing is ""."""

    def holds(self, value: Value) -> bool:
        return ("" if value is None else word(value)) in self.values


@dataclass(frozen=True, slots=True)
class Present:
    """The parameter has a value, whatever it is."""

    breakpoints: tuple[Value, ...] = (None, PRESENT)

    def holds(self, value: Value) -> bool:
        return value is not None

    def __str__(self) -> str:
        return f"= {PRESENT}"


@dataclass(frozen=True, slots=True)
class Within:
    """A range. `low` and `high` are exact; a strict end excludes its own value. Text with a number in it is read."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_strict: bool = False
    high_strict: bool = False

    def holds(self, value: Value) -> bool:
        measure = None if isinstance(value, bool) or value is None else measure_in(value)
        if measure is None:
            return False
        number = measure[0]
        if self.low is not None and (number < self.low or (self.low_strict and number == self.low)):
            return False
        return self.high is None or number < self.high or (number == self.high and not self.high_strict)

    @property
    def breakpoints(self) -> tuple[Value, ...]:
        return tuple(end for end in (self.low, self.high) if end is not None)

    def __str__(self) -> str:
        parts = []
        if self.low is not None:
            parts.append(f"{'>' if self.low_strict else '≥'} {plain(self.low)}")
        if self.high is not None:
            parts.append(f"{'<' if self.high_strict else '≤'} {plain(self.high)}")
        return " and ".join(parts)


Test = OneOf | Present | Within


@dataclass(frozen=True, slots=True)
class Condition:
    """A parameter and what must be true of it."""

    param: str
    test: Test

    def holds(self, values: Mapping[str, Value]) -> bool:
        return self.test.holds(values.get(self.param))

    def __str__(self) -> str:
        return f"{self.param} {self.test}"


def all_hold(conditions: Iterable[Condition], values: Mapping[str, Value]) -> bool:
    """Whether every condition holds; no condition at all always does."""
    return all(condition.holds(values) for condition in conditions)


def in_words(conditions: Iterable[Condition]) -> str:
    return ", ".join(map(str, conditions))
