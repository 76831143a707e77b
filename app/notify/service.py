"""Mail in one hand: promises become mails, mails go to the server, operators see what became of them; and alerts."""

import asyncio
from collections.abc import Mapping

from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.money import Money
from app.kernel.outbox import Message
from app.notify import smtp
from app.notify.alerts import Alerts
from app.notify.budgets import Budgets
from app.notify.house import house_of
from app.notify.mail import Writer
from app.notify.mails import Mails
from app.notify.postman import Attach, Postman
from app.notify.smtp import Attachment

BRAND = "Farebox"


class Notify:
    """`smtp_url` None is a house without a mail server: its mails are kept. `Broken` when a setting is wrong."""

    def __init__(
        self,
        db: Database,
        now: Clock,
        *,
        public_url: str,
        low_balance: Money,
        smtp_url: str | None = None,
        mail_from: str = "",
    ) -> None:
        server = smtp.parse(smtp_url, mail_from) if smtp_url else None
        brand = (server.sender.display_name if server else "") or BRAND
        self.alerts = Alerts(db, now, low_balance)
        self.budgets = Budgets(db, now)
        self.mails = Mails(db, now, sends=server is not None)
        self._writer = Writer(db, house_of(db, brand, public_url), now, sends=self.mails.sends)
        self._attach: dict[str, Attach] = {}
        self._postman = Postman(db, server, self._attach, now)

    def attach(self, kind: str, make: Attach) -> None:
        """How to make the file of an attachment of this kind from its id."""
        self._attach[kind] = make

    async def write(self, message: Message) -> None:
        """Handler of the outbox's topic `mail`."""
        await self._writer.write(message)

    async def send(self) -> int:
        """Hand what waits to the mail server."""
        return await self._postman.run()

    async def file(self, named: Mapping[str, str]) -> Attachment:
        """The file that a mail's attachment names, for the operator who reads the mail."""
        return await self._postman.file(named)

    async def forget(self) -> int:
        """Delete what is too old to be asked for."""
        return await asyncio.to_thread(self.mails.forget)
