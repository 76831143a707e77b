"""The part of a period that is paid for: by day for plan changes, by the clock for the rest. PURE, exact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any

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


def net_of(amount: int, discount: int, invoice: Mapping[str, Any]) -> Fraction:
    """What of a line was asked for and not credited since, in the smallest unit. Credit carried from before stands
    among the discounts, but it was money."""
    net, left, carried = Fraction(amount - discount), invoice["subtotal"] - invoice["discount"], invoice["carried_used"]
    if carried and carried == invoice["discount"]:
        net = Fraction(amount)  # nothing else was taken off, and what each line bore of it is rounded
    elif carried:
        net = net * (left + carried) / left if left else Fraction(carried * amount, invoice["subtotal"])
    if invoice["total"]:
        net *= 1 - min(Fraction(invoice["adjusted"] + invoice["refunded"], invoice["total"]), Fraction(1))
    return net
