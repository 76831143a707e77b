"""From a promise to mails: who gets it, in which words, written down once for each address.

The handler of the outbox's topic `mail`. It sends nothing: `postman.py` does, and without a mail server the rows are
kept for the operator to read.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import mail_address
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Undeliverable
from app.kernel.ids import is_id, new_id
from app.kernel.outbox import Message
from app.kernel.plain import from_plain
from app.notify.compose import Composed, House, compose
from app.notify.recipients import Audience, audience, name_of
from app.notify.tables import mail, mail_refusal

WAITING, SENT, KEPT, REFUSED, SUPPRESSED, FAILED = "waiting", "sent", "kept", "refused", "suppressed", "failed"
STATES = (WAITING, SENT, KEPT, REFUSED, SUPPRESSED, FAILED)


class Writer:
    """`house` is asked for each mail, because the operator may change the name under them; `sends` tells whether there
    is a mail server."""

    def __init__(self, db: Database, house: Callable[[], House], now: Clock, *, sends: bool) -> None:
        self._db, self._house, self._now, self._sends = db, house, now, sends

    async def write(self, message: Message) -> None:
        """Write the mails of one promise; again is the same as once."""
        await asyncio.to_thread(self._write, message)

    def _write(self, message: Message) -> None:
        payload, house = message.payload, self._house()
        with self._db.write() as connection:
            readers, params = audience(connection, payload), from_plain(payload["params"])
            if is_id(str(params.get("workspace")), "ws"):
                params["workspace"] = name_of(connection, params["workspace"])
            attached = tuple(file["name"] for file in payload["attachments"] if file.get("name"))
            written = compose(
                payload["template"],
                params,
                house=house,
                reader=readers.reader,
                attached=attached,
            )
            wrong = {address: _trouble(address) for address in readers.addresses}
            if all(wrong.values()):
                raise Undeliverable("; ".join(str(trouble) for trouble in wrong.values()))
            for address, trouble in wrong.items():
                self._keep(connection, message, readers, address, written, trouble)

    def _keep(
        self,
        connection: Connection,
        message: Message,
        readers: Audience,
        address: str,
        written: Composed,
        trouble: str | None,
    ) -> None:
        """A mail for one reader; to an address that is none it is kept as failed, and the others get theirs."""
        now = self._now()
        row: dict[str, Any] = {
            "id": new_id("mail"),
            "outbox_id": message.id,
            "workspace_id": readers.workspace_id,
            "address": address,
            "template": message.payload["template"],
            "language": readers.reader.language,
            "subject": written.subject,
            "text": written.text,
            "html": written.html,
            "attachments": message.payload["attachments"],
            "state": FAILED if trouble else self._first_state(connection, address),
            "error": trouble,
            "attempts": 0,
            "next_at": now,
            "created_at": now,
        }
        insert = sqlite.insert if self._db.is_sqlite else postgresql.insert
        connection.execute(insert(mail).values(row).on_conflict_do_nothing(index_elements=["outbox_id", "address"]))

    def _first_state(self, connection: Connection, address: str) -> str:
        if not self._sends:
            return KEPT
        refused = select(mail_refusal.c.address).where(mail_refusal.c.address == address.lower())
        return SUPPRESSED if connection.execute(refused).first() else WAITING


def _trouble(address: str) -> str | None:
    """Why no mail can be sent there."""
    try:
        mail_address.read(address)
    except ValueError as error:
        return str(error)
    return None
