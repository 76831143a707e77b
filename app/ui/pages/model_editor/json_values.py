"""The JSON of a draft, which may be wrong in any way: figures as text and back, lists and objects. Pure."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from app.kernel.money import plain
from app.pricing.numbers import figure

_FIGURE = re.compile(r"\d{1,13}(\.\d{1,18})?")


def figure_in(text: str) -> int | float | str:
    """A JSON number where the text is one that can be kept exactly, else the text itself."""
    cleaned = text.strip()
    if not _FIGURE.fullmatch(cleaned):
        return cleaned
    number = Decimal(cleaned)
    if number == number.to_integral_value():
        return int(number)
    return float(number) if Decimal(repr(float(number))) == number else cleaned


def figure_text(value: object) -> str:
    """A figure of the JSON as a field shows it."""
    try:
        return plain(figure(value))
    except ValueError:
        return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def same(one: object, other: object) -> bool:
    """Whether two values of a parameter are one: true is not 1, and 8 is 8.0."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def encoded(value: object) -> str:
    """A parameter's value as the browser hands it back."""
    return json.dumps(value, ensure_ascii=False, default=float)
