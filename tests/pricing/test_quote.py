"""A quote's lines add up, its reason can be read aloud, and it survives being stored."""

import json
from decimal import Decimal

import pytest

from app.kernel.errors import Unpriced
from app.kernel.money import Money
from app.pricing.quote import Quote, estimate, final
from app.pricing.rate_card import fixed_card
from app.pricing.usage import Output, Usage
from tests.pricing.shop import N, ask, card, charge, choice, film, images, rule, schema

MODEL = schema({"quality": choice("standard", "high", "ultra", default="standard"), "n": N})
TIERS = [
    {"match": {"quality": "high"}, "price": {"perImage": 16}},
    {"match": {"quality": "ultra"}, "price": {"perImage": 24}},
]


@pytest.mark.parametrize(
    ("more", "given", "reason"),
    [
        pytest.param({}, {}, "1 image × 10", id="the base price"),
        pytest.param({"tiers": TIERS}, {"quality": "high", "n": 2}, "2 images × 16, tier quality = high", id="a tier"),
        pytest.param(
            {"tiers": TIERS, "attributes": [{"param": "n", "is": {"gte": 2}, "add": 2}]},
            {"quality": "ultra", "n": 2},
            "2 images × (24 + 2), tier quality = ultra, n ≥ 2 adds 2",
            id="a tier and an attribute",
        ),
        pytest.param(
            {"attributes": [{"param": "quality", "is": "high", "add": 4, "multiply": 2}]},
            {"quality": "high"},
            "1 image × (10 + 4) × 2, quality = high adds 4, quality = high multiplies by 2",
            id="an attribute with two effects",
        ),
        pytest.param(
            {"attributes": [{"param": "quality", "is": "high", "set": 7}]},
            {"quality": "high"},
            "1 image × 7, quality = high sets the price to 7",
            id="a set",
        ),
        pytest.param({"addFlat": 4}, {"n": 3}, "3 images × 10 + 4 once", id="a flat"),
        pytest.param({"minimum": 30}, {}, "1 image × 10, raised to the minimum of 30", id="a minimum"),
        pytest.param(
            {"rounding": {"to": 4, "mode": "up"}}, {}, "1 image × 10, rounded up to a multiple of 4", id="rounding up"
        ),
        pytest.param({"rounding": {"to": 4}}, {}, "1 image × 10, rounded to a multiple of 4", id="rounding half up"),
        pytest.param({"rounding": {"to": 5}}, {}, "1 image × 10", id="rounding that changes nothing"),
    ],
)
def test_the_reason(more, given, reason):
    assert ask(rule("image", {"perImage": 10}, **more), MODEL, **given).reason == reason


def test_the_steps_name_every_tier_that_was_tried():
    raw = rule("image", {"perImage": 10}, tiers=TIERS, addFlat=0.5, minimum=20, rounding={"to": 1, "mode": "up"})
    assert ask(raw, MODEL, quality="ultra").steps == (
        "Tier 1, quality = high: not met, quality is ultra.",
        "Tier 2, quality = ultra: met, 24 per image.",
        "1 image × 24 = 24.",
        "0.5 once = 0.5.",
        "Rounded up to a multiple of 1: 25.",
    )
    assert ask(raw, MODEL).steps[-2:] == ("0.5 once = 0.5.", "Raised to the minimum of 20.")


def test_the_tier_in_force_is_named_by_its_index():
    raw = rule("image", {"perImage": 10}, tiers=TIERS)
    assert [ask(raw, MODEL, quality=quality).branch for quality in ("high", "ultra", "standard")] == [0, 1, None]


def test_lines_add_up_to_the_rounded_total():
    raw = rule("second", {"perSecond": 1, "base": 1, "included": 1}, addFlat=1, rounding={"to": 0.01, "mode": "up"})
    quote = final(card(raw), film("1.333333", "1.333333", "1.333333"), {})
    assert quote.total.amount == Decimal("5.00")
    assert [(line.type, line.total.amount) for line in quote.lines] == [
        ("base", Decimal(3)),
        ("usage", Decimal(1)),
        ("flat", Decimal(1)),
    ]


def test_what_a_minimum_adds_is_a_line_of_its_own():
    quote = final(card(rule("image", {"perImage": 10}, minimum=30)), images(1), {})
    assert [(line.type, line.total.amount) for line in quote.lines] == [("usage", 10), ("minimum", 20)]


def test_a_line_is_its_billable_quantity_times_its_unit_price():
    quote = final(card(rule("character", {"per1kCharacters": 60})), Usage((Output(),), characters=1500), {})
    (line,) = quote.lines
    assert (line.metric, line.quantity, line.billable_quantity, line.unit_price) == (
        "characters",
        1500,
        1500,
        Decimal("0.06"),
    )
    assert line.billable_quantity * line.unit_price == line.total.amount


@pytest.mark.parametrize("unit", ["credit", "USD"])
def test_a_quote_survives_json(unit):
    raw = rule("image", {"perImage": 0.1}, tiers=TIERS, minimum=1)
    quote = estimate(card(raw, MODEL, unit), MODEL, {"quality": "high", "n": 3})
    assert quote.total.unit == unit
    assert Quote.from_json(json.loads(json.dumps(quote.to_json()))) == quote


def test_a_cost_profile_is_priced_by_the_same_code_in_dollars():
    quote = final(card(rule("megapixel", {"perMegapixel": 0.003}), None, "USD"), Usage((Output(1024, 1025),)), {})
    assert quote.total == Money(6_000, "USD")


def test_a_missing_measure_is_refused_and_not_taken_for_zero():
    with pytest.raises(Unpriced, match="The price needs seconds") as refused:
        charge(rule("second", {"perSecond": 1}), None, images(1))
    assert refused.value.stable_code == "unmeasured"


@pytest.mark.parametrize(
    ("unit", "price", "usage"),
    [
        ("second", {"perSecond": 1}, film("-1")),
        ("second", {"perSecond": 1}, film("NaN")),
        ("video_token", {"per1kVideoTokens": 1}, Usage((Output(video_tokens=Decimal(-1)),))),
        ("token", {"per1kTokens": 1}, Usage(tokens=Decimal(-5))),
        (
            "token",
            {"per1kInputTokens": 1, "per1kOutputTokens": 1},
            Usage(input_tokens=Decimal(-1), output_tokens=Decimal(9)),
        ),
        (
            "token",
            {"per1kInputTokens": 1, "per1kOutputTokens": 1},
            Usage(input_tokens=Decimal(1), cached_input_tokens=Decimal(-9), output_tokens=Decimal(9)),
        ),
    ],
)
def test_a_measure_below_zero_never_becomes_a_gift(unit, price, usage):
    with pytest.raises(Unpriced, match="cannot be charged for"):
        charge(rule(unit, price), None, usage)


def test_a_missing_measure_is_taken_from_what_was_expected():
    expected = Usage((Output(seconds=Decimal(5)),))
    priced = card(rule("second", {"perSecond": 1}))
    assert final(priced, images(2), {}, expected=expected).total.amount == 10
    assert final(priced, film("0"), {}, expected=expected).total.amount == 0


def test_tokens_that_were_reported_are_never_mixed_with_expected_ones():
    raw = rule("token", {"per1kTokens": 1})
    expected = Usage((Output(),), input_tokens=Decimal(9000), output_tokens=Decimal(9000))
    assert final(card(raw), Usage((Output(),), tokens=Decimal(500)), {}, expected=expected).total.amount == Decimal(
        "0.5"
    )
    assert final(card(raw), images(1), {}, expected=expected).total.amount == 18


def test_cached_tokens_without_a_price_of_their_own_are_input_tokens():
    raw = rule("token", {"per1kInputTokens": 10, "per1kOutputTokens": 20})
    usage = Usage(input_tokens=Decimal(600), cached_input_tokens=Decimal(400), output_tokens=Decimal(100))
    assert charge(raw, None, usage) == 12


def test_one_price_for_all_tokens_counts_every_class():
    usage = Usage(input_tokens=Decimal(600), cached_input_tokens=Decimal(400), output_tokens=Decimal(1000))
    assert charge(rule("token", {"per1kTokens": 3}), None, usage) == 6


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        pytest.param({"perWorld": 5}, 10, id="two worlds"),
        pytest.param({"perWorld": 5, "base": 2}, 14, id="a base for each"),
        pytest.param({"perWorld": 5, "included": 1}, 0, id="the first of each included in nothing"),
    ],
)
def test_worlds(price, expected):
    assert charge(rule("world", price), None, images(2)) == expected


def test_a_base_per_generation_is_owed_once():
    raw = rule("request", {"perRequest": 5, "base": 2})
    assert charge(raw, None, images(4)) == 7


def test_multiply_scales_the_base_and_add_does_not():
    raw = rule(
        "second",
        {"perSecond": 1, "base": 10, "included": 5},
        attributes=[{"param": "a", "is": 1, "add": 2}, {"param": "a", "is": 1, "multiply": 3}],
    )
    assert charge(raw, None, film("6"), a=1) == 3 * 10 + 3 * (1 + 2)


def test_included_characters_are_counted_in_characters():
    raw = rule("character", {"per1kCharacters": 10, "base": 1, "included": 500})
    assert charge(raw, None, Usage((Output(),), characters=1500)) == 11


def test_several_flats_add_up_once_per_generation():
    raw = rule(
        "image",
        {"perImage": 1},
        addFlat=1,
        attributes=[{"param": "a", "is": 1, "addFlat": 2}, {"param": "b", "is": 1, "addFlat": 3}],
    )
    assert charge(raw, None, images(5), a=1, b=1) == 11


def test_a_price_no_account_could_hold_is_refused():
    with pytest.raises(Unpriced, match="larger than an account can hold"):
        charge(
            rule("image", {"perImage": 10**12}, attributes=[{"param": "a", "is": 1, "multiply": 10**9}]),
            None,
            images(1),
            a=1,
        )


def test_a_free_price_says_so():
    quote = final(fixed_card(Decimal(0)), images(1), {})
    assert (quote.total.amount, quote.reason, len(quote.lines)) == (0, "0 credits per request", 1)
