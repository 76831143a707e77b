"""The mail server we hand mails to, from one address: `smtp://user:password@host:587`, `smtps://host:465`.

`smtp` demands STARTTLS unless the server is on this machine or the address ends in `?tls=off`; `smtps` is TLS from the
first byte. A password is never sent in the clear to another machine.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from aiosmtplib import SMTP, SMTPException

from app.kernel import mail_address
from app.kernel.errors import Broken
from app.notify.words import UNSEEN

TIMEOUT_SECONDS = 20.0
PORTS = {"smtp": 587, "smtps": 465}


class Attachment(NamedTuple):
    """A file to attach; `mime` such as application/pdf."""

    filename: str
    mime: str
    content: bytes


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails go, and from whom they come."""

    host: str
    port: int
    sender: Address
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: str = "starttls"  # starttls | implicit | off
    timeout_seconds: float = TIMEOUT_SECONDS

    def client(self) -> SMTP:
        """A connection that is not open yet."""
        return SMTP(
            hostname=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            local_hostname=self.sender.domain,
            timeout=self.timeout_seconds,
            use_tls=self.tls == "implicit",
            start_tls=self.tls == "starttls",
        )


async def trouble(server: MailServer) -> str | None:
    """Connect, sign in and leave again: what went wrong, None when the server would take mail."""
    try:
        async with server.client():
            return None
    except (SMTPException, OSError) as error:
        return f"{type(error).__name__}: {error}"


def parse(url: str, sender: str) -> MailServer:
    """From `FAREBOX_SMTP_URL` and `FAREBOX_MAIL_FROM`; `Broken` says which of them is wrong."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Broken(f"FAREBOX_SMTP_URL is not an address: {error}.") from None
    options = parse_qs(parts.query)
    off = options.pop("tls", []) == ["off"]
    if parts.scheme not in PORTS or not parts.hostname or options or parts.path.strip("/"):
        raise Broken("FAREBOX_SMTP_URL is written like smtp://user:password@mail.example.com:587 or smtps://…:465.")
    local = _is_local(parts.hostname)
    tls = "implicit" if parts.scheme == "smtps" else "off" if off or local else "starttls"
    if parts.username and tls == "off" and not local:
        raise Broken("FAREBOX_SMTP_URL would send a password without TLS: leave out ?tls=off.")
    return MailServer(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        sender=_sender(sender),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=tls,
    )


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _sender(text: str) -> Address:
    name, _, rest = text.rpartition("<")
    spec = rest.rstrip("> ") if name else text.strip()
    called = name.strip().strip('"')
    try:
        found = mail_address.read(spec)
        if UNSEEN.search(called):
            raise ValueError("a name on one line, please")
        return Address(display_name=called, username=found.username, domain=found.domain)
    except ValueError:
        raise Broken("FAREBOX_MAIL_FROM is written like Farebox <billing@example.com>.") from None


def build(
    sender: Address,
    to: str,
    *,
    mail_id: str,
    subject: str,
    text: str,
    html: str,
    language: str,
    sent_at: datetime,
    attachments: Sequence[Attachment] = (),
) -> EmailMessage:
    """The message as it goes out. Its Message-ID is its row's id, so a repetition is recognised as one."""
    message = EmailMessage(policy=WIRE)
    message["From"] = sender
    message["To"] = mail_address.read(to)
    message["Subject"] = subject
    message["Date"] = format_datetime(sent_at)
    message["Message-ID"] = f"<{mail_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["Content-Language"] = language
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    for attachment in attachments:
        kind, _, subtype = attachment.mime.partition("/")
        message.add_attachment(attachment.content, maintype=kind, subtype=subtype, filename=attachment.filename)
    return message
