"""What the visual editor does to the JSON: one change at a time, and nothing else moves."""

from typing import Any

import pytest

from app.catalogue.param_schema import parse_schema
from app.pricing.rule import parse_rule
from app.pricing.units import UNITS
from app.ui.pages.model_editor.json_values import figure_in
from app.ui.pages.model_editor.parameters import schema_edits
from app.ui.pages.model_editor.parameters.parameter_rows import in_order, parameter_rows
from app.ui.pages.model_editor.pricing import effect_edits, price_edits, rule_edits, tier_edits
from app.ui.pages.model_editor.starters import PRICE_UNIT, starting_rule, starting_schema
from app.ui.pages.model_editor.suggestions import apply_fix, wrong_paths

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "x-order": 1},
        "size": {"type": "string", "enum": ["small", "large", "huge"], "default": "small", "x-order": 2},
        "n": {"type": "integer", "minimum": 1, "maximum": 4, "default": 1, "x-meter": "image", "x-order": 3},
        "hd": {"type": "boolean", "default": False, "x-order": 4},
        "steps": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20, "x-order": 5},
    },
    "required": ["prompt"],
}
PARSED = parse_schema(SCHEMA)
RULE: dict[str, Any] = {
    "type": "formula",
    "unit": "image",
    "price": {"perImage": 10},
    "tiers": [{"match": {"size": "large"}, "price": {"perImage": 16}}],
    "attributes": [{"param": "hd", "is": True, "multiply": 1.5}],
}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("16", 16), (" 0.75 ", 0.75), ("1e3", "1e3"), ("-2", "-2"), ("", ""), ("1,5", "1,5"), ("0.10", 0.1)],
    ids=repr,
)
def test_a_figure_becomes_a_number_or_stays_as_typed(typed, kept):
    made = figure_in(typed)
    assert made == kept
    assert type(made) is type(kept)


def test_a_figure_that_a_float_cannot_keep_stays_text():
    assert figure_in("0.1234567890123456789") == "0.1234567890123456789"


def test_the_base_price_changes_and_nothing_else():
    made = price_edits.set_figure(RULE, None, "perImage", "12")
    assert made == {**RULE, "price": {"perImage": 12}}
    assert RULE["price"] == {"perImage": 10}  # the rule it came from is untouched


def test_a_base_fee_comes_and_goes_in_every_price():
    with_fee = price_edits.set_figure(RULE, None, "base", "5")
    assert with_fee["price"] == {"perImage": 10, "base": 5}
    assert with_fee["tiers"][0]["price"] == {"perImage": 16, "base": 5}
    assert price_edits.set_figure(with_fee, None, "base", "") == RULE


def test_a_new_tier_asks_for_a_value_nobody_asks_for_yet():
    once = tier_edits.add_tier(RULE, PARSED)
    twice = tier_edits.add_tier(once, PARSED)
    assert [tier["match"] for tier in twice["tiers"]] == [{"size": "large"}, {"size": "huge"}, {"hd": True}]
    parse_rule(twice, PARSED)


def test_tiers_change_place_and_go():
    two = tier_edits.add_tier(RULE, PARSED)
    moved = tier_edits.move_tier(two, 1, 0)
    assert [tier["match"]["size"] for tier in moved["tiers"]] == ["huge", "large"]
    assert tier_edits.move_tier(two, 0, 9) == two
    assert "tiers" not in rule_edits.remove_entry(RULE, "tiers", 0)
    assert rule_edits.remove_entry(RULE, "tiers", 7) == RULE


def test_the_last_condition_takes_its_tier_with_it():
    both = tier_edits.set_condition(RULE, "tiers", 0, "hd", True)
    assert both["tiers"][0]["match"] == {"size": "large", "hd": True}
    assert tier_edits.remove_condition(both, 0, "hd") == RULE
    assert "tiers" not in tier_edits.remove_condition(RULE, 0, "size")


@pytest.mark.parametrize(
    ("op", "test"),
    [
        ("is", "large"),
        ("any", ["large", "huge"]),
        ("at_least", {"gte": 4}),
        ("over", {"gt": 4}),
        ("at_most", {"lte": 8}),
        ("under", {"lt": 8}),
        ("between", {"gte": 4, "lte": 8}),
        ("absent", "absent"),
        ("present", "present"),
    ],
)
def test_an_operator_writes_its_own_json(op, test):
    values = ["large", "huge"] if op == "any" else ["large"]
    assert tier_edits.test_of(op, values, "4", "8") == test


def test_every_first_condition_is_a_sound_one():
    for parameter in PARSED.parameters:
        match = {parameter.name: tier_edits.first_test(parameter)}
        parse_rule({**RULE, "tiers": [{"match": match, "price": {"perImage": 1}}]}, PARSED)


def test_an_effect_is_written_changed_and_taken_out_by_its_idle_figure():
    added = effect_edits.set_effect(RULE, "size", "huge", "add", "", "4")
    assert added["attributes"][-1] == {"param": "size", "is": "huge", "add": 4}
    assert effect_edits.set_effect(added, "size", "huge", "multiply", "", "2")["attributes"][-1] == {
        "param": "size",
        "is": "huge",
        "multiply": 2,
    }
    assert effect_edits.set_effect(added, "size", "huge", "add", "", "0") == RULE
    assert effect_edits.set_effect(RULE, "hd", True, "multiply", "", "1").get("attributes") is None


def test_one_value_of_a_shared_attribute_gets_an_attribute_of_its_own():
    shared = {**RULE, "attributes": [{"param": "size", "is": ["large", "huge"], "add": 2}]}
    made = effect_edits.set_effect(shared, "size", "huge", "add", "", "5")
    assert made["attributes"] == [
        {"param": "size", "is": "large", "add": 2},
        {"param": "size", "is": "huge", "add": 5},
    ]


def test_true_is_not_one():
    assert effect_edits.effect_index([{"param": "n", "is": 1, "add": 1}], "n", True) is None


@pytest.mark.parametrize("name", UNITS)
def test_another_unit_keeps_the_figures_and_is_sound(name):
    for classes in range(len(UNITS[name].choices)):
        rich = effect_edits.set_effect(RULE, "size", "huge", "add", "", "4")
        made = price_edits.change_unit(rich, name, classes)
        parse_rule(made, PARSED)
        assert set(made["price"].values()) == {10}
        assert set(made["tiers"][0]["price"].values()) == {16}


@pytest.mark.parametrize(
    ("which", "prices"),
    [
        pytest.param(
            price_edits.CACHED, ["per1kInputTokens", "per1kCachedInputTokens", "per1kOutputTokens"], id="cached"
        ),
        pytest.param(
            price_edits.PICTURES,
            ["per1kInputTokens", "per1kImageInputTokens", "per1kOutputTokens", "per1kImageOutputTokens"],
            id="pictures",
        ),
    ],
)
def test_a_class_of_tokens_gets_a_price_of_its_own_and_loses_it(which, prices):
    classes = price_edits.change_unit(RULE, "token", 1)
    apart = price_edits.set_classes_apart(classes, which, True)
    parse_rule(apart, PARSED)
    assert list(apart["price"]) == prices
    assert price_edits.set_classes_apart(apart, which, True) == apart
    assert price_edits.set_classes_apart(apart, which, False) == classes


def test_a_suggestion_is_put_in_its_place():
    wrong = {**RULE, "tiers": [{"match": {"sise": "large"}, "price": {"perImage": 16}}]}
    fixed = apply_fix(wrong, "tiers[0].match.sise", "size", "key", wrong_paths(PARSED))
    assert fixed == RULE


def test_a_quoted_figure_is_fixed_to_a_number():
    wrong = {**RULE, "price": {"perImage": "10"}}
    assert apply_fix(wrong, "price.perImage", "10", "value", wrong_paths(PARSED)) == RULE


def test_a_suggestion_that_does_not_help_is_not_taken():
    assert apply_fix(RULE, "tiers[9].match.x", "size", "key", wrong_paths(PARSED)) is None


@pytest.mark.parametrize("modality", PRICE_UNIT)
def test_a_new_model_can_be_published_as_it_stands(modality):
    schema = parse_schema(starting_schema(modality))
    rule = starting_rule(modality, "0.5")
    parsed = parse_rule(rule, schema)
    assert PRICE_UNIT[modality] in rule["price"]
    assert set(parsed.price.rates.values()) == {parsed.price.rates[PRICE_UNIT[modality]]}


# ---- parameters ----


def test_a_parameter_is_added_renamed_and_removed():
    added = schema_edits.add(SCHEMA, schema_edits.free_name(SCHEMA))
    renamed = schema_edits.rename(added, "parameter_6", "style")
    assert in_order(renamed)[-1] == "style"
    assert schema_edits.remove(renamed, "style") == {**SCHEMA, "required": ["prompt"]}
    parse_schema(renamed)


def test_a_renamed_parameter_stays_required_and_the_rule_follows():
    renamed = schema_edits.rename(SCHEMA, "prompt", "text")
    assert renamed["required"] == ["text"]
    assert next(iter(renamed["properties"])) == "text"
    assert schema_edits.rename_in_rule(RULE, "size", "format")["tiers"][0]["match"] == {"format": "large"}
    assert schema_edits.rename_in_rule(RULE, "hd", "sharp")["attributes"][0]["param"] == "sharp"
    assert schema_edits.rename(SCHEMA, "prompt", "size") == SCHEMA  # taken


def test_the_order_is_written_down_for_everyone():
    moved = schema_edits.move(SCHEMA, "steps", 1)
    assert in_order(moved) == ["prompt", "steps", "size", "n", "hd"]
    assert [moved["properties"][name]["x-order"] for name in in_order(moved)] == [1, 2, 3, 4, 5]
    assert schema_edits.move(SCHEMA, "steps", 99) == SCHEMA


@pytest.mark.parametrize(
    ("name", "field", "text", "key", "kept"),
    [
        ("size", "options", "small, large", "enum", ["small", "large"]),
        ("n", "options", "1, 2, 4", "enum", [1, 2, 4]),
        ("n", "minimum", "2", "minimum", 2),
        ("n", "minimum", "two", "minimum", "two"),
        ("hd", "default", "true", "default", True),
        ("steps", "step", "0.5", "multipleOf", 0.5),
        ("prompt", "meter", "character", "x-meter", "character"),
        ("size", "help", " How large ", "description", "How large"),
    ],
)
def test_a_field_is_written_under_its_key(name, field, text, key, kept):
    assert schema_edits.set_field(SCHEMA, name, field, text)["properties"][name][key] == kept


def test_an_empty_field_is_taken_out():
    assert "enum" not in schema_edits.set_field(SCHEMA, "size", "options", "")["properties"]["size"]


def test_another_type_leaves_behind_what_only_the_old_one_had():
    made = schema_edits.set_kind(SCHEMA, "n", "image_file")["properties"]["n"]
    assert made == {"type": "string", "x-order": 3, "format": "image-url"}
    parse_schema(schema_edits.set_kind(SCHEMA, "n", "array"))
    assert schema_edits.set_kind(SCHEMA, "n", "colour") == SCHEMA


def test_rows_show_whatever_the_schema_says():
    rows = parameter_rows({"properties": {"odd": 7, "x": {"type": ["a"], "default": None, "enum": "no"}}}, [])
    assert [row["name"] for row in rows] == ["odd", "x"]
    assert [row["required"] for row in parameter_rows(SCHEMA, [])] == [True, False, False, False, False]
