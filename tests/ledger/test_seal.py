"""Seals: what is written stays as it was written, or it shows."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.kernel.clock import now
from app.kernel.db import Database
from app.ledger.audit import run_audit
from app.ledger.guards import GUARDS
from app.ledger.seal import Seals, check, last_seal
from tests.ledger.support import Shop

DAYS = 3
LATER = timedelta(days=DAYS, hours=1)


@pytest.fixture
def sealed(shop: Shop) -> Shop:
    """Three days with a grant and a charge each, all of them over and sealed."""
    workspace = shop.workspace()
    for _ in range(DAYS):
        shop.grant(workspace, 50)
        shop.settle(shop.hold(workspace, 10), 10)
    return shop


def seals(shop: Shop, after: timedelta = LATER) -> Seals:
    return Seals(shop.db, lambda: now() + after)


def unguarded(db: Database, statement: str) -> None:
    """What somebody does who can write to the database and has taken its guards away."""
    with db.write() as connection:
        names = GUARDS.sqlite if db.is_sqlite else GUARDS.postgres
        for name, definition in names.items():
            table = definition.partition(" ON ")[2].split()[0]
            connection.execute(text(f"DROP TRIGGER {name}" + ("" if db.is_sqlite else f" ON {table}")))
        connection.execute(text(statement))


def test_a_day_is_sealed_once_it_is_over(sealed: Shop) -> None:
    assert seals(sealed, timedelta()).seal_days() == 0
    made = seals(sealed).seal_days()
    assert made >= DAYS - 1
    assert seals(sealed).seal_days() == 0
    with sealed.db.read() as connection:
        last = last_seal(connection)
    assert last is not None
    assert last.number == made
    assert check(sealed.db) == []


@pytest.mark.parametrize(
    "crime",
    [
        pytest.param("UPDATE entry SET amount = amount * 2 WHERE position < 2", id="another amount"),
        pytest.param("UPDATE journal SET actor = 'nobody'", id="another actor"),
        pytest.param("DELETE FROM lot_use", id="a use taken away"),
        pytest.param(
            "INSERT INTO journal (id, kind, ref, actor, created_at) "
            "SELECT 'jrn_new', 'late_cost', 'new', 'me', MIN(created_at) FROM journal",
            id="a journal added",
        ),
    ],
)
def test_what_was_changed_behind_the_ledgers_back_shows(broken_shop: Shop, crime: str) -> None:
    workspace = broken_shop.workspace(50)
    broken_shop.settle(broken_shop.hold(workspace, 10), 10)
    seals(broken_shop).seal_days()
    assert check(broken_shop.db) == []
    unguarded(broken_shop.db, crime)
    assert [one.number for one in check(broken_shop.db)] == [1]
    assert "seals_recompute" in {breach.name for breach in run_audit(broken_shop.db)}


def test_a_seal_cannot_be_rewritten(sealed: Shop) -> None:
    seals(sealed).seal_days()
    with pytest.raises(Exception, match="append-only"), sealed.db.write() as connection:
        connection.execute(text("UPDATE seal SET root = 'mine'"))


def test_a_seal_taken_out_of_the_chain_shows(broken_shop: Shop) -> None:
    broken_shop.workspace(50)
    seals(broken_shop).seal_days()
    unguarded(broken_shop.db, "DELETE FROM seal WHERE number = 1")
    assert check(broken_shop.db)[0].number == 2
