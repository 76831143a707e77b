"""What was asked and answered: the answers stored under their keys, and a list of every request."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from app.sandbox.stripe.errors import IDEMPOTENCY, Refused
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World

KEY_LIVES_SECONDS = 24 * 3600
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: `text` is its form or query string, `base` the address this Stripe was reached by."""

    id: str
    method: str
    path: str
    text: str
    key: str | None
    base: str

    @property
    def fingerprint(self) -> str:
        """The same for the same request; the order of its parameters is no difference."""
        parts = "&".join(sorted(self.text.split("&")))
        return hashlib.sha256(f"{self.method}\n{self.path}\n{parts}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Answered:
    """A stored answer; `request` is the one that was answered first."""

    status: int
    body: Thing
    request: str


class Answers:
    def __init__(self, world: World) -> None:
        self._world = world
        self._under_way: set[str] = set()

    @contextmanager
    def only_one(self, key: str | None) -> Iterator[None]:
        """No other request with this key during the block."""
        if key is None:
            yield
            return
        if len(key) > LONGEST_KEY:
            raise Refused(f"Idempotency keys have at most {LONGEST_KEY} characters.", kind=IDEMPOTENCY, replayed=False)
        if key in self._under_way:
            raise Refused(
                f"There is currently another in-progress request using this Idempotency Key: {key}.",
                status=409,
                kind=IDEMPOTENCY,
                code="idempotency_key_in_use",
                replayed=False,
            )
        self._under_way.add(key)
        try:
            yield
        finally:
            self._under_way.discard(key)

    def find(self, asked: Asked) -> Answered | None:
        """The answer this key got before; refuses the key for another request."""
        since = self._world.now() - KEY_LIVES_SECONDS
        rows = self._world.store.run("SELECT * FROM answer WHERE key = ? AND at > ?", asked.key, since)
        if asked.key is None or not rows:
            return None
        if rows[0]["fingerprint"] != asked.fingerprint:
            raise Refused(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try"
                f" using a key other than '{asked.key}' if you meant to execute a different request.",
                kind=IDEMPOTENCY,
                replayed=False,
            )
        return Answered(rows[0]["status"], json.loads(rows[0]["body"]), rows[0]["request"])

    def keep(self, asked: Asked, status: int, body: Thing) -> None:
        if asked.key is None:
            return
        self._world.store.run(
            "INSERT OR REPLACE INTO answer (key, fingerprint, request, status, body, at) VALUES (?, ?, ?, ?, ?, ?)",
            asked.key,
            asked.fingerprint,
            asked.id,
            status,
            json.dumps(body),
            self._world.now(),
        )

    def note(self, asked: Asked, status: int, *, replayed: bool = False) -> None:
        """Write the request down in the list of all."""
        self._world.store.run(
            "INSERT INTO request (id, at, method, path, given, key, status, replayed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            asked.id,
            time.time(),
            asked.method,
            asked.path,
            asked.text,
            asked.key,
            status,
            int(replayed),
        )

    def noted(self, path: str | None) -> list[dict[str, Any]]:
        """Every request that reached the API, or that path of it, oldest first."""
        rows = self._world.store.run("SELECT * FROM request WHERE ? IS NULL OR path = ? ORDER BY number", path, path)
        return [dict(row) for row in rows]
