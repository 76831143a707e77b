"""What is held: the dearest that the provider could make of what the request leaves open."""

from decimal import Decimal

import pytest

from app.kernel.errors import Unpriced
from app.pricing import quote as quoting
from tests.pricing.shop import N, ask, choice, rule, schema

HIGH = [{"match": {"quality": "high"}, "price": {"perImage": 16}}]


def shown(raw, model, **given):
    quote = ask(raw, model, **given)
    return quote.total.amount, quote.maximum.amount


def test_a_chosen_value_leaves_nothing_open():
    model = schema({"quality": choice("auto", "low", "high")})
    assert shown(rule("image", {"perImage": 10}, tiers=HIGH), model, quality="low") == (10, 10)


@pytest.mark.parametrize("given", [{}, {"quality": None}, {"quality": "auto"}], ids=["absent", "null", "auto"])
def test_an_absent_or_auto_value_is_held_at_the_dearest(given):
    model = schema({"quality": choice("auto", "low", "high")})
    assert shown(rule("image", {"perImage": 10}, tiers=HIGH), model, **given) == (10, 16)


def test_a_default_is_a_choice():
    model = schema({"quality": choice("low", "high", default="low")})
    assert shown(rule("image", {"perImage": 10}, tiers=HIGH), model) == (10, 10)


def test_auto_alone_leaves_nothing_to_choose():
    model = schema({"quality": choice("auto", default="auto")})
    tiers = [{"match": {"quality": "auto"}, "price": {"perImage": 16}}]
    assert shown(rule("image", {"perImage": 10}, tiers=tiers), model) == (16, 16)


def test_a_cheaper_resolution_does_not_lower_the_hold():
    model = schema({"quality": choice("auto", "low")})
    tiers = [{"match": {"quality": "low"}, "price": {"perImage": 3}}]
    assert shown(rule("image", {"perImage": 10}, tiers=tiers), model, quality="auto") == (10, 10)


def test_two_open_parameters_are_held_at_their_dearest_pair():
    model = schema({"quality": choice("low", "high"), "audio": {"type": "boolean"}})
    raw = rule("image", {"perImage": 10}, tiers=HIGH, attributes=[{"param": "audio", "is": True, "multiply": 2}])
    quote = ask(raw, model)
    assert (quote.total.amount, quote.maximum.amount) == (10, 32)
    assert quote.steps[-1] == "At most 32, with quality = high, audio = true."


def test_a_file_that_was_not_given_stays_absent():
    model = schema({"picture": {"type": "string", "format": "image-url"}})
    raw = rule("image", {"perImage": 10}, attributes=[{"param": "picture", "is": "present", "add": 5}])
    assert shown(raw, model) == (10, 10)


def test_an_open_length_is_held_and_shown_at_its_longest():
    model = schema({"duration": choice("auto", "4", "15", default="auto", **{"x-meter": "second"})})
    assert shown(rule("second", {"perSecond": 2}), model) == (30, 30)


def test_an_open_length_with_a_tier_for_short_ones():
    model = schema({"duration": choice("auto", "4", "15", default="auto", **{"x-meter": "second"})})
    raw = rule("second", {"perSecond": 2}, tiers=[{"match": {"duration": {"lt": 10}}, "price": {"perSecond": 9}}])
    assert shown(raw, model) == (30, 36)


def test_an_open_count_is_expected_to_be_one_and_held_at_the_most():
    model = schema({"n": {key: value for key, value in N.items() if key != "default"}})
    assert shown(rule("image", {"perImage": 10}), model) == (10, 100)


def test_an_open_size_is_taken_at_its_largest():
    sizes = {"by": ["size"], "values": {"small": [512, 512], "large": [2048, 2048]}}
    model = schema({"size": choice("auto", "small", "large", "1024x1024", default="auto")}, size=sizes)
    assert shown(rule("megapixel", {"perMegapixel": 1}), model) == (4, 4)
    assert shown(rule("megapixel", {"perMegapixel": 1}), model, size="1024x1024") == (1, 1)


def test_a_length_without_any_bound_cannot_be_sold():
    model = schema({"duration": {"type": "integer", "x-meter": "second"}})
    with pytest.raises(Unpriced, match="The price needs seconds"):
        ask(rule("second", {"perSecond": 2}), model)


def test_text_tokens_are_held_at_their_bytes_and_the_longest_answer():
    model = schema(
        {
            "prompt": {"type": "string", "x-meter": "character"},
            "max_tokens": {"type": "integer", "maximum": 1000, "x-meter": "output_token"},
        }
    )
    raw = rule("token", {"per1kInputTokens": 1000, "per1kOutputTokens": 1})
    assert shown(raw, model, prompt="Straße!!") == (2 + 1, 9 + 1)


def many_open(count):
    names = [f"p{index}" for index in range(count)]
    model = schema({name: choice("a", "b", "c") for name in names})
    attributes = [{"param": name, "is": "b", "add": 1} for name in names]
    attributes += [{"param": name, "is": "c", "multiply": Decimal("0.5")} for name in names]
    return model, rule(
        "image", {"perImage": 10}, attributes=attributes, tiers=[{"match": {"p0": "c"}, "price": {"perImage": 30}}]
    )


def test_very_many_open_parameters_are_held_at_a_bound():
    model, raw = many_open(8)
    quote = ask(raw, model)
    assert quote.total.amount == 10
    assert quote.maximum.amount == 30 + 8  # no single combination reaches it, none exceeds it
    assert quote.steps[-1] == "At most 38."


def test_the_bound_is_never_below_the_exact_maximum(monkeypatch):
    model, raw = many_open(4)
    exact = ask(raw, model).maximum
    monkeypatch.setattr(quoting, "MOST_OPEN", 1)
    assert exact.amount == Decimal("16.5")  # p0 = c and the others b: (30 + 3) × 0.5
    assert ask(raw, model).maximum >= exact
