"""Rate limits that several processes share, in Redis, by the library `limits`. Imported only where Redis is set."""

import asyncio
import math
import time
from collections.abc import Sequence
from typing import Any

from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter, SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool

from app.generation.rate import WINDOW_SECONDS, Rate, RateHeaders, RedisAway, Refusal, Stand, item_of, tightest

PATIENCE_SECONDS = 0.25  # for Redis to answer


class SharedRates:
    """Of one event loop, which its connections belong to. Every method may raise `RedisAway`."""

    def __init__(self, redis_url: str) -> None:
        self._pool = ConnectionPool.from_url(
            redis_url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
        )
        options: dict[str, Any] = {"implementation": "redispy", "connection_pool": self._pool}
        self._storage = RedisStorage(f"async+{redis_url}", wrap_exceptions=True, **options)
        self._requests = MovingWindowRateLimiter(self._storage)
        self._tokens = SlidingWindowCounterRateLimiter(self._storage)

    async def close(self) -> None:
        await self._pool.aclose()

    async def take(self, rates: Sequence[Rate]) -> RateHeaders | Refusal:
        """As `Rates.take`."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS * 2):
                for rate in rates:
                    if not await self._limiter(rate).hit(item_of(rate), rate.subject, cost=rate.amount):
                        return Refusal(rate, await self._wait(rate))
                return tightest(await asyncio.gather(*(self._stand(rate) for rate in rates)))
        except (StorageError, TimeoutError, OSError) as error:
            raise RedisAway(str(error) or type(error).__name__) from error

    async def add(self, rate: Rate) -> None:
        """Count what had happened already, as far as the window has room."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                room = (await self._limiter(rate).get_window_stats(item_of(rate), rate.subject)).remaining
                if (amount := min(room, rate.amount)) > 0:
                    await self._limiter(rate).hit(item_of(rate), rate.subject, cost=amount)
        except (StorageError, TimeoutError, OSError) as error:
            raise RedisAway(str(error) or type(error).__name__) from error

    async def _stand(self, rate: Rate) -> Stand:
        stats = await self._limiter(rate).get_window_stats(item_of(rate), rate.subject)
        return Stand(rate, max(0, int(stats.remaining)), max(0.0, stats.reset_time - time.time()))

    async def _wait(self, rate: Rate) -> int:
        stats = await self._limiter(rate).get_window_stats(item_of(rate), rate.subject)
        return min(WINDOW_SECONDS, max(1, math.ceil(float(stats.reset_time) - time.time())))

    def _limiter(self, rate: Rate) -> Any:
        # A moving window keeps an entry a unit: fine for requests, a million of them for tokens.
        return self._requests if rate.kind == "requests" else self._tokens
