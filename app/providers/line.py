"""One connection to a provider, for one exchange of HTTP/1.1 after another: h11 speaks it, asyncio carries it.

Errors are httpx's, so that whoever calls can tell what was never sent from what may have been read. aiohttp would do it
for a fifth less processor time, but somebody has to close its sessions, also that of an adapter which was replaced
while a purchase is still under way; and httpx-aiohttp says `ConnectTimeout` of a line that broke after the request was
sent, which would be bought again.
"""

import asyncio
import select
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any, Final, cast

import h11
import httpx
from aiohappyeyeballs import start_connection

MOST_HEAD_BYTES: Final = 100 * 1024
MOST_WAITING_BYTES: Final = 512 * 1024  # of an answer that comes faster than it is read
HAPPY_EYEBALLS_SECONDS: Final = 0.25


class Line(asyncio.Protocol):
    """`open`, then for each exchange: `ask`, `body` to its end, `rest`. Anything else ends in `close`."""

    def __init__(self) -> None:
        self._talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=MOST_HEAD_BYTES)
        self._waiting: asyncio.Future[None] | None = None
        self._came: list[bytes] = []
        self._size = 0
        self._is_over = False
        self._is_full = False  # what was written does not leave fast enough
        self._trouble: Exception | None = None

    @classmethod
    async def open(cls, host: str, port: int, trust: ssl.SSLContext | None, seconds: float | None) -> "Line":
        """A new connection. Whatever goes wrong here, nothing of a request was sent."""
        try:
            async with asyncio.timeout(seconds):
                loop = asyncio.get_running_loop()
                known = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                connected = await start_connection(known, happy_eyeballs_delay=HAPPY_EYEBALLS_SECONDS)
                _, line = await loop.create_connection(
                    cls, sock=connected, ssl=trust, server_hostname=host if trust else None
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout("The connection took too long.") from error
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(str(error)) from error
        return line

    # --- what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has no name in common with it

    def data_received(self, data: bytes) -> None:
        self._came.append(data)
        self._size += len(data)
        if self._size > MOST_WAITING_BYTES:
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._is_over = True
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_over = True
        self._trouble = self._trouble or exc
        self._wake()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    # --- one exchange

    @property
    def is_good(self) -> bool:
        """Whether another exchange may be begun on it; a goodbye that has only just come counts."""
        if self._is_over or self._came or self._talk.our_state is not h11.IDLE or self._transport.is_closing():
            return False
        return not _has_come(self._transport.get_extra_info("socket"))

    async def ask(self, request: httpx.Request) -> h11.Response:
        """Send it, once, and wait for the head of the answer."""
        patience = request.extensions.get("timeout", {})
        with _ours():
            head = self._talk.send(
                h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
            )
        assert isinstance(request.stream, httpx.AsyncByteStream)  # noqa: S101
        unsent = [head or b""]
        async for part in request.stream:
            with _ours():
                unsent.append(self._talk.send(h11.Data(part)) or b"")
            if sum(map(len, unsent)) > MOST_WAITING_BYTES:
                await self._write(b"".join(unsent), patience.get("write"))
                unsent.clear()
        with _ours():
            unsent.append(self._talk.send(h11.EndOfMessage()) or b"")
        await self._write(b"".join(unsent), patience.get("write"))
        while not isinstance(event := await self._event(patience.get("read")), h11.Response):
            if not isinstance(event, h11.InformationalResponse) or event.status_code == 101:
                raise httpx.RemoteProtocolError("The answer does not begin like one.")
        return event

    async def body(self, seconds: float | None) -> AsyncIterator[bytes]:
        """The answer's body as it comes, with at most so long a silence within it."""
        while isinstance(event := await self._event(seconds), h11.Data):
            yield bytes(event.data)

    def rest(self) -> bool:
        """After an exchange: ready for another, or False where this one did not come to its end."""
        if self._talk.our_state is not h11.DONE or self._talk.their_state is not h11.DONE or self._is_over:
            return False
        if self._transport.get_write_buffer_size():
            return False  # it was answered before it had read everything: it may hang up over the rest
        self._talk.start_next_cycle()
        return not self._talk.trailing_data[0] and not self._came

    def close(self) -> None:
        """At once: whatever is under way is given up."""
        self._is_over = True
        self._transport.abort()

    # --- bytes

    async def _event(self, seconds: float | None) -> Any:
        while True:
            try:
                event = self._talk.next_event()
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error)) from error
            if event is not h11.NEED_DATA:
                return event
            if not self._came and not self._is_over:
                await self._wait(seconds, httpx.ReadTimeout)
            self._take()

    def _take(self) -> None:
        """Give what came to the parser, and the end when nothing will come any more."""
        if not self._came:
            if self._trouble is not None:
                raise httpx.ReadError(str(self._trouble)) from self._trouble
            if self._talk.their_state is h11.SEND_RESPONSE:
                raise httpx.RemoteProtocolError("The server hung up without an answer.")
        self._talk.receive_data(b"".join(self._came))  # nothing at all is the end
        self._came.clear()
        if self._size > MOST_WAITING_BYTES and not self._is_over:
            self._transport.resume_reading()
        self._size = 0

    async def _write(self, data: bytes, seconds: float | None) -> None:
        """Where the other side hangs up meanwhile, its answer may be there all the same: reading it tells."""
        self._transport.write(data)
        while self._is_full and not self._is_over and not self._came:
            await self._wait(seconds, httpx.WriteTimeout)

    async def _wait(self, seconds: float | None, late: type[httpx.TimeoutException]) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._waiting
        except TimeoutError as error:
            raise late("The provider was silent for too long.") from error
        finally:
            self._waiting = None


class _ours:
    """What cannot be said in HTTP is our own mistake."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, h11.LocalProtocolError):
            raise httpx.LocalProtocolError(str(error)) from error


def _has_come(line: socket.socket) -> bool:
    """Whether there is something to read, the end included."""
    poll = select.poll()
    poll.register(line.fileno(), select.POLLIN)
    return bool(poll.poll(0))
