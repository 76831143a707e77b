"""Prices in words."""

from typing import Any

import pytest

from app.catalogue.assess import check_draft
from app.catalogue.drafts import Draft
from app.catalogue.price_words import PriceLine, PriceWords, price_words
from tests.catalogue.conftest import SCHEMA, rule


def words(pricing_rule: dict[str, Any] | None, credit_cost: str | None = None) -> PriceWords:
    return price_words(check_draft(Draft(SCHEMA, credit_cost, pricing_rule, base_number=0)))


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        pytest.param({"tiers": []}, "10 credits per image", id="one price"),
        pytest.param({}, "from 10 credits per image", id="tiers"),
        pytest.param(
            {"tiers": [], "attributes": [{"param": "quality", "is": "standard", "multiply": 0.5}]},
            "from 5 credits per image",
            id="a discount is the lowest price",
        ),
        pytest.param(
            {"unit": "request", "price": {"base": 0, "perRequest": 0.25}, "tiers": []},
            "0.25 credits per request",
            id="a fraction",
        ),
        pytest.param(
            {"unit": "image", "price": {"base": 30, "included": 2, "perImage": 15}, "tiers": []},
            "30 credits for the first 2 images, then 15 per image",
            id="a base that includes some",
        ),
        pytest.param(
            {
                "unit": "image",
                "price": {"base": 30, "included": 1, "perImage": 15},
                "tiers": [
                    {"match": {"quality": "ultra"}, "price": {"base": 20, "included": 1, "perImage": 15}},
                ],
            },
            "from 20 credits for the first image, then 15 per image",
            id="bases that differ",
        ),
    ],
)
def test_the_headline_names_the_lowest_price(changes: dict[str, Any], headline: str):
    assert words(rule(**changes)).headline == headline


def test_a_fixed_price_is_per_request():
    found = words(None, "12.5")
    assert (found.headline, found.unit, found.tiers) == ("12.5 credits per request", "request", ())


def test_tiers_adjustments_and_notes():
    found = words(
        rule(
            tiers=[
                {"match": {"quality": ["high", "ultra"], "n": {"gte": 2}}, "price": {"perImage": 16}},
            ],
            attributes=[
                {"param": "format", "is": "png", "add": 2},
                {"param": "n", "is": {"gt": 1, "lte": 2}, "multiply": 0.9, "addFlat": 1},
                {"param": "quality", "is": "ultra", "set": 24},
            ],
            addFlat=4,
            minimum=30,
            rounding={"to": 1, "mode": "up"},
            billingMode="charge_on_submit",
            refundOnFailure=False,
        ),
    )
    assert found.tiers == (
        PriceLine("Quality is high or ultra and n is at least 2", "16 credits per image"),
        PriceLine("otherwise", "10 credits per image"),
    )
    assert found.adjustments == (
        PriceLine("format is png", "+ 2 credits per image"),
        PriceLine("n is over 1 and n is at most 2", "× 0.9, + 1 credits per request"),
        PriceLine("Quality is ultra", "24 credits per image"),
    )
    assert found.notes == (
        "4 credits are added to every request.",
        "At least 30 credits per request.",
        "The total is rounded up to whole credits.",
        "Charged when the provider accepts the job.",
        "A failed job is not refunded.",
    )
