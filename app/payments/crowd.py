"""Whether webhooks are coming in thick and fast, so that what can wait lets them in first.

A sender waits for its answer and gives up; what an event stands for can be applied seconds later without anybody
noticing. In one process both want the same interpreter and, on SQLite, the same writer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

#: So many that are written together were waiting together: a busy moment, and no longer the usual trickle.
MANY: Final = 8
#: A crowd is over when none was seen for so long; one batch takes a few milliseconds.
GONE_AFTER: Final = 0.1
#: However long the crowd stays: then one goes on all the same.
LONGEST: Final = 0.3
LOOK: Final = 0.02


class Crowd:
    """Seen by whoever takes webhooks in, asked by whoever applies them; of one process, from any thread."""

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._monotonic, self._sleep = monotonic, sleep
        self._seen_at = -GONE_AFTER  # one assignment a batch, which needs no lock

    def seen(self, number: int) -> None:
        """So many were written together."""
        if number >= MANY:
            self._seen_at = self._monotonic()

    def here(self) -> bool:
        """Whether there was one a moment ago."""
        return self._monotonic() - self._seen_at < GONE_AFTER

    async def let_in(self) -> None:
        """Wait until the crowd is gone, at most `LONGEST` seconds."""
        until = self._monotonic() + LONGEST
        while self.here() and self._monotonic() < until:
            await self._sleep(LOOK)
