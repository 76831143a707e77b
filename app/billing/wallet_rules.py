"""Credits in wallets: what they are worth, which are spent first, what a top-up adds. PURE, exact."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal

from app.kernel.errors import InvalidInput

Comparison = Literal["gte", "gt", "eq", "lte", "lt"]


@dataclass(frozen=True, slots=True)
class Credits:
    """Credits that came together. A lower `priority` is spent first; None is spent last."""

    id: str
    amount: Fraction
    priority: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BonusSlab:
    """A purchase that stands so to `threshold` earns a bonus: `value` credits, or per cent of what was bought."""

    threshold: Fraction
    value: Fraction
    is_percent: bool = False
    compared: Comparison = "gte"

    def applies(self, purchase: Fraction) -> bool:
        holds = {
            "gte": purchase >= self.threshold,
            "gt": purchase > self.threshold,
            "eq": purchase == self.threshold,
            "lte": purchase <= self.threshold,
            "lt": purchase < self.threshold,
        }
        return holds[self.compared]

    def earned(self, purchase: Fraction) -> Fraction:
        return purchase * self.value / 100 if self.is_percent else self.value


def worth(credits: Fraction, conversion_rate: Fraction) -> Fraction:
    """Credits in currency: so much for one."""
    return credits * conversion_rate


def positive(credits: Fraction) -> Fraction:
    """The same credits; `InvalidInput` for nothing or less."""
    if credits <= 0:
        raise InvalidInput("The amount must be above 0.", code="amount_not_positive")
    return credits


def spent_first(lots: Iterable[Credits]) -> list[Credits]:
    """In the order in which they are spent: by priority, then what expires first, then the larger."""
    return sorted(
        lots,
        key=lambda lot: (
            lot.priority is None,
            lot.priority or 0,
            lot.expires_at is None,
            lot.expires_at.timestamp() if lot.expires_at else 0.0,
            -lot.amount,
        ),
    )


def spend(lots: Sequence[Credits], debit: Fraction) -> dict[str, Fraction]:
    """What is left of each lot after a debit, and of the debit when the lots do not suffice (under the name "")."""
    left, rest = {lot.id: lot.amount for lot in lots}, debit
    for lot in spent_first(lots):
        part = min(lot.amount, rest)
        left[lot.id] -= part
        rest -= part
    return left | ({"": rest} if rest else {})


def bonus(slabs: Sequence[BonusSlab], purchase: Fraction) -> Fraction | None:
    """What a purchase earns: by the highest threshold that it reaches; None for no bonus."""
    reached = [slab for slab in slabs if slab.applies(purchase)]
    return max(reached, key=lambda slab: slab.threshold).earned(purchase) if reached else None
