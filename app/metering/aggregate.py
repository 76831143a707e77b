"""From many events to one quantity: how a meter adds up. PURE, exact."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Final


class Aggregation(StrEnum):
    COUNT = "COUNT"
    SUM = "SUM"
    AVG = "AVG"
    COUNT_UNIQUE = "COUNT_UNIQUE"
    LATEST = "LATEST"
    MAX = "MAX"
    SUM_WITH_MULTIPLIER = "SUM_WITH_MULTIPLIER"
    WEIGHTED_SUM = "WEIGHTED_SUM"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one event says to a meter: a figure (or, for COUNT_UNIQUE, a name) and when. By their `number` events stand
    in the order in which they came in."""

    at: datetime
    figure: Fraction = Fraction(1)
    name: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """A billing period, `start` included and `end` not."""

    start: datetime
    end: datetime

    def share_after(self, at: datetime) -> Fraction:
        """The part of the period that is left at `at`, between 0 and 1."""
        whole = _micros(self.start, self.end)
        left = _micros(at, self.end)
        return Fraction(min(max(left, 0), whole), whole) if whole > 0 else Fraction(0)


def aggregate(
    how: Aggregation, readings: Sequence[Reading], *, multiplier: Fraction = Fraction(1), span: Span | None = None
) -> Fraction:
    """The quantity of a period. Nothing read is zero. WEIGHTED_SUM needs the period: each figure counts for the part
    of it that was left."""
    if not readings:
        return Fraction(0)
    if how is Aggregation.WEIGHTED_SUM:
        if span is None:
            raise ValueError("a weighted sum needs its period")
        return sum((each.figure * span.share_after(each.at) for each in readings), Fraction(0))
    factor = multiplier if how is Aggregation.SUM_WITH_MULTIPLIER else 1
    return _PLAIN[how](readings) * factor


def _sum(readings: Sequence[Reading]) -> Fraction:
    return sum((reading.figure for reading in readings), Fraction(0))


def _micros(start: datetime, end: datetime) -> int:
    delta = end - start
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


_PLAIN: Final[dict[Aggregation, Callable[[Sequence[Reading]], Fraction]]] = {
    Aggregation.COUNT: lambda readings: Fraction(len(readings)),
    Aggregation.COUNT_UNIQUE: lambda readings: Fraction(len({reading.name for reading in readings})),
    Aggregation.MAX: lambda readings: max(reading.figure for reading in readings),
    Aggregation.LATEST: lambda readings: max(enumerate(readings), key=lambda each: (each[1].at, each[0]))[1].figure,
    Aggregation.AVG: lambda readings: _sum(readings) / len(readings),
    Aggregation.SUM: _sum,
    Aggregation.SUM_WITH_MULTIPLIER: _sum,
}
