"""What a rule may not say: every refusal names the place, gives a sentence, and often what to write instead."""

import math

import pytest

from app.kernel.errors import RuleRefused
from app.pricing.rule import parse_rule
from tests.pricing.shop import choice, rule, schema

MODEL = schema(
    {
        "quality": choice("standard", "high", "ultra", default="standard"),
        "image_size": choice("square", "square_hd", "4k", default="square"),
        "duration": choice("4s", "6s", "8s", default="8s"),
        "steps": {"type": "integer", "minimum": 1, "maximum": 12, "default": 4},
        "hd": {"type": "boolean", "default": False},
        "picture": {"type": "string", "format": "image-url"},
        "prompt": {"type": "string"},
    }
)
PRICE = {"perImage": 10}
TOKENS = {"per1kInputTokens": 1, "per1kOutputTokens": 4}


def tier(match, price=None):
    return rule("image", PRICE, tiers=[{"match": match, "price": price or {"perImage": 16}}])


def attribute(**given):
    return rule("image", PRICE, attributes=[given])


def problems(raw, of=MODEL):
    with pytest.raises(RuleRefused) as refused:
        parse_rule(raw, of)
    return refused.value.details["problems"]


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        pytest.param({"unit": "image", "price": PRICE}, "", "A rule needs “type”.", id="no type"),
        pytest.param({"type": "formula", "price": PRICE}, "", "A rule needs “unit”.", id="no unit"),
        pytest.param({"type": "formula", "unit": "image"}, "", "A rule needs “price”.", id="no price"),
        pytest.param([], "", "A rule is an object in braces, not a list.", id="not an object"),
        pytest.param(
            {"type": "table", "unit": "image", "price": PRICE}, "type",
            "“table” is not a kind of rule. It is one of formula.", id="unknown type",
        ),
        pytest.param(
            rule("imgae", PRICE), "unit", "“imgae” is not a unit. Did you mean image?", id="unknown unit",
        ),
        pytest.param(
            rule("image", PRICE, tier=[]), "tier", "A rule has no “tier”. Did you mean tiers?", id="unknown key",
        ),
        pytest.param(
            rule("image", {"perImages": 10}), "price.perImages",
            "A price per image has no “perImages”. Did you mean perImage?", id="misspelt price key",
        ),
        pytest.param(
            rule("image", {}), "price", "A price per image needs perImage (possible: perImage).", id="empty price",
        ),
        pytest.param(
            rule("image", PRICE, overage="refund"), "overage",
            "“refund” is not a value of overage. It is one of cap, extend, owe.", id="unknown overage",
        ),
        pytest.param(
            rule("image", PRICE, billingMode="charge_on_complet"), "billingMode",
            "“charge_on_complet” is not a value of billingMode. Did you mean charge_on_complete?", id="billing mode",
        ),
        pytest.param(
            rule("image", PRICE, refundOnFailure="yes"), "refundOnFailure", "This is true or false, not “yes”.",
            id="a flag that is text",
        ),
        pytest.param(
            rule("token", {**TOKENS, "per1kTokens": 2}), "price",
            "The prices per1kInputTokens, per1kOutputTokens, per1kTokens exclude each other; give per1kTokens or "
            "per1kInputTokens + per1kCachedInputTokens + per1kImageInputTokens + per1kOutputTokens + "
            "per1kImageOutputTokens.", id="two kinds of token price",
        ),
        pytest.param(
            rule("token", {"per1kInputTokens": 1}), "price",
            "A price per token needs per1kOutputTokens (possible: per1kTokens or "
            "per1kInputTokens + per1kCachedInputTokens + per1kImageInputTokens + per1kOutputTokens + "
            "per1kImageOutputTokens).", id="half a token price",
        ),
        pytest.param(
            rule("token", {**TOKENS, "base": 1, "included": 5}), "price.included",
            "With several prices it is not clear which units are included.", id="included of two classes",
        ),
    ],
)  # fmt: skip
def test_the_frame_of_a_rule(raw, path, message):
    assert {"path": path, "message": message}.items() <= problems(raw)[0].items()


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        pytest.param(-1, "-1 is negative; a price never is.", id="negative"),
        pytest.param(math.nan, "nan is not a finite number.", id="not a number"),
        pytest.param(math.inf, "inf is not a finite number.", id="infinite"),
        pytest.param(-math.inf, "-inf is not a finite number.", id="minus infinite"),
        pytest.param(True, "true is not a number.", id="a boolean"),
        pytest.param(None, "null is not a number.", id="null"),
        pytest.param("10", "“10” is not a number. Write 10 without quotes.", id="text"),
        pytest.param([10], "a list is not a number.", id="a list"),
        pytest.param(10**13, "10000000000000 is larger than anything here can be.", id="beyond reason"),
        pytest.param(1e-30, "1e-30 has more than 18 decimals.", id="too fine"),
    ],
)
@pytest.mark.parametrize(
    ("path", "build"),
    [
        pytest.param("price.perImage", lambda figure: rule("image", {"perImage": figure}), id="price"),
        pytest.param("price.base", lambda figure: rule("image", {"perImage": 1, "base": figure}), id="base"),
        pytest.param("minimum", lambda figure: rule("image", PRICE, minimum=figure), id="minimum"),
        pytest.param("addFlat", lambda figure: rule("image", PRICE, addFlat=figure), id="flat"),
        pytest.param(
            "attributes[0].add", lambda figure: attribute(param="hd", **{"is": True}, add=figure), id="attribute"
        ),
        pytest.param(
            "tiers[0].price.perImage", lambda figure: tier({"quality": "high"}, {"perImage": figure}), id="tier"
        ),
    ],
)
def test_a_figure_is_finite_and_not_negative_wherever_it_stands(figure, message, path, build):
    assert problems(build(figure))[0] | {"path": path, "message": message} == problems(build(figure))[0]


@pytest.mark.parametrize(
    ("match", "path", "message", "suggestion"),
    [
        pytest.param(
            {"resolution": "4k"}, "tiers[0].match.resolution",
            "The model has no parameter “resolution”. Did you mean image_size?", "image_size",
            id="a parameter that another has the value of",
        ),
        pytest.param(
            {"qualty": "high"}, "tiers[0].match.qualty",
            "The model has no parameter “qualty”. Did you mean quality?", "quality", id="a misspelt parameter",
        ),
        pytest.param(
            {"quality": "hihg"}, "tiers[0].match.quality",
            "quality: “hihg” is not one of its values. Did you mean high?", "high", id="a misspelt value",
        ),
        pytest.param(
            {"quality": ["high", "best"]}, "tiers[0].match.quality[1]",
            "quality: “best” is not one of its values. Known: standard, high, ultra.", None, id="one of a list",
        ),
        pytest.param({"quality": []}, "tiers[0].match.quality", "An empty list matches nothing.", None, id="no value"),
        pytest.param(
            {"quality": None}, "tiers[0].match.quality",
            "To match a parameter that was not given, write “absent”.", "absent", id="null",
        ),
        pytest.param(
            {}, "tiers[0].match", "A tier needs at least one condition; without one it would replace the base price.",
            None, id="no condition",
        ),
        pytest.param(
            {"steps": {"min": 3}}, "tiers[0].match.steps.min",
            "A range has no “min”. It may have: gte, gt, lte, lt.", None, id="a range end with another name",
        ),
        pytest.param(
            {"steps": {}}, "tiers[0].match.steps", "A range needs an end: gte, gt, lte or lt.", None, id="no end",
        ),
        pytest.param(
            {"steps": {"gte": 2, "gt": 3}}, "tiers[0].match.steps", "A range has gte or gt, not both.", None,
            id="two lower ends",
        ),
        pytest.param(
            {"steps": {"gte": 9, "lt": 3}}, "tiers[0].match.steps",
            "Nothing lies in this range: its lower end is above its upper end.", None, id="an empty range",
        ),
        pytest.param(
            {"quality": {"gte": 2}}, "tiers[0].match.quality",
            "quality has no order, so it has no ranges. List the values instead: standard, high, ultra.", None,
            id="a range of words",
        ),
        pytest.param(
            {"hd": {"gte": 1}}, "tiers[0].match.hd", "hd has no order, so it has no ranges.", None,
            id="a range of booleans",
        ),
        pytest.param(
            {"steps": {"gte": "many"}}, "tiers[0].match.steps.gte", "The end of a range is a number, not “many”.",
            None, id="a range end that is no number",
        ),
        pytest.param(
            {"steps": 2.5}, "tiers[0].match.steps", "steps: expected a whole number, not 2.5.", None, id="half a step",
        ),
        pytest.param({"steps": True}, "tiers[0].match.steps", "steps: true is not a number.", None, id="a boolean"),
        pytest.param(
            {"hd": 1}, "tiers[0].match.hd", "hd: expected true or false, not 1.", None, id="a number for a switch",
        ),
        pytest.param(
            {"picture": "https://example.com/a.png"}, "tiers[0].match.picture",
            "picture is a file: it can only be “absent” or “present”.", "present", id="one particular file",
        ),
        pytest.param(
            {"quality": [["high"]]}, "tiers[0].match.quality[0]",
            "This compares with a value or a range, not with a list.", None, id="a list in a list",
        ),
    ],
)  # fmt: skip
def test_conditions(match, path, message, suggestion):
    found = problems(tier(match))[0]
    assert (found["path"], found["message"], found.get("suggestion")) == (path, message, suggestion)


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        pytest.param({"param": "quality", "add": 1}, "attributes[0]", "An attribute needs “is”.", id="no value"),
        pytest.param({"is": "high", "add": 1}, "attributes[0]", "An attribute needs “param”.", id="no parameter"),
        pytest.param(
            {"param": "quality", "is": "high"}, "attributes[0]",
            "An attribute needs an effect: set, add, multiply, addFlat.", id="no effect",
        ),
        pytest.param(
            {"param": "quality", "is": "high", "multipy": 2}, "attributes[0].multipy",
            "An attribute has no “multipy”. Did you mean multiply?", id="a misspelt effect",
        ),
        pytest.param(
            {"param": "qualty", "is": "high", "add": 2}, "attributes[0].param",
            "The model has no parameter “qualty”. Did you mean quality?", id="a misspelt parameter",
        ),
        pytest.param(
            {"param": 7, "is": "high", "add": 2}, "attributes[0].param", "A parameter's name is text, not 7.",
            id="a name that is no text",
        ),
    ],
)  # fmt: skip
def test_attributes(given, path, message):
    found = problems(attribute(**given))[0]
    assert (found["path"], found["message"]) == (path, message)


def test_a_unit_with_several_prices_needs_objects_in_set_and_add():
    raw = rule("token", TOKENS, attributes=[{"param": "hd", "is": True, "add": 2}])
    assert problems(raw) == [
        {
            "path": "attributes[0].add",
            "message": "This unit has several prices; write an object with per1kInputTokens, per1kOutputTokens.",
        }
    ]


def test_such_an_object_names_every_price():
    raw = rule("token", TOKENS, attributes=[{"param": "hd", "is": True, "set": {"per1kInputTokens": 2}}])
    assert problems(raw)[0]["message"] == "This needs per1kOutputTokens too: it must name every price of the rule."


def test_a_unit_with_one_price_takes_the_object_too():
    read = parse_rule(attribute(param="hd", **{"is": True}, add={"perImage": 2}), MODEL)
    assert read.attributes == parse_rule(attribute(param="hd", **{"is": True}, add=2), MODEL).attributes


@pytest.mark.parametrize("price", [{"perImage": 16, "base": 1}, {"perImage": 16, "included": 2}])
def test_a_tier_has_the_keys_of_the_base_price(price):
    assert "needs the same keys as the base price: perImage" in problems(tier({"quality": "high"}, price))[0]["message"]


def test_a_tier_may_not_leave_out_the_base():
    raw = rule("second", {"perSecond": 1, "base": 2}, tiers=[{"match": {"hd": True}, "price": {"perSecond": 2}}])
    assert problems(raw)[0]["path"] == "tiers[0].price"


@pytest.mark.parametrize(
    ("rounding", "path"),
    [
        ({"to": 0}, "rounding.to"),
        ({"to": -1}, "rounding.to"),
        ({"to": 0.0000001}, "rounding.to"),
        ({"to": 1, "mode": "down"}, "rounding.mode"),
        ({"mode": "up"}, "rounding"),
        ("up", "rounding"),
    ],
    ids=str,
)
def test_rounding(rounding, path):
    assert problems(rule("image", PRICE, rounding=rounding))[0]["path"] == path


class TestTwoSetsForOneCombination:
    def test_on_two_parameters_are_refused_with_the_combination(self):
        raw = rule(
            "image",
            PRICE,
            attributes=[
                {"param": "quality", "is": "high", "set": 16},
                {"param": "steps", "is": {"gte": 8}, "set": 20},
            ],
        )
        (found,) = problems(raw)
        assert found["path"] == "attributes[1].set"
        assert "with quality = high, steps = 8 both attributes[0] and attributes[1] set the price" in found["message"]

    @pytest.mark.parametrize(
        ("one", "other", "clash"),
        [
            pytest.param({"gte": 4}, {"lte": 8}, "steps = 4", id="overlapping ranges"),
            pytest.param({"gte": 4}, {"lte": 4}, "steps = 4", id="ranges that touch"),
            pytest.param([2, 3], 3, "steps = 3", id="a list and one of its values"),
        ],
    )
    def test_on_one_parameter_are_refused_when_they_overlap(self, one, other, clash):
        raw = rule("image", PRICE, attributes=[{"param": "steps", "is": each, "set": 1} for each in (one, other)])
        assert clash in problems(raw)[0]["message"]

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            pytest.param({"gt": 4}, {"lte": 4}, id="ranges that exclude each other"),
            pytest.param(2, 3, id="two values"),
            pytest.param({"gt": 12}, 3, id="one that is never reached"),
        ],
    )
    def test_that_exclude_each_other_are_fine(self, one, other):
        raw = rule("image", PRICE, attributes=[{"param": "steps", "is": each, "set": 1} for each in (one, other)])
        assert len(parse_rule(raw, MODEL).attributes) == 2

    def test_are_found_without_a_schema_too(self):
        raw = rule("image", PRICE, attributes=[{"param": "a", "is": {"gt": each}, "set": 1} for each in (2, 5)])
        assert "Ambiguous: with a = 6" in problems(raw, None)[0]["message"]


def nested(levels):
    inside = "high"
    for _ in range(levels):
        inside = [inside]
    return inside


def test_nesting_over_twenty_levels_is_refused():
    assert problems({"type": nested(20)})[0]["message"] == "The document is nested deeper than 20 levels."
    assert problems({"type": nested(19)})[0]["path"] == ""


def test_a_rule_nested_beyond_the_recursion_limit_is_refused_calmly():
    assert "nested" in problems({"type": nested(50_000)})[0]["message"]


def test_more_than_64_kib_are_refused():
    long = [{"param": "prompt", "is": "x" * 70_000, "add": 1}]
    assert "at most 65,536 are allowed" in problems(rule("image", PRICE, attributes=long))[0]["message"]


def test_more_than_two_hundred_entries_are_refused():
    many = [{"param": "prompt", "is": f"{index}", "set": 1} for index in range(201)]
    assert problems(rule("image", PRICE, attributes=many))[0]["path"] == "attributes"


def test_every_problem_is_reported_at_once():
    raw = rule("image", {"perImage": -1}, minimum="a", tiers=[{"match": {"quality": "x"}}], overage=3)
    raw["attributes"] = [{"param": "nope", "is": 1, "add": 1}]
    found = [problem["path"] for problem in problems(raw)]
    assert sorted(found) == [
        "attributes[0].param", "minimum", "overage", "price.perImage", "tiers[0]", "tiers[0].match.quality",
    ]  # fmt: skip


def test_the_sentence_of_the_error_is_its_first_problem():
    with pytest.raises(RuleRefused, match=r"^unit: “imgae” is not a unit. Did you mean image\?$") as refused:
        parse_rule(rule("imgae", PRICE))
    assert (refused.value.param, refused.value.stable_code) == ("unit", "rule_refused")
