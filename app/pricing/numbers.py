"""The one door through which JSON numbers become exact figures. Nothing in this package computes with a float."""

import re
from decimal import Decimal, InvalidOperation

#: Larger or finer figures are typing errors, and would make exact arithmetic slow.
LARGEST = Decimal(10) ** 12
FINEST_EXPONENT = -18

_SECONDS = re.compile(r"\s*(\d{1,12}(?:\.\d{1,9})?)\s*s?\s*")
_MEASURE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)([A-Za-z]*)")
_SIZE = re.compile(r"(\d{1,5})\s*[x×*]\s*(\d{1,5})")


def figure(value: object, largest: Decimal = LARGEST) -> Decimal:
    """An exact `Decimal` from an int, a float as JSON gives it (its shortest form), or a Decimal.

    Raises ValueError, with a sentence, for booleans, strings, NaN, infinities and figures beyond all reason.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError(f"{shown(value)} is not a number")
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise ValueError(f"{shown(value)} is not a finite number")
    exponent = number.as_tuple().exponent
    if number.copy_abs() > largest:  # `abs` rounds, and overflows on 1e999999999
        raise ValueError(f"{shown(value)} is larger than anything here can be")
    if isinstance(exponent, int) and exponent < FINEST_EXPONENT:
        raise ValueError(f"{shown(value)} has more than {-FINEST_EXPONENT} decimals")
    return number


def written(text: str) -> Decimal | None:
    """The number a string spells (`"0.5"`, `" 3 "`), or None; exponents are not read, so a short text stays short."""
    if not re.fullmatch(r"\s*[+-]?\d{1,20}(\.\d{1,18})?\s*", text):
        return None
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None


def seconds_in(value: object) -> Decimal | None:
    """8 from `8`, `"8"`, `"8s"` or `"8.0"`; None for anything else, such as `"auto"`."""
    if isinstance(value, str):
        match = _SECONDS.fullmatch(value)
        return Decimal(match[1]) if match else None
    try:
        return figure(value)
    except ValueError:
        return None


def measure_in(value: object) -> tuple[Decimal, str] | None:
    """A leading number and its suffix: `"720p"` → (720, "p"), `6` → (6, ""); None when there is none."""
    if isinstance(value, str):
        match = _MEASURE.fullmatch(value.strip())
        return (Decimal(match[1]), match[2].casefold()) if match else None
    try:
        return figure(value), ""
    except ValueError:
        return None


def size_in(value: object) -> tuple[int, int] | None:
    """(1024, 1536) from `"1024x1536"`; None for anything else."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    width, height = int(match[1]), int(match[2])
    return (width, height) if width and height else None


def sentence(words: object) -> str:
    """The words with a full stop, unless they already end in one or in a question."""
    text = str(words)
    return text if text.endswith((".", "?")) else f"{text}."


def shown(value: object) -> str:
    """A value as a refusal quotes it: text in quotes, never more than forty characters."""
    match value:
        case bool():
            text = "true" if value else "false"
        case None:
            text = "null"
        case str():
            text = f"“{value}”"
        case list() | tuple():
            text = "a list"
        case dict():
            text = "an object"
        case _:
            text = str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
