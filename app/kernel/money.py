"""Money: an integer number of micro-units in its own type, and the one place where an exact figure is rounded.

A rate is a `Decimal` (or a `Fraction` while rating), an amount is a `Money`; they meet in `Money.from_exact`. Floats
are refused at every door.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from typing import Final, Self

from app.kernel.errors import AmountTooLarge

MICRO = 1_000_000
CREDIT = "credit"
USD = "USD"

#: Largest amount we store: a signed 64-bit column with room to add two of them.
MAX_MICROS = 2**62

Exact = Decimal | Fraction | int

#: Before or behind the point. What has more is a mistake, and would keep the processor busy: 1e999999999 is soon typed.
MOST_DIGITS: Final = 1_000


class Rounding(StrEnum):
    HALF_UP = "half_up"
    UP = "up"


def round_to(exact: Exact, step: Exact = 1, mode: Rounding = Rounding.HALF_UP) -> Fraction:
    """Round a non-negative figure to a multiple of `step`: half away from zero, or always up."""
    figure, size = fraction(exact), fraction(step)
    if size <= 0:
        raise ValueError("a rounding step must be positive")
    if figure < 0:
        return -round_to(-figure, step, mode)
    ratio = figure / size
    whole = -(-ratio.numerator // ratio.denominator) if mode is Rounding.UP else _half_up(ratio)
    return whole * size


def fraction(figure: Exact) -> Fraction:
    """The figure without its exponent. `OverflowError` for one beyond all reason, `ValueError` for NaN."""
    if isinstance(figure, Decimal) and figure.is_finite() and abs(figure.adjusted()) > MOST_DIGITS:
        raise OverflowError(f"{figure} has too many digits")
    return Fraction(figure)


def _half_up(ratio: Fraction) -> int:
    return (2 * ratio.numerator + ratio.denominator) // (2 * ratio.denominator)


def exact(value: object) -> Decimal:
    """A `Decimal` from an int, a decimal string or a `Decimal`; floats, booleans, NaN, infinities and what is beyond
    all reason are refused."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError(f"{value!r} is not an exact number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is not a finite number")
    if abs(number.adjusted()) > MOST_DIGITS:
        raise ValueError(f"{number} has too many digits")
    return number


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in millionths of `unit` ("credit", or a currency code). Two units never mix."""

    micros: int
    unit: str = CREDIT

    def __post_init__(self) -> None:
        if type(self.micros) is not int:
            raise TypeError(f"micros must be an int, not {self.micros!r}")
        if abs(self.micros) > MAX_MICROS:
            raise AmountTooLarge.of(self.micros, self.unit)

    @classmethod
    def from_exact(cls, amount: Exact, unit: str = CREDIT, mode: Rounding = Rounding.HALF_UP) -> Self:
        """Whole units, exact, rounded once to a millionth."""
        return cls(int(round_to(fraction(amount) * MICRO, 1, mode)), unit)

    @classmethod
    def zero(cls, unit: str = CREDIT) -> Self:
        return cls(0, unit)

    @property
    def amount(self) -> Decimal:
        """The figure in whole units, exact."""
        return Decimal(self.micros).scaleb(-6)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.micros + self._same(other), self.unit)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.micros - self._same(other), self.unit)

    def __neg__(self) -> Self:
        return type(self)(-self.micros, self.unit)

    def __bool__(self) -> bool:
        return self.micros != 0

    def __str__(self) -> str:
        return f"{plain(self.amount)} {self.unit}"

    def _same(self, other: Self) -> int:
        if self.unit != other.unit:
            raise ValueError(f"{self.unit} and {other.unit} do not add up")
        return other.micros


def plain(number: Decimal) -> str:
    """A decimal without exponent or trailing zeros: `0.75`, `10`, `1000`."""
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def decimal_of(figure: Fraction, places: int) -> Decimal:
    """A figure of any size as a decimal of so many places, rounded half away from zero."""
    whole = int(round_to(figure * 10**places))
    return Decimal((int(whole < 0), tuple(map(int, str(abs(whole)))), -places))


def grouped(number: Decimal) -> str:
    """The same for people: `10,000`, `0.75`."""
    return f"{Decimal(plain(number)):,f}"


def allot(total: int, weights: Sequence[Fraction]) -> list[int]:
    """Split `total` in proportion to `weights` so that the parts sum to it exactly (largest remainder)."""
    whole = sum(weights, Fraction(0))
    if whole == 0:
        return [total if index == 0 else 0 for index in range(len(weights))]
    shares = [total * weight / whole for weight in weights]
    parts = [share.numerator // share.denominator for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda i: (parts[i] - shares[i], i))
    for index in by_remainder[: total - sum(parts)]:
        parts[index] += 1
    return parts


def total(amounts: Iterable[Money], unit: str = CREDIT) -> Money:
    """The sum, zero of `unit` when there is nothing to add."""
    return sum(amounts, Money.zero(unit))
