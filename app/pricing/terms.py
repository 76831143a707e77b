"""The pricing rule as values: what an operator means by the JSON, checked and exact. `rule.parse_rule` makes it.

Order of evaluation, once: coerced values → the first tier whose conditions all hold replaces the price → attributes
(set, add, multiply) → quantity → flats → minimum → one rounding.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from app.kernel.money import Rounding
from app.pricing.conditions import Condition
from app.pricing.parameters import ParamSchema
from app.pricing.units import UNITS, PriceKey, Unit

MICRO_STEP = Decimal("0.000001")


class BillingMode(StrEnum):
    ON_COMPLETE = "charge_on_complete"
    ON_SUBMIT = "charge_on_submit"


class Overage(StrEnum):
    """What happens when more was measured than held."""

    CAP = "cap"
    EXTEND = "extend"
    OWE = "owe"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a rule or schema: where, a sentence, and what to write instead where we can tell.

    `replaces` says what `suggestion` is: another "key" for the last step of `path`, or another "value" at `path`.
    """

    path: str
    message: str
    suggestion: str | None = None
    replaces: str = "value"

    def to_json(self) -> dict[str, str]:
        found = {"path": self.path, "message": self.message}
        return found | ({"suggestion": self.suggestion, "replaces": self.replaces} if self.suggestion else {})


@dataclass(frozen=True, slots=True)
class Price:
    """What one output or generation costs: a rate per price key, and a base that pays for the first `included`."""

    rates: Mapping[str, Decimal]
    base: Decimal | None = None
    included: Decimal | None = None

    @property
    def keys(self) -> frozenset[str]:
        extra = {"base": self.base, "included": self.included}
        return frozenset(self.rates) | {key for key, value in extra.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Tier:
    """Conditions that must all hold, and the price that then applies."""

    match: tuple[Condition, ...]
    price: Price


@dataclass(frozen=True, slots=True)
class Attribute:
    """One parameter's effect on the price. Rates are in the price key's own measure (per 1k where it says so)."""

    when: Condition
    set: Mapping[str, Decimal] | None = None
    add: Mapping[str, Decimal] | None = None
    multiply: Decimal | None = None
    add_flat: Decimal | None = None


@dataclass(frozen=True)
class Rule:
    """A whole rule. `schema` is what it was checked against; it says how pixels and frames are measured."""

    unit: Unit
    price: Price
    attributes: tuple[Attribute, ...] = ()
    tiers: tuple[Tier, ...] = ()
    add_flat: Decimal = Decimal(0)
    minimum: Decimal = Decimal(0)
    rounding_step: Decimal = MICRO_STEP
    rounding_mode: Rounding = Rounding.HALF_UP
    billing_mode: BillingMode = BillingMode.ON_COMPLETE
    overage: Overage = Overage.CAP
    refund_on_failure: bool = True
    schema: ParamSchema = field(default_factory=ParamSchema)

    @property
    def price_keys(self) -> tuple[PriceKey, ...]:
        """The table's entries for the prices this rule gives, in the table's order."""
        return tuple(key for key in self.unit.keys if key.key in self.price.rates)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition of the rule, tiers first."""
        in_tiers = [condition for tier in self.tiers for condition in tier.match]
        return (*in_tiers, *(attribute.when for attribute in self.attributes))


def fixed_rule(credits: Decimal, schema: ParamSchema | None = None) -> Rule:
    """So many credits per request, whatever is asked for."""
    return Rule(UNITS["request"], Price({"perRequest": credits}), schema=schema or ParamSchema())
