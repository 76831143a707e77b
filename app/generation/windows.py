"""Moving windows in the memory of this process, as a storage for the library `limits`: a request costs a few
microseconds, and an amount of a million tokens is one entry."""

import threading
import time
from collections import deque
from collections.abc import Callable

from limits.storage import MovingWindowSupport, Storage

from app.generation.rate import WINDOW_SECONDS

MOST_WINDOWS = 20_000


class Windows(Storage, MovingWindowSupport):
    """Moving windows in memory: for each key the moments and amounts of the last minute, and their sum."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, deque[tuple[float, int]]] = {}
        self._sums: dict[str, int] = {}

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        with self._lock:
            entries, used, now = self._turned(key, expiry)
            if used + amount > limit:
                return False
            entries.append((now, amount))
            self._sums[key] = used + amount
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest entry that counts was made (now without one), and the sum."""
        with self._lock:
            entries, used, now = self._turned(key, expiry)
            return (entries[0][0] if entries else now), used

    def add(self, key: str, amount: int) -> None:
        """Count what had happened already, whatever the limit says."""
        with self._lock:
            entries, used, now = self._turned(key, WINDOW_SECONDS)
            entries.append((now, amount))
            self._sums[key] = used + amount

    def frees_in(self, key: str, expiry: int, amount: int, limit: int) -> float:
        """Seconds until `amount` fits again."""
        with self._lock:
            entries, used, now = self._turned(key, expiry)
            for made, freed in entries:
                used -= freed
                if used + amount <= limit:
                    return max(0.0, made + expiry - now)
            return float(expiry)

    def _turned(self, key: str, expiry: int) -> tuple[deque[tuple[float, int]], int, float]:
        """The window without what has left it. The lock is the caller's."""
        now = self._clock()
        entries = self._kept.get(key)
        if entries is None:
            if len(self._kept) >= MOST_WINDOWS:
                self._forget_idle(now - expiry)
            entries = self._kept[key] = deque()
        used = self._sums.get(key, 0)
        while entries and entries[0][0] <= now - expiry:
            used -= entries.popleft()[1]
        self._sums[key] = used
        return entries, used, now

    def _forget_idle(self, before: float) -> None:
        idle = [key for key, entries in self._kept.items() if not entries or entries[-1][0] <= before]
        for key in idle:
            self._kept.pop(key)
            self._sums.pop(key, None)

    # What else the library wants of a storage; other strategies than ours would use it.

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("moving windows only")

    def get(self, key: str) -> int:
        raise NotImplementedError("moving windows only")

    def get_expiry(self, key: str) -> float:
        raise NotImplementedError("moving windows only")

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        with self._lock:
            count = len(self._kept)
            self._kept.clear()
            self._sums.clear()
            return count

    def clear(self, key: str) -> None:
        with self._lock:
            self._kept.pop(key, None)
            self._sums.pop(key, None)
