"""What the signatures of all providers have in common: headers in any case, a window of time, one way to refuse."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.kernel.errors import NotAllowed

TOLERANCE_SECONDS = 300


class SignedHeaders:
    """The headers of a callback; a missing one refuses the callback."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = {name.lower(): value for name, value in headers.items()}

    def __getitem__(self, name: str) -> str:
        value = self._headers.get(name.lower())
        if not value:
            raise refused(f"the header {name} is missing")
        return value


def refused(why: str) -> NotAllowed:
    """A callback that is not from the provider, or can no longer be told from a replayed one."""
    return NotAllowed(f"This callback is not accepted: {why}.", code="callback_refused")


def check_age(timestamp: str, now: datetime) -> None:
    """Refuse a callback signed more than five minutes away from `now`; the timestamp is in unix seconds."""
    try:
        signed_at = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        raise refused("its timestamp cannot be read") from None
    if abs((now - signed_at).total_seconds()) > TOLERANCE_SECONDS:
        raise refused("it was signed more than five minutes ago, or in the future")


def parsed(body: bytes) -> Mapping[str, Any]:
    """The body as JSON; what `refused` raises for one that is none."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise refused("its body is not a JSON object")
    return payload


def identifier(*candidates: object) -> str:
    """The first usable job id among the places where a provider may put it."""
    for candidate in candidates:
        if isinstance(candidate, str) and candidate:
            return candidate
    raise refused("it does not say which job it is about")
