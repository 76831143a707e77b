"""Connections to providers that are kept between calls, the one used last first.

The pool that comes with the client looks at every connection it has for every request, which with some dozens of them
took a third of a chat; this one looks at the one it takes. Everything on the wire, and every error, stays the client's.
"""

import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import anyio
import httpcore
import httpx

Address = tuple[bytes, bytes, int]


class KeptTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport, its requests and errors included, over `Connections`."""

    def __init__(self, trust: ssl.SSLContext, *, keep: int, expiry_seconds: float) -> None:
        super().__init__(verify=trust)
        self._pool = Connections(trust, keep, expiry_seconds)  # type: ignore[assignment]


class Connections:
    """At most `keep` idle ones to an address, each for `expiry_seconds`; as many busy ones as there are calls."""

    def __init__(self, trust: ssl.SSLContext, keep: int, expiry_seconds: float) -> None:
        self._trust = trust
        self._keep = keep
        self._expiry_seconds = expiry_seconds
        self._idle: dict[Address, deque[tuple[float, httpcore.AsyncHTTPConnection]]] = {}

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send it on a kept connection that is still good, or on a new one; never on two."""
        origin = request.url.origin
        address = (origin.scheme, origin.host, origin.port)
        connection = await self._kept(address) or httpcore.AsyncHTTPConnection(
            origin, ssl_context=self._trust, keepalive_expiry=self._expiry_seconds
        )
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await _close(connection)
            raise
        lent = Lent(response.stream, self, address, connection)
        return httpcore.Response(
            response.status, headers=response.headers, content=lent, extensions=response.extensions
        )

    async def give_back(self, address: Address, connection: httpcore.AsyncHTTPConnection) -> None:
        """Keep it if its answer was read to the end, and close those that have waited for too long."""
        idle = self._idle.setdefault(address, deque())
        now = time.monotonic()
        if connection.is_idle():
            idle.append((now, connection))
        else:
            await _close(connection)
        while idle and (len(idle) > self._keep or idle[0][0] < now - self._expiry_seconds):
            await _close(idle.popleft()[1])

    async def aclose(self) -> None:
        """Close all that are idle."""
        kept, self._idle = self._idle, {}
        for idle in kept.values():
            for _, connection in idle:
                await _close(connection)

    async def __aenter__(self) -> "Connections":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.aclose()

    async def _kept(self, address: Address) -> httpcore.AsyncHTTPConnection | None:
        idle = self._idle.get(address)
        while idle:
            _, connection = idle.pop()
            if connection.is_idle() and not connection.has_expired():  # expired, or hung up on by the other side
                return connection
            await _close(connection)
        return None


class Lent:
    """An answer's body; closing it gives the connection back."""

    def __init__(
        self, stream: Any, owner: Connections, address: Address, connection: httpcore.AsyncHTTPConnection
    ) -> None:
        self._stream = stream
        self._owner = owner
        self._address = address
        self._connection: httpcore.AsyncHTTPConnection | None = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await self._stream.aclose()
        finally:
            with anyio.CancelScope(shield=True):
                await self._owner.give_back(self._address, connection)


async def _close(connection: httpcore.AsyncHTTPConnection) -> None:
    """Also while the call is being cancelled: nothing else would."""
    with anyio.CancelScope(shield=True):
        await connection.aclose()
