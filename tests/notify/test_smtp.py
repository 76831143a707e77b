"""Where mail goes: what the two settings may say."""

import asyncio

import pytest

from app.kernel.errors import Broken
from app.notify.smtp import parse, trouble
from tests.support.mailbox import Mailbox, free_port

FROM = "Farebox <billing@example.com>"


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        pytest.param("smtp://mail.example.com", "mail.example.com", 587, "starttls", id="submission"),
        pytest.param("smtps://mail.example.com", "mail.example.com", 465, "implicit", id="TLS from the start"),
        pytest.param("smtp://mail.example.com:2525", "mail.example.com", 2525, "starttls", id="another port"),
        pytest.param("smtp://127.0.0.1:1025", "127.0.0.1", 1025, "off", id="this machine"),
        pytest.param("smtp://localhost:1025", "localhost", 1025, "off", id="this machine by name"),
        pytest.param("smtp://relay.internal:25?tls=off", "relay.internal", 25, "off", id="a relay that knows no TLS"),
    ],
)
def test_the_server(url: str, host: str, port: int, tls: str) -> None:
    server = parse(url, FROM)
    assert (server.host, server.port, server.tls) == (host, port, tls)


def test_user_and_password_may_hold_any_character() -> None:
    server = parse("smtp://me%40example.com:p%2Fw%3A%C3%A4@mail.example.com", FROM)
    assert (server.username, server.password) == ("me@example.com", "p/w:ä")
    assert "p/w" not in repr(server)


@pytest.mark.parametrize(
    ("sender", "name", "address"),
    [
        pytest.param("billing@example.com", "", "billing@example.com", id="bare"),
        pytest.param(FROM, "Farebox", "billing@example.com", id="named"),
        pytest.param('"Müller & Co" <a@example.com>', "Müller & Co", "a@example.com", id="quoted"),
    ],
)
def test_the_sender(sender: str, name: str, address: str) -> None:
    found = parse("smtp://localhost", sender).sender
    assert (found.display_name, found.addr_spec) == (name, address)


@pytest.mark.parametrize(
    ("url", "sender", "named"),
    [
        pytest.param("mail.example.com:587", FROM, "FAREBOX_SMTP_URL", id="no scheme"),
        pytest.param("http://mail.example.com", FROM, "FAREBOX_SMTP_URL", id="another scheme"),
        pytest.param("smtp://", FROM, "FAREBOX_SMTP_URL", id="no host"),
        pytest.param("smtp://host:port", FROM, "FAREBOX_SMTP_URL", id="a port in words"),
        pytest.param("smtp://host?ssl=1", FROM, "FAREBOX_SMTP_URL", id="an option we do not know"),
        pytest.param("smtp://u:p@host?tls=off", FROM, "without TLS", id="a password in the clear"),
        pytest.param("smtp://host", "Farebox", "FAREBOX_MAIL_FROM", id="a sender without an address"),
        pytest.param("smtp://host", "a@b.c\r\nBcc: x@y.z", "FAREBOX_MAIL_FROM", id="a sender with a line break"),
        pytest.param("smtp://host", "a@b.c, d@e.f", "FAREBOX_MAIL_FROM", id="two senders"),
    ],
)
def test_what_is_wrong_is_named(url: str, sender: str, named: str) -> None:
    with pytest.raises(Broken, match=named):
        parse(url, sender)


def test_a_server_that_answers_is_no_trouble(mailbox: Mailbox) -> None:
    assert asyncio.run(trouble(parse(mailbox.url, FROM))) is None


def test_a_server_that_is_not_there_is_named() -> None:
    said = asyncio.run(trouble(parse(f"smtp://127.0.0.1:{free_port()}", FROM)))
    assert str(said).startswith("SMTPConnectError")


def test_a_server_that_knows_no_password_is_named(mailbox: Mailbox) -> None:
    said = asyncio.run(trouble(parse(f"smtp://user:secret@127.0.0.1:{mailbox.port}", FROM)))
    assert said is not None
