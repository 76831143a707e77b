"""Delivering events: signed, several at a time, in no promised order, again with growing pauses until taken.

Tests may order other manners (`Manner`): lost, doubled, late, held back until released, or signed wrongly.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import secrets
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from app.sandbox.stripe import endpoints
from app.sandbox.stripe.store import Thing
from app.sandbox.stripe.world import World

TRIES = 8
FIRST_PAUSE_SECONDS = 2.0
TIMEOUT_SECONDS = 20.0
AT_ONCE = 12
STALE_SECONDS = 3600
#: How a signature can be wrong.
SIGNATURES = ("right", "wrong", "missing", "v0-only", "old", "future", "other-secret", "empty-secret")


@dataclass(frozen=True, slots=True)
class Manner:
    """How an event is delivered: `times` copies at once, `drop` for never, `hold` for not before it is released."""

    times: int = 1
    delay: float = 0.0
    drop: bool = False
    hold: bool = False
    signature: str = "right"


class Postman:
    """One task that looks for deliveries that are due, and a few at a time that make them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._wake = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._http: httpx.AsyncClient | None = None

    def start(self) -> None:
        self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False)
        self._world.store.run("UPDATE delivery SET state = 'due' WHERE state = 'sending'")  # what a kill interrupted
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        for task in [*([self._task] if self._task else []), *self._under_way]:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._http:
            await self._http.aclose()

    def look(self) -> None:
        """Something may be due now."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            pause = self._send_due()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    def _send_due(self) -> float | None:
        """Start what is due while hands are free; the seconds until the next look, None to wait for news."""
        store = self._world.store
        self._under_way = {task for task in self._under_way if not task.done()}
        self._sort_new()
        free = AT_ONCE - len(self._under_way)
        due = store.run(
            "UPDATE delivery SET state = 'sending' WHERE number IN (SELECT number FROM delivery WHERE state = 'due'"
            " AND due <= ? ORDER BY due, number LIMIT ?) RETURNING *",
            time.time(),
            free,
        )
        for row in due:
            task = asyncio.create_task(self._deliver(dict(row)))
            task.add_done_callback(_report)
            self._under_way.add(task)
        if len(due) == free:
            return None  # whoever is finished first wakes us
        later = store.run("SELECT min(due) AS due FROM delivery WHERE state = 'due'")[0]["due"]
        return max(0.01, later - time.time()) if later is not None else None

    def _sort_new(self) -> None:
        """Give new deliveries the manner that waits for them; mostly there is none."""
        store = self._world.store
        if not waiting_manners(self._world):
            store.run("UPDATE delivery SET state = 'due' WHERE state = 'new'")
            return
        for row in store.run("SELECT number, type FROM delivery WHERE state = 'new' ORDER BY number"):
            how = take_manner(self._world, row["type"])
            state = "dropped" if how.drop else "held" if how.hold else "due"
            store.run(
                "UPDATE delivery SET state = ?, due = ?, how = ? WHERE number = ?",
                state,
                time.time() + how.delay,
                json.dumps(asdict(how)),
                row["number"],
            )

    async def _deliver(self, row: dict[str, Any]) -> None:
        world, how = self._world, Manner(**json.loads(row["how"]))
        event = world.store.find(row["event"], "event")
        endpoint = world.store.find(row["endpoint"], "webhook_endpoint")
        if event is None or endpoint is None:
            world.store.run("UPDATE delivery SET state = 'dropped' WHERE number = ?", row["number"])
            return
        # The first delivery may be odd; what is tried again is in order.
        how = how if row["tries"] == 0 else Manner()
        posts = (self._post(endpoint, event, how.signature) for _ in range(how.times))
        answers = await asyncio.gather(*posts)
        self._noted(row, answers)

    def _noted(self, row: dict[str, Any], answers: list[int | None]) -> None:
        tries = row["tries"] + 1
        taken = any(status is not None and 200 <= status < 300 for status in answers)
        state = "done" if taken else "given_up" if tries >= TRIES else "due"
        pause = FIRST_PAUSE_SECONDS / self._world.speed * 2 ** (tries - 1)
        self._world.store.run(
            "UPDATE delivery SET state = ?, tries = ?, due = ?, answers = ? WHERE number = ?",
            state,
            tries,
            time.time() + pause,
            json.dumps([*json.loads(row["answers"]), *answers]),
            row["number"],
        )
        self._wake.set()

    async def _post(self, endpoint: Thing, event: Thing, signature: str) -> int | None:
        """The status it was answered with, None when there was no answer."""
        if self._http is None:
            raise RuntimeError("the postman was not started")
        body = payload(endpoints.with_pending(self._world, event))
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
            "accept": "*/*; q=0.5, application/xml",
            "cache-control": "no-cache",
            **signed(body, endpoints.secrets_of(self._world, endpoint["id"]), signature),
        }
        try:
            answer = await self._http.post(endpoint["url"], content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            print(f"sandbox: webhook to {endpoint['url']} failed: {error!r}", file=sys.stderr)
            return None
        return answer.status_code


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        traceback.print_exception(error, file=sys.stderr)


def payload(event: Thing) -> bytes:
    """Two spaces a level, as Stripe sends it: who signs a re-encoded body will find out."""
    return json.dumps(event, indent=2, ensure_ascii=False).encode()


def signed(body: bytes, keys: list[str], manner: str = "right") -> dict[str, str]:
    """The signature header: the real clock's time, one `v1` a valid secret, and a `v0` that means nothing."""
    moment = int(time.time()) + {"old": -STALE_SECONDS, "future": STALE_SECONDS}.get(manner, 0)
    if manner == "missing":
        return {}
    if manner in {"wrong", "other-secret"}:
        keys = [endpoints.new_secret()]
    elif manner == "empty-secret":
        keys = [""]
    right = [f"v1={_mac(key, moment, body)}" for key in keys] if manner != "v0-only" else []
    return {"stripe-signature": ",".join([f"t={moment}", *right, f"v0={secrets.token_hex(32)}"])}


def _mac(key: str, moment: int, body: bytes) -> str:
    return hmac.new(key.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


# Ordered manners


def order_manner(world: World, manner: Manner, *, kind: str = "*", events: int | None = 1) -> None:
    """The next `events` deliveries of this type (all, when None) get this manner."""
    world.store.set("manners", [*waiting_manners(world), {"type": kind, "left": events, "manner": asdict(manner)}])


def waiting_manners(world: World) -> list[dict[str, Any]]:
    return list(world.store.setting("manners", []))


def take_manner(world: World, kind: str) -> Manner:
    orders = waiting_manners(world)
    for order in orders:
        if order["type"] in {"*", kind}:
            if order["left"] is not None:
                order["left"] -= 1
                world.store.set("manners", [each for each in orders if each["left"] != 0])
            return Manner(**order["manner"])
    return Manner()
