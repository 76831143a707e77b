"""A part of the API that is put together when somebody asks for it: that takes a fifth of a second, which neither a
start nor an installation that never uses the part should spend."""

import asyncio
import threading
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send


class Later:
    """The ASGI application that `build` makes, from the first request on; made once, however many come at once."""

    def __init__(self, build: Callable[[], ASGIApp]) -> None:
        self._build = build
        self._built: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        built = self._built
        if built is None:
            built = await asyncio.to_thread(self._once)
        await built(scope, receive, send)

    def _once(self) -> ASGIApp:
        with self._lock:
            if self._built is None:
                self._built = self._build()
            return self._built
