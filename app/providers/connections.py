"""Connections to providers that are kept between calls, the one used last first.

The pool that comes with the client looks at every connection it has for every request, and each step of an exchange
passes through a dozen layers: together that took half of a chat. This one looks at the connection it takes, and speaks
over it directly (`line.py`). The errors, the requests and the answers are httpx's.
"""

import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import httpx

from app.providers.line import Line

Address = tuple[str, str, int]
PORTS = {"http": 80, "https": 443}


class KeptTransport(httpx.AsyncBaseTransport):
    """At most `keep` idle ones to an address, each for `expiry_seconds`; as many busy ones as there are calls."""

    def __init__(self, trust: ssl.SSLContext, *, keep: int, expiry_seconds: float) -> None:
        trust.set_alpn_protocols(["http/1.1"])
        self._trust = trust
        self._keep = keep
        self._expiry_seconds = expiry_seconds
        self._idle: dict[Address, deque[tuple[float, Line]]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it on a kept connection that is still good, or on a new one; never on two."""
        url = request.url
        address = (url.scheme, url.raw_host.decode("ascii"), url.port or PORTS[url.scheme])
        patience = request.extensions.get("timeout", {})
        line = self._kept(address)
        if line is None:
            trust = self._trust if url.scheme == "https" else None
            line = await Line.open(address[1], address[2], trust, patience.get("connect"))
        try:
            head = await line.ask(request)
        except BaseException:
            line.close()
            raise
        return httpx.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=Lent(line, self, address, patience.get("read")),
            extensions={"http_version": b"HTTP/" + head.http_version, "reason_phrase": head.reason},
        )

    def give_back(self, address: Address, line: Line) -> None:
        """Keep it if its answer was read to the end, and close those that have waited for too long."""
        idle = self._idle.setdefault(address, deque())
        now = time.monotonic()
        if line.rest():
            idle.append((now, line))
        else:
            line.close()
        while idle and (len(idle) > self._keep or idle[0][0] < now - self._expiry_seconds):
            idle.popleft()[1].close()

    async def aclose(self) -> None:
        """Close all that are idle."""
        kept, self._idle = self._idle, {}
        for idle in kept.values():
            for _, line in idle:
                line.close()

    def _kept(self, address: Address) -> Line | None:
        idle = self._idle.get(address)
        best_before = time.monotonic() - self._expiry_seconds
        while idle:
            since, line = idle.pop()
            if since >= best_before and line.is_good:
                return line
            line.close()
        return None


class Lent(httpx.AsyncByteStream):
    """An answer's body; closing it gives the connection back."""

    def __init__(self, line: Line, owner: KeptTransport, address: Address, idle_seconds: float | None) -> None:
        self._line: Line | None = line
        self._owner = owner
        self._address = address
        self._idle_seconds = idle_seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._line is not None:
            async for part in self._line.body(self._idle_seconds):
                yield part

    async def aclose(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            self._owner.give_back(self._address, line)


class Courier(httpx.AsyncClient):
    """A client that does nothing but send: no cookies are kept, nothing is followed, nobody is asked to sign in."""

    def __init__(self, transport: httpx.AsyncBaseTransport, **options: Any) -> None:
        super().__init__(transport=transport, **options)
        self._carries = transport

    async def send(self, request: httpx.Request, *, stream: bool = False, **_: Any) -> httpx.Response:
        response = await self._carries.handle_async_request(request)
        response.request = request
        if not stream:
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response
