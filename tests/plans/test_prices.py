"""Which price applies to an event, why, and that every kind of price is the same charge on a rate card."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from app.kernel.errors import Unpriced
from app.metering.apart import canonical
from app.plans.prices import Price, by_meter, charge_of, choose, compile_card, select
from app.pricing.charge import BillingModel, Charge, Tier, Transform, cost
from app.pricing.scale import Banding
from app.pricing.usage import Output, Usage

DAWN = datetime(2026, 4, 1, tzinfo=UTC)
FLAT = Charge(BillingModel.FLAT_FEE, Decimal("0.05"))


def price(name: str, filters: dict[str, list[str]] | None = None, day: int = 0, **more: Any) -> Price:
    at = DAWN + timedelta(days=day)
    usual = {
        "kind": "USAGE", "currency": "USD", "charge": FLAT, "starts_at": at, "created_at": at,
        "meter_id": "meter_video_seconds",
    }  # fmt: skip
    wanted = {key: tuple(values) for key, values in (filters or {}).items()}
    return Price(
        id=f"price_{name}", entity_type="PLAN", entity_id="plan", name=name, filters=wanted, **{**usual, **more}
    )


ANY = price("any")
VEO = price("veo", {"model": ["veo"]})
VEO_NEWER = price("veo newer", {"model": ["veo"]}, day=1)
VEO_4K = price("veo 4k", {"model": ["veo"], "resolution": ["4k"]})
SILENT = price("silent", {"generate_audio": ["false"]})
EIGHT = price("eight", {"duration": ["8"]})
ALL = [ANY, VEO, VEO_NEWER, VEO_4K, SILENT, EIGHT]


@pytest.mark.parametrize(
    ("prices", "properties", "chosen", "reason"),
    [
        pytest.param(ALL, {"model": "veo", "resolution": "4k"}, VEO_4K,
                     "veo 4k: model = veo and resolution = 4k; 4 prices match, this one on most properties",
                     id="most properties win"),
        pytest.param(ALL, {"model": "veo", "resolution": "1080p"}, VEO_NEWER,
                     "veo newer: model = veo; 2 prices match as closely, this is the newest", id="then the newest"),
        pytest.param(ALL, {"model": "kling"}, ANY, "any: for any usage", id="a price without filters"),
        pytest.param([VEO], {"model": "kling"}, None, "None of 1 prices matches.", id="none"),
        pytest.param([SILENT], {"generate_audio": False}, SILENT, "silent: generate_audio = false", id="false"),
        pytest.param([SILENT], {"generate_audio": "false"}, SILENT, "silent: generate_audio = false", id="as text"),
        pytest.param([SILENT], {"generate_audio": 0}, None, "None of 1 prices matches.", id="0 is not false"),
        pytest.param([EIGHT], {"duration": 8.0}, EIGHT, "eight: duration = 8", id="8.0 is 8"),
        pytest.param([EIGHT], {}, None, "None of 1 prices matches.", id="nothing said"),
        pytest.param([price("two", {"mode": ["std", "pro"]})], {"mode": "pro"}, price("two", {"mode": ["std", "pro"]}),
                     "two: mode is std or pro", id="one of several values"),
    ],
)  # fmt: skip
def test_the_price_that_applies(
    prices: list[Price], properties: dict[str, Any], chosen: Price | None, reason: str
) -> None:
    found = choose(prices, properties)
    assert (found.price, found.reason) == (chosen, reason)


KEYS = ("model", "mode", "size")
VALUES = st.sampled_from(["a", "b", "true", "8"])
PRICES = st.lists(
    st.builds(
        lambda number, filters, day: price(str(number), filters, day),
        st.integers(0, 30),
        st.dictionaries(st.sampled_from(KEYS), st.lists(VALUES, min_size=1, max_size=3), max_size=3),
        st.integers(0, 2),
    ),
    max_size=8,
    unique_by=lambda each: each.id,
)
PROPERTIES = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["a", "b", True, 8, 8.0, "8", None]))


@given(PRICES, PROPERTIES, st.randoms())
def test_the_order_they_come_in_changes_nothing(prices: list[Price], properties: dict[str, Any], random: Any) -> None:
    mixed = random.sample(prices, len(prices))
    assert select(mixed, properties) == select(prices, properties)


@given(PRICES, PROPERTIES)
def test_nothing_that_matches_is_closer_or_newer(prices: list[Price], properties: dict[str, Any]) -> None:
    found = select(prices, properties)
    matching = [
        each for each in prices if all(canonical(properties.get(key)) in values for key, values in each.filters.items())
    ]
    assert (found is None) == (not matching)
    for other in matching:
        assert found is not None
        assert (len(other.filters), other.created_at) <= (len(found.filters), found.created_at)


# --- on a rate card

TIERS = (Tier(Decimal(10), Decimal("0.5")), Tier(None, Decimal("0.25"), Decimal(1)))
CHARGES = [
    pytest.param(FLAT, id="flat"),
    pytest.param(Charge(BillingModel.FLAT_FEE, Decimal("0.02"), transform=Transform(Decimal(1000))), id="per thousand"),
    pytest.param(Charge(BillingModel.PACKAGE, Decimal(3), transform=Transform(Decimal(4))), id="started packages"),
    pytest.param(Charge(BillingModel.PACKAGE, Decimal(3), transform=Transform(Decimal(4), down=True)), id="full ones"),
    pytest.param(Charge(BillingModel.TIERED, tiers=TIERS, banding=Banding.VOLUME), id="volume"),
    pytest.param(Charge(BillingModel.TIERED, tiers=TIERS, banding=Banding.SLAB), id="slabs"),
]


@pytest.mark.parametrize("charge", CHARGES)
@pytest.mark.parametrize("seconds", ["0.5", "4", "10", "10.5", "1234"])
@pytest.mark.parametrize("rate", [Fraction(1), Fraction(1, 100)])
def test_a_card_and_a_charge_agree(charge: Charge, seconds: str, rate: Fraction) -> None:
    only = price("only", charge=charge, conversion_rate=rate)
    exact = only.in_currency(cost(charge, Fraction(seconds)).amount) * 1_000_000
    card = compile_card([only], "seconds")
    usage = Usage(outputs=(Output(seconds=Decimal(seconds)),))
    assert card.amount(usage, {}) == int(exact + Fraction(1, 2))
    assert card.unit == "USD"


@given(PRICES.filter(bool), PROPERTIES)
def test_a_card_takes_the_price_that_is_selected(prices: list[Price], properties: dict[str, Any]) -> None:
    """Every price costs something else, so that the amount says which one it was."""
    costed = [
        price(each.name, {key: list(values) for key, values in each.filters.items()},
              charge=Charge(BillingModel.FLAT_FEE, Decimal(at + 1)), created_at=each.created_at)
        for at, each in enumerate(prices)
    ]  # fmt: skip
    card, usage = compile_card(costed, "image_count"), Usage(outputs=(Output(),))
    found = select(costed, properties)
    if found is None:
        with pytest.raises(Unpriced):
            card.amount(usage, properties)
    else:
        assert card.amount(usage, properties) == found.charge.amount * 1_000_000


def test_prices_in_two_currencies_have_no_one_card() -> None:
    with pytest.raises(Unpriced):
        compile_card([price("a"), price("b", currency="EUR")], "seconds")


def test_a_price_holds_until_its_successor_begins() -> None:
    ended = price("ended", ends_at=DAWN + timedelta(days=1))
    assert [ended.is_in_force(DAWN + timedelta(hours=hours)) for hours in (-1, 0, 23, 24)] == [False, True, True, False]


def test_usage_prices_by_their_meter() -> None:
    fixed = price("fixed", kind="FIXED", meter_id=None)
    image = price("image", meter_id="meter_img_count")
    assert by_meter([VEO, fixed, image, ANY]) == {"meter_video_seconds": [VEO, ANY], "meter_img_count": [image]}


def test_the_last_tier_goes_on_without_end() -> None:
    row = {
        "price_unit_type": "FIAT", "billing_model": "TIERED", "amount": None, "tier_mode": "VOLUME",
        "tiers": [{"up_to": 10, "unit_amount": "1"}, {"up_to": 20, "unit_amount": "0.5"}], "transform_quantity": None,
    }  # fmt: skip
    assert cost(charge_of(row), Fraction(100)).amount == 50
