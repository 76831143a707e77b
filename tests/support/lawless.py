"""Somebody at the database itself, past every trigger and check: for tests of what notices it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

from app.kernel.db import Database
from app.kernel.guards import present


@contextmanager
def lawless(db: Database) -> Iterator[Connection]:
    """A connection on which nothing is refused."""
    with db.engine.connect() as connection:
        if db.is_sqlite:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute("ROLLBACK") if raw.in_transaction else None
            raw.execute("PRAGMA foreign_keys = OFF")
            raw.execute("PRAGMA ignore_check_constraints = ON")
            for name in present(connection):
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET session_replication_role = replica"))
        yield connection
        connection.commit()
        connection.invalidate()
