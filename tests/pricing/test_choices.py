"""The figures beside the values of a choice, and the least a request can cost."""

from fractions import Fraction

import pytest

from app.catalogue.param_schema import parse_schema
from app.pricing.choices import choice_prices, least
from app.pricing.rate_card import RateCard, compile_rule
from app.pricing.rule import parse_rule

QUALITY = {"type": "string", "enum": ["standard", "high", "ultra"], "default": "standard"}
COUNT = {"type": "integer", "minimum": 1, "maximum": 4, "default": 1, "x-meter": "image"}


def _card(properties: dict, rule: dict, **schema) -> tuple[RateCard, object]:
    parsed = parse_schema({"type": "object", "properties": properties, **schema})
    return compile_rule(parse_rule({"type": "formula", **rule}, parsed)), parsed


def _tiers(*priced: tuple[str, int]) -> list[dict]:
    return [{"match": {"quality": value}, "price": {"perImage": price}} for value, price in priced]


def test_tiers_show_their_rate_whatever_the_quantity():
    card, schema = _card(
        {"quality": QUALITY, "n": COUNT},
        {"unit": "image", "price": {"perImage": 10}, "tiers": _tiers(("high", 16), ("ultra", 24))},
    )
    found = choice_prices(card, schema, {"quality": "high", "n": 3}, schema.get("quality"))
    assert found.per == "perImage"
    assert found.figures == (10, 16, 24)


def test_an_attribute_of_another_choice_is_in_every_figure():
    card, schema = _card(
        {"quality": QUALITY, "format": {"type": "string", "enum": ["jpeg", "png"], "default": "jpeg"}},
        {
            "unit": "image",
            "price": {"perImage": 10},
            "tiers": _tiers(("high", 16)),
            "attributes": [{"param": "format", "is": "png", "add": 2}],
        },
    )
    with_png = choice_prices(card, schema, {"quality": "high", "format": "png"}, schema.get("quality"))
    assert with_png.figures == (12, 18, 12)


def test_a_length_shows_what_the_whole_request_comes_to():
    card, schema = _card(
        {"duration": {"type": "string", "enum": ["4s", "8s"], "default": "4s", "x-meter": "second"}},
        {"unit": "second", "price": {"perSecond": 30}},
    )
    found = choice_prices(card, schema, {"duration": "4s"}, schema.get("duration"))
    assert (found.per, found.figures) == ("", (120, 240))


def test_a_choice_that_changes_nothing_shows_nothing():
    card, schema = _card(
        {"quality": QUALITY, "style": {"type": "string", "enum": ["a", "b"], "default": "a"}},
        {"unit": "image", "price": {"perImage": 10}, "tiers": _tiers(("high", 16))},
    )
    assert choice_prices(card, schema, {"quality": "high", "style": "a"}, schema.get("style")) is None


def test_what_the_provider_chooses_has_no_figure_of_its_own():
    quality = {"type": "string", "enum": ["low", "high", "auto"], "default": "auto"}
    card, schema = _card(
        {"quality": quality}, {"unit": "image", "price": {"perImage": 10}, "tiers": _tiers(("high", 16))}
    )
    found = choice_prices(card, schema, {"quality": "auto"}, schema.get("quality"))
    assert found.figures == (10, 16, None)


def test_a_price_with_a_base_shows_totals():
    card, schema = _card(
        {"duration": {"type": "string", "enum": ["5", "10"], "default": "5", "x-meter": "second"}},
        {"unit": "second", "price": {"base": 500, "included": 5, "perSecond": 100}},
    )
    found = choice_prices(card, schema, {"duration": "5"}, schema.get("duration"))
    assert (found.per, found.figures) == ("", (500, 1000))


@pytest.mark.parametrize(
    ("properties", "rule", "credits"),
    [
        (
            {"quality": QUALITY, "n": COUNT},
            {"unit": "image", "price": {"perImage": 10}, "tiers": _tiers(("high", 16))},
            10,
        ),
        (
            {"duration": {"type": "integer", "minimum": 2, "maximum": 12, "default": 5, "x-meter": "second"}},
            {"unit": "second", "price": {"perSecond": 30}},
            60,
        ),
        (
            {"text": {"type": "string", "maxLength": 100, "x-meter": "character"}},
            {"unit": "character", "price": {"per1kCharacters": 140}, "minimum": 5},
            5,
        ),
    ],
    ids=["the cheapest tier, one output", "the shortest length", "the minimum"],
)
def test_the_least_a_request_can_cost(properties, rule, credits):
    card, schema = _card(properties, rule)
    assert Fraction(least(card, schema), 1_000_000) == credits
