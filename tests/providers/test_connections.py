"""Connections kept between calls: used again while they are good, never for a request that was sent before."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.kernel.clock import now
from app.providers.connections import Courier, KeptTransport
from app.providers.http import LOST, NOT_SENT

PATIENCE_SECONDS = 60
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LENGTH = b"content-length:"
HALF = b"HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\nok"

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Servers run on uvloop, commands on Python's own loop."""
    return "asyncio", {"use_uvloop": request.param}


class Provider:
    """Answers every request with what `says`, and hangs up where that is empty; counts what arrives on which line."""

    def __init__(self) -> None:
        self.says = ANSWER
        self.requests: list[int] = []  # the number of the connection each one came on
        self.open: dict[int, asyncio.StreamWriter] = {}
        self.opened = 0
        self.taken = 0  # bytes of bodies
        self.changed = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        number = self.opened
        self.open[number] = writer
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(LENGTH)), 0)
                self.taken += len(await reader.readexactly(length))
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
async def provider(identity: ssl.SSLContext | None = None) -> AsyncIterator[Provider]:
    there = Provider()
    server = await asyncio.start_server(there.serve, "127.0.0.1", 0, ssl=identity)
    there.url = f"http{'s' if identity else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server:
        yield there
        for writer in list(there.open.values()):
            writer.close()


def client(*, keep: int = 10, expiry_seconds: float = 600, trust: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    transport = KeptTransport(trust or ssl.create_default_context(), keep=keep, expiry_seconds=expiry_seconds)
    return Courier(transport, timeout=PATIENCE_SECONDS)


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


@pytest.mark.parametrize(
    ("says", "connections"),
    [
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", 1, id="chunks"
        ),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER, 1, id="a word before"),
        pytest.param(ANSWER.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"), 2, id="the last one here"),
        pytest.param(ANSWER + b"more than was said", 2, id="and something else"),
    ],
)
async def test_an_answer_in_any_shape(says: bytes, connections: int) -> None:
    async with provider() as there, client() as ours:
        there.says = says
        for _ in range(2):
            assert (await ours.post(there.url, content=b"{}")).text == "ok"
        assert len(set(there.requests)) == connections


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", id="another protocol"),
        pytest.param(b"SSH-2.0-x\r\n\r\n", id="no HTTP"),
        pytest.param(b"HTTP/1.1 200 OK\r\nx: " + b"x" * 200_000, id="a head without an end"),
    ],
)
async def test_what_is_no_answer_leaves_it_unclear(says: bytes) -> None:
    async with provider() as there, client() as ours:
        there.says = says
        with pytest.raises(LOST) as caught:
            await ours.post(there.url)
        assert not isinstance(caught.value, NOT_SENT)


async def test_an_answer_that_breaks_off_is_no_answer() -> None:
    async with provider() as there, client() as ours:
        there.says = HALF
        call = asyncio.create_task(ours.get(there.url))
        await there.until(lambda: there.requests == [1])
        there.open[1].close()
        with pytest.raises(LOST) as caught:
            await call
        assert not isinstance(caught.value, NOT_SENT)


async def test_much_goes_and_comes_whole_at_the_readers_pace() -> None:
    much = bytes(range(256)) * 20_000
    async with provider() as there, client() as ours:
        there.says = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(much) + much
        for _ in range(2):
            got = bytearray()
            async with ours.stream("POST", there.url, content=much) as answer:
                async for part in answer.aiter_bytes():
                    got += part
                    await asyncio.sleep(0)
            assert got == much
        assert (there.taken, there.requests) == (2 * len(much), [1, 1])


async def test_one_that_was_answered_before_all_of_it_was_read_is_not_used_again() -> None:
    opened: list[asyncio.StreamWriter] = []

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()

    server = await asyncio.start_server(hasty, "127.0.0.1", 0)
    async with server, client() as ours:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for _ in range(2):
            assert (await ours.post(url, content=bytes(30_000_000))).text == "ok"
        assert len(opened) == 2
        for writer in opened:
            writer.transport.abort()


async def test_silence_is_not_waited_for_without_end() -> None:
    async with provider() as there, client() as ours:
        there.says = HALF
        with pytest.raises(httpx.ReadTimeout):
            await ours.get(there.url, timeout=httpx.Timeout(PATIENCE_SECONDS, read=0.05))
        await there.until(lambda: not there.open)


async def test_only_whom_we_trust_is_told_anything(tmp_path: Path) -> None:
    identity, trust = _self_signed(tmp_path)
    async with provider(identity) as there, client(trust=trust) as ours, client() as wary:
        for _ in range(2):
            assert (await ours.post(there.url, content=b"{}")).text == "ok"
        with pytest.raises(NOT_SENT):
            await wary.post(there.url, content=b"{}")
        assert there.requests == [1, 1]


def _self_signed(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Who is at 127.0.0.1, and whoever believes it."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )
    shown, kept = folder / "certificate.pem", folder / "key.pem"
    shown.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    kept.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    identity = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    identity.load_cert_chain(shown, kept)
    return identity, ssl.create_default_context(cafile=str(shown))


async def test_closing_the_client_closes_what_it_kept() -> None:
    async with provider() as there:
        async with client() as ours:
            await ours.get(there.url)
        await there.until(lambda: not there.open)
