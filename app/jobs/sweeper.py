"""Generations that nobody carries are swept up, whether or not DBOS is well."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.jobs.ending import Until

SWEEP_SECONDS = 2.0

log = logging.getLogger("farebox.jobs")


@dataclass(frozen=True, slots=True)
class Carrier:
    """What the engine moves forward: one step of a generation (the seconds until the next, None when finished), and
    which generations nobody is carrying."""

    advance: Callable[[str], Awaitable[float | None]]
    overdue: Callable[[], Awaitable[list[str]]]


class Sweeper:
    """A thread with its own event loop that advances what is overdue, whether or not DBOS is well."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, carrier: Carrier) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._sweep(carrier)), name="sweeper", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Begin nothing any more."""
        self._stopping.set()

    def stop(self, until: Until | None = None) -> None:
        self.end()
        if self._thread is not None:
            self._thread.join((until or Until()).left)

    async def _sweep(self, carrier: Carrier) -> None:
        while not await asyncio.to_thread(self._stopping.wait, SWEEP_SECONDS):
            try:
                late = await carrier.overdue()
            except Exception:
                log.exception("the sweeper could not read what is overdue; it tries again in %s s", SWEEP_SECONDS)
                continue
            await asyncio.gather(*(self._advance(carrier, generation_id) for generation_id in late))

    async def _advance(self, carrier: Carrier, generation_id: str) -> None:
        if self._stopping.is_set():
            return
        try:
            await carrier.advance(generation_id)
        except Exception:
            log.exception("could not advance %s; it stays held and is tried again", generation_id)
