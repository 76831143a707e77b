"""A running ledger over a fresh database, and workspaces to try it on."""

from collections.abc import Iterator

import pytest

from app.kernel.db import Database
from app.ledger.wallet import Ledger
from tests.ledger.support import Shop


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    started = Ledger(database)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def shop(ledger: Ledger, database: Database) -> Shop:
    return Shop(ledger, database)
