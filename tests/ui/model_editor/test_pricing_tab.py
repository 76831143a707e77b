"""The Pricing tab's handlers: form and JSON are one rule, problems and losses are repaired by their buttons."""

import json

import pytest

from app.ui.pages.model_editor.matrix.cost_plus import CostPlusState
from app.ui.pages.model_editor.matrix.state import MatrixState
from app.ui.pages.model_editor.parameters.state import ParametersState
from app.ui.pages.model_editor.pricing.condition_state import ConditionState
from app.ui.pages.model_editor.pricing.effect_state import EffectState
from app.ui.pages.model_editor.pricing.price_state import PriceState
from app.ui.pages.model_editor.pricing.rule_state import RuleState
from app.ui.pages.model_editor.pricing.tier_state import TierState
from app.ui.pages.model_editor.publish.state import PublishState
from app.ui.pages.model_editor.state import EditorState


def test_both_ways(tab):
    tab.call(TierState.add_tier)
    assert tab.rule["tiers"][0]["match"] == {"image_size": "square_hd"}
    text = tab.editor.rule_text.replace('"square_hd" },', '"square" },', 1)
    tab.call(RuleState.type_rule, text)
    assert tab.editor.price.tiers[0]["conditions"][0]["shown"] == "square"
    assert tab.editor.rule_text == text  # what is typed is never laid out anew


def test_typing_in_the_json_keeps_what_the_form_changed_meanwhile(tab):
    before = tab.editor.rule_text
    tab.call(PriceState.set_base, "perImage", "15")
    tab.call(RuleState.type_rule, before.replace('"type"', '"minimum": 7,\n  "type"'), before, 4)
    assert (tab.rule["price"], tab.rule["minimum"], tab.editor.rule_heard) == ({"perImage": 15}, 7, 4)


def test_laying_out_can_be_taken_back(tab):
    laid_out = tab.editor.rule_text
    tab.call(RuleState.type_rule, json.dumps(tab.rule))
    tab.call(RuleState.lay_out)
    assert tab.editor.rule_text == laid_out
    tab.call(EditorState.undo)
    assert tab.editor.rule_text != laid_out


def test_a_condition_goes_through_its_operators(tab):
    tab.call(TierState.add_tier)
    where = ("tiers", 0, "image_size")
    tab.call(ConditionState.set_operator, *where, "any")
    tab.call(ConditionState.toggle_value, *where, '"square"', True)
    assert tab.rule["tiers"][0]["match"]["image_size"] == ["square_hd", "square"]
    tab.call(ConditionState.toggle_value, *where, '"square_hd"', False)
    tab.call(ConditionState.toggle_value, *where, '"square"', False)  # the last one stays
    assert tab.rule["tiers"][0]["match"]["image_size"] == ["square"]
    tab.call(TierState.add_condition, 0, "num_inference_steps")
    steps = ("tiers", 0, "num_inference_steps")
    tab.call(ConditionState.set_operator, *steps, "between")
    tab.call(ConditionState.set_end, *steps, "high", "8")
    assert tab.rule["tiers"][0]["match"]["num_inference_steps"] == {"gte": 4, "lte": 8}
    tab.call(ConditionState.set_operator, *steps, "is")
    assert tab.rule["tiers"][0]["match"]["num_inference_steps"] == 4
    tab.call(TierState.remove_condition, 0, "num_inference_steps")
    assert tab.editor.header.errors == 0


def test_an_effect_is_chosen_before_its_figure(tab):
    tab.call(EffectState.choose_effect, "image_size", '"square"', "add", "multiply")
    row = next(row for row in tab.editor.price.groups[0]["rows"] if row["label"] == "square")
    assert row["effect"] == "multiply"
    assert "square" not in [one["is"] for one in tab.rule["attributes"]]
    tab.call(EffectState.set_effect, "image_size", '"square"', "multiply", "", "0.8")
    assert {"param": "image_size", "is": "square", "multiply": 0.8} in tab.rule["attributes"]
    tab.call(EffectState.choose_effect, "image_size", '"square"', "multiply", "addFlat")
    assert {"param": "image_size", "is": "square", "addFlat": 0.8} in tab.rule["attributes"]


def test_a_problem_is_fixed_by_its_button(tab):
    wrong = {**tab.rule, "tiers": [{"match": {"image_sise": "square"}, "price": {"perImage": 20}}]}
    tab.call(RuleState.type_rule, json.dumps(wrong))
    assert tab.editor.rule.problems[0]["fix"] == "Use image_size"
    tab.call(RuleState.fix_problem, tab.editor.rule.problems[0]["id"])
    assert (tab.editor.header.errors, tab.rule["tiers"][0]["match"]) == (0, {"image_size": "square"})


def test_a_loss_is_repaired_by_its_button(tab):
    tab.call(PriceState.set_base, "perImage", "1")
    assert tab.editor.header.losses
    tab.call(MatrixState.fix_finding, tab.editor.matrix.findings[0]["fixes"][0]["id"])
    assert tab.editor.header.losses == 0


def test_the_formula_is_kept_aside_while_the_price_is_fixed(tab):
    before = tab.editor.rule_text
    tab.call(PriceState.choose_kind, "fixed")
    assert tab.editor.price.credit_problem
    tab.call(PriceState.set_credit_cost, "7")
    assert (tab.editor.header.errors, tab.editor.matrix.lines[0]["cells"][0]["price"]) == (0, "7")
    tab.call(PriceState.choose_kind, "formula")
    assert tab.editor.rule_text == before


def test_cost_plus_writes_a_rule_that_earns_its_markup(tab):
    tab.call(CostPlusState.type_markup, "2")
    tab.call(CostPlusState.write_cost_plus)
    assert tab.rule["price"] == {"perMegapixel": 6}
    assert tab.editor.matrix.lines[0]["cells"][0]["margin"] == "50.0%"
    tab.call(CostPlusState.type_markup, "none")
    tab.call(CostPlusState.write_cost_plus)
    assert tab.state(CostPlusState).markup_problem


def test_a_cell_is_loaded_into_the_calculator(tab):
    cell = tab.editor.matrix.lines[0]["cells"][1]
    tab.call(MatrixState.pick_cell, cell["key"])
    assert tab.editor.answer.credits == cell["full"]
    assert {row["name"]: row["value"] for row in tab.editor.calc_rows}["output_format"] == '"png"'


@pytest.mark.parametrize(
    ("handler", "arguments"),
    [
        (TierState.remove_tier, ("x",)),
        (TierState.remove_tier, (99,)),
        (TierState.move_tier, (0, "-5")),
        (PriceState.set_unit, ("parsec",)),
        (PriceState.set_billing, ({"a": 1},)),
        (ConditionState.set_end, ("nowhere", 0, "x", "low", "1")),
        (ConditionState.set_operator, ("tiers", 7, "x", "is")),
        (ConditionState.toggle_value, ("tiers", 0, "x", "[[[", True)),
        (EffectState.choose_effect, ("a", "{", "b", "c")),
        (RuleState.fix_problem, ("rule|x",)),
        (MatrixState.fix_finding, ([],)),
        (MatrixState.pick_cell, ("[1]",)),
        (MatrixState.choose_cost, ("9999",)),
        (MatrixState.pick_facet, ("num_images", "{}")),
        (MatrixState.set_calc, ("prompt", "x" * 9999)),
        (EditorState.choose_tab, ("secrets",)),
        (ParametersState.move, ("prompt", "x")),
        (ParametersState.set_kind, ("prompt", None)),
        (PublishState.choose_filter, ("everything",)),
    ],
)
def test_whatever_a_socket_sends_changes_nothing(tab, handler, arguments):
    before = tab.editor.rule_text, tab.editor.schema_text
    tab.call(handler, *arguments)
    assert (tab.editor.rule_text, tab.editor.schema_text) == before
