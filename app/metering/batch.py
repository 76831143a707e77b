"""Many events of the wire at once. PURE.

Read one by one, each field of each event costs a call or two. Here a field is taken from all of them and looked at as
one: what many have in common is looked at once. Where anything is not as it mostly is, they are read one by one after
all (`read_event`), which knows what is wrong; so both answer the same.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import repeat
from struct import unpack
from typing import Any, Final

from app.kernel.errors import InvalidInput
from app.metering.apart import Apart, Parts, kinds_of
from app.metering.events import (
    ANYTHING,
    DIGEST_BYTES,
    LONGEST_NAME,
    MOST_PROPERTIES,
    Event,
    canonical_json,
    known_name,
    known_names,
    moment_of,
    parts_of,
    read_event,
)  # fmt: skip

#: Not said for anybody to read: they are read one by one then, which says what is wrong.
_UNUSUAL: Final = "These events are not as they mostly are."
#: Events that come together often say the same second.
_moment = lru_cache(maxsize=4_096)(moment_of)


def read_events(
    given: Sequence[object], now: datetime, new_id: Callable[[], str], place: str = "", apart: Apart = ANYTHING
) -> list[Event]:
    """Check events of the wire; `InvalidInput` names the field of the first that is wrong. Those without an id or a
    time get these."""
    try:
        return _together(given, now, new_id, apart)
    except InvalidInput:
        return [
            read_event(each, now, new_id() if _lacks_id(each) else "", apart, f"{place}.{at}" if place else "")
            for at, each in enumerate(given)
        ]


def _together(given: Sequence[Any], now: datetime, new_id: Callable[[], str], apart: Apart) -> list[Event]:
    _all_are(given, dict)
    parts, said = _parts([each.get("properties") or {} for each in given], apart)
    texts, likenesses, figures = zip(*parts, strict=True)
    names = _names([each.get("event_name") for each in given])
    customers = _names([each.get("external_customer_id") for each in given])
    return list(
        map(
            Event._make,
            zip(
                _ids([each.get("event_id") for each in given], new_id), names, customers,
                _moments([each.get("timestamp") for each in given], now),
                _names([each.get("source") or "" for each in given], unless=""),
                texts, likenesses, figures, _digests(names, customers, said), repeat(None),
            ),
        )
    )  # fmt: skip


def _parts(properties: list[Any], apart: Apart) -> tuple[list[Parts], list[bytes]]:
    """What they were taken apart into, and their canonical JSON."""
    _all_are(properties, dict)
    if max(map(len, properties)) > MOST_PROPERTIES:
        raise InvalidInput(_UNUSUAL)
    kinds = kinds_of(apart)
    said = [canonical_json(each) for each in properties]
    known = list(map(kinds.parts.get, said))
    if all(known):
        return known, said  # type: ignore[return-value]
    return [
        found or parts_of(each, text, kinds) for found, each, text in zip(known, properties, said, strict=True)
    ], said


def _names(values: list[Any], unless: str | None = None) -> list[str]:
    """Names that come again and again; `unless` is good without being one."""
    _all_are(values, str)
    found = list(map(known_names.get, values))
    if all(found):
        return found  # type: ignore[return-value]
    return [each if each == unless else known_name(each) for each in values]


def _ids(values: list[Any], new_id: Callable[[], str]) -> list[str]:
    if not all(values):
        values = [new_id() if each is None or each == "" else each for each in values]
    _all_are(values, str)
    if max(map(len, values)) > LONGEST_NAME or not "".join(values).isprintable() or any(map(str.isspace, values)):
        raise InvalidInput(_UNUSUAL)
    return values


def _moments(values: list[Any], now: datetime) -> list[datetime]:
    if not all(values):
        return [now if each is None or each == "" else moment_of(each) for each in values]
    _all_are(values, str)
    return list(map(_moment, values))


def _digests(names: list[str], customers: list[str], said: list[bytes]) -> Sequence[int]:
    """As `events.digest_of` has them."""
    each = [
        blake2b(f"{name}\0{customer}\0".encode() + text, digest_size=DIGEST_BYTES).digest()
        for name, customer, text in zip(names, customers, said, strict=True)
    ]
    return unpack(f">{len(each)}q", b"".join(each))


def _all_are(values: Sequence[object], kind: type) -> None:
    if set(map(type, values)) != {kind}:
        raise InvalidInput(_UNUSUAL)


def _lacks_id(given: object) -> bool:
    return isinstance(given, dict) and given.get("event_id") in (None, "")
