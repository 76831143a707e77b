"""A real mail server on loopback that keeps what it gets, and can be told to refuse, to stall or to hang up."""

import socket
from asyncio import WriteTransport
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

OK = "250 OK"


@dataclass
class Mailbox:
    """What arrived, and what the next ones are told: `recipients` by address, `data` by a word of the subject."""

    port: int = 0
    arrived: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    recipients: dict[str, str] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    connections: int = 0
    slow: Callable[[], None] = lambda: None  # what happens while it takes a mail

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answer = self.recipients.get(address, OK)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.slow()
        message: Any = message_from_bytes(cast(bytes, envelope.content), policy=default)
        for word, answer in self.data.items():
            if word in message["Subject"]:
                if answer == "hang up":
                    cast(WriteTransport, server.transport).abort()
                    return ""
                return answer
        self.arrived.append(message)
        self.envelopes.append((str(envelope.mail_from), list(envelope.rcpt_tos)))
        return OK


@contextmanager
def running_mailbox(port: int | None = None) -> Iterator[Mailbox]:
    """A mail server until the block ends."""
    box = Mailbox(port=port or free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
