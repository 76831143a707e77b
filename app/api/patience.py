"""Bodies that come too slowly: a client that drips them byte by byte would keep a connection for as long as it likes.

A body has a short while to itself, and after that must have come at no less than a slow line's speed. Only the body is
timed: what a route waits for afterwards, such as a client that hangs up, takes as long as it takes.
"""

import asyncio
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.kernel.errors import Rejected

GRACE_SECONDS = 30.0
SLOWEST_BYTES_PER_SECOND = 16 * 1024


class TooSlow(Rejected):
    """The body did not arrive in time; nothing was done."""

    code = "body_too_slow"


class Patience:
    """Middleware: `TooSlow` to whoever reads a body that drips."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        await self.app(scope, _timed(receive, _announced(scope)), send)


def _announced(scope: Scope) -> int | None:
    """How long the body says it is. The server reads no further than that."""
    given = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(given) if given.isdigit() and len(given) < 20 else None


def _timed(receive: Receive, announced: int | None) -> Receive:
    clock = asyncio.get_running_loop().time
    began, arrived, whole = clock(), 0, announced == 0

    async def timed() -> Message:
        nonlocal arrived, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(began + GRACE_SECONDS + arrived / SLOWEST_BYTES_PER_SECOND):
                message: dict[str, Any] = dict(await receive())
        except TimeoutError:
            raise TooSlow("The body of this request did not arrive in time. Send it again.") from None
        if message["type"] == "http.request":
            arrived += len(message.get("body", b""))
            whole = arrived == announced or not message.get("more_body", False)
        else:
            whole = True
        return message

    return timed
