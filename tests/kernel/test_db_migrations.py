"""One history for both databases: it makes what the models say, can be run again, and can be gone back."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, inspect, text

from app.kernel.db import Database, metadata
from app.kernel.guards import present as present_guards
from app.kernel.migrate import current, downgrade, head, upgrade
from app.ledger.asides import freezes
from app.ledger.audit import run_audit
from tests.support.postgres import Postgres
from tests.support.threads import at_once


@pytest.fixture(params=["sqlite", "postgres"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database nobody has migrated."""
    if request.param == "sqlite":
        db = Database(f"sqlite:///{tmp_path / 'empty.sqlite'}")
        yield db
        db.dispose()
        return
    server: Postgres = request.getfixturevalue("postgres")
    server.execute("CREATE DATABASE nothing_yet")
    db = Database(server.url("nothing_yet"))
    yield db
    db.dispose()
    server.execute("DROP DATABASE nothing_yet WITH (FORCE)")


def test_the_history_makes_what_the_models_say(database: Database) -> None:
    """Fails when a `tables.py` changed and the history did not; `alembic/README` says how to write it anew."""
    with database.write() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, metadata) == []


def test_the_history_has_every_check(database: Database) -> None:
    """Autogeneration forgets a CHECK that stands inside a column, and comparison does not look for it."""
    expected = {
        constraint.name
        for table in metadata.sorted_tables
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
    }
    inside = [col for table in metadata.sorted_tables for col in table.columns if col.constraints]
    with database.read() as connection:
        tables = inspect(connection)
        found = {
            check["name"] for table in metadata.sorted_tables for check in tables.get_check_constraints(table.name)
        }
    assert (found, inside) == (expected, [])
    assert "wallet_not_negative" in found


def test_going_back_leaves_nothing_and_coming_again_twice_is_coming_once(database: Database) -> None:
    assert current(database) == head()
    downgrade(database, "base")
    assert current(database) is None
    with database.read() as connection:
        assert set(inspect(connection).get_table_names()) <= {"alembic_version"}
    for _ in range(2):
        upgrade(database)
        assert current(database) == head()
        with database.read() as connection:
            assert present_guards(connection)
            assert connection.execute(text("SELECT count(*) FROM wallet")).scalar_one() == 0


def test_processes_that_start_together_take_turns(empty: Database) -> None:
    assert current(empty) is None
    at_once(*[partial(upgrade, empty)] * 3)
    assert current(empty) == head()


def test_the_ledger_goes_back_a_step_and_forward_again(database: Database) -> None:
    """A balance that was frozen before reasons were kept stays frozen."""
    downgrade(database, "0002_outbox")
    with database.read() as connection:
        assert "debt" not in {column["name"] for column in inspect(connection).get_columns("wallet")}
        assert "set_aside" not in inspect(connection).get_table_names()
    with database.write() as connection:
        for name in ("ws_1", "ws_2"):
            statement = "INSERT INTO workspace (id, name, created_at) VALUES (:id, 'x', '2026-01-01')"
            connection.execute(text(statement), {"id": name})
        figures = "'credit', 0, 0, 0, 0"
        connection.execute(
            text(
                "INSERT INTO wallet (workspace_id, unit, balance, held, owed, credit_limit, frozen, version)"
                f" VALUES ('ws_1', {figures}, true, 0), ('ws_2', {figures}, false, 0)"
            )
        )
    upgrade(database, "0003_lots")
    with database.read() as connection:
        (freeze,) = freezes(connection, "ws_1")
        assert (freeze.reason, freezes(connection, "ws_2")) == ("operator", [])
    upgrade(database)
    assert run_audit(database) == []
    with database.write() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert "set_aside_closes_once" in present_guards(connection)
