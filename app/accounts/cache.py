"""Answers remembered for a few seconds, so that identity costs a dictionary look-up and not a query per event.

Another process may believe an answer for as long as it lives; in this process `forget` is immediate, also for a look-up
that was already under way: it started before the change, so what it read is not kept.
"""

import threading
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from app.kernel.clock import Clock

T = TypeVar("T")
MOST_ENTRIES = 10_000


class ShortCache(Generic[T]):
    """Keyed by hash, thread-safe, bounded."""

    def __init__(self, clock: Clock, lifetime: timedelta) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._entries: dict[str, tuple[datetime, T]] = {}
        self._lock = threading.Lock()
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """Take this before reading the database and hand it to `put`."""
        return self._epoch

    def get(self, key: str) -> T | None:
        entry = self._entries.get(key)
        return entry[1] if entry is not None and self._clock() < entry[0] else None

    def put(self, key: str, value: T, epoch: int, *, until: datetime | None = None) -> None:
        """Remember `value`, at most to `until`, unless something was forgotten since `epoch`."""
        now = self._clock()
        dies = now + self._lifetime if until is None else min(now + self._lifetime, until)
        with self._lock:
            if epoch != self._epoch:
                return
            if len(self._entries) >= MOST_ENTRIES:
                self._entries = {known: entry for known, entry in self._entries.items() if entry[0] > now}
            if len(self._entries) >= MOST_ENTRIES:
                self._entries.clear()
            self._entries[key] = (dies, value)

    def forget(self, key: str) -> None:
        with self._lock:
            self._epoch += 1
            self._entries.pop(key, None)

    def clear(self) -> None:
        with self._lock:
            self._epoch += 1
            self._entries.clear()
