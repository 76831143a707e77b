"""The short way to the price of text says exactly what the long way says."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalogue.param_schema import parse_schema
from app.pricing import brief as short
from app.pricing.brief import brief
from app.pricing.quote import final
from app.pricing.rate_card import RateCard, compile_rule
from app.pricing.rule import parse_rule
from app.pricing.usage import Usage

SCHEMA = parse_schema(
    {
        "type": "object",
        "properties": {
            "effort": {"type": "string", "enum": ["low", "high"], "default": "low"},
            "max_tokens": {"type": "integer", "minimum": 1, "maximum": 4096, "x-meter": "output_token"},
        },
    }
)
CLASSES = {"per1kInputTokens": 0.25, "per1kCachedInputTokens": 0.125, "per1kOutputTokens": 1}
RULES: dict[str, dict[str, Any]] = {
    "three classes": {"price": CLASSES},
    "two classes": {"price": {"per1kInputTokens": 0.15, "per1kOutputTokens": 0.6}},
    "all tokens alike": {"price": {"per1kTokens": 0.03}},
    "a tier": {
        "price": CLASSES,
        "tiers": [{"match": {"effort": "high"}, "price": dict.fromkeys(CLASSES, 3)}],
    },
    "a factor": {"price": CLASSES, "attributes": [{"param": "effort", "is": "high", "multiply": 1.5}]},
    "a minimum, the long way": {"price": CLASSES, "minimum": 2},
    "whole credits, the long way": {"price": CLASSES, "rounding": {"to": 1, "mode": "up"}},
}
COUNTS = st.integers(0, 3_000_000).map(Decimal)


def card_of(name: str) -> RateCard:
    return compile_rule(parse_rule({"type": "formula", "unit": "token", **RULES[name]}, SCHEMA))


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=30, deadline=None)
@given(taken=COUNTS, cached=COUNTS, made=COUNTS, effort=st.sampled_from(["low", "high"]))
def test_the_short_way_says_what_the_long_way_says(
    name: str, taken: Decimal, cached: Decimal, made: Decimal, effort: str
) -> None:
    usage = Usage(input_tokens=taken, cached_input_tokens=cached, output_tokens=made)
    card = card_of(name)

    for one in (usage, replace(usage, cached_input_tokens=None)):
        quote = final(card, one, {"effort": effort})

        assert brief(card, one, {"effort": effort}) == (quote.total.micros, quote.to_json())


def test_the_plain_cards_take_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short, "final", None)
    usage = Usage(input_tokens=Decimal(19), output_tokens=Decimal(24))

    assert [brief(card_of(name), usage, {"effort": "high"})[0] for name in list(RULES)[:5]] == [
        28750, 17250, 1290, 129000, 43125,
    ]  # fmt: skip
