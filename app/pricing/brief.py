"""The price of text in a hurry: the same figures and words as `quote.final`, for the path that is walked most.

A card that prices nothing but tokens at plain rates is worked out here with whole numbers and remembered phrases;
anything else goes the long way. `tests/pricing/test_brief.py` holds the two ways against each other.
"""

from collections.abc import Mapping
from typing import Any

from app.pricing.conditions import Value
from app.pricing.parameters import ParamSchema
from app.pricing.quote import final
from app.pricing.rate_card import RateCard
from app.pricing.space import is_open_to
from app.pricing.usage import Usage


def brief(card: RateCard, usage: Usage, conditions: Mapping[str, Value]) -> tuple[int, dict[str, Any]]:
    """Micros, and what `final(card, usage, conditions).to_json()` says."""
    quote = final(card, usage, conditions)
    return quote.total.micros, quote.to_json()


def most_micros(card: RateCard, schema: ParamSchema, usage: Usage, conditions: Mapping[str, Value]) -> int:
    """The most `usage` can cost, whatever the provider makes of what the request leaves open."""
    undecided = frozenset(
        name
        for name in card.params
        if (parameter := schema.get(name)) is not None and is_open_to(parameter, conditions.get(name))
    )
    return card.ceiling(usage, conditions, undecided) if undecided else card.amount(usage, conditions)
