"""Values as a reader of mail sees them: one line of text each, with nothing in it that could leave its line."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal

from app.kernel.clock import as_utc
from app.kernel.fiat import Fiat
from app.kernel.money import CREDIT, Money
from app.kernel.text import sentences, t

DAY, MOMENT = "d MMMM y", "d MMMM y, HH:mm"
LONGEST = 1000
#: Control characters (line breaks among them) and the marks that turn the direction of what follows.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def one_line(text: str, longest: int = LONGEST) -> str:
    """The text without control characters, on one line, and not endless."""
    line = " ".join(UNSEEN.sub(" ", text).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def word(value: Any, language: str = "en") -> str:
    """`1,200 credits`, `€19.99`, `21 November 2026`; empty for None. Refuses what it was never told how to write."""
    match value:
        case None:
            text = ""
        case str():
            text = one_line(value)
        case Money(unit=unit) if unit == CREDIT:
            text = _credits(value, language)
        case Money():
            text = format_currency(value.amount, value.unit, locale=language)
        case Fiat():
            text = format_currency(value.amount, value.currency, locale=language)
        case datetime():
            text = f"{format_datetime(as_utc(value), MOMENT, locale=language)} UTC"
        case date():
            text = format_date(value, DAY, locale=language)
        case int() | Decimal() if not isinstance(value, bool):
            text = format_decimal(value, locale=language)
        case _:
            raise TypeError(f"{type(value).__name__} {value!r} has no words in a mail")
    return text


def _credits(amount: Money, language: str) -> str:
    figure = format_decimal(amount.amount, format="#,##0.######", locale=language)
    return t(f"mail.credits.{'one' if abs(amount.amount) == 1 else 'many'}", language, figure=figure)


def reason(code: str, language: str = "en") -> str:
    """The words for a code of the payment provider; a code we do not know as it came, without its underscores."""
    known = sentences(language).get(f"mail.reason.{code}")
    return known if known is not None else one_line(code.replace("_", " "))
