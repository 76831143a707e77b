"""A running ledger over a fresh database. Whatever a test does with the shop, its books must balance afterwards."""

from collections.abc import Iterator

import pytest

from app.kernel.db import Database
from app.ledger.lane import Lane
from app.ledger.wallet import Ledger
from tests.ledger.support import Shop


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    started = Ledger(database)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def shop(ledger: Ledger, database: Database) -> Iterator[Shop]:
    """Audited at the end; a test that breaks the books on purpose uses `broken_shop`."""
    opened = Shop(ledger, database)
    yield opened
    opened.assert_books_balance()


@pytest.fixture
def broken_shop(ledger: Ledger, database: Database) -> Shop:
    return Shop(ledger, database)


@pytest.fixture
def lane(database: Database) -> Iterator[Lane]:
    """A lane that is not started: `lane.work(ops)` does a batch of exactly these operations."""
    idle = Lane(database)
    idle.work([])  # connects
    yield idle
    idle.stop()


@pytest.fixture
def postgres_only(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("only PostgreSQL has this")
