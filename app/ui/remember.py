"""Values that pages share and that are dear to make: kept for a while, made by one and awaited by the others."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from app import services
from app.services import Services

T = TypeVar("T")


class PerServices(Generic[T]):
    """One value for the installed services; other services (a test's) get their own."""

    def __init__(self, make: Callable[[Services], T]) -> None:
        self._make = make
        self._held: tuple[Services, T] | None = None

    def get(self) -> T:
        asked = services.current()
        if self._held is None or self._held[0] is not asked:
            self._held = (asked, self._make(asked))
        return self._held[1]


class Remembered(Generic[T]):
    """What `make` answered, for `seconds`; whoever comes while it is being made waits for it."""

    def __init__(self, make: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._make, self._seconds = make, seconds
        self._made: tuple[float, T] | None = None
        self._making: asyncio.Task[T] | None = None

    def forget(self) -> None:
        self._made = None

    async def get(self) -> T:
        if self._made is not None and time.monotonic() - self._made[0] < self._seconds:
            return self._made[1]
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._renew())
        return await asyncio.shield(self._making)

    async def _renew(self) -> T:
        value = await self._make()
        self._made = (time.monotonic(), value)
        return value
