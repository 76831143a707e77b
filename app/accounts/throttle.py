"""How often something may be tried, counted in this process before it is judged: many at once get no more tries than
one after the other."""

import math
import time
from collections.abc import Sequence

from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from app.kernel import secrets
from app.kernel.errors import LimitReached


class Throttle:
    """`message` and `code` are what somebody is told who tried too often."""

    def __init__(self, limits: Sequence[RateLimitItem], message: str, code: str) -> None:
        self._limits, self._message, self._code = limits, message, code
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def attempt(self, *who: str) -> None:
        """Count one attempt; `LimitReached` when there were too many."""
        key = _key(who)
        for limit in self._limits:
            if not self._limiter.hit(limit, key):
                wait = self._limiter.get_window_stats(limit, key).reset_time - time.time()
                raise LimitReached(self._message, code=self._code, retry_after_seconds=max(1, math.ceil(wait)))

    def forgive(self, *who: str) -> None:
        """It was them: start counting afresh."""
        for limit in self._limits:
            self._limiter.clear(limit, _key(who))


def _key(who: tuple[str, ...]) -> str:
    return secrets.digest("\n".join(who))
