"""The operator's view of mail: what was written, what became of it, and the few things that can be done about it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, func, or_, select, update

from app.kernel import outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, NotFound
from app.kernel.tables import outbox as promises
from app.notify.mail import STATES, WAITING
from app.notify.tables import mail, mail_refusal

KEEP = timedelta(days=400)


class MailRow(NamedTuple):
    """One mail in a list. `error` is what the mail server said last."""

    id: str
    address: str
    template: str
    subject: str
    state: str
    attempts: int
    workspace_id: str | None
    created_at: datetime
    sent_at: datetime | None
    next_at: datetime
    error: str | None


class MailDetail(NamedTuple):
    """One mail, whole: `html` is to be shown in a frame that runs nothing."""

    row: MailRow
    text: str
    html: str
    attachments: tuple[Mapping[str, str], ...]


class BrokenPromise(NamedTuple):
    """A message of the outbox that could not be delivered: for a mail, one that could not even be written."""

    id: str
    topic: str
    key: str
    state: str
    attempts: int
    created_at: datetime
    error: str | None


class Refusal(NamedTuple):
    """An address that gets no mail, and what its server said."""

    address: str
    reason: str
    mail_id: str
    created_at: datetime


COLUMNS = tuple(mail.c[name] for name in MailRow._fields)


class Mails:
    """Lists, one mail, sending again, forgiving an address. `sends` tells whether there is a mail server at all."""

    def __init__(self, db: Database, now: Clock, *, sends: bool) -> None:
        self._db, self._now, self.sends = db, now, sends

    def page(
        self, *, state: str | None = None, search: str = "", after: str | None = None, limit: int = 50
    ) -> list[MailRow]:
        """Newest first; `search` looks at addresses, subjects, templates and ids, `after` is the last id seen."""
        query = select(*COLUMNS).order_by(mail.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(mail.c.state == state)
        if after is not None:
            query = query.where(mail.c.id < after)
        if words := search.strip():
            looked_at = (mail.c.address, mail.c.subject, mail.c.template, mail.c.id, mail.c.workspace_id)
            query = query.where(or_(*(column.icontains(words, autoescape=True) for column in looked_at)))
        with self._db.read() as connection:
            return [MailRow._make(row) for row in connection.execute(query)]

    def counts(self) -> dict[str, int]:
        """How many mails are in each state; every state is named."""
        with self._db.read() as connection:
            found = connection.execute(select(mail.c.state, func.count()).group_by(mail.c.state)).tuples().all()
        return {**dict.fromkeys(STATES, 0), **dict(found)}

    def find(self, mail_id: str) -> MailDetail:
        """One mail; `NotFound` for an unknown id."""
        with self._db.read() as connection:
            return self._find(connection, mail_id)

    def resend(self, mail_id: str) -> None:
        """Hand it to the mail server (again); the reader may get it twice. `Conflict` where nothing can be sent."""
        if not self.sends:
            raise Conflict("There is no mail server: set FAREBOX_SMTP_URL and FAREBOX_MAIL_FROM, then send it.")
        with self._db.write() as connection:
            self._find(connection, mail_id)
            again: dict[str, Any] = {"state": WAITING, "attempts": 0, "next_at": self._now(), "error": None}
            connection.execute(update(mail).where(mail.c.id == mail_id).values(**again, sent_at=None))

    def refusals(self) -> list[Refusal]:
        """The addresses that get no mail, newest first."""
        columns = (mail_refusal.c[name] for name in Refusal._fields)
        with self._db.read() as connection:
            rows = connection.execute(select(*columns).order_by(mail_refusal.c.created_at.desc()))
            return [Refusal._make(row) for row in rows]

    def forgive(self, address: str) -> None:
        """Write to this address again from now on."""
        with self._db.write() as connection:
            connection.execute(delete(mail_refusal).where(mail_refusal.c.address == address.lower()))

    def broken_promises(self, limit: int = 50) -> list[BrokenPromise]:
        """What the outbox gave up, of every topic, and what it is still trying after a failure; newest first."""
        columns = (promises.c[name] for name in BrokenPromise._fields)
        trouble = or_(
            promises.c.state == outbox.FAILED, (promises.c.state == outbox.WAITING) & promises.c.error.is_not(None)
        )
        with self._db.read() as connection:
            rows = connection.execute(select(*columns).where(trouble).order_by(promises.c.id.desc()).limit(limit))
            return [BrokenPromise._make(row) for row in rows]

    def try_again(self, promise_id: str) -> None:
        """Deliver a promise that was given up, now that its cause is mended; `NotFound` unless it was."""
        again: dict[str, Any] = {"state": outbox.WAITING, "attempts": 0, "next_at": self._now(), "done_at": None}
        given_up = update(promises).where(promises.c.id == promise_id, promises.c.state == outbox.FAILED)
        with self._db.write() as connection:
            if connection.execute(given_up.values(**again)).rowcount != 1:
                raise NotFound(f"No message {promise_id} was given up.")

    def test(self, address: str) -> None:
        """Promise a short mail to this address, to see that mail works."""
        now = self._now()
        with self._db.write() as connection:
            key = f"mail_test:{address}:{now.isoformat()}"
            outbox.mail(connection, "mail_test", key=key, to=address, params={"asked_at": now}, at=now)

    def forget(self) -> int:
        """Delete mails and finished promises that are older than `KEEP`; answers how many."""
        before = self._now() - KEEP
        with self._db.write() as connection:
            old = delete(mail).where(mail.c.created_at < before, mail.c.state != WAITING)
            return connection.execute(old).rowcount + outbox.forget(connection, before)

    def _find(self, connection: Connection, mail_id: str) -> MailDetail:
        query = select(*COLUMNS, mail.c.text, mail.c.html, mail.c.attachments).where(mail.c.id == mail_id)
        row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"There is no mail {mail_id}.")
        return MailDetail(MailRow._make(row[: len(COLUMNS)]), row.text, row.html, tuple(row.attachments))
