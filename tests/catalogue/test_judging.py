"""A draft that may be wrong in any way: what is wrong on which line, and what still drives the matrix."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.catalogue.drafts import Draft
from app.catalogue.judging import Good, Judged, Written, distinct, judge, text_of
from app.catalogue.workbench import Bench, RouteCost
from app.kernel.money import plain
from app.pricing.matrix import Status
from tests.catalogue.conftest import COST, RULE, SCHEMA, rule

CREDIT = Decimal("0.001")
LIVE = Draft(SCHEMA, None, RULE, 1)


def bench(live: Draft | None = LIVE, cost: dict[str, Any] | None = None) -> Bench:
    costs = () if cost is None else (RouteCost("rte_1", "fal", cost, datetime(2026, 1, 1, tzinfo=UTC), True, "list"),)
    return Bench("mdl_1", "picture", live, 1 if live else 0, costs)


def judged(
    price: Any = RULE, schema: Any = SCHEMA, *, credit_cost: str = "", good: Good | None = None, **where: Any
) -> Judged:
    text = None if price is None else text_of(price)
    return judge(Written(text_of(schema), text, credit_cost), bench(**where), CREDIT, good)


def prices(found: Judged) -> set[str]:
    return {plain(cell.price.amount) for cell in found.priced[0].matrix.cells if cell.price is not None}


def test_a_draft_that_is_right_drives_its_own_matrix():
    found = judged(cost=COST)
    assert (found.problems, found.driven_by) == ((), "draft")
    assert found.good is not None
    assert found.good.pricing_rule == RULE
    assert {cell.status for cell in found.priced[0].matrix.cells} == {Status.GOOD}


def test_a_problem_has_its_path_its_line_and_what_to_write_instead():
    wrong = rule(tiers=[{"match": {"qualitty": "high"}, "price": {"perImage": 16}}])
    text = json.dumps(wrong, indent=2)
    found = judge(Written(text_of(SCHEMA), text), bench(), CREDIT)
    (problem,) = found.problems
    assert (problem.path, problem.suggestion, problem.replaces) == ("tiers[0].match.qualitty", "quality", "key")
    assert "qualitty" in text.splitlines()[problem.line - 1]


def test_wrong_tiers_are_left_out_and_named():
    wrong = rule(tiers=[*RULE["tiers"], {"match": {"resolution": "4k"}, "price": {"perImage": 40}}])
    found = judged(wrong)
    assert (found.driven_by, found.ignored) == ("rest", (("tiers", 2),))
    assert "40" not in prices(found)
    assert "24" in prices(found)


@pytest.mark.parametrize(
    "text", ["", "{", '{"type": "formula",}', "[]", "null", '{"a": 1, "a": 2}', '"text"', "{} {}"], ids=repr
)
def test_json_that_cannot_be_read_has_a_line_and_the_live_version_drives(text):
    found = judge(Written(text_of(SCHEMA), text), bench(), CREDIT)
    assert found.driven_by == "live"
    assert found.problems
    assert found.problems[0].line >= 1
    assert {"10", "16", "24"} <= prices(found)


def test_the_last_draft_that_was_right_drives_before_the_live_version():
    good = Good(SCHEMA, rule(price={"perImage": 11}), None)
    found = judge(Written(text_of(SCHEMA), "{"), bench(), CREDIT, good)
    assert found.driven_by == "last"
    assert "11" in prices(found)
    assert found.good is good


def test_without_anything_right_there_is_nothing_to_price():
    found = judge(Written("{", "{"), bench(live=None), CREDIT)
    assert (found.driven_by, found.priced, found.card) == ("nothing", (), None)


def test_a_wrong_schema_has_problems_of_its_own_part():
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "odd": {"type": "colour"}}}
    found = judged(schema=schema)
    assert [problem.part for problem in found.problems] == ["param_schema"]
    assert found.of("param_schema")[0].path == "properties.odd.type"


@pytest.mark.parametrize(
    ("typed", "sentence"), [("", "Give the model a price"), ("abc", "not a number"), ("-1", "negative")], ids=str
)
def test_a_fixed_price_says_what_is_wrong_with_it(typed, sentence):
    found = judged(None, credit_cost=typed)
    assert sentence in found.problems[0].message
    assert found.problems[0].part == "credit_cost"


def test_a_fixed_price_is_one_price():
    assert prices(judged(None, credit_cost="7.5")) == {"7.5"}


def test_a_cost_for_other_parameters_is_said_and_margins_stay_unknown():
    cost = {**COST, "tiers": [{"match": {"speed": "fast"}, "price": {"perImage": 1}}]}
    found = judged(cost=cost)
    assert "speed" in found.priced[0].misfit
    assert all(cell.margin is None for cell in found.priced[0].matrix.cells)


def test_combinations_that_cannot_differ_are_one():
    priced = judged(cost=COST).priced[0].matrix
    assert len(priced.cells) == 3 * 2 * 2  # quality, count, format
    assert len(distinct(priced)) == 3 * 2
