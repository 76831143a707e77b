"""A metered charge: so much for a quantity, flat per unit, in packages or in tiers. PURE.

This is the shape in which plans are priced: a quantity is metered over a period and then rated once, or once for every
bucket of it. It stands on the same scales as the rules for models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from app.pricing.scale import Band, Banding, Bands, Linear, Package, Scale


class BillingModel(StrEnum):
    FLAT_FEE = "FLAT_FEE"
    PACKAGE = "PACKAGE"
    TIERED = "TIERED"


@dataclass(frozen=True, slots=True)
class Tier:
    """Units up to and including `up_to` (None: without end)."""

    up_to: Decimal | None
    unit_amount: Decimal
    flat_amount: Decimal = Decimal(0)

    @property
    def band(self) -> Band:
        up_to = None if self.up_to is None else Fraction(self.up_to)
        return Band(up_to, Fraction(self.unit_amount), Fraction(self.flat_amount))


@dataclass(frozen=True, slots=True)
class Transform:
    """A quantity in packages of `divide_by`, every started one counted, or (`down`) only full ones."""

    divide_by: Decimal
    down: bool = False


@dataclass(frozen=True, slots=True)
class Charge:
    """`amount` per unit or package, or `tiers`. Amounts are in whole units of the price's currency or price unit."""

    model: BillingModel
    amount: Decimal = Decimal(0)
    tiers: tuple[Tier, ...] = ()
    banding: Banding = Banding.VOLUME
    transform: Transform | None = None
    flat_at_zero: bool = False

    @property
    def scale(self) -> Scale:
        if self.model is BillingModel.TIERED:
            return Bands(self.banding, tuple(each.band for each in self.tiers), self.flat_at_zero)
        if self.transform is None:
            return Linear.of(Fraction(self.amount), Fraction(0), None)
        return Package(Fraction(self.amount), Fraction(self.transform.divide_by), whole=self.transform.down)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a quantity comes to, exact. `effective_unit` is the average per unit, `tier` the index of the tier that the
    quantity ends in and `tier_unit` its price (a package's price divided by its size)."""

    amount: Fraction
    quantity: Fraction
    effective_unit: Fraction
    tier_unit: Fraction
    tier: int | None = None


def cost(charge: Charge, quantity: Fraction) -> Cost:
    """The amount for one quantity."""
    amount = Fraction(*charge.scale.owed([quantity.as_integer_ratio()]))
    tier = _tier(charge, quantity)
    unit = Fraction(charge.amount) if tier is None else Fraction(charge.tiers[tier].unit_amount)
    if charge.transform is not None and tier is None:
        unit /= Fraction(charge.transform.divide_by)
    return Cost(amount, quantity, amount / quantity if quantity else Fraction(0), unit, tier)


def cost_of_buckets(charge: Charge, quantities: Sequence[Fraction]) -> Fraction:
    """Every bucket rated by itself, and added up."""
    return sum((cost(charge, quantity).amount for quantity in quantities), Fraction(0))


def percentage(
    rate: Fraction, amount: Fraction, events: int, *, free_amount: Fraction, free_events: int, fixed: Fraction
) -> Fraction:
    """`rate` per cent of what exceeds a free amount, and `fixed` for each event beyond the free ones."""
    return max(amount - free_amount, Fraction(0)) * rate / 100 + max(events - free_events, 0) * fixed


def _tier(charge: Charge, quantity: Fraction) -> int | None:
    if charge.model is not BillingModel.TIERED:
        return None
    ends = (index for index, each in enumerate(charge.tiers) if each.up_to is None or quantity <= Fraction(each.up_to))
    return next(ends)
