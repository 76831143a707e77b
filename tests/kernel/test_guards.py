"""The machinery of triggers, on a table of its own."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.kernel.db import Database
from app.kernel.guards import append_only, ensure, present

GUARDS = append_only(["diary"])


@pytest.fixture
def diary(database: Database) -> Database:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE diary (line VARCHAR)"))
        ensure(connection, GUARDS)
        connection.execute(text("INSERT INTO diary VALUES ('dear diary')"))
    return database


@pytest.mark.parametrize("statement", ["UPDATE diary SET line = 'x'", "DELETE FROM diary"])
def test_a_row_is_written_once(diary, statement):
    with pytest.raises(DBAPIError, match="diary is append-only"), diary.write() as connection:
        connection.execute(text(statement))


def test_ensuring_again_changes_nothing_and_puts_back_what_is_gone(diary):
    with diary.write() as connection:
        ensure(connection, GUARDS)
        whole = present(connection)
        name = sorted(GUARDS.names(connection.dialect.name))[0]
        connection.execute(text(f"DROP TRIGGER {name}" + ("" if diary.is_sqlite else " ON diary")))
        ensure(connection, GUARDS)
        assert present(connection) == whole
        assert GUARDS.names(connection.dialect.name) <= whole


def test_guards_add_up():
    both = GUARDS + append_only(["letters"])
    assert both.names("sqlite") == {"diary_no_delete", "diary_no_update", "letters_no_delete", "letters_no_update"}
    assert len(both.functions) == 1
