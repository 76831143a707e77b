"""A cost profile in one line: `$0.003 per megapixel, 2 tiers`. Pure."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.kernel.errors import RuleRefused
from app.kernel.text import t
from app.pricing.parameters import ParamSchema
from app.pricing.rule import parse_rule
from app.pricing.terms import Price
from app.ui import present


def cost_words(raw: Mapping[str, Any], schema: ParamSchema) -> str:
    """What a route costs, with how many tiers and attributes refine it; what is wrong where it does not fit."""
    try:
        rule = parse_rule(raw, schema)
    except RuleRefused as refused:
        return refused.message
    parts = [_price(rule.price)]
    if rule.tiers:
        parts.append(present.plural(len(rule.tiers), t("model_editor.routing.tier")))
    if rule.attributes:
        parts.append(present.plural(len(rule.attributes), t("model_editor.routing.adjustment")))
    return ", ".join(parts)


def _price(price: Price) -> str:
    listed = [
        t("model_editor.routing.per", cost=_usd(rate), unit=t(f"catalogue.per.{key}"))
        for key, rate in price.rates.items()
    ]
    if price.base:
        listed.insert(0, t("model_editor.routing.base", cost=_usd(price.base)))
    return ", ".join(listed)


def _usd(figure: Decimal) -> str:
    return present.cost(figure) if figure >= Decimal("0.000001") or not figure else f"${figure:f}"
