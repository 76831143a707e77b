from decimal import Decimal
from fractions import Fraction

import pytest

from app.kernel.fiat import (
    CURRENCIES,
    Fiat,
    chargeable_part,
    exponent,
    from_psp,
    is_chargeable,
    psp_minor,
    total,
)
from app.kernel.money import Money


@pytest.mark.parametrize(
    ("figure", "currency", "minor"),
    [
        pytest.param("19.99", "EUR", 1999, id="cents"),
        pytest.param("1500", "JPY", 1500, id="yen have no decimals"),
        pytest.param("1.250", "BHD", 1250, id="dinars have three"),
        pytest.param("20", "EUR", 2000, id="decimals may be left out"),
        pytest.param("-0.01", "USD", -1, id="below zero"),
        pytest.param(Decimal("1.10"), "EUR", 110, id="a decimal"),
    ],
)
def test_an_amount_is_whole_smallest_units(figure, currency, minor):
    assert Fiat.parse(figure, currency) == Fiat(minor, currency)


@pytest.mark.parametrize(
    ("figure", "currency"),
    [
        pytest.param("19.999", "EUR", id="a tenth of a cent"),
        pytest.param("1.5", "JPY", id="half a yen"),
        pytest.param("1e3", "EUR", id="an exponent"),
        pytest.param("1,50", "EUR", id="a comma"),
        pytest.param(" 1", "EUR", id="a space"),
        pytest.param("NaN", "EUR", id="not a number"),
        pytest.param("1", "EURO", id="no such currency"),
        pytest.param("1", "eur", id="small letters"),
    ],
)
def test_what_is_not_an_amount_is_refused(figure, currency):
    with pytest.raises(ValueError):
        Fiat.parse(figure, currency)


@pytest.mark.parametrize("figure", [1.0, True, Fraction(1, 3)])
def test_floats_and_their_like_never_enter(figure):
    with pytest.raises((TypeError, ValueError)):
        Fiat(figure, "EUR")
    with pytest.raises((TypeError, ValueError)):
        Fiat.parse(figure, "EUR")


def test_two_currencies_do_not_add_up():
    with pytest.raises(ValueError):
        Fiat(1, "EUR") + Fiat(1, "USD")


def test_sums_and_words():
    assert total([Fiat(1, "EUR"), Fiat(2, "EUR")], "EUR") - Fiat(5, "EUR") == -Fiat(2, "EUR")
    assert str(Fiat(1999, "EUR")) == "19.99 EUR"
    assert str(Fiat(1500, "JPY")) == "1500 JPY"
    assert str(Fiat(5, "BHD")) == "0.005 BHD"
    assert not Fiat.zero("EUR")


def test_an_exact_figure_is_rounded_once():
    assert Fiat.from_exact(Fraction(1, 3), "EUR") == Fiat(33, "EUR")
    assert Fiat.from_exact(Decimal("0.005"), "EUR") == Fiat(1, "EUR")
    assert Fiat.from_exact(Decimal("0.5"), "JPY") == Fiat(1, "JPY")


def test_the_ledger_keeps_it_in_millionths():
    assert Fiat(1999, "EUR").money == Money(19_990_000, "EUR")
    assert Fiat(1500, "JPY").money == Money(1_500_000_000, "JPY")


@pytest.mark.parametrize("currency", sorted(CURRENCIES))
def test_what_the_provider_is_sent_comes_back_as_it_was(currency):
    amount = Fiat.parse("1230", currency)
    assert from_psp(psp_minor(amount), currency.lower()) == amount


@pytest.mark.parametrize(
    ("amount", "sent"),
    [
        pytest.param(Fiat(1999, "EUR"), 1999, id="cents"),
        pytest.param(Fiat(1500, "JPY"), 1500, id="whole yen"),
        pytest.param(Fiat(1500, "ISK"), 150_000, id="kronur of Iceland, two zeros added"),
        pytest.param(Fiat(1500, "UGX"), 150_000, id="shillings of Uganda, two zeros added"),
        pytest.param(Fiat(1000, "MGA"), 10, id="ariary: the provider takes whole ones"),
        pytest.param(Fiat(1250, "BHD"), 1250, id="dinars end in a zero"),
    ],
)
def test_the_provider_counts_some_currencies_differently(amount, sent):
    assert psp_minor(amount) == sent


@pytest.mark.parametrize("amount", [Fiat(1001, "MGA"), Fiat(1251, "BHD")], ids=str)
def test_an_amount_the_provider_cannot_charge_is_refused(amount):
    with pytest.raises(ValueError, match="cannot charge exactly"):
        psp_minor(amount)


@pytest.mark.parametrize("amount", [Fiat(1099, "MGA"), Fiat(1259, "BHD"), Fiat(1999, "EUR"), Fiat(7, "ISK")], ids=str)
def test_the_part_that_can_be_charged_is_the_most_there_is(amount):
    part = chargeable_part(amount)
    assert is_chargeable(part)
    assert is_chargeable(amount) is (part == amount)
    between = range(part.minor + 1, amount.minor + 1)
    assert not any(is_chargeable(Fiat(minor, amount.currency)) for minor in between)


def test_half_a_krona_from_the_provider_is_refused():
    with pytest.raises(ValueError):
        from_psp(150, "isk")


def test_an_unknown_currency_has_no_exponent():
    assert exponent("TND") == 3
    with pytest.raises(ValueError):
        exponent("XYZ")
