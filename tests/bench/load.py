"""A load of one request, again and again, over so many kept connections: little more than sockets and a stopwatch.

It reads no more of an answer than its status and length, so that what it takes of the machine is small beside any
server that does something with a request; the bare upstream's figure beside the others shows how small.
"""

import asyncio
import statistics
import time
from typing import NamedTuple
from urllib.parse import urlsplit


class Load(NamedTuple):
    """What came of it."""

    per_second: float
    p50_ms: float


class _Client(asyncio.Protocol):
    """One connection: asks, waits for the whole answer, asks again until the end."""

    transport: asyncio.Transport

    def __init__(self, request: bytes, end: float, seconds: list[float]) -> None:
        self._request, self._end, self._seconds = request, end, seconds
        self._answer = b""
        self._asked_at = 0.0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, blank, body = self._answer.partition(b"\r\n\r\n")
        if not blank or len(body) < _length(head):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._fail(RuntimeError(f"answered {self._answer[:500]!r}"))
            return
        now = time.perf_counter()
        self._seconds.append(now - self._asked_at)
        self._answer = b""
        if now < self._end:
            self._ask()
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.finished.done() and time.perf_counter() < self._end:
            self._fail(exc or ConnectionResetError("the server hung up"))
        elif not self.finished.done():
            self.finished.set_result(None)

    def _ask(self) -> None:
        self._asked_at = time.perf_counter()
        self.transport.write(self._request)

    def _fail(self, error: Exception) -> None:
        if not self.finished.done():
            self.finished.set_exception(error)
        self.transport.close()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise RuntimeError(f"an answer without a length: {head[:200]!r}")


def load(url: str, body: bytes, headers: dict[str, str], *, clients: int, seconds: float) -> Load:
    """POST `body` there for so long; raises on the first answer that is not 200."""
    where = urlsplit(url)
    given = {"host": where.netloc, "content-type": "application/json", "content-length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    request = f"POST {where.path} HTTP/1.1\r\n{head}\r\n".encode() + body

    async def run() -> Load:
        started = time.perf_counter()
        took: list[float] = []
        loop = asyncio.get_running_loop()
        made = [
            (
                await loop.create_connection(
                    lambda: _Client(request, started + seconds, took), where.hostname, where.port
                )
            )[1]
            for _ in range(clients)
        ]
        await asyncio.gather(*(client.finished for client in made))
        return Load(len(took) / (time.perf_counter() - started), statistics.median(took) * 1000)

    return asyncio.run(run())
