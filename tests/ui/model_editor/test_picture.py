"""What the editor draws about a draft: the form's rows, the grid, the findings with their repairs, the calculator."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.catalogue.drafts import Draft
from app.catalogue.judging import Judged, Written, text_of
from app.catalogue.workbench import Bench, RouteCost
from app.ui.pages.model_editor.matrix.findings import findings
from app.ui.pages.model_editor.picture import Picture, Wish, picture
from app.ui.pages.model_editor.problem_rows import changed_lines
from app.ui.pages.model_editor.state import EditorState
from tests.ui.model_editor.test_edits import RULE, SCHEMA

CREDIT = Decimal("0.001")
COST = {"type": "formula", "unit": "image", "price": {"perImage": 0.005}}
LIVE = Draft(SCHEMA, None, RULE, 3)
NO_WISH = Wish()


def bench(live: Draft | None = LIVE, *costs: dict[str, Any]) -> Bench:
    since = datetime(2026, 1, 1, tzinfo=UTC)
    known = tuple(RouteCost(f"rte_{at}", f"host {at}", cost, since, at == 0, "") for at, cost in enumerate(costs))
    return Bench("mdl_1", "picture", live, 3 if live else 0, known)


def drawn(
    rule: Any = RULE, *, wish: Wish = NO_WISH, where: Bench | None = None, **written: str
) -> tuple[Picture, Judged]:
    text = None if rule is None else text_of(rule)
    typed = Written(written.get("schema", text_of(SCHEMA)), text, written.get("credit_cost", ""))
    return picture(typed, where or bench(LIVE, COST), None, wish, CREDIT)


def cell(shown: Picture, row: str, column: str) -> dict[str, Any]:
    line = next(line for line in shown.matrix.lines if line["name"] == row)
    return dict(line["cells"][shown.matrix.columns.index(column)])


def with_rule(**changes: Any) -> dict[str, Any]:
    return {**RULE, **changes}


def test_every_part_of_the_picture_is_a_var_of_the_page():
    assert set(Picture.__dataclass_fields__) <= set(EditorState.vars)
    shown = drawn()[0]
    for name, field in Picture.__dataclass_fields__.items():
        assert isinstance(getattr(shown, name), type(getattr(Picture(), name))), f"{name}: {field.type}"


# ---- the form ----


def test_a_tier_says_what_it_asks_and_what_it_costs():
    (tier,) = drawn()[0].price.tiers
    (condition,) = tier["conditions"]
    assert (condition["param"], condition["op"], condition["shown"]) == ("size", "is", "large")
    assert [(one["label"], one["on"]) for one in condition["choices"]] == [
        ("small", False),
        ("large", True),
        ("huge", False),
    ]
    assert [price["value"] for price in tier["prices"]] == ["16"]
    assert not tier["changed"]
    assert not tier["wrong"]


def test_a_changed_figure_shows_the_one_on_sale():
    shown = drawn(with_rule(price={"perImage": 12}, tiers=[{"match": {"size": "large"}, "price": {"perImage": 20}}]))[0]
    assert (shown.price.base[0]["value"], shown.price.base[0]["was"]) == ("12", "10")
    assert (shown.price.tiers[0]["prices"][0]["was"], shown.price.tiers[0]["changed"]) == ("16", True)


@pytest.mark.parametrize(
    ("test", "op", "low", "high"),
    [
        ({"gte": 10}, "at_least", "10", ""),
        ({"gt": 10}, "over", "10", ""),
        ({"lt": 30}, "under", "", "30"),
        ({"gte": 10, "lte": 30}, "between", "10", "30"),
        ({"gt": 10, "lte": 30}, "custom", "10", "30"),
        (20, "is", "20", ""),
    ],
    ids=str,
)
def test_a_range_is_read_into_its_ends(test, op, low, high):
    shown = drawn(with_rule(tiers=[{"match": {"steps": test}, "price": {"perImage": 16}}]))[0]
    (condition,) = shown.price.tiers[0]["conditions"]
    assert (condition["op"], condition["low"], condition["high"]) == (op, low, high)


def test_an_unknown_parameter_is_marked_with_its_fix_in_the_form_and_in_the_json():
    shown = drawn(with_rule(tiers=[*RULE["tiers"], {"match": {"sise": "huge"}, "price": {"perImage": 40}}]))[0]
    condition = shown.price.tiers[1]["conditions"][0]
    assert shown.price.tiers[1]["wrong"]
    assert condition["fix"] == "Use size"
    (card,) = shown.rule.problems
    assert (card["path"], card["fix"], card["id"]) == ("tiers[1].match.sise", "Use size", condition["fix_id"])
    assert shown.header.error_words == "1 error"
    assert "the matrix ignores tier 2" in shown.rule.note


def test_problems_stand_in_the_order_of_their_lines():
    wrong = {**RULE, "attributes": [{"param": "hd", "is": True, "add": "x"}], "tiers": [{"match": {"sise": "a"}}]}
    shown = drawn({key: wrong[key] for key in ("type", "unit", "price", "tiers", "attributes")})[0]
    lines = [one["line"] for one in shown.rule.problems]
    assert lines == sorted(lines)
    assert shown.rule.problems[0]["path"].startswith("tiers[0]")
    assert shown.rule.note.startswith("Until lines 5 and 6 are fixed, the matrix ignores tier 1, attribute 1.")


def test_a_tier_that_is_never_reached_says_so_and_can_be_removed():
    twice = with_rule(tiers=[RULE["tiers"][0], {"match": {"size": "large"}, "price": {"perImage": 18}}])
    shown, judged = drawn(twice)
    assert "Never reached" in shown.price.tiers[1]["note"]
    found = next(one for one in findings(judged, 0, CREDIT) if one.kind == "unreachable")
    assert [fix.rule for fix in found.fixes] == [RULE]


def test_the_attribute_table_has_every_value_of_every_enum():
    groups = {group["param"]: group["rows"] for group in drawn()[0].price.groups}
    assert {name: [row["label"] for row in rows] for name, rows in groups.items()} == {
        "size": ["small", "large", "huge"],
        "hd": ["true", "false"],
    }
    sharp = groups["hd"][0]
    assert (sharp["effect"], sharp["figures"][0]["value"], sharp["changed"]) == ("multiply", "1.5", False)


def test_long_enums_fold_away_the_values_without_effect():
    sizes = [f"size_{number}" for number in range(12)]
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "size": {"type": "string", "enum": sizes}}}
    rule = {"type": "formula", "unit": "image", "price": {"perImage": 1}}
    rule["attributes"] = [{"param": "size", "is": "size_11", "add": 2}]
    folded = drawn(rule, schema=text_of(schema))[0].price.groups[0]
    assert folded["folded"]
    assert len(folded["rows"]) == 6
    assert "6 more of size" in folded["more"]
    assert "size_11" in [row["label"] for row in folded["rows"]]
    open_ = drawn(rule, schema=text_of(schema), wish=Wish(unfolded=frozenset({"size"})))[0].price.groups[0]
    assert len(open_["rows"]) == 12
    assert not open_["folded"]


def test_ranges_and_second_effects_stand_in_a_list_of_their_own():
    extra = [{"param": "steps", "is": {"gte": 30}, "add": 3}, {"param": "size", "is": "huge", "add": 1, "addFlat": 5}]
    shown = drawn(with_rule(attributes=[*RULE["attributes"], *extra]))[0]
    assert [(one["condition"]["param"], one["effect"]) for one in shown.price.adjustments] == [
        ("steps", "add"),
        ("size", "add"),
        ("size", "addFlat"),
    ]


def test_json_that_cannot_be_read_leaves_the_form_and_keeps_the_matrix():
    shown, judged = picture(Written(text_of(SCHEMA), "{ nope"), bench(LIVE, COST), None, Wish(), CREDIT)
    assert not shown.price.readable
    assert shown.matrix.lines
    assert judged.driven_by == "live"
    assert "live version 3" in shown.rule.note


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"tiers": 5, "attributes": "x", "price": 3, "unit": 7},
        {"unit": "image", "price": {"perImage": {}}, "tiers": [None, {"match": 3}, {"match": {"size": {"a": 1}}}]},
        {"unit": "token", "price": {"per1kInputTokens": 1}, "attributes": [4, {"param": 9}, {"is": []}]},
        {"unit": "image", "price": {"perImage": 1}, "rounding": [], "tiers": [{"match": {"n": [[]]}, "price": []}]},
    ],
    ids=str,
)
def test_nonsense_is_shown_not_stumbled_over(rule):
    shown = drawn(rule)[0]
    assert shown.header.errors
    assert shown.price.readable


def test_lines_that_differ_from_what_is_live_are_counted_from_one():
    assert changed_lines("a\nb\nc", "a\nx\nc\nd") == [2, 4]


# ---- the matrix ----


def test_rows_columns_and_facets_are_the_axes_that_matter():
    shown = drawn()[0]
    assert (shown.matrix.row_axis, shown.matrix.column_axis) == ("size", "hd")
    assert [facet["name"] for facet in shown.matrix.facets] == ["n"]
    assert [line["name"] for line in shown.matrix.lines] == ["small", "large", "huge"]
    assert shown.matrix.columns == ["false", "true"]
    assert shown.matrix.total == "12 combinations"


def test_a_cell_has_price_cost_and_margin_in_words_for_everyone():
    found = cell(drawn()[0], "large", "true")
    assert (found["price"], found["cost"], found["margin"], found["status"]) == ("24", "$0.005", "79.2%", "good")
    assert "24 credits, costs $0.005, margin 79.2%" in found["spoken"]


def test_a_facet_and_the_axes_can_be_chosen():
    four = drawn(wish=Wish(picks={"n": "4"}))[0]
    assert cell(four, "small", "false")["price"] == "40"
    turned = drawn(wish=Wish(row="hd", column="size"))[0]
    assert (turned.matrix.row_axis, turned.matrix.column_axis) == ("hd", "size")


def test_without_a_cost_nothing_is_called_good():
    shown = drawn(where=bench())[0]
    assert {one["status"] for line in shown.matrix.lines for one in line["cells"]} == {"plain"}
    assert shown.matrix.good == ""
    assert [one["title"] for one in shown.matrix.findings] == ["Margin not known"]


def test_the_price_on_sale_stands_beside_a_changed_one():
    shown = drawn(with_rule(price={"perImage": 12}))[0]
    assert cell(shown, "small", "false")["was"] == "10 credits"
    assert cell(shown, "large", "false")["was"] == ""


# ---- findings ----


def losing() -> tuple[Picture, Judged]:
    dear = {**COST, "tiers": [{"match": {"size": "huge"}, "price": {"perImage": 0.025}}]}
    return drawn(where=bench(LIVE, dear))


def test_a_loss_is_named_explained_and_repaired():
    shown, judged = losing()
    assert (shown.header.losses, shown.header.loss_words) == (4, "4 losses")
    found = findings(judged, 0, CREDIT)[0]
    assert found.kind == "loss"
    assert "huge" in found.title
    assert "more combinations lose" in found.title
    assert "40 credits" in found.detail
    assert "host 0: " in found.detail
    raise_, surcharge = found.fixes
    assert raise_.label.startswith("Set the base price to 32")
    assert surcharge.label == "Charge 22 more for huge"
    for fix in (raise_, surcharge):
        assert drawn(fix.rule, where=bench(LIVE, {**COST, "tiers": [{"match": {"size": "huge"},
                     "price": {"perImage": 0.025}}]}))[0].header.losses == 0  # fmt: skip


def test_a_loss_in_a_tier_raises_the_tier():
    cheap = with_rule(tiers=[{"match": {"size": "large"}, "price": {"perImage": 2}}])
    _, judged = drawn(cheap)
    labels = [fix.label for fix in findings(judged, 0, CREDIT)[0].fixes]
    assert labels[0].startswith("Set tier 1 to 6.3 (20.6%)")


def test_a_fixed_price_below_cost_is_raised():
    _, judged = drawn(None, credit_cost="2")
    (fix,) = findings(judged, 0, CREDIT)[0].fixes
    assert fix.credit_cost == "25"  # four images at half a cent each, and a fifth on top


def test_losses_on_another_route_are_found_too():
    _, judged = drawn(where=bench(LIVE, COST, {**COST, "price": {"perImage": 0.05}}))
    assert any(one.kind == "elsewhere" and "host 1" in one.title for one in findings(judged, 0, CREDIT))


# ---- the calculator ----


def test_any_request_is_priced_by_the_draft_and_by_what_is_live():
    shown = drawn(with_rule(price={"perImage": 12}), wish=Wish(calc={"n": "2", "size": '"small"', "hd": "true"}))[0]
    assert (shown.answer.credits, shown.answer.live, shown.answer.cost) == ("36 credits", "30", "$0.010")
    assert (shown.answer.line, shown.answer.margin) == ("2 images × 12 × 1.5", "72.2%")


def test_the_tier_in_force_is_named_with_its_number():
    assert drawn(wish=Wish(calc={"size": '"large"'}))[0].answer.reason == "Tier 1: size = large"


@pytest.mark.parametrize("value", ['"enormous"', "nonsense", "[]", "{"], ids=str)
def test_a_value_nobody_may_ask_for_is_refused_in_words(value):
    shown = drawn(wish=Wish(calc={"n": value}))[0]
    assert shown.answer.problem
    assert not shown.answer.credits


def test_the_controls_are_the_parameters_that_matter():
    assert [(row["name"], row["kind"]) for row in drawn()[0].calc_rows] == [
        ("size", "choices"),
        ("n", "figure"),
        ("hd", "choices"),
    ]
