"""Events as they come in: checked, taken apart into what they are alike in and their figures. PURE."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from app.kernel.clock import parsed
from app.kernel.errors import InvalidInput
from app.metering.apart import FIGURES, LONGEST_DIMENSION, Apart, Figures, Kind, Kinds, Parts, canonical, kinds_of

BILLIONTHS: Final = 10**9
LONGEST_NAME: Final = 255
MOST_PROPERTIES: Final = 100
LONGEST_PROPERTIES: Final = 16_384
LONGEST_FIGURE: Final = 40
DIGEST_BYTES: Final = 8
#: What a figure may begin and end with: a cheap look before the exact one.
FIGURE_STARTS: Final = frozenset("0123456789+-.")
FIGURE_ENDS: Final = frozenset("0123456789.")
#: A whole figure of fewer digits is certainly not too large.
WHOLE_DIGITS: Final = 15
#: Beyond it a figure is a mistake; sums of it would not fit.
LARGEST: Final = 10**15


class Event(NamedTuple):
    """One usage event. `likeness` is canonical JSON of the properties that tell events apart; `figures` are in
    billionths. `generation_id` is that of a generation of our own."""

    event_id: str
    name: str
    customer: str
    at: datetime
    source: str
    properties: str
    likeness: str
    figures: Figures
    digest: int
    generation_id: str | None = None


ANYTHING: Final = Apart()
_SORTED: Final = orjson.OPT_SORT_KEYS
_any_kinds: Final = kinds_of(ANYTHING)
_OWN, _DIMENSION, _FIGURE, _BY_VALUE = Kind.OWN, Kind.DIMENSION, Kind.FIGURE, Kind.BY_VALUE
#: What was found good before is not looked at again.
MOST_REMEMBERED: Final = 50_000
known_names: Final = dict[str, str]()
_known_likenesses: Final = dict[tuple[tuple[str, str], ...], str]()
#: Properties of up to so many characters are remembered with what they were taken apart into: many events say the same.
LONGEST_REMEMBERED: Final = 500
MOST_PARTS: Final = 5_000


def read_event(
    given: object,
    now: datetime,
    new_id: str,
    apart: Apart = ANYTHING,
    place: str = "",
    *,
    generation_id: str | None = None,
) -> Event:
    """Check one event of the wire; `InvalidInput` names the field. Without an id or a time it gets these."""
    if not isinstance(given, dict):
        raise InvalidInput(f"{place or 'The body'} must be an object.", param=place or None)
    properties = given.get("properties") or {}
    if not isinstance(properties, dict) or len(properties) > MOST_PROPERTIES:
        raise InvalidInput(
            f"properties is an object of up to {MOST_PROPERTIES} values.", param=_at(place, "properties")
        )
    name = _name(given, "event_name", place)
    customer = _name(given, "external_customer_id", place)
    said = canonical_json(properties, place)
    kinds = kinds_of(apart)
    text, likeness, figures = kinds.parts.get(said) or parts_of(properties, said, kinds, place)
    event_id = given.get("event_id")
    return Event(
        new_id if event_id is None or event_id == "" else _fresh_name(event_id, "event_id", place),
        name,
        customer,
        now if given.get("timestamp") in (None, "") else moment_of(given.get("timestamp"), place),
        _name(given, "source", place) if given.get("source") else "",
        text,
        likeness,
        figures,
        digest_of(name, customer, said),
        generation_id,
    )


def figures_of(properties: Mapping[str, Any], apart: Apart = ANYTHING) -> dict[str, int]:
    """The figures of an event that was taken in, in billionths."""
    return _taken_apart(properties, kinds_of(apart), "")[1]


def is_told(name: str, allowed: Iterable[str]) -> bool:
    """Whether what events are alike in says if a property is one of these. Not of a property that looks like a figure
    or is of the one event alone: only the events themselves know."""
    kind = _any_kinds[name]
    if kind is not _BY_VALUE:
        return kind is _DIMENSION
    return all(0 < len(each) <= LONGEST_DIMENSION and billionths(each, name, strict=False) is None for each in allowed)


def likeness_of(properties: Mapping[str, Any], names: Iterable[str] = ()) -> dict[str, str]:
    """What an event says in common with others of its kind; and what it says under these `names`."""
    found, _ = _taken_apart(properties, _any_kinds, "")
    found.pop(FIGURES, None)
    return found | {name: said for name in names if (said := canonical(properties.get(name)))}


def parts_of(properties: Mapping[str, Any], said: bytes, kinds: Kinds, place: str = "") -> Parts:
    """Of properties that are not remembered, with their canonical JSON: what they are taken apart into."""
    text = said.decode()
    if len(text) > LONGEST_PROPERTIES:
        raise InvalidInput("The properties are too long.", param=_at(place, "properties"))
    alike, counted = _taken_apart(properties, kinds, place)
    found = text, _likeness(alike, place), tuple(counted.items())
    if len(text) <= LONGEST_REMEMBERED:
        if len(kinds.parts) >= MOST_PARTS:
            kinds.parts.clear()
        kinds.parts[said] = found
    return found


def _taken_apart(properties: Mapping[str, Any], kinds: Kinds, place: str) -> tuple[dict[str, str], dict[str, int]]:
    alike, counted = dict[str, str](), dict[str, int]()
    for name, value in properties.items():
        kind = kinds[name]
        if kind is _OWN or value is None:
            continue
        if kind is not _DIMENSION:
            if type(value) is int and -LARGEST <= value <= LARGEST:
                counted[name] = value * BILLIONTHS
                continue
            found = None if _is_word(value) else billionths(value, name, place, strict=kind is _FIGURE)
            if found is not None:
                counted[name] = found
                continue
        text = value if type(value) is str else _text(value, place)
        if kind is not _BY_VALUE or len(text) <= LONGEST_DIMENSION:
            alike[name] = text
    if counted:  # events of a shape have the same figures: a meter that takes the first of several knows which it was
        alike[FIGURES] = ",".join(sorted(counted))
    return alike, counted


def _is_word(value: object) -> bool:
    """Certainly no figure, at a cheap look: figures may stand between blanks."""
    return type(value) is str and value[:1].isalpha()


def _likeness(alike: dict[str, str], place: str) -> str:
    """Their canonical JSON, remembered: few kinds of events come very often."""
    key = tuple(alike.items())
    found = _known_likenesses.get(key)
    if found is None:
        found = canonical_json(alike, place).decode()
        if len(_known_likenesses) >= MOST_REMEMBERED:
            _known_likenesses.clear()
        _known_likenesses[key] = found
    return found


def _text(value: object, place: str) -> str:
    return canonical_json(value, place).decode() if isinstance(value, list | dict) else canonical(value)


def canonical_json(value: object, place: str = "") -> bytes:
    """Sorted, without spaces. Half a surrogate pair is no text: nothing can store it."""
    try:
        return orjson.dumps(value, None, _SORTED)
    except (TypeError, ValueError):
        raise InvalidInput("The properties hold something that is no text.", param=_at(place, "properties")) from None


def billionths(value: object, name: str, place: str = "", *, strict: bool = True) -> int | None:
    """A figure in billionths, rounded half up there; None for what is no figure (it then tells events apart). One that
    is too large is refused, or (not `strict`) is none."""
    if type(value) is int and -LARGEST <= value <= LARGEST:
        return value * BILLIONTHS
    if isinstance(value, bool | list | dict):
        return None
    text = repr(value) if isinstance(value, float) else str(value).strip()
    if text.isascii() and text.isdigit() and len(text) < WHOLE_DIGITS:
        return int(text) * BILLIONTHS
    figure = _figure(text)
    if figure is None or figure.copy_abs() <= LARGEST:
        return None if figure is None else int((figure * BILLIONTHS).to_integral_value(rounding="ROUND_HALF_UP"))
    if strict:
        raise InvalidInput(f"{name} is larger than anything here can be.", param=_at(place, f"properties.{name}"))
    return None


def _figure(text: str) -> Decimal | None:
    if not text or len(text) > LONGEST_FIGURE or text[-1] not in FIGURE_ENDS or text[0] not in FIGURE_STARTS:
        return None
    try:
        figure = Decimal(text)
    except InvalidOperation:
        return None
    return figure if figure.is_finite() else None


def _name(given: Mapping[str, Any], field: str, place: str) -> str:
    """A name that comes again and again: of a kind of event, a customer, a source."""
    value = given.get(field)
    return known_name(value, field, place)


def known_name(value: object, field: str = "", place: str = "") -> str:
    """A name that is remembered from now on."""
    if type(value) is str and (known := known_names.get(value)) is not None:
        return known
    found = _fresh_name(value, field, place)
    if len(known_names) >= MOST_REMEMBERED:
        known_names.clear()
    known_names[found] = found
    return found


def _fresh_name(value: object, field: str, place: str) -> str:
    if type(value) is not str or not 0 < len(value) <= LONGEST_NAME or not value.isprintable() or value.isspace():
        raise InvalidInput(
            f"{field} is missing: give it as text of up to {LONGEST_NAME} characters.", param=_at(place, field)
        )
    return value


def moment_of(given: object, place: str = "") -> datetime:
    """A time of the wire, in UTC."""
    try:
        return parsed(given if isinstance(given, str) else "")
    except (ValueError, OverflowError):
        said = "timestamp is a time with its zone, such as 2026-04-14T15:00:00Z."
        raise InvalidInput(said, param=_at(place, "timestamp")) from None


def digest_of(name: str, customer: str, properties: bytes) -> int:
    """What a repetition has in common with the first: all but the time and the source."""
    said = f"{name}\0{customer}\0".encode() + properties  # a name holds no such letter
    return int.from_bytes(blake2b(said, digest_size=DIGEST_BYTES).digest(), "big", signed=True)


def _at(place: str, field: str) -> str:
    return f"{place}.{field}" if place else field
