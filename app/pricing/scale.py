"""How a quantity becomes an amount: a plain rate with a base, quantity bands (volume or slab), or packages.

Amounts are ratios of two integers and quantities are too, so that the hot path is integer arithmetic only. A quantity
of zero costs nothing in bands and packages; a plain rate's base is owed for each output or generation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import lcm
from typing import Protocol, Self

from app.pricing.units import Ratio


class Scale(Protocol):
    """What every way of pricing answers, for the quantities of one generation (one per output, or just one)."""

    def owed(self, quantities: Sequence[Ratio]) -> Ratio: ...

    def billable(self, quantities: Sequence[Ratio]) -> Ratio: ...


@dataclass(frozen=True, slots=True)
class Linear:
    """`base` for the first `included` units of each quantity, then a rate: (base + over × rate) / den, summed."""

    rate: int
    base: int
    den: int
    included: Ratio = (0, 1)

    @classmethod
    def of(cls, rate: Fraction, base: Fraction, included: Decimal | None) -> Self:
        den = lcm(rate.denominator, base.denominator)
        return cls(
            rate.numerator * (den // rate.denominator),
            base.numerator * (den // base.denominator),
            den,
            (included or Decimal(0)).as_integer_ratio(),
        )

    def billable(self, quantities: Sequence[Ratio]) -> Ratio:
        """What exceeds the included units, added up."""
        free, free_den = self.included
        num, den = 0, 1
        for quantity, per in quantities:
            over, over_den = quantity, per
            if free:
                over, over_den = quantity * free_den - free * per, per * free_den
                if over <= 0:
                    continue
            if over_den == den:
                num += over
            else:
                num, den = num * over_den + over * den, den * over_den
        return num, den

    def owed(self, quantities: Sequence[Ratio]) -> Ratio:
        num, den = quantities[0] if len(quantities) == 1 and not self.included[0] else self.billable(quantities)
        owed = self.rate * num
        return (owed + self.base * len(quantities) * den if self.base else owed), self.den * den


@dataclass(frozen=True, slots=True)
class Package:
    """`price` for every package of `size` units after `free` ones: each one started, or (`whole`) only full ones."""

    price: Fraction
    size: Fraction
    free: Fraction = Fraction(0)
    whole: bool = False

    def billable(self, quantities: Sequence[Ratio]) -> Ratio:
        over = [max(Fraction(*each) - self.free, Fraction(0)) for each in quantities]
        packages = sum(each // self.size if self.whole else -(-each // self.size) for each in over)
        return (packages * self.size).as_integer_ratio()

    def owed(self, quantities: Sequence[Ratio]) -> Ratio:
        return (Fraction(*self.billable(quantities)) / self.size * self.price).as_integer_ratio()


class Banding(StrEnum):
    VOLUME = "volume"  # the band the whole quantity ends in prices all of it
    SLAB = "slab"  # every band prices its own part


@dataclass(frozen=True, slots=True)
class Band:
    """Units up to and including `up_to` (None: without end) at `rate`, and `flat` once when the band is entered."""

    up_to: Fraction | None
    rate: Fraction
    flat: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Bands:
    """Graduated prices. The last band has no end. `flat_at_zero` owes the first band's flat amount even when nothing
    was used: systems differ in this."""

    banding: Banding
    bands: tuple[Band, ...]
    flat_at_zero: bool = False

    def billable(self, quantities: Sequence[Ratio]) -> Ratio:
        return sum((Fraction(*each) for each in quantities), Fraction(0)).as_integer_ratio()

    def owed(self, quantities: Sequence[Ratio]) -> Ratio:
        price = self._volume if self.banding is Banding.VOLUME else self._slab
        zero = self.bands[0].flat if self.flat_at_zero else Fraction(0)
        owed = (price(Fraction(*each)) if each[0] > 0 else zero for each in quantities)
        return sum(owed, Fraction(0)).as_integer_ratio()

    def _volume(self, quantity: Fraction) -> Fraction:
        band = next(band for band in self.bands if band.up_to is None or quantity <= band.up_to)
        return quantity * band.rate + band.flat

    def _slab(self, quantity: Fraction) -> Fraction:
        owed, below = Fraction(0), Fraction(0)
        for band in self.bands:
            if quantity <= below:
                break
            top = quantity if band.up_to is None else min(quantity, band.up_to)
            owed += (top - below) * band.rate + band.flat
            below = top
        return owed
