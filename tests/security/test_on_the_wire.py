"""Attacks that need a socket: bytes no well-meaning client sends, or sends so slowly. Against the real server."""

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.security.conftest import powerful_key
from tests.support.api_server import Api, running_api
from tests.support.house import house, settings_for

PATIENCE_SECONDS = 60.0
MB = 1024 * 1024


class Attacked:
    def __init__(self, api: Api, key: str) -> None:
        self.port, self.key = int(api.url.rpartition(":")[2]), key

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)

    def head(self, path: str, *lines: str, method: str = "POST") -> bytes:
        told = [
            f"{method} {path} HTTP/1.1",
            "Host: 127.0.0.1",
            f"Authorization: Bearer {self.key}",
            "Content-Type: application/json",
            *lines,
        ]
        return "\r\n".join([*told, "", ""]).encode("latin-1")

    def say(self, sent: bytes) -> bytes:
        """Send it and read until the server has nothing more to say."""
        with self.connect() as peer:
            peer.sendall(sent)
            return heard(peer)

    def is_well(self) -> bool:
        return self.say(self.head("/v1/balance", "Connection: close", method="GET")).startswith(b"HTTP/1.1 200")


def heard(peer: socket.socket) -> bytes:
    """One answer, or what there is of it when the connection ends."""
    got = b""
    while True:
        try:
            part = peer.recv(65_536)
        except ConnectionResetError:
            return got
        got += part
        if not part or whole(got):
            return got


def whole(got: bytes) -> bool:
    head, found, body = got.partition(b"\r\n\r\n")
    if not found:
        return False
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    length = lines.get(b"content-length")
    return length is not None and len(body) >= int(length)


def status_of(got: bytes) -> int:
    return int(got.split(b" ", 2)[1]) if got.startswith(b"HTTP/") else 0


@pytest.fixture(scope="module")
def attacked(seeded_sqlite: Path, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    folder = tmp_path_factory.mktemp("attacked")
    shutil.copyfile(seeded_sqlite, folder / "house.sqlite")
    url = f"sqlite:///{folder / 'house.sqlite'}"
    with house(settings_for(folder / "maker", url, sandbox_url)) as home:
        key = powerful_key(home)
    with running_api(folder / "home", url, sandbox_url, impatient=True) as api:
        yield Attacked(api, key)


@pytest.fixture(autouse=True)
def survived(attacked: Attacked) -> Iterator[None]:
    yield
    assert attacked.is_well()


@pytest.mark.parametrize("path", ["/v1/generations", "/v1/chat/completions", "/v1/webhooks", "/v1/videos"])
def test_a_body_that_drips_is_given_up(attacked: Attacked, path: str) -> None:
    with attacked.connect() as peer:
        peer.sendall(attacked.head(path, "Content-Length: 1000") + b'{"model"')
        got = heard(peer)
    assert status_of(got) == 408, got
    assert json.loads(got.partition(b"\r\n\r\n")[2])["error"]["code"] == "body_too_slow"


def test_an_upload_that_drips_is_given_up(attacked: Attacked) -> None:
    head = attacked.head("/uploads", "Content-Length: 100000").replace(
        b"application/json", b"multipart/form-data; boundary=b"
    )
    with attacked.connect() as peer:
        peer.sendall(head + b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\x89PNG')
        assert status_of(heard(peer)) == 408


def test_headers_that_never_end_are_given_up(attacked: Attacked) -> None:
    with attacked.connect() as peer:
        peer.sendall(attacked.head("/v1/balance", method="GET")[:-2] + b"X-Slow: ")
        assert status_of(heard(peer)) in (0, 400, 408)


def test_many_who_drip_keep_nobody_else_waiting(attacked: Attacked) -> None:
    drips = [attacked.connect() for _ in range(100)]
    try:
        for peer in drips:
            peer.sendall(attacked.head("/v1/generations", "Content-Length: 1000") + b"{")
        assert attacked.is_well()
        assert {status_of(heard(peer)) for peer in drips} == {408}
    finally:
        for peer in drips:
            peer.close()


@pytest.mark.parametrize("path", ["/v1/generations", "/v1/chat/completions", "/v1/webhooks", "/uploads"])
def test_a_length_beyond_reason_is_refused_before_the_body_comes(attacked: Attacked, path: str) -> None:
    kind = b"multipart/form-data; boundary=b" if path == "/uploads" else b"application/json"
    head = attacked.head(path, "Content-Length: 10000000000000").replace(b"application/json", kind)
    assert status_of(attacked.say(head)) in (400, 413)


@pytest.mark.parametrize(
    "path",
    [
        "/files/../../../../etc/passwd",
        "/files/..%2f..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "/v1/../files/../../etc/passwd",
        "/v1/docs-assets/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/v1/docs-assets/../../../../etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "/v1/models/..%2f..%2fbalance",
        "/\u00ff\u00fe",
    ],
)
def test_a_path_that_climbs_finds_nothing(attacked: Attacked, path: str) -> None:
    got = attacked.say(attacked.head(path, "Connection: close", method="GET"))
    assert 400 <= status_of(got) < 500, got
    assert b"root:" not in got
    assert b"Traceback" not in got


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 2", "Transfer-Encoding: chunked"),
        ("Content-Length: 2", "Content-Length: 300"),
        ("Content-Length: -1",),
        ("Content-Length: 2", "Transfer-Encoding : chunked"),
        ("Transfer-Encoding: xchunked",),
        ("X-Bad\x00Name: 1", "Content-Length: 2"),
        ("X-Bad: a\rSet-Cookie: b=c", "Content-Length: 2"),
        ("X-Long: " + "x" * (2 * MB), "Content-Length: 2"),
        (*(f"X-{number}: x" for number in range(5_000)), "Content-Length: 2"),
    ],
    ids=["two framings", "two lengths", "below zero", "a space", "no such coding", "nul", "cr", "long", "many"],
)
def test_a_request_that_can_be_read_in_two_ways_is_read_in_none(attacked: Attacked, lines: tuple[str, ...]) -> None:
    """What came after the body is never taken for a request of its own."""
    hidden = attacked.head("/v1/webhooks/secret", "Content-Length: 0")
    try:
        got = attacked.say(attacked.head("/v1/generations", *lines) + b"{}" + hidden)
    except (BrokenPipeError, ConnectionResetError):
        return  # hung up in the middle of it: as good a refusal as any
    assert status_of(got) in (0, *range(400, 500)), got[:500]
    assert b"whsec_" not in got
    assert b"set-cookie" not in got.lower()


def test_a_header_that_was_given_is_not_given_back(attacked: Attacked) -> None:
    lines = ("X-Request-Id: evil", "X-Farebox-Request-Id: evil", "Idempotency-Key: evil%0d%0aX: y", "Connection: close")
    got = attacked.say(attacked.head("/v1/generations?dryRun=true", *lines, "Content-Length: 2") + b"{}")
    assert status_of(got) == 400
    assert b"evil" not in got.partition(b"\r\n\r\n")[0]
