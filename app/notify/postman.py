"""The postman: hands waiting mails to the mail server, and writes down what it said to each.

A server that is away, or says "later" (4xx), is asked again after a growing while. What it refuses for good (5xx) is
not sent again; when it refuses the address itself, that address gets no mail until an operator forgives it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPSenderRefused,
)
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound, Undeliverable
from app.kernel.outbox import LONGEST_ERROR, backoff
from app.notify.mail import FAILED, REFUSED, SENT, WAITING
from app.notify.smtp import Attachment, MailServer, build
from app.notify.tables import mail, mail_refusal

#: Makes the file named by an attachment's id.
Attach = Callable[[str], Awaitable[Attachment]]

BATCH = 20
#: A mail handed to a server that then died with us is sent again after this, under the same Message-ID.
HIDE = timedelta(minutes=15)
#: What of a batch was not begun by then is given back: a slow server is not to take longer than mails are hidden.
IN_HAND = timedelta(minutes=8)
GIVE_UP_AFTER = 14
PERMANENT = 500

log = logging.getLogger("farebox.mail")


class Verdict(NamedTuple):
    """What became of one attempt. `blames` the address when the server refused it for good."""

    state: str
    error: str | None = None
    blames: bool = False


class Postman:
    """`attach` has one function for each kind of attachment. Without a server nothing is sent."""

    def __init__(self, db: Database, server: MailServer | None, attach: Mapping[str, Attach], now: Clock) -> None:
        self._db, self._server, self._attach, self._now = db, server, attach, now
        self._away_until: datetime | None = None
        self._away_times = 0

    async def run(self) -> int:
        """Send what is due; answers how many mails were handed over or refused."""
        handled = 0
        if self._server is None or (self._away_until is not None and self._now() < self._away_until):
            return handled
        while batch := await asyncio.to_thread(self._claim):
            done = await self._deliver(self._server, batch)
            handled += done
            if done < len(batch):
                break
        return handled

    async def file(self, named: Mapping[str, str]) -> Attachment:
        """The file an attachment names; `Undeliverable` for a kind nobody can make."""
        make = self._attach.get(named["kind"])
        if make is None:
            raise Undeliverable(f"Nobody can attach a {named['kind']}.")
        return await make(named["id"])

    async def _deliver(self, server: MailServer, batch: list[Any]) -> int:
        """Send a batch over one connection; answers how many had a verdict before connection or time ran out."""
        done, connected, until = 0, False, self._now() + IN_HAND
        try:
            async with server.client() as smtp:
                connected = True
                for row in batch:
                    if self._now() >= until:
                        await asyncio.to_thread(self._release, batch[done:])
                        break
                    verdict = await self._hand_over(smtp, server, row)
                    await asyncio.to_thread(self._judge, row, verdict)
                    done += 1
        except (SMTPException, OSError) as error:
            await asyncio.to_thread(self._lost, batch[done:], f"{type(error).__name__}: {error}", connected)
        else:
            self._away_times = 0
        return done

    def _lost(self, left: list[Any], error: str, connected: bool) -> None:
        """The server could not be reached, or went away over one mail: then the others are not to suffer for it."""
        if connected:
            log.warning("the mail server hung up: %s", error)
            for row in left[:1]:
                self._judge(row, Verdict(WAITING, error))
            self._release(left[1:])
            return
        self._away_times += 1
        self._away_until = self._now() + backoff(self._away_times)
        log.warning("the mail server is away (%s); the next attempt is at %s", error, self._away_until)
        for row in left:
            self._judge(row, Verdict(WAITING, error))

    async def _hand_over(self, smtp: SMTP, server: MailServer, row: Any) -> Verdict:
        """Send one mail. What says something about the connection is raised, the rest is answered."""
        try:
            files = [await self.file(named) for named in row.attachments]
            message = build(
                server.sender,
                row.address,
                mail_id=row.id,
                subject=row.subject,
                text=row.text,
                html=row.html,
                language=row.language,
                sent_at=self._now(),
                attachments=files,
            )
        except (ValueError, Undeliverable, NotFound) as error:
            return Verdict(FAILED, str(error))
        except Exception as error:
            log.exception("%s could not be made ready; it is tried again", row.id)
            return Verdict(WAITING, f"{type(error).__name__}: {error}")
        try:
            await smtp.send_message(message)
        except SMTPRecipientsRefused as error:
            refusal = error.recipients[0]
            return _refused(refusal.code, refusal.message, blames=True)
        except (SMTPSenderRefused, SMTPDataError) as error:
            return _refused(error.code, error.message)
        except SMTPNotSupported as error:
            return Verdict(REFUSED, str(error))
        return Verdict(SENT)

    def _claim(self) -> list[Any]:
        now = self._now()
        due = select(mail.c.id).where(mail.c.state == WAITING, mail.c.next_at <= now)
        with self._db.read() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []
        with self._db.write() as connection:
            oldest = due.order_by(mail.c.next_at, mail.c.id).limit(BATCH).with_for_update(skip_locked=True)
            ids = list(connection.execute(oldest).scalars())
            taken = update(mail).where(mail.c.id.in_(ids))
            connection.execute(taken.values(attempts=mail.c.attempts + 1, next_at=now + HIDE))
            return list(connection.execute(select(mail).where(mail.c.id.in_(ids)).order_by(mail.c.id)))

    def _release(self, rows: list[Any]) -> None:
        """Give mails back untried."""
        untried = update(mail).where(mail.c.id.in_([row.id for row in rows]), mail.c.state == WAITING)
        with self._db.write() as connection:
            connection.execute(untried.values(attempts=mail.c.attempts - 1, next_at=self._now()))

    def _judge(self, row: Any, verdict: Verdict) -> None:
        now = self._now()
        state = FAILED if verdict.state == WAITING and row.attempts >= GIVE_UP_AFTER else verdict.state
        values: dict[str, Any] = {"state": state, "error": verdict.error[:LONGEST_ERROR] if verdict.error else None}
        if state == SENT:
            values["sent_at"] = now
        if state == WAITING:
            values["next_at"] = now + backoff(row.attempts)
        with self._db.write() as connection:
            connection.execute(update(mail).where(mail.c.id == row.id, mail.c.state == WAITING).values(**values))
            if verdict.blames:
                self._suppress(connection, row, verdict, now)
        if state in {REFUSED, FAILED}:
            log.warning("%s to a %s reader was %s: %s", row.id, row.template, state, verdict.error)

    def _suppress(self, connection: Connection, row: Any, verdict: Verdict, now: datetime) -> None:
        insert = sqlite.insert if self._db.is_sqlite else postgresql.insert
        values = {
            "address": row.address.lower(),
            "reason": (verdict.error or "")[:LONGEST_ERROR],
            "mail_id": row.id,
            "created_at": now,
        }
        connection.execute(insert(mail_refusal).values(values).on_conflict_do_nothing(index_elements=["address"]))


def _refused(code: int, message: str, *, blames: bool = False) -> Verdict:
    """5xx is for good, 4xx for now."""
    told = f"{code} {message}"
    return Verdict(REFUSED, told, blames) if code >= PERMANENT else Verdict(WAITING, told)
