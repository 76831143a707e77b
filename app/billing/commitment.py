"""What was agreed to be used at least, and what is free: commitments, true-up, overage, allowances. PURE, exact."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Commitment:
    """`amount` is agreed per window. What exceeds it costs `overage` times as much; with `true_up` a window that stays
    below is raised to it."""

    amount: Fraction
    overage: Fraction = Fraction(1)
    true_up: bool = False

    def window(self, used: Fraction) -> Fraction:
        """What one window comes to when its usage is worth `used`."""
        if used > self.amount:
            return self.amount + (used - self.amount) * self.overage
        return self.amount if self.true_up else used

    def shortfall(self, used: Fraction) -> Fraction:
        """The true-up line: what is missing to the commitment."""
        return max(self.amount - used, Fraction(0))


def over_windows(commitment: Commitment, used: Iterable[Fraction]) -> Fraction:
    """Each window measured against the commitment by itself, and added up."""
    return sum((commitment.window(each) for each in used), Fraction(0))


def beyond(usage: Fraction, allowance: Fraction | None) -> Fraction:
    """What is left to be paid after an allowance; None allows everything."""
    return Fraction(0) if allowance is None else max(usage - allowance, Fraction(0))


def beyond_in_turn(windows: Iterable[Fraction], allowed: Fraction) -> tuple[Fraction, ...]:
    """What is left of each window after one allowance for all of them, which the first ones use up."""
    found = []
    for usage in windows:
        part = min(usage, allowed) if usage > 0 else Fraction(0)
        allowed -= part
        found.append(usage - part)
    return tuple(found)


def beyond_each(windows: Iterable[tuple[Fraction, Fraction]]) -> Fraction:
    """Allowances that begin anew: (allowance, usage) for each window, what exceeds each, added up."""
    return sum((beyond(usage, allowance) for allowance, usage in windows), Fraction(0))
