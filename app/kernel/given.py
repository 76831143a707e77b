"""Reading what somebody sent as JSON, field by field: the right kind, within bounds, and the field's name in every
refusal. Unknown fields are left alone, and null is the same as nothing."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Self

from app.kernel.clock import parsed
from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.money import exact

LONGEST_TEXT: Final = 255
LONGEST_DECIMAL: Final = 40
LARGEST_INTEGER: Final = 2**53
MOST_METADATA: Final = 100
LONGEST_METADATA: Final = 4_000
_WHOLE: Final = re.compile(r"-?[0-9]+")


class Given:
    """One JSON object. `place` leads to it from the body, as in `items.3`."""

    def __init__(self, given: object, place: str = "") -> None:
        if not isinstance(given, Mapping):
            raise InvalidInput(f"{place or 'The body'} must be an object.", param=place or None)
        self.raw: Mapping[str, Any] = given
        self.place = place

    def has(self, name: str) -> bool:
        return self.raw.get(name) is not None

    def at(self, name: str) -> str:
        """The field as refusals name it."""
        return f"{self.place}.{name}" if self.place else name

    def wrong(self, name: str, message: str) -> InvalidInput:
        """A refusal of this field: `message` is what follows its name."""
        return InvalidInput(f"{self.at(name)} {message}", param=self.at(name))

    def text(self, name: str, *, longest: int = LONGEST_TEXT) -> str:
        """Text that must be there and must not be blank."""
        found = self.maybe(name, longest=longest)
        if found is None or not found.strip():
            raise self.wrong(name, "is missing.")
        return found

    def maybe(self, name: str, *, longest: int = LONGEST_TEXT) -> str | None:
        """Text, or None where there is none."""
        found = self.raw.get(name)
        if found is None:
            return None
        if not isinstance(found, str):
            raise self.wrong(name, "must be text.")
        if len(found) > longest:
            raise self.wrong(name, f"has more than {longest} characters.")
        if not storable(found):
            raise self.wrong(name, "holds a character that cannot be stored.")
        return found

    def choice(self, name: str, choices: Collection[str], default: str | None = None) -> str:
        """One of `choices`; `default` where nothing is given, if there is one."""
        found = self.maybe(name)
        if found is None and default is not None:
            return default
        if found is None:
            raise self.wrong(name, f"is missing: one of {', '.join(choices)}.")
        if found not in choices:
            raise self.wrong(name, f"must be one of {', '.join(choices)}.")
        return found

    def maybe_choice(self, name: str, choices: Collection[str]) -> str | None:
        return self.choice(name, choices) if self.raw.get(name) not in (None, "") else None

    def integer(self, name: str, *, least: int = 0, most: int = LARGEST_INTEGER) -> int:
        """A whole number within bounds; 10.0 and "10" are 10."""
        found = self.raw.get(name)
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        if isinstance(found, str) and len(found) <= LONGEST_DECIMAL and _WHOLE.fullmatch(found.strip()):
            found = int(found)
        if isinstance(found, bool) or not isinstance(found, int):
            raise self.wrong(name, "must be a whole number." if self.has(name) else "is missing.")
        if not least <= found <= most:
            raise self.wrong(name, f"must be between {least} and {most}.")
        return found

    def maybe_integer(self, name: str, *, least: int = 0, most: int = LARGEST_INTEGER) -> int | None:
        return self.integer(name, least=least, most=most) if self.has(name) else None

    def decimal(
        self,
        name: str,
        *,
        least: Decimal | None = Decimal(0),
        above: Decimal | None = None,
        most: Decimal | None = None,
    ) -> Decimal:
        """An exact figure: decimal text, or a number as it is written in JSON."""
        found = self.raw.get(name)
        if found is None or found == "":
            raise self.wrong(name, "is missing.")
        written = repr(found) if isinstance(found, float) else found
        try:
            if isinstance(written, str) and len(written) > LONGEST_DECIMAL:
                raise ValueError
            figure = exact(written)
            if figure and not -30 <= figure.adjusted() <= 30:
                raise ValueError
        except ValueError:
            raise self.wrong(name, 'must be a decimal number as text, such as "0.10".') from None
        if least is not None and figure < least:
            raise self.wrong(name, f"must be at least {least}.")
        if above is not None and figure <= above:
            raise self.wrong(name, f"must be more than {above}.")
        if most is not None and figure > most:
            raise self.wrong(name, f"must be at most {most:,f}.")
        return figure

    def maybe_decimal(
        self,
        name: str,
        *,
        least: Decimal | None = Decimal(0),
        above: Decimal | None = None,
        most: Decimal | None = None,
    ) -> Decimal | None:
        return self.decimal(name, least=least, above=above, most=most) if self.raw.get(name) not in (None, "") else None

    def fiat(self, name: str, currency: str) -> Fiat:
        """Money of a currency we know, at least 0 and no finer than its smallest unit."""
        try:
            return Fiat.parse(self.decimal(name), currency)
        except (ValueError, OverflowError):
            raise self.wrong(name, f"must be an amount of {currency}, no finer than its smallest coin.") from None

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false, or these words, as a query string has them."""
        found = self.raw.get(name)
        if found is None or found == "":
            return default
        found = {"true": True, "false": False}.get(found, found) if isinstance(found, str) else found
        if not isinstance(found, bool):
            raise self.wrong(name, "must be true or false.")
        return found

    def moment(self, name: str) -> datetime:
        """A time with its zone, in UTC."""
        found = self.raw.get(name)
        try:
            return parsed(found if isinstance(found, str) else "")
        except (ValueError, OverflowError):
            said = "must be a time with its zone, such as 2026-04-14T15:00:00Z."
            raise self.wrong(name, said if self.has(name) else "is missing.") from None

    def maybe_moment(self, name: str) -> datetime | None:
        return self.moment(name) if self.raw.get(name) not in (None, "") else None

    def object(self, name: str) -> "Given":
        """The object in this field."""
        if not self.has(name):
            raise self.wrong(name, "is missing.")
        return Given(self.raw[name], self.at(name))

    def maybe_object(self, name: str) -> "Given | None":
        return self.object(name) if self.has(name) else None

    def entries(self, name: str, *, least: int = 0, most: int = 1_000) -> list[Any]:
        """The list in this field, empty where there is none."""
        found = self.raw.get(name)
        found = [] if found is None else found
        if not isinstance(found, list):
            raise self.wrong(name, "must be a list.")
        if not least <= len(found) <= most:
            raise self.wrong(name, f"must have between {least} and {most} entries.")
        return found

    def objects(self, name: str, *, least: int = 0, most: int = 1_000) -> "list[Given]":
        """The objects of the list in this field."""
        return [
            Given(each, f"{self.at(name)}.{at}") for at, each in enumerate(self.entries(name, least=least, most=most))
        ]

    def texts(self, name: str, *, most: int = 1_000) -> tuple[str, ...]:
        """The texts of the list in this field."""
        found = self.entries(name, most=most)
        if not all(isinstance(each, str) and len(each) <= LONGEST_TEXT and storable(each) for each in found):
            raise self.wrong(name, "must be a list of texts.")
        return tuple(found)

    def listed(self, name: str, choices: Collection[str] = ()) -> tuple[str, ...]:
        """Texts of a query string: the name several times, or one text with commas. Of `choices` if there are any."""
        given = self.raw.get(name) or []
        found = tuple(each for each in (given if isinstance(given, list) else str(given).split(",")) if each)
        if unknown := set(found) - set(choices or found):
            raise self.wrong(name, f"must be of {', '.join(choices)}, not {min(unknown)[:100]}.")
        return found

    def labels(self, name: str = "metadata") -> dict[str, str]:
        """The integrator's own notes: texts by name. Other plain values become their text."""
        found = self.raw.get(name) or {}
        if not isinstance(found, Mapping) or len(found) > MOST_METADATA:
            raise self.wrong(name, f"must be an object of up to {MOST_METADATA} texts.")
        kept = {key: _label(value) for key, value in found.items()}
        if any(len(each) > LONGEST_METADATA or not storable(each) for pair in kept.items() for each in pair):
            raise self.wrong(name, "holds a text that is too long or cannot be stored.")
        return kept

    def digest(self) -> str:
        """What is given as one word, whatever the order of its fields: the same word is the same request."""
        return hashlib.sha256(json.dumps(dict(self.raw), sort_keys=True).encode()).hexdigest()

    def changes(self, **readers: "Callable[[Self, str], Any]") -> dict[str, Any]:
        """What each reader makes of its field, for the fields that are given at all."""
        return {name: read(self, name) for name, read in readers.items() if self.has(name)}


def written(figure: Decimal) -> str:
    """A figure as text without an exponent, its zeros kept: `0.60` stays 0.60."""
    return f"{figure:f}"


def storable(text: str) -> bool:
    """Whether both databases can keep it: no NUL, no half of a surrogate pair."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _label(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
