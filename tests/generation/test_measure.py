"""What the provider bills, from its own count where it gave one."""

from decimal import Decimal
from fractions import Fraction

import pytest

from app.generation.measure import Arrived, Delivered, customer_usage, upstream_usage
from app.pricing.rate_card import compile_rule
from app.pricing.rule import parse_rule

PER_MEGAPIXEL = compile_rule(parse_rule({"type": "formula", "unit": "megapixel", "price": {"perMegapixel": 3}}))


@pytest.mark.parametrize(
    ("billed", "cost"),
    [
        pytest.param("2.5", "7.5", id="the provider's count"),
        pytest.param(None, "12", id="no count: each output by its size, rounded up"),
    ],
)
def test_megapixels(billed, cost):
    picture = Arrived("file_1", 1024, 1536)
    delivered = Delivered((picture, picture), 2, "megapixel", None if billed is None else Decimal(billed))
    assert Fraction(PER_MEGAPIXEL.amount(upstream_usage(delivered), {}), 1_000_000) == Fraction(cost)
    assert Fraction(PER_MEGAPIXEL.amount(customer_usage(delivered), {}), 1_000_000) == 12
