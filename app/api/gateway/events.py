"""Server-sent events: pieces as they come, and whoever stops reading is noticed at once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache", "x-accel-buffering": "no"}


class Events(Response):
    """`left` is called when the reader went away before the end; nothing here waits for what goes on after it."""

    def __init__(self, pieces: AsyncIterator[bytes], left: Callable[[], None], headers: Mapping[str, str]) -> None:
        super().__init__(None, 200, {**HEADERS, **headers})
        del self.headers["content-length"]
        self._pieces, self._left = pieces, left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watcher = asyncio.get_running_loop().create_task(self._watch(receive))
        complete = False
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for piece in self._pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            complete = True
        except OSError:
            pass  # the connection is gone: the same as being told so
        finally:
            watcher.cancel()
            if not complete:
                self._left()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._left()
