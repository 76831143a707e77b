"""The part of a period that is paid for: by day for plan changes, by the clock for the rest. PURE, exact."""

from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from app.kernel.fiat import Fiat
from app.kernel.money import round_to
from app.metering.aggregate import Span

GRANT_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class Change:
    """What a change within a period comes to: `credit` (not above zero) for what is no longer used, `charge` for what
    is used instead. Each is rounded by itself, because each is a line."""

    part: Fraction
    credit: Fiat
    charge: Fiat

    @property
    def net(self) -> Fiat:
        return self.credit + self.charge


def days_left(start: date, end: date, at: date) -> Fraction:
    """The days from `at` to `end` of those from `start` to `end`, both ends counted."""
    whole = (end - start).days + 1
    left = min(max((end - at).days + 1, 0), whole)
    return Fraction(left, whole) if whole > 0 else Fraction(0)


def change(start: date, end: date, at: date, *, old: Fraction, new: Fraction, currency: str) -> Change:
    """A change of plan or quantity on the day `at`; `old` and `new` are the prices of a whole period."""
    part = days_left(start, end, at)
    return Change(part, -Fiat.from_exact(old * part, currency), Fiat.from_exact(new * part, currency))


def part_of(amount: Fraction, start: datetime, end: datetime, at: datetime, currency: str) -> Fiat:
    """What a period costs that is joined at `at`, by the clock."""
    return Fiat.from_exact(amount * Span(start, end).share_after(at), currency)


def granted(credits: Fraction, start: datetime, end: datetime, at: datetime) -> Fraction:
    """The credits of a grant for the rest of a period, to eight decimals."""
    return round_to(credits * Span(start, end).share_after(at), Fraction(1, 10**GRANT_DECIMALS))


def capped_credit(potential: Fraction, original: Fraction, previous: Fraction) -> Fraction:
    """No more can be credited than was paid and not yet credited, and never less than nothing."""
    return max(min(potential, max(original - previous, Fraction(0))), Fraction(0))
