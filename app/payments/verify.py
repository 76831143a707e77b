"""Is this webhook Stripe's? Decided on the raw bytes, before anything is parsed for meaning or written down.

Stripe's own check lets a timestamp from the future pass, takes the first of several, and needs a library which takes a
second to load with the first webhook. So it is made here: by our clock and on both sides.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from app.kernel.errors import InvalidInput

MOST_BYTES: Final = 256 * 1024
SKEW_SECONDS: Final = 300
SCHEME: Final = "v1"
_SECONDS: Final = re.compile(r"[0-9]{1,15}")
LONGEST_ID: Final = 255


class BadSignature(InvalidInput):
    """Not signed by a secret of ours, or not now. `code` is part of what the sender is told."""

    code = "bad_signature"


@dataclass(frozen=True, slots=True)
class Hint:
    """A verified event: somebody at Stripe says that this object is worth a look."""

    event_id: str
    type: str
    api_version: str
    livemode: bool
    object_id: str
    body: str
    sha256: str


def verify(body: bytes, header: str | None, secrets: Sequence[str], now: datetime) -> Hint:
    """The event in a signed body. `BadSignature`, or `InvalidInput` for a signed body that is no event."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("The body is not UTF-8 text.", code="bad_body") from None
    stamp, signatures = _signed_by(header or "")
    if abs(int(stamp) - now.timestamp()) > SKEW_SECONDS:
        raise BadSignature("The signature is too old, or from the future.", code="stale_signature")
    signed = b"%b.%b" % (stamp.encode(), body)
    if not any(_fits(signed, signatures, secret) for secret in secrets):
        raise BadSignature("The signature does not fit the body.")
    return _hint(text, hashlib.sha256(body).hexdigest())


def hint_of(text: str) -> Hint:
    """An event that did not come by webhook but was read at the provider. `InvalidInput` for what is no event."""
    return _hint(text, hashlib.sha256(text.encode()).hexdigest())


def _signed_by(header: str) -> tuple[str, list[bytes]]:
    """The one timestamp there is, and every signature of the scheme in use."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    if len(stamps) != 1 or not _SECONDS.fullmatch(stamps[0]):
        raise BadSignature("The Stripe-Signature header is missing or has no timestamp, or more than one.")
    return stamps[0], [value.encode() for name, _, value in parts if name == SCHEME]


def _fits(signed: bytes, signatures: Sequence[bytes], secret: str) -> bool:
    """Whether one of them is this secret's; an empty secret signs nothing."""
    if not secret.strip():
        return False
    expected = hmac.digest(secret.encode(), signed, "sha256").hex().encode()
    return any(hmac.compare_digest(expected, signature) for signature in signatures)


def _hint(text: str, sha256: str) -> Hint:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput("The body is not JSON.", code="bad_body") from None
    if not isinstance(event, Mapping) or event.get("object") != "event":
        raise InvalidInput("The body is not an event.", code="bad_body")
    data = event.get("data")
    thing = data.get("object") if isinstance(data, Mapping) else None
    livemode = event.get("livemode")
    if not isinstance(thing, Mapping) or type(livemode) is not bool:
        raise InvalidInput("The event does not say what it is about.", code="bad_body")
    return Hint(
        event_id=_text(event, "id"),
        type=_text(event, "type"),
        api_version=_text(event, "api_version", required=False),
        livemode=livemode,
        object_id=_text(thing, "id", required=False),
        body=text.replace("\0", ""),
        sha256=sha256,
    )


def _text(event: Mapping[str, Any], name: str, *, required: bool = True) -> str:
    value = event.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID or not value.isprintable():
        raise InvalidInput(f"The event's {name} is missing or not text.", code="bad_body")
    return value
