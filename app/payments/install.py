"""The id of this installation: made once, kept in the database, written on everything we make at a provider.

Two installations may share an account there (a trial beside the real one): each credits only what is its own.
"""

import secrets
import threading

from sqlalchemy import select

from app.kernel.clock import Clock
from app.kernel.db import Database
from app.payments import rows, tables

NAME = "install"


class Install:
    """Called, it answers the id; the database is asked once."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._known: str | None = None
        self._gate = threading.Lock()

    def __call__(self) -> str:
        with self._gate:
            if self._known is None:
                self._known = self._read()
            return self._known

    def _read(self) -> str:
        kept = tables.payment_policy
        query = select(kept.c.value).where(kept.c.name == NAME)
        with self._db.read() as connection:
            known = connection.execute(query).scalar()
        if known is None:
            fresh = {"name": NAME, "value": secrets.token_hex(8), "author": "system", "changed_at": self._clock()}
            with self._db.write() as connection:
                rows.insert_once(connection, kept, fresh, "name")
                known = connection.execute(query).scalar()
        return str(known)
