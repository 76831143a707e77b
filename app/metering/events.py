"""Events as they come in: checked, taken apart into what they are alike in and their figures. PURE."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any, Final

import orjson

from app.kernel.clock import as_utc
from app.kernel.errors import InvalidInput
from app.metering.apart import Apart, canonical

BILLIONTHS: Final = 10**9
LONGEST_NAME: Final = 255
MOST_PROPERTIES: Final = 100
LONGEST_PROPERTIES: Final = 16_384
LONGEST_FIGURE: Final = 40
#: Beyond it a figure is a mistake; sums of it would not fit.
LARGEST: Final = 10**15


@dataclass(frozen=True, slots=True)
class Event:
    """One usage event. `likeness` is canonical JSON of every property that is not a figure; `figures` are in
    billionths."""

    event_id: str
    name: str
    customer: str
    at: datetime
    source: str
    properties: str
    likeness: str
    figures: Mapping[str, int]
    digest: int


def read_event(given: object, now: datetime, new_id: str, apart: Apart, place: str = "") -> Event:
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
    text = _json(properties, place)
    if len(text) > LONGEST_PROPERTIES:
        raise InvalidInput("The properties are too long.", param=_at(place, "properties"))
    alike, counted = _taken_apart(properties, apart, place)
    return Event(
        event_id=_name(given, "event_id", place) if given.get("event_id") not in (None, "") else new_id,
        name=name,
        customer=customer,
        at=_moment(given.get("timestamp"), now, place),
        source=_name(given, "source", place) if given.get("source") else "",
        properties=text,
        likeness=_json(alike, place),
        figures=counted,
        digest=_digest(name, customer, text),
    )


def _taken_apart(properties: Mapping[str, Any], apart: Apart, place: str) -> tuple[dict[str, str], dict[str, int]]:
    alike, counted = dict[str, str](), dict[str, int]()
    for name, value in properties.items():
        if value is None or name in apart.names:
            continue
        found = billionths(value, name, place) if name in apart.figures else None
        if found is None:
            alike[name] = value if type(value) is str else _text(value, place)
        else:
            counted[name] = found
    return alike, counted


def _text(value: object, place: str) -> str:
    return _json(value, place) if isinstance(value, list | dict) else canonical(value)


def _json(value: object, place: str) -> str:
    """Canonical: sorted, without spaces. Half a surrogate pair is no text: nothing can store it."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except (TypeError, ValueError):
        raise InvalidInput("The properties hold something that is no text.", param=_at(place, "properties")) from None


def billionths(value: object, name: str, place: str = "") -> int | None:
    """A figure in billionths, rounded half up there; None for what is no figure (it then tells events apart)."""
    if type(value) is int and -LARGEST <= value <= LARGEST:
        return value * BILLIONTHS
    if isinstance(value, bool | list | dict):
        return None
    text = repr(value) if isinstance(value, float) else str(value).strip()
    try:
        figure = Decimal(text) if len(text) <= LONGEST_FIGURE else Decimal("NaN")
    except InvalidOperation:
        return None
    if not figure.is_finite():
        return None
    if figure.copy_abs() > LARGEST:
        raise InvalidInput(f"{name} is larger than anything here can be.", param=_at(place, f"properties.{name}"))
    return int((figure * BILLIONTHS).to_integral_value(rounding="ROUND_HALF_UP"))


def _name(given: Mapping[str, Any], field: str, place: str) -> str:
    value = given.get(field)
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_NAME or not value.isprintable():
        raise InvalidInput(
            f"{field} is missing: give it as text of up to {LONGEST_NAME} characters.", param=_at(place, field)
        )
    return value


def _moment(given: object, now: datetime, place: str) -> datetime:
    if given in (None, ""):
        return now
    try:
        return as_utc(datetime.fromisoformat(given))  # type: ignore[arg-type]
    except (ValueError, TypeError, OverflowError):
        said = "timestamp is a time with its zone, such as 2026-04-14T15:00:00Z."
        raise InvalidInput(said, param=_at(place, "timestamp")) from None


def _digest(name: str, customer: str, properties: str) -> int:
    said = f"{len(name)}:{name}{len(customer)}:{customer}{properties}"
    return int.from_bytes(blake2b(said.encode(), digest_size=8).digest(), signed=True)


def _at(place: str, field: str) -> str:
    return f"{place}.{field}" if place else field
