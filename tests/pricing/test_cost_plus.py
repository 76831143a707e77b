"""Cost-plus writes a customer's rule that keeps the markup on every combination."""

from decimal import Decimal
from fractions import Fraction

import pytest

from app.kernel.errors import RuleRefused
from app.pricing.cost_plus import cost_plus
from app.pricing.matrix import matrix
from tests.pricing.shop import N, card, choice, rule, schema

MODEL = schema({"quality": choice("low", "high", default="low"), "n": N})
COST = rule(
    "image",
    {"perImage": 0.04, "base": 0.01},
    tiers=[{"match": {"quality": "high"}, "price": {"perImage": 0.1, "base": 0.02}}],
    attributes=[
        {"param": "n", "is": {"gte": 4}, "multiply": 0.5},
        {"param": "n", "is": 10, "add": 0.005, "addFlat": 1},
    ],
    addFlat=0.001,
    minimum=0.02,
)


def test_the_rule_written_from_a_cost():
    assert cost_plus(COST, Decimal("1.5"), 1_000, MODEL) == {
        "type": "formula",
        "billingMode": "charge_on_complete",
        "unit": "image",
        "price": {"perImage": 60, "base": 15},
        "attributes": [
            {"param": "n", "is": {"gte": 4}, "multiply": 0.5},
            {"param": "n", "is": 10, "add": 7.5, "addFlat": 1500},
        ],
        "tiers": [{"match": {"quality": "high"}, "price": {"perImage": 150, "base": 30}}],
        "addFlat": 1.5,
        "minimum": 30,
    }


def test_the_margin_is_the_same_everywhere():
    written = cost_plus(COST, Decimal(2), 1_000, MODEL)
    found = matrix(card(written, MODEL), MODEL, card(COST, MODEL, "USD"), Decimal("0.001"))
    assert {cell.margin for cell in found.cells} == {Fraction(1, 2)}


def test_what_is_included_is_a_count_and_stays():
    written = cost_plus(rule("second", {"perSecond": 0.07, "base": 0.35, "included": 5}), Decimal(1), 1_000)
    assert written["price"] == {"perSecond": 70, "base": 350, "included": 5}


def test_objects_of_several_prices_are_scaled_too():
    cost = rule(
        "token",
        {"per1kInputTokens": 0.001, "per1kOutputTokens": 0.002},
        attributes=[{"param": "a", "is": 1, "set": {"per1kInputTokens": 0.003, "per1kOutputTokens": 0}}],
    )
    assert cost_plus(cost, Decimal(1), 1_000)["attributes"][0]["set"] == {"per1kInputTokens": 3, "per1kOutputTokens": 0}


def test_a_figure_without_end_is_rounded_up_so_that_the_markup_holds():
    assert cost_plus(rule("image", {"perImage": 0.01}), Decimal(1), 3_000)["price"] == {"perImage": 3.333334}


def test_a_cost_that_is_no_rule_is_refused():
    with pytest.raises(RuleRefused):
        cost_plus(rule("image", {"perImages": 1}), Decimal(2), 1_000)


@pytest.mark.parametrize(("markup", "value"), [(Decimal(0), 1_000), (Decimal(-1), 1_000), (Decimal(2), 0)])
def test_markup_and_value_are_above_zero(markup, value):
    with pytest.raises(ValueError, match="above zero"):
        cost_plus(COST, markup, value, MODEL)
