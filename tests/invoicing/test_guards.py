"""What the database refuses, whoever asks: an issued document is history."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.invoicing.guards import APPEND_ONLY, GUARDS
from app.kernel.db import Database
from app.kernel.guards import present
from app.kernel.migrate import upgrade
from tests.invoicing.support import Office

CHANGES = {
    "invoice": "UPDATE invoice SET gross = gross + 1, net = net + 1",
    "invoice_line": "UPDATE invoice_line SET net = 1",
    "invoice_file": "UPDATE invoice_file SET sha256 = 'x'",
    "legal_entity_version": "UPDATE legal_entity_version SET author = 'x'",
    "tax_id_check": "UPDATE tax_id_check SET result = 'valid'",
}


@pytest.fixture
def office(database: Database) -> Office:
    """An office in which every guarded table has a row."""
    office = Office(database)
    invoice = office.issue(office.workspace(), "ord_1")
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO invoice_file (invoice_id, format, content, sha256, created_at) "
                "VALUES (:id, 'pdf', :content, 'x', '2026-01-01')"
            ),
            {"id": invoice.invoice_id, "content": b"%PDF"},
        )
        connection.execute(
            text(
                "INSERT INTO tax_id_check"
                " (workspace_id, tax_id, source, result, request_id, name, address, actor, checked_at)"
                " SELECT workspace_id, 'DE1', 'vies', 'invalid', '', '', '', 'x', '2026-01-01' FROM invoice"
            )
        )
    return office


def refused(office: Office, statement: str) -> str:
    with pytest.raises(DBAPIError) as caught, office.db.write() as connection:
        assert connection.execute(text(statement)).rowcount > 0
    return str(caught.value)


def test_every_guarded_table_is_tried():
    assert set(CHANGES) == set(APPEND_ONLY)


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_written_once(office, table):
    assert "append-only" in refused(office, CHANGES[table])
    assert "append-only" in refused(office, f"DELETE FROM {table}")


@pytest.mark.parametrize(
    "change",
    [
        "next = next + 2",
        "next = next - 1",
        "prefix = 'X'",
        "year = 2030",
        "next = next + 1, last_issued_on = '2000-01-01'",
    ],
)
def test_a_series_only_counts_up_by_one(office, change):
    assert "counts up by one" in refused(office, f"UPDATE invoice_series SET {change}")


def test_a_series_stays(office):
    assert "counts up by one" in refused(office, "DELETE FROM invoice_series")


def test_the_guards_are_put_back_at_the_next_start(office):
    dialect = "sqlite" if office.db.is_sqlite else "postgresql"
    on = "" if office.db.is_sqlite else " ON invoice"
    name = "invoice_no_update" if office.db.is_sqlite else "invoice_append_only"
    with office.db.write() as connection:
        connection.execute(text(f"DROP TRIGGER {name}{on}"))
        assert name not in present(connection)
    upgrade(office.db)
    with office.db.read() as connection:
        assert GUARDS.names(dialect) <= present(connection)
