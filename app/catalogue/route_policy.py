"""How a model chooses among its routes: four policies and the margin below which it does not sell."""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from app.kernel.errors import InvalidInput

BASIS_POINTS = 10_000
#: No guard is stricter than this: at 100 % nothing could ever be sold.
MAX_MARGIN_BP = 9_900
MIN_MARGIN_BP = -100_000
MAX_WEIGHT = 1_000
MAX_PRIORITY = 1_000


class PolicyKind(StrEnum):
    PRIORITY = "priority"  # the lowest priority number first; by weight within one number
    WEIGHTED = "weighted"  # by weight over all routes, whatever their priority
    CHEAPEST = "cheapest"  # the lowest expected cost of those that keep the margin
    FASTEST = "fastest"  # the lowest measured time


@dataclass(frozen=True, slots=True)
class RoutingPolicy:
    """`min_margin_bp` in basis points of the price: a route that would earn less is not used. None is no guard."""

    kind: PolicyKind = PolicyKind.PRIORITY
    min_margin_bp: int | None = None

    @property
    def min_margin(self) -> Fraction | None:
        """The guard as a share of the price, 0.2 for 20 %."""
        return None if self.min_margin_bp is None else Fraction(self.min_margin_bp, BASIS_POINTS)

    def in_words(self) -> str:
        """For the audit log."""
        guard = "" if self.min_margin_bp is None else f", margin at least {self.min_margin_bp / 100:g}%"
        return f"{self.kind}{guard}"


def checked(policy: RoutingPolicy) -> RoutingPolicy:
    """The policy, or InvalidInput naming what is wrong with it."""
    if policy.kind is PolicyKind.CHEAPEST and policy.min_margin_bp is None:
        raise InvalidInput("Say which margin the cheapest route must keep, for example 20%.", param="min_margin")
    bp = policy.min_margin_bp
    if bp is not None and not MIN_MARGIN_BP <= bp <= MAX_MARGIN_BP:
        raise InvalidInput("A margin guard lies between −1000% and 99%.", param="min_margin")
    return policy


def policy_of(kind: str, min_margin_bp: int | None) -> RoutingPolicy:
    """The policy from a model's columns."""
    return RoutingPolicy(PolicyKind(kind), min_margin_bp)
