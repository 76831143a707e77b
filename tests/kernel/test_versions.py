"""A figure that goes up with every change: last in its transaction, so that nobody waits in a circle because of it."""

import threading

import pytest
from sqlalchemy import text

from app.kernel import versions
from app.kernel.db import Database
from tests.support.threads import PATIENCE_SECONDS, at_once


def figure(db: Database) -> int:
    with db.read() as connection:
        return versions.read(connection, "plans")


def cut_off(db: Database) -> None:
    with db.write() as connection:
        versions.bump(connection, "plans")
        raise ZeroDivisionError


def test_it_goes_up_once_with_a_transaction_that_commits(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    with db.write() as connection:
        versions.bump(connection, "plans")
        versions.bump(connection, "plans")
    assert figure(db) == 1
    with pytest.raises(ZeroDivisionError):
        cut_off(db)
    with db.write():
        pass  # nothing of a transaction is left for the next one on the same connection
    assert figure(db) == 1
    with db.engine.connect() as connection, connection.begin():
        versions.bump(connection, "plans")
    assert figure(db) == 2
    db.dispose()


def test_two_who_come_by_it_on_different_ways_both_arrive(postgres_url: str) -> None:
    """One holds a wallet and then changes what plans allow, the other the other way round."""
    db, held, changed = Database(postgres_url), threading.Event(), threading.Event()
    with db.write() as connection:
        connection.execute(text("CREATE TABLE purse (id INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO purse VALUES (1)"))
    lock = text("SELECT id FROM purse FOR UPDATE")

    def purse_first() -> None:
        with db.write() as connection:
            connection.execute(lock)
            held.set()
            assert changed.wait(PATIENCE_SECONDS)
            versions.bump(connection, "plans")

    def plans_first() -> None:
        assert held.wait(PATIENCE_SECONDS)
        with db.write() as connection:
            versions.bump(connection, "plans")
            changed.set()
            connection.execute(lock)

    at_once(purse_first, plans_first)
    assert figure(db) == 2
    db.dispose()
