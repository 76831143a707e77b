"""Figures and moments as JSON says them to others: exact decimal text, RFC 3339 in UTC."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import overload

from app.kernel.money import plain

PLACES = 12


@overload
def moment(at: datetime) -> str: ...
@overload
def moment(at: None) -> None: ...
@overload
def moment(at: datetime | None) -> str | None: ...
def moment(at: datetime | None) -> str | None:
    """2026-04-14T15:00:00Z."""
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


@overload
def decimal(figure: Decimal | Fraction | int | str, places: int = PLACES) -> str: ...
@overload
def decimal(figure: None, places: int = PLACES) -> None: ...
@overload
def decimal(figure: Decimal | Fraction | int | str | None, places: int = PLACES) -> str | None: ...
def decimal(figure: Decimal | Fraction | int | str | None, places: int = PLACES) -> str | None:
    """Without an exponent; a fraction that has no end is rounded half up at `places`."""
    if figure is None:
        return None
    if isinstance(figure, Fraction):
        numerator, denominator = figure.numerator, figure.denominator
        if denominator == 1:  # nearly all of very many are whole ones, and this takes a tenth of the time
            return str(numerator)
        whole = (abs(numerator) * 10**places * 2 + denominator) // (2 * denominator)
        figure = Decimal(whole if numerator >= 0 else -whole).scaleb(-places)
    return plain(Decimal(figure))
