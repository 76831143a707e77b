"""What happens by itself when its time has come on the account's clock."""

import asyncio
import contextlib
import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

from app.sandbox.stripe import disputes, intents, refunds, sessions
from app.sandbox.stripe.world import Cause, World


class Calendar:
    def __init__(self, world: World, after: Callable[[], None]) -> None:
        self._world = world
        self._after = after
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def look(self) -> None:
        """The clock or the list may have changed."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            pause = self.do_due()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    def do_due(self) -> float | None:
        """Do all that is due, each in its own transaction; the seconds until the next."""
        world = self._world
        for row in world.store.run("SELECT * FROM duty WHERE due <= ? ORDER BY due, number", world.moment()):
            try:
                with world.store.transaction(), world.caused_by(Cause()):
                    world.store.run("DELETE FROM duty WHERE number = ?", row["number"])
                    _do(world, row["what"], row["thing"], json.loads(row["given"]))
            except Exception as error:
                # A duty that cannot be done must not stop the others, nor come again for ever.
                traceback.print_exception(error, file=sys.stderr)
                world.store.run("DELETE FROM duty WHERE number = ?", row["number"])
            self._after()
        due = world.store.run("SELECT min(due) AS due FROM duty")[0]["due"]
        return max(0.01, due - world.moment()) if due is not None else None


def _do(world: World, what: str, thing: str, given: dict[str, Any]) -> None:
    if what == "expire":
        session = world.get("checkout.session", thing)
        if session["status"] == "open":
            sessions.run_out(world, session)
    elif what == "settle":
        intent = world.get("payment_intent", thing)
        if intent["status"] == "processing":
            intents.settle(world, intent, paid=given["paid"])
    elif what == "refund":
        refund = world.get("refund", thing)
        if refund["status"] not in {"failed", "canceled"}:
            refunds.end(world, refund, given["status"])
    elif what == "dispute":
        disputes.by_behaviour(world, world.get("charge", thing), given["behaviour"])
    else:
        raise ValueError(f"no such duty: {what}")
