"""A customer, an operator, and the whole way of a mail: promised, written, handed to a real server."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher

from app.accounts.passwords import Passwords
from app.accounts.service import Accounts
from app.jobs.courier import Courier
from app.kernel import outbox
from app.kernel.db import Database
from app.kernel.errors import NotFound
from app.ledger.wallet import open_wallet
from app.notify.compose import House
from app.notify.mail import Writer
from app.notify.mails import Mails
from app.notify.postman import Postman
from app.notify.smtp import Attachment, MailServer, parse
from tests.notify.samples import SAMPLES
from tests.support.mailbox import Mailbox, running_mailbox

CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
PDF = b"%PDF-1.7 an invoice"


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2050, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


async def invoice_pdf(invoice_id: str) -> Attachment:
    if invoice_id != "inv_1":
        raise NotFound(f"There is no invoice {invoice_id}.")
    return Attachment("FB-2026-000417.pdf", "application/pdf", PDF)


@dataclass
class Office:
    """Promises mails and has them carried; `server` None is a house without a mail server."""

    database: Database
    watch: Watch
    server: MailServer | None
    workspace_id: str
    accounts: Accounts
    numbers: int = 0
    postman: Postman = field(init=False)

    def __post_init__(self) -> None:
        self.postman = Postman(self.database, self.server, {"invoice": invoice_pdf}, self.watch)

    @property
    def mails(self) -> Mails:
        return Mails(self.database, self.watch, sends=self.server is not None)

    def promise(self, template: str = "low_balance", *, key: str = "", **given: Any) -> None:
        self.numbers += 1
        audience = {} if given.keys() & {"to", "operators"} else {"workspace_id": self.workspace_id}
        params = {**SAMPLES[template], **given.pop("params", {})}
        with self.database.write() as connection:
            key = key or f"{template}:{self.numbers}"
            outbox.mail(connection, template, key=key, params=params, **{**audience, **given})

    def write(self) -> None:
        """Turn promises into mails."""
        house = House("Farebox", "https://ai.example.com")
        writer = Writer(self.database, lambda: house, self.watch, sends=self.server is not None)
        asyncio.run(Courier(self.database, {outbox.MAIL: writer.write}, self.watch).run())

    def send(self) -> int:
        """Hand waiting mails to the server."""
        return asyncio.run(self.postman.run())

    def carry(self) -> None:
        self.write()
        self.send()

    def states(self) -> list[str]:
        """The states of all mails, oldest first."""
        return [row.state for row in reversed(self.mails.page())]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with running_mailbox() as box:
        yield box


@pytest.fixture
def accounts(database: Database, watch: Watch) -> Accounts:
    return Accounts(database, watch, opened=open_wallet, passwords=CHEAP, background=lambda chore: chore())


@pytest.fixture
def workspace_id(accounts: Accounts) -> str:
    accounts.people.create_operator("olga@example.com", "Olga", "correct horse battery")
    _, workspace = accounts.people.create_customer("ada@example.com", "Ada", "correct horse battery", "Ada & Co")
    return workspace.id


@pytest.fixture
def office(database: Database, watch: Watch, mailbox: Mailbox, workspace_id: str, accounts: Accounts) -> Office:
    server = parse(mailbox.url, "Farebox <billing@example.com>")
    return Office(database, watch, server, workspace_id, accounts)


@pytest.fixture
def quiet_office(database: Database, watch: Watch, workspace_id: str, accounts: Accounts) -> Office:
    """A house without a mail server."""
    return Office(database, watch, None, workspace_id, accounts)
