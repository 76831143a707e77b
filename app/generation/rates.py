"""Requests and tokens a minute: a moving window of sixty seconds for each limit, kept by the library `limits`.

Without Redis a window lives in this process, in a storage of our own for that library: a request costs it a few
microseconds where the library's spends fifty, and an amount of a million tokens is one entry where it keeps a million.
With `REDIS_URL` the library keeps the windows there, shared by every process; tokens then in its two-bucket
approximation, for the same reason.

When Redis does not answer, requests are let in by this process's own windows until it does: what a rate limit protects
is nobody's money (that is the hold's and the budgets', which are in the database), and a shop that closes because its
turnstile is broken helps nobody. The limit is then each process's own, which is logged.
"""

import asyncio
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from limits import RateLimitItemPerMinute
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter

WINDOW_SECONDS = 60
PATIENCE_SECONDS = 0.25  # for Redis to answer
AGAIN_AFTER_SECONDS = 5.0  # Redis is left alone that long after it did not
MOST_WINDOWS = 20_000

log = logging.getLogger(__name__)
Kind = Literal["requests", "tokens"]


class Rate(NamedTuple):
    """One limit of a request: `amount` of at most `allowed` a minute, counted for `subject`."""

    kind: Kind
    scope: Literal["key", "model", "workspace"]
    subject: str
    allowed: int
    amount: int


class Stand(NamedTuple):
    """How a rate stands: what is left, and in how many seconds all of it is there again."""

    rate: Rate
    remaining: int
    reset_seconds: float


@dataclass(frozen=True, slots=True)
class RateHeaders:
    """How the tightest limit of requests and that of tokens stand after a request; nothing where nothing is limited."""

    requests: Stand | None = None
    tokens: Stand | None = None

    def openai(self) -> dict[str, str]:
        """`x-ratelimit-limit-requests` and its siblings, as OpenAI names and writes them."""
        found: dict[str, str] = {}
        for kind, stand in (("requests", self.requests), ("tokens", self.tokens)):
            if stand is not None:
                found[f"x-ratelimit-limit-{kind}"] = str(stand.rate.allowed)
                found[f"x-ratelimit-remaining-{kind}"] = str(stand.remaining)
                found[f"x-ratelimit-reset-{kind}"] = in_words(stand.reset_seconds)
        return found

    def anthropic(self, now: datetime) -> dict[str, str]:
        """The same for Anthropic's clients: `anthropic-ratelimit-requests-limit` and its siblings."""
        found: dict[str, str] = {}
        for kind, stand in (("requests", self.requests), ("tokens", self.tokens)):
            if stand is not None:
                at = (now + timedelta(seconds=stand.reset_seconds)).astimezone(UTC)
                found[f"anthropic-ratelimit-{kind}-limit"] = str(stand.rate.allowed)
                found[f"anthropic-ratelimit-{kind}-remaining"] = str(stand.remaining)
                found[f"anthropic-ratelimit-{kind}-reset"] = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return found


class Refusal(NamedTuple):
    """The rate that was not granted, and when asking again can succeed."""

    rate: Rate
    retry_after_seconds: int


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


class Rates:
    """Every window of this process, or of all of them when `redis_url` is given."""

    def __init__(self, redis_url: str | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._windows = Windows(clock)
        self._own = MovingWindowRateLimiter(self._windows)
        self._redis_url = redis_url
        self._shared: dict[int, Any] = {}  # by event loop: a connection belongs to the one it was made on
        self._clock = clock
        self._away_until = 0.0

    async def take(self, rates: Sequence[Rate]) -> RateHeaders | Refusal:
        """Count one request against every rate, in order; the first that is full refuses it and those after it are
        not counted. Never fails for Redis's sake."""
        if not rates:
            return RateHeaders()
        if self._shares:
            from app.generation.shared_rates import RedisAway

            try:
                answer: RateHeaders | Refusal = await self._on_redis().take(rates)
                return answer
            except RedisAway as away:
                self._is_away(away)
        return self._take(rates)

    async def add(self, rates: Sequence[Rate]) -> None:
        """Count what turned out only afterwards, such as tokens that were answered. Never fails for Redis's sake: the
        request it is about is settled."""
        for rate in rates:
            if rate.amount > 0 and not await self._added_there(rate):
                self._windows.add(key_of(rate), rate.amount)

    async def _added_there(self, rate: Rate) -> bool:
        if not self._shares:
            return False
        from app.generation.shared_rates import RedisAway

        try:
            await self._on_redis().add(rate)
        except RedisAway as away:
            self._is_away(away)
            return False
        return True

    @property
    def _shares(self) -> bool:
        return self._redis_url is not None and self._clock() >= self._away_until

    def _is_away(self, why: Exception) -> None:
        self._away_until = self._clock() + AGAIN_AFTER_SECONDS
        log.warning("Redis does not answer (%s): rate limits are this process's own until it does", why)

    async def close(self) -> None:
        """Leave Redis, as far as this event loop is connected to it."""
        shared = self._shared.pop(id(asyncio.get_running_loop()), None)
        if shared is not None:
            await shared.close()

    def _take(self, rates: Sequence[Rate]) -> RateHeaders | Refusal:
        stands = []
        for rate in rates:
            item = item_of(rate)
            if not self._own.hit(item, rate.subject, cost=rate.amount):
                wait = self._windows.frees_in(key_of(rate), WINDOW_SECONDS, rate.amount, rate.allowed)
                return Refusal(rate, max(1, math.ceil(wait)))
            started, used = self._windows.get_moving_window(key_of(rate), rate.allowed, WINDOW_SECONDS)
            stands.append(Stand(rate, rate.allowed - used, started + WINDOW_SECONDS - self._clock()))
        return tightest(stands)

    def _on_redis(self) -> Any:
        from app.generation.shared_rates import SharedRates

        loop = id(asyncio.get_running_loop())
        if loop not in self._shared:
            self._shared[loop] = SharedRates(str(self._redis_url))
        return self._shared[loop]


def item_of(rate: Rate) -> RateLimitItemPerMinute:
    """The library's word for a limit."""
    known = _ITEMS.get((rate.kind, rate.allowed))
    if known is None:
        if len(_ITEMS) > MOST_WINDOWS:
            _ITEMS.clear()
        known = _ITEMS[rate.kind, rate.allowed] = RateLimitItemPerMinute(rate.allowed, namespace=f"farebox:{rate.kind}")
    return known


_ITEMS: dict[tuple[str, int], RateLimitItemPerMinute] = {}


def key_of(rate: Rate) -> str:
    return item_of(rate).key_for(rate.subject)


def tightest(stands: Sequence[Stand]) -> RateHeaders:
    """Of each kind the one with the least left."""
    by_kind: Mapping[str, list[Stand]] = {
        kind: [stand for stand in stands if stand.rate.kind == kind] for kind in ("requests", "tokens")
    }
    least = {kind: min(found, key=lambda stand: stand.remaining) for kind, found in by_kind.items() if found}
    return RateHeaders(least.get("requests"), least.get("tokens"))


def in_words(seconds: float) -> str:
    """A duration as OpenAI writes it: 820ms, 6.2s, 1m0s."""
    if seconds < 1:
        return f"{max(0, math.ceil(seconds * 1000))}ms"
    minutes, rest = divmod(math.ceil(seconds * 10) / 10, 60)
    figure = f"{rest:.1f}".removesuffix(".0")
    return f"{int(minutes)}m{figure}s" if minutes else f"{figure}s"
