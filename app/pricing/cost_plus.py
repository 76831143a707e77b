"""Cost-plus: a customer's rule written from what a route costs us, a markup, and what a credit is worth."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from app.kernel.money import MICRO, Rounding, round_to
from app.pricing.numbers import figure
from app.pricing.parameters import ParamSchema
from app.pricing.rule import parse_rule
from app.pricing.terms import MICRO_STEP

#: Figures of a price that are counts, not money.
COUNTS = ("included",)


def cost_plus(
    cost: Mapping[str, Any], markup: Decimal, credit_value_micros: int, schema: ParamSchema | None = None
) -> dict[str, Any]:
    """The rule, as JSON in credits, that charges `cost` (a rule in USD) × `markup`.

    `credit_value_micros` is the value of one credit in micro-USD. Figures that have no end are rounded up to a
    micro-credit, so that the markup is never undercut. Conditions and multipliers stay as they are; the cost's own
    rounding is not taken over. RuleRefused when `cost` is not a valid rule, ValueError for a markup or value of zero.
    """
    if markup <= 0 or credit_value_micros <= 0:
        raise ValueError("a markup and a credit's value are above zero")
    parse_rule(cost, schema)
    factor = Fraction(markup) * MICRO / credit_value_micros
    rule: dict[str, Any] = {"type": "formula", "billingMode": "charge_on_complete", "unit": cost["unit"]}
    rule["price"] = _scaled(cost["price"], factor)
    if cost.get("attributes"):
        rule["attributes"] = [_attribute(one, factor) for one in cost["attributes"]]
    if cost.get("tiers"):
        rule["tiers"] = [{"match": one["match"], "price": _scaled(one["price"], factor)} for one in cost["tiers"]]
    rule.update({key: _credits(cost[key], factor) for key in ("addFlat", "minimum") if cost.get(key)})
    return rule


def _attribute(given: Mapping[str, Any], factor: Fraction) -> dict[str, Any]:
    money = {key: _scaled(given[key], factor) for key in ("set", "add", "addFlat") if key in given}
    return {**given, **money}


def _scaled(given: Any, factor: Fraction) -> Any:
    if isinstance(given, Mapping):
        return {key: value if key in COUNTS else _credits(value, factor) for key, value in given.items()}
    return _credits(given, factor)


def _credits(usd: Any, factor: Fraction) -> int | float:
    """As JSON writes it; the rule reader takes the shortest form of a float back exactly."""
    credits = round_to(Fraction(figure(usd)) * factor, MICRO_STEP, Rounding.UP)
    if credits.denominator == 1:
        return int(credits)
    return float(Decimal(credits.numerator) / Decimal(credits.denominator))
