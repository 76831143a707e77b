"""Quantities into amounts: plain rates, volume and slab bands, packages, against figures from other billing systems."""

from decimal import Decimal
from fractions import Fraction

import pytest

from app.pricing.conditions import Condition, OneOf
from app.pricing.rate_card import Branch, Component, RateCard
from app.pricing.scale import Band, Banding, Bands, Linear, Package
from app.pricing.units import UNITS
from app.pricing.usage import Usage
from tests.pricing.shop import images


@pytest.mark.parametrize(
    ("quantities", "billable", "owed"),
    [
        pytest.param(["10"], "5", "0.70", id="beyond what is included"),
        pytest.param(["4"], "0", "0.35", id="within what is included"),
        pytest.param(["10", "4", "6.5"], "6.5", "1.505", id="each output has its own base"),
        pytest.param([], "0", "0", id="no output"),
    ],
)
def test_a_base_with_included_units(quantities, billable, owed):
    scale = Linear.of(Fraction("0.07"), Fraction("0.35"), Decimal(5))
    ratios = [Fraction(each).as_integer_ratio() for each in quantities]
    assert Fraction(*scale.billable(ratios)) == Fraction(billable)
    assert Fraction(*scale.owed(ratios)) == Fraction(owed)


def test_packages_bill_whole_ones():
    package = Package(Fraction(50), Fraction(10), Fraction(5))
    assert Fraction(*package.billable([(26, 1)])) == 30
    assert Fraction(*package.owed([(5, 1)])) == 0


class TestACardOfSeveralCharges:
    """How prices with filters and quantity bands compile: one branch, one component for each charge."""

    FIRST_TWO_DEAR = Bands(Banding.SLAB, (Band(Fraction(2), Fraction(5)), Band(None, Fraction(3))))
    (IMAGE,) = UNITS["image"].keys
    (REQUEST,) = UNITS["request"].keys

    def card(self) -> RateCard:
        fast = (Condition("speed", OneOf(("fast",))),)
        banded, extra = (
            Component(self.IMAGE, self.FIRST_TWO_DEAR),
            Component(self.REQUEST, Package(Fraction(4), Fraction(1)), fast),
        )
        return RateCard((Branch((), (banded, extra)),))

    def test_counts_a_filtered_charge_only_where_its_filter_holds(self):
        card = self.card()
        assert card.params == ("speed",)
        assert card.amount(images(1), {"speed": "slow"}) == 5_000_000
        assert card.amount(images(1), {"speed": "fast"}) == 9_000_000

    def test_measures_each_output_by_itself(self):
        assert self.card().amount(images(3), {}) == 15_000_000

    def test_costs_nothing_when_nothing_was_delivered(self):
        assert self.card().amount(Usage(), {"speed": "fast"}) == 0
