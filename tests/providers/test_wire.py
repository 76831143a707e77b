"""The paid POST against real sockets: what the network does, and what we conclude from it."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest

from app.kernel.errors import ProviderBusy, ProviderError, ProviderUnclear
from app.providers import http
from app.providers.port import Connection
from app.providers.registry import build
from tests.providers.upstream import job

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def server(answer):
    """Reads each request whole, then does what `answer(writer)` does; yields its address and what it has read."""
    seen, serving = [], []

    async def serve(reader, writer):
        serving.append(asyncio.current_task())
        try:
            await read_and_answer(reader, writer)
        finally:
            writer.close()

    async def read_and_answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        seen.append(head + await reader.readexactly(length))
        await answer(writer)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield f"http://127.0.0.1:{port}/root", seen
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def fal(base_url):
    return build(Connection("fal", "fal", base_url, "k"))


async def hang_up(writer):
    writer.transport.abort()


async def close_politely(writer):
    """The connection ends after the request was read, without a byte of an answer."""


async def half_an_answer(writer):
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    await writer.drain()


async def not_http(writer):
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    await writer.drain()


async def silence(writer):
    await asyncio.Event().wait()


@pytest.mark.parametrize("answer", [hang_up, close_politely, half_an_answer, not_http, silence])
async def test_a_request_that_was_read_is_never_sent_again(answer, monkeypatch):
    monkeypatch.setattr(http, "TIMEOUTS", httpx.Timeout(0.1, connect=5))
    async with server(answer) as (address, seen):
        with pytest.raises(ProviderUnclear):
            await fal(address).submit(job("fal"))
    assert len(seen) == 1


async def test_a_port_nobody_listens_on_proves_that_nothing_was_sent():
    async with server(hang_up) as (address, _):
        pass
    with pytest.raises(ProviderBusy):
        await fal(address).submit(job("fal"))


async def test_a_host_that_does_not_exist_proves_that_nothing_was_sent():
    with pytest.raises(ProviderBusy):
        await fal("http://no-such-host.invalid/root").submit(job("fal"))


async def test_each_submission_opens_its_own_connection():
    """A kept connection that the provider has closed meanwhile would look like a lost submission."""

    async def accept_and_close(writer):
        body = b'{"request_id": "r-1"}'
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: keep-alive\r\n\r\n%s" % (len(body), body))
        await writer.drain()

    async with server(accept_and_close) as (address, seen):
        adapter = fal(address)
        for _ in range(5):
            assert (await adapter.submit(job("fal"))).upstream_id == "r-1"
    assert len(seen) == 5


async def test_neither_logs_nor_errors_tell_the_key_or_the_callback(caplog):
    caplog.set_level("DEBUG")
    async with server(hang_up) as (address, _):
        adapter = build(Connection("fal", "fal", address, "key-that-must-not-leak"))
        with pytest.raises(ProviderError) as failure:
            await adapter.submit(job("fal", callback_url="https://pay.example/hooks/secret-signature"))
    told = f"{caplog.text}{failure.value}{failure.value.details}"
    assert "key-that-must-not-leak" not in told
    assert "secret-signature" not in told
