"""One POST to a stranger's address: to the address that was looked at, or not at all."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
from standardwebhooks import Webhook

from app.kernel import clock
from app.notify import webhook_wire
from app.notify.webhook_endpoints import new_secret
from app.notify.webhook_wire import Answer, Pinned, Wire
from tests.support.listener import listening

BODY = '{"type":"webhook.test","data":{}}'
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Names:
    """A name server that gives one answer after the other; the last one stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def nothing() -> AsyncIterator[bytes]:
    """A body that comes from a wire."""
    yield b""


def post(wire: Wire, url: str, secrets: Sequence[str] = ("whsec_" + "QUJD" * 8,), body: str = BODY) -> Answer:
    return asyncio.run(wire.post(url, body, "msg_1", secrets, clock.now()))


def outside(names: Names, inner: httpx.AsyncBaseTransport | None = None) -> Wire:
    """A wire of a real installation, with this name server."""
    return Wire(transport=lambda: Pinned(resolve=names, inner=inner))


def test_what_is_sent_verifies_with_the_published_library_under_either_secret_of_a_rotation() -> None:
    old, new = new_secret(), new_secret()
    with listening() as heard:
        answer = post(Wire(loopback=True), heard.url, (new, old))
        call = heard.next()
    assert answer.is_accepted
    assert answer.address == "127.0.0.1"
    assert call.headers["content-type"] == "application/json"
    for secret in (old, new):
        assert Webhook(secret).verify(call.body, call.headers) == json.loads(BODY)


def test_the_connection_goes_to_the_address_that_was_looked_at_under_the_name_that_was_given() -> None:
    names, seen = Names(["2606:4700::1111", "93.184.216.34"], ["127.0.0.1"]), []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, request.headers["host"], request.extensions["sni_hostname"]))
        return httpx.Response(204, content=nothing())

    assert post(outside(names, httpx.MockTransport(answer)), "https://hooks.example.com/x").status == 204
    assert seen == [("93.184.216.34", "hooks.example.com", "hooks.example.com")]
    assert names.asked == 1


def test_a_name_that_is_pointed_elsewhere_after_it_was_looked_at_leads_nobody_there() -> None:
    """DNS rebinding: public for whoever checks, this very machine for whoever connects a moment later."""
    with listening() as heard:
        port = httpx.URL(heard.url).port
        names = Names(["93.184.216.34"], ["127.0.0.1"])
        wire = outside(names, httpx.MockTransport(lambda _: httpx.Response(200, content=nothing())))
        url = "https://rebind.example.com:8443/hook"
        assert wire.check(url) == url
        assert post(wire, url).is_accepted  # the first answer was public, and that is where it went
        again = post(Wire(transport=lambda: Pinned(resolve=names)), url)
        assert again.error == "Not sent: rebind.example.com leads to 127.0.0.1, which is not on the internet."
        assert heard.all(quiet_seconds=0.2) == []
        assert port is not None


@pytest.mark.parametrize(
    "answers",
    [
        ["10.0.0.8"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["fd00:ec2::254"],
        ["93.184.216.34", "127.0.0.1"],
    ],
    ids=" and ".join,
)
def test_a_name_that_leads_inside_is_not_called(answers: list[str]) -> None:
    called: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        called.append(request)
        return httpx.Response(200)

    said = post(outside(Names(answers), httpx.MockTransport(answer)), "https://hooks.example.com/")
    assert said.status is None
    assert said.error is not None
    assert "not on the internet" in said.error
    assert called == []


def test_a_connection_that_ended_up_inside_all_the_same_is_given_up() -> None:
    class Stream:
        def get_extra_info(self, _name: str) -> tuple[str, int]:
            return ("10.0.0.1", 443)

    inner = httpx.MockTransport(lambda _: httpx.Response(200, extensions={"network_stream": Stream()}))
    said = post(outside(Names(["93.184.216.34"]), inner), "https://hooks.example.com/")
    assert said.error == "Not sent: the connection went to 10.0.0.1."


def test_a_name_that_leads_nowhere_says_so() -> None:
    said = post(outside(Names([])), "https://nowhere.example.com/")
    assert said.error == "There was no connection: the name nowhere.example.com leads nowhere."


class Odd(BaseHTTPRequestHandler):
    """A receiver with bad manners, by path."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/slow":
            time.sleep(1.5)
        if self.path == "/redirect":
            self.send_response(307)
            self.send_header("location", "/stolen")
        else:
            self.send_response(200)
        size = 50_000_000 if self.path == "/huge" else 0
        self.send_header("content-length", str(size))
        self.end_headers()
        try:
            for _ in range(size // 100_000):
                self.wfile.write(b"x" * 100_000)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def odd() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_redirect_is_a_failure_and_is_not_followed(odd: str) -> None:
    said = post(Wire(loopback=True), f"{odd}/redirect")
    assert (said.status, said.is_accepted, said.error) == (307, False, "Redirects are not followed.")


def test_only_the_beginning_of_an_answer_is_read(odd: str) -> None:
    said = post(Wire(loopback=True), f"{odd}/huge")
    assert said.is_accepted
    assert len(said.body) == webhook_wire.MOST_BYTES


def test_nobody_is_waited_for_longer_than_agreed(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_wire, "TIMEOUT_SECONDS", 0.2)
    said = post(Wire(loopback=True), f"{odd}/slow")
    assert said.status is None
    assert said.error is not None
    assert said.error.startswith("There was no answer within")


def test_a_certificate_for_another_name_is_not_accepted() -> None:
    """The address is pinned and the name still counts: whoever answers there must be who was named."""
    with listening() as heard:
        port = httpx.URL(heard.url).port
        said = post(Wire(loopback=True), f"https://localhost:{port}/")
    assert said.status is None
    assert not said.is_accepted
