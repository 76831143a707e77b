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
import time
from collections.abc import Callable, Sequence
from typing import Any

from limits.strategies import MovingWindowRateLimiter

from app.generation.rate import WINDOW_SECONDS, Rate, RateHeaders, RedisAway, Refusal, Stand, item_of, key_of, tightest
from app.generation.windows import Windows

AGAIN_AFTER_SECONDS = 5.0  # Redis is left alone that long after it did not

log = logging.getLogger(__name__)


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
