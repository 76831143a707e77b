"""The written cases of the pricing rule, word for word, and the two rules its page shows."""

from decimal import Decimal

import pytest

from app.pricing.quote import estimate, final
from app.pricing.rate_card import compile_rule, fixed_card
from app.pricing.rule import RuleRefused, parse_rule
from app.pricing.terms import BillingMode, Overage
from app.pricing.usage import Usage
from tests.pricing.shop import N, ask, card, charge, choice, film, images, pictures, rule, schema

PUBLISHED = {
    "type": "formula",
    "billingMode": "charge_on_complete",
    "unit": "image",
    "price": {"perImage": 10},
    "tiers": [
        {"match": {"quality": "high"}, "price": {"perImage": 16}},
        {"match": {"quality": "ultra"}, "price": {"perImage": 24}},
    ],
}
FULL = {
    "type": "formula",
    "billingMode": "charge_on_complete",
    "unit": "image",
    "price": {"perImage": 10},
    "attributes": [
        {"param": "quality", "is": "high", "add": 6},
        {"param": "size", "is": ["1536x1024", "1024x1536"], "multiply": 1.5},
    ],
    "tiers": [{"match": {"quality": "ultra", "n": {"gte": 2}}, "price": {"perImage": 24}}],
    "minimum": 5,
    "rounding": {"to": 1, "mode": "up"},
    "overage": "cap",
    "refundOnFailure": True,
}
QUALITY = schema({"quality": choice("standard", "high", "ultra", default="standard"), "n": N})


@pytest.mark.parametrize(("quality", "credits"), [("standard", 10), ("high", 16), ("ultra", 24)])
def test_the_published_rule_is_accepted_as_it_stands(quality, credits):
    assert ask(PUBLISHED, QUALITY, quality=quality).total.amount == credits
    assert ask(PUBLISHED, QUALITY, quality=quality, n=4).total.amount == 4 * credits


@pytest.mark.parametrize(
    ("given", "credits"),
    [
        pytest.param({}, 10, id="base price"),
        pytest.param({"quality": "high"}, 16, id="an attribute adds"),
        pytest.param({"size": "1536x1024"}, 15, id="an attribute multiplies"),
        pytest.param({"quality": "high", "size": "1024x1536"}, 24, id="first add, then multiply"),
        pytest.param({"quality": "ultra"}, 10, id="a tier needs every condition"),
        pytest.param({"quality": "ultra", "n": 2}, 48, id="a tier replaces the price"),
        pytest.param({"quality": "ultra", "n": 3, "size": "1536x1024"}, 108, id="attributes apply to a tier"),
    ],
)
def test_the_full_example(given, credits):
    model = schema(
        {
            "quality": choice("standard", "high", "ultra", default="standard"),
            "size": choice("1024x1024", "1536x1024", "1024x1536", default="1024x1024"),
            "n": N,
        }
    )
    assert ask(FULL, model, **given).total.amount == credits


def test_only_type_unit_and_price_are_required():
    read = parse_rule(rule("image", {"perImage": 10}))
    assert (read.billing_mode, read.overage, read.refund_on_failure) == (BillingMode.ON_COMPLETE, Overage.CAP, True)


def test_an_attribute_declared_first_still_multiplies_last():
    raw = rule(
        "image",
        {"perImage": 10},
        attributes=[{"param": "quality", "is": "high", "multiply": 2}, {"param": "size", "is": "large", "add": 4}],
    )
    model = schema({"quality": choice("low", "high"), "size": choice("small", "large")})
    assert ask(raw, model, quality="high", size="large").lines[0].unit_price == 28


def test_one_megapixel_at_the_default_divisor_is_one():
    raw = rule("megapixel", {"perMegapixel": 1})
    assert charge(raw, schema(), pictures((1024, 1024))) == 1
    assert charge(raw, schema(), pictures((1024, 1025))) == 2


def test_a_base_per_image_pays_for_its_first_megapixel():
    raw = rule("megapixel", {"perMegapixel": 15, "base": 30, "included": 1})
    assert charge(raw, schema(), pictures((2048, 1024), (2048, 1024))) == 90


def test_a_tier_that_gives_only_one_token_class_is_refused():
    raw = rule(
        "token",
        {"per1kInputTokens": 1, "per1kOutputTokens": 4},
        tiers=[{"match": {"speed": "fast"}, "price": {"per1kOutputTokens": 8}}],
    )
    with pytest.raises(RuleRefused) as refused:
        parse_rule(raw, schema({"speed": choice("slow", "fast")}))
    assert [problem["path"] for problem in refused.value.details["problems"]] == ["tiers[0].price"]


FLAT_AND_MINIMUM = rule("image", {"perImage": 10}, addFlat=4, minimum=30)


def test_partial_delivery_pays_what_arrived_and_at_least_the_minimum():
    assert ask(FLAT_AND_MINIMUM, schema({"n": N}), n=4).total.amount == 44
    assert charge(FLAT_AND_MINIMUM, schema({"n": N}), images(1), n=4) == 30


def test_nothing_delivered_is_nothing_charged():
    assert charge(FLAT_AND_MINIMUM, schema({"n": N}), images(0), n=4) == 0


def test_auto_is_held_at_the_dearest_and_charged_as_resolved():
    raw = rule("image", {"perImage": 10}, tiers=[{"match": {"quality": "high"}, "price": {"perImage": 16}}])
    model = schema({"quality": choice("auto", "low", "high", default="auto")})
    shown = ask(raw, model)
    assert (shown.total.amount, shown.maximum.amount) == (10, 16)
    assert shown.steps[-1] == "At most 16, with quality = high."
    assert charge(raw, model, images(1), quality="high") == 16
    assert charge(raw, model, images(1), quality="low") == 10


def test_cached_tokens_are_not_input_tokens():
    raw = rule("token", {"per1kInputTokens": 10, "per1kCachedInputTokens": 2, "per1kOutputTokens": 0})
    usage = Usage(input_tokens=Decimal(600), cached_input_tokens=Decimal(400), output_tokens=Decimal(0))
    assert charge(raw, None, usage) == Decimal("6.8")


def test_a_fixed_price_is_per_request_whatever_n():
    model = schema({"n": N})
    shown = estimate(fixed_card(Decimal(10)), model, {"n": 4})
    assert shown.total.amount == 10
    assert shown.reason == "10 credits per request"
    assert final(fixed_card(Decimal(10)), images(0), {"n": 4}).total.amount == 0


def test_a_delivery_slightly_too_long_is_measured_and_the_card_says_cap():
    raw = rule("second", {"base": 0.35, "included": 5, "perSecond": 0.07}, overage="cap")
    model = schema({"duration": choice("5", "10", default="5", **{"x-meter": "second"})})
    shown = ask(raw, model, duration="10")
    assert shown.maximum.amount == Decimal("0.7")
    measured = final(card(raw, model), film("10.04"), {"duration": "10"}).total
    assert measured.amount == Decimal("0.7028")
    assert card(raw, model).overage is Overage.CAP
    assert min(measured, shown.maximum).amount == Decimal("0.7")


def test_audio_doubles_what_the_resolution_tier_says():
    raw = rule(
        "second",
        {"perSecond": 4},
        attributes=[{"param": "generate_audio", "is": True, "multiply": 2}],
        tiers=[{"match": {"resolution": "4k"}, "price": {"perSecond": 6}}],
    )
    model = schema(
        {
            "duration": choice("4s", "6s", "8s", default="8s", **{"x-meter": "second"}),
            "resolution": choice("720p", "4k", default="720p"),
            "generate_audio": {"type": "boolean", "default": True},
        }
    )
    assert ask(raw, model, duration=8, resolution="4k").total.amount == 96


def test_the_total_is_rounded_once_and_up():
    raw = rule("image", {"perImage": 0.4}, rounding={"to": 1, "mode": "up"})
    assert charge(raw, None, images(3)) == 2


def test_every_price_of_the_published_rule_is_an_exact_number_of_micros():
    assert compile_rule(parse_rule(PUBLISHED, QUALITY)).amount(images(3), {"quality": "ultra"}) == 72_000_000
