"""Billing periods: counted from an anchor, never from the period before, so that the 31st comes back. PURE, in UTC."""

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from app.kernel.errors import InvalidInput
from app.metering.aggregate import Span

DAY: Final = timedelta(days=1)
LONGEST: Final = 120  # units in one period


class Unit(StrEnum):
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    QUARTERLY = "QUARTERLY"
    HALF_YEARLY = "HALF_YEARLY"
    ANNUAL = "ANNUAL"


class Anchoring(StrEnum):
    ANNIVERSARY = "anniversary"
    CALENDAR = "calendar"


_DAYS: Final = {Unit.DAILY: 1, Unit.WEEKLY: 7}
_MONTHS: Final = {Unit.MONTHLY: 1, Unit.QUARTERLY: 3, Unit.HALF_YEARLY: 6, Unit.ANNUAL: 12}


@dataclass(frozen=True, slots=True)
class Cycle:
    """Periods of `count` units that begin at `anchor` and go on in both directions; nothing is before `start`."""

    unit: Unit
    count: int
    anchor: datetime
    start: datetime

    def __post_init__(self) -> None:
        if not 1 <= self.count <= LONGEST:
            raise InvalidInput(f"billing_period_count is between 1 and {LONGEST}.", param="billing_period_count")

    def boundary(self, number: int) -> datetime:
        """The anchor, moved by so many periods."""
        return moved(self.anchor, self.unit, number * self.count)

    def containing(self, at: datetime) -> Span:
        """The period that `at` lies in; the first one may be shorter than the rest."""
        at = max(at, self.start)
        number = self._number(at)
        return Span(max(self.boundary(number), self.start), self.boundary(number + 1))

    def following(self, span: Span) -> Span:
        return self.containing(span.end)

    def whole(self, span: Span) -> Span:
        """The full period that a shorter first one is a part of."""
        number = self._number(span.start)
        return Span(self.boundary(number), self.boundary(number + 1))

    def _number(self, at: datetime) -> int:
        length = (self.boundary(1) - self.boundary(0)).total_seconds()
        number = int((at - self.anchor).total_seconds() // length)
        while self.boundary(number) > at:
            number -= 1
        while self.boundary(number + 1) <= at:
            number += 1
        return number


def cycle(unit: Unit, count: int, anchoring: Anchoring, start: datetime, anchor: datetime | None = None) -> Cycle:
    """By the calendar the periods begin with its units; by anniversary with `anchor`, or else with the start."""
    begun = start.astimezone(UTC)
    if anchoring is Anchoring.CALENDAR:
        return Cycle(unit, count, calendar_start(unit, begun), begun)
    return Cycle(unit, count, (anchor or begun).astimezone(UTC), begun)


def calendar_start(unit: Unit, at: datetime) -> datetime:
    """The beginning of the calendar's day, week (Monday), month, quarter, half-year or year that `at` lies in."""
    day = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if unit is Unit.DAILY:
        return day
    if unit is Unit.WEEKLY:
        return day - DAY * day.weekday()
    months = _MONTHS[unit]
    return day.replace(month=(day.month - 1) // months * months + 1, day=1)


def moved(anchor: datetime, unit: Unit, number: int) -> datetime:
    """`anchor` moved by units; a day that the month does not have is its last."""
    if unit in _DAYS:
        return anchor + DAY * _DAYS[unit] * number
    months = anchor.year * 12 + anchor.month - 1 + _MONTHS[unit] * number
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, last))
