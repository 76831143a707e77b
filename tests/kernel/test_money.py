"""Money: integers in their own type, one rounding, and nothing lost when it is divided."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.fiat import Fiat
from app.kernel.money import MAX_MICROS, Money, Rounding, allot, exact, plain, round_to, total

FIGURES = st.fractions(min_value=-(10**12), max_value=10**12)
STEPS = st.fractions(min_value=Fraction(1, 10**6), max_value=1000)
MICROS = st.integers(-MAX_MICROS // 4, MAX_MICROS // 4)


@pytest.mark.parametrize(
    ("figure", "step", "mode", "expected"),
    [
        ("0.5", 1, Rounding.HALF_UP, 1),
        ("0.499999", 1, Rounding.HALF_UP, 0),
        ("-0.5", 1, Rounding.HALF_UP, -1),
        ("2.5", 1, Rounding.HALF_UP, 3),
        ("1.2", 1, Rounding.UP, 2),
        ("1.0", 1, Rounding.UP, 1),
        ("-1.2", 1, Rounding.UP, -2),
        ("12", 5, Rounding.HALF_UP, 10),
        ("12.5", 5, Rounding.HALF_UP, 15),
        ("0.01", "0.25", Rounding.UP, "0.25"),
    ],
)
def test_rounding_goes_away_from_zero(figure: str, step: object, mode: Rounding, expected: object) -> None:
    assert round_to(Fraction(figure), Fraction(str(step)), mode) == Fraction(str(expected))


@given(FIGURES, STEPS)
def test_half_up_is_nearest_and_even_handed(figure: Fraction, step: Fraction) -> None:
    rounded = round_to(figure, step)
    assert rounded % step == 0
    assert abs(rounded - figure) <= step / 2
    assert round_to(-figure, step) == -rounded
    assert round_to(rounded, step) == rounded


@given(FIGURES, STEPS)
def test_up_never_gives_less(figure: Fraction, step: Fraction) -> None:
    rounded = round_to(figure, step, Rounding.UP)
    assert rounded % step == 0
    assert 0 <= abs(rounded) - abs(figure) < step


@pytest.mark.parametrize("step", [0, -1])
def test_a_step_is_positive(step: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        round_to(1, step)


@pytest.mark.parametrize("value", ["1.5", "0", "-3", 7, Decimal("0.1"), "1e3"])
def test_exact_numbers_are_taken(value: object) -> None:
    assert exact(value) == Decimal(str(value))


@pytest.mark.parametrize("value", [1.5, True, None, "x", "", "NaN", "Infinity", Decimal("-Infinity"), b"1", [1]])
def test_anything_inexact_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"not (an exact|a) (number|finite)"):
        exact(value)


@pytest.mark.parametrize("figure", ["1e999999999", "-1e99999999", "1e-999999999", "0e999999999"])
def test_what_nobody_means_keeps_nobody_busy(figure: str) -> None:
    """Each of them has a billion digits: to write one of them out takes a computer minutes, and its memory."""
    with pytest.raises(ValueError, match="too many digits"):
        exact(figure)
    for make in (Money.from_exact, lambda amount: Fiat.from_exact(amount, "EUR"), round_to):
        with pytest.raises(OverflowError, match="too many digits"):
            make(Decimal(figure))


@pytest.mark.parametrize(
    ("amount", "micros"),
    [("0.75", 750_000), ("0.0000005", 1), ("0.0000004", 0), ("-0.0000005", -1), ("16", 16_000_000)],
)
def test_money_is_rounded_once_to_a_millionth(amount: str, micros: int) -> None:
    assert Money.from_exact(Decimal(amount)) == Money(micros)


@pytest.mark.parametrize("micros", [1.0, "1", Decimal(1), True, None])
def test_money_is_made_of_whole_micros(micros: object) -> None:
    with pytest.raises(TypeError):
        Money(micros)  # type: ignore[arg-type]


def test_money_has_a_largest_amount() -> None:
    assert Money(MAX_MICROS)
    with pytest.raises(OverflowError):
        Money(MAX_MICROS + 1)
    with pytest.raises(OverflowError):
        Money(MAX_MICROS) + Money(1)


@given(MICROS, MICROS)
def test_money_adds_up(one: int, other: int) -> None:
    assert Money(one) + Money(other) == Money(one + other)
    assert Money(one) - Money(other) == Money(one) + -Money(other)
    assert bool(Money(one)) is (one != 0)
    assert (Money(one) < Money(other)) is (one < other)


def test_units_do_not_mix() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        Money(1) + Money(1, "USD")
    with pytest.raises(ValueError, match="do not add up"):
        total([Money(1), Money(1, "USD")])
    assert total([], "USD") == Money.zero("USD")
    assert total([Money(1), Money(2)]) == Money(3)


@pytest.mark.parametrize(
    ("micros", "text"),
    [(750_000, "0.75 credit"), (10_000_000, "10 credit"), (1, "0.000001 credit"), (-32_500_000, "-32.5 credit")],
)
def test_money_reads_plainly(micros: int, text: str) -> None:
    assert str(Money(micros)) == text


@pytest.mark.parametrize(("number", "text"), [("1E+3", "1000"), ("0.7500", "0.75"), ("0E-6", "0"), ("-0.10", "-0.1")])
def test_decimals_are_shown_without_exponent_or_trailing_zeros(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


@given(st.integers(0, 10**9), st.lists(st.fractions(min_value=0, max_value=1000), min_size=1, max_size=8))
def test_an_allotment_loses_nothing(amount: int, weights: list[Fraction]) -> None:
    parts = allot(amount, weights)
    assert sum(parts) == amount
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        if whole:
            assert abs(part - Fraction(amount) * weight / whole) < 1


def test_an_allotment_among_nothing_goes_to_the_first() -> None:
    assert allot(7, [Fraction(0), Fraction(0)]) == [7, 0]
    assert allot(10, [Fraction(1)] * 3) == [4, 3, 3]
