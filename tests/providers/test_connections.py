"""Connections kept between calls: used again while they are good, never for a request that was sent before."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from app.providers.connections import KeptTransport
from app.providers.http import LOST, NOT_SENT

PATIENCE_SECONDS = 60
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\nok"

pytestmark = pytest.mark.anyio


class Provider:
    """Answers every request with what `says`, and hangs up where that is empty; counts what arrives on which line."""

    def __init__(self) -> None:
        self.says = ANSWER
        self.requests: list[int] = []  # the number of the connection each one came on
        self.open: dict[int, asyncio.StreamWriter] = {}
        self.opened = 0
        self.changed = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        number = self.opened
        self.open[number] = writer
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(number)
                self.changed.set()
                if not self.says:
                    return
                writer.write(self.says)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client closed it
        finally:
            writer.close()
            del self.open[number]
            self.changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    there = Provider()
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0)
    there.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server:
        yield there
        for writer in list(there.open.values()):
            writer.close()


def client(*, keep: int = 10, expiry_seconds: float = 600) -> httpx.AsyncClient:
    transport = KeptTransport(ssl.create_default_context(), keep=keep, expiry_seconds=expiry_seconds)
    return httpx.AsyncClient(transport=transport, timeout=PATIENCE_SECONDS)


async def test_one_call_after_another_goes_over_one_connection() -> None:
    async with provider() as there, client() as ours:
        for _ in range(3):
            assert (await ours.get(there.url)).text == "ok"
        assert there.requests == [1, 1, 1]


async def test_calls_at_once_have_a_connection_each_and_the_last_used_goes_first() -> None:
    async with provider() as there, client() as ours:
        async with ours.stream("GET", there.url) as first:
            async with ours.stream("GET", there.url) as second:
                await second.aread()
            await first.aread()
        await ours.get(there.url)
        assert there.requests == [1, 2, 1]


async def test_no_more_are_kept_than_asked_for() -> None:
    async with provider() as there, client(keep=1) as ours:
        async with ours.stream("GET", there.url) as first, ours.stream("GET", there.url) as second:
            await first.aread()
            await second.aread()
        await there.until(lambda: len(there.open) == 1)


async def test_one_that_waited_too_long_is_not_used_again() -> None:
    async with provider() as there, client(expiry_seconds=-1) as ours:
        for _ in range(2):
            await ours.get(there.url)
        assert there.requests == [1, 2]


async def test_one_the_provider_hung_up_on_is_seen_before_it_is_used() -> None:
    async with provider() as there, client() as ours:
        await ours.get(there.url)
        there.open[1].close()
        await there.until(lambda: not there.open)
        assert (await ours.get(there.url)).text == "ok"
        assert there.requests == [1, 2]


async def test_a_request_that_gets_no_answer_is_lost_and_not_sent_again() -> None:
    async with provider() as there, client() as ours:
        await ours.get(there.url)
        there.says = b""
        with pytest.raises(LOST) as caught:
            await ours.post(there.url)
        assert not isinstance(caught.value, NOT_SENT)
        assert there.requests == [1, 1]


async def test_an_answer_that_was_not_read_to_its_end_ends_its_connection() -> None:
    async with provider() as there, client() as ours:
        there.says = HALF
        async with ours.stream("GET", there.url):
            pass
        there.says = ANSWER
        await ours.get(there.url)
        assert there.requests == [1, 2]
        await there.until(lambda: set(there.open) == {2})


async def test_a_call_that_is_given_up_ends_its_connection() -> None:
    async with provider() as there, client() as ours:
        there.says = HALF
        call = asyncio.create_task(ours.get(there.url))
        await there.until(lambda: there.requests == [1])
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await there.until(lambda: not there.open)


async def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # ours, so that nobody else can listen there meanwhile
        async with client() as ours:
            with pytest.raises(NOT_SENT):
                await ours.get(f"http://127.0.0.1:{deaf.getsockname()[1]}/")


async def test_closing_the_client_closes_what_it_kept() -> None:
    async with provider() as there:
        async with client() as ours:
            await ours.get(there.url)
        await there.until(lambda: not there.open)
