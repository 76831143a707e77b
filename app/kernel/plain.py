"""Values as plain JSON and back, so that what was promised in a transaction can be told later, in any language.

An amount stays an amount and a day a day: whoever tells it decides how it is written.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from app.kernel.clock import as_utc
from app.kernel.fiat import Fiat
from app.kernel.money import Money

KIND = "$"
#: How each kind of value is kept, and how it is told again. A moment is also a day, so it stands before it.
KINDS: Mapping[str, tuple[type, Callable[[Any], dict[str, Any]], Callable[[dict[str, Any]], Any]]] = {
    "decimal": (Decimal, lambda value: {"figure": str(value)}, lambda kept: Decimal(kept["figure"])),
    "money": (
        Money,
        lambda value: {"micros": value.micros, "unit": value.unit},
        lambda kept: Money(kept["micros"], kept["unit"]),
    ),
    "fiat": (
        Fiat,
        lambda value: {"minor": value.minor, "currency": value.currency},
        lambda kept: Fiat(kept["minor"], kept["currency"]),
    ),
    "moment": (
        datetime,
        lambda value: {"at": as_utc(value).isoformat()},
        lambda kept: datetime.fromisoformat(kept["at"]),
    ),
    "day": (date, lambda value: {"on": value.isoformat()}, lambda kept: date.fromisoformat(kept["on"])),
}


def to_plain(value: Any) -> Any:
    """JSON for text, numbers that are exact, amounts, moments, days, and lists and tables of them; else `TypeError`."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): to_plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    for kind, (wanted, keep, _) in KINDS.items():
        if isinstance(value, wanted):
            return {KIND: kind, **keep(value)}
    raise TypeError(f"{type(value).__name__} {value!r} cannot be kept for later")


def from_plain(value: Any) -> Any:
    """What `to_plain` was given; tuples come back as lists."""
    if isinstance(value, list):
        return [from_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if KIND in value:
        return KINDS[value[KIND]][2](value)
    return {name: from_plain(item) for name, item in value.items()}
