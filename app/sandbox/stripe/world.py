"""The account everything happens in: its clock, its objects, its events."""

import json
import secrets
import string
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from app.sandbox.stripe.errors import missing
from app.sandbox.stripe.store import Store, Thing

#: The only version spoken: the one that the current Python library pins.
API_VERSION = "2026-10-28.endive"
ACCOUNT = "acct_1SandboxFarebox00"

_LETTERS = string.ascii_letters + string.digits
_LENGTHS = {"cs_test": 58, "cus": 14, "ws": 32}


def new_id(prefix: str) -> str:
    """Such as `pi_3Q…`, as long as Stripe's own."""
    return f"{prefix}_{''.join(secrets.choice(_LETTERS) for _ in range(_LENGTHS.get(prefix, 24)))}"


@dataclass(frozen=True, slots=True)
class Cause:
    """The request an event came from; both are empty for what happens in the dashboard or by time."""

    request: str | None = None
    key: str | None = None
    #: The address the client reached us by, for links that lead back here.
    base: str = ""


class World:
    def __init__(self, store: Store, speed: float) -> None:
        self.store = store
        self.speed = speed
        self.cause = Cause()
        #: Told whenever an intent succeeded, failed or began to process: its checkout session has to know.
        self.watchers: list[Callable[[Thing], None]] = []

    def now(self) -> int:
        """Unix seconds on the account's own clock, which the control page can put forward."""
        return int(self.moment())

    def moment(self) -> float:
        return time.time() + float(self.store.setting("clock_ahead", 0))

    @contextmanager
    def caused_by(self, cause: Cause) -> Iterator[None]:
        """Events of the block say where they came from. One at a time: the block must not await."""
        before, self.cause = self.cause, cause
        try:
            yield
        finally:
            self.cause = before

    def base(self) -> str:
        """Where this Stripe is reached; remembered, because what happens by time has no request to tell."""
        if self.cause.base:
            if self.store.setting("base") != self.cause.base:
                self.store.set("base", self.cause.base)
            return self.cause.base
        return str(self.store.setting("base", "http://127.0.0.1"))

    # Objects

    def add(self, body: Thing, hidden: Mapping[str, Any] | None = None) -> Thing:
        return self.store.add(str(body["object"]), body, hidden)

    def get(self, kind: str, wanted: str, param: str = "id") -> Thing:
        """The object, or Stripe's own refusal."""
        found = self.store.find(wanted, kind)
        if found is None:
            raise missing(kind, wanted, param)
        return found

    def change(self, body: Thing, **changes: Any) -> Thing:
        return self.store.save({**body, **changes})

    # Events

    def emit(
        self,
        kind: str,
        about: Thing,
        *,
        before: Mapping[str, Any] | None = None,
        **crafted: Any,
    ) -> Thing:
        """Record an event with the object as it is now, and a delivery for every endpoint that wants it."""
        data: Thing = {"object": about, **({"previous_attributes": dict(before)} if before else {})}
        endpoints = [each for each in self.endpoints() if _wants(each, kind)]
        event: Thing = {
            "id": new_id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(),
            "data": data,
            "livemode": False,
            "pending_webhooks": len(endpoints),
            "request": {"id": self.cause.request, "idempotency_key": self.cause.key},
            "type": kind,
            **crafted,
        }
        self.store.add("event", event)
        for endpoint in endpoints:
            self.store.run(
                "INSERT INTO delivery (event, type, endpoint, state, due) VALUES (?, ?, ?, 'new', ?)",
                event["id"],
                kind,
                endpoint["id"],
                time.time(),
            )
        return event

    def endpoints(self) -> list[Thing]:
        """Webhook endpoints that are switched on, oldest first."""
        return self.store.page("webhook_endpoint", [("status", "=", "enabled")], limit=100).things[::-1]

    # What happens later by itself

    def later(self, seconds: float, what: str, thing: str, **given: Any) -> None:
        """Put something down for `seconds` from now on the account's clock (shorter when the sandbox is fast)."""
        self.at(self.moment() + seconds / self.speed, what, thing, **given)

    def at(self, moment: float, what: str, thing: str, **given: Any) -> None:
        self.store.run(
            "INSERT INTO duty (due, what, thing, given) VALUES (?, ?, ?, ?)", moment, what, thing, json.dumps(given)
        )


def _wants(endpoint: Thing, kind: str) -> bool:
    return bool({"*", kind} & set(endpoint["enabled_events"]))


def merged(metadata: Mapping[str, str], given: Any) -> dict[str, str]:
    """Metadata after an update: an empty value removes its key, an empty string removes all."""
    if given is None:
        return dict(metadata)
    if not given:
        return {}
    return {name: value for name, value in {**metadata, **given}.items() if value != ""}
