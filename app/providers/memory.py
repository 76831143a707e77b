"""Remembering what callbacks are verified with: a flood of forged ones costs the provider a request a minute."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_AGE = timedelta(hours=24)
MIN_AGE = timedelta(minutes=1)


@dataclass(slots=True)
class Memory(Generic[T]):
    """Values by key, each with the moment it was fetched."""

    _kept: dict[str, tuple[datetime, T]] = field(default_factory=dict)

    async def get(self, key: str, now: datetime, fetch: Callable[[], Awaitable[T]]) -> T:
        """The value of `key`, at most 24 hours old."""
        known = self._kept.get(key)
        if known and abs(now - known[0]) <= MAX_AGE:
            return known[1]
        return await self._fetch(key, now, fetch)

    async def newer(self, key: str, now: datetime, fetch: Callable[[], Awaitable[T]]) -> T | None:
        """A value that may have been rotated meanwhile; None when the known one was fetched within the last minute."""
        known = self._kept.get(key)
        if known and abs(now - known[0]) < MIN_AGE:
            return None
        return await self._fetch(key, now, fetch)

    async def _fetch(self, key: str, now: datetime, fetch: Callable[[], Awaitable[T]]) -> T:
        value = await fetch()
        self._kept[key] = (now, value)
        return value

    def forget(self) -> None:
        self._kept.clear()
