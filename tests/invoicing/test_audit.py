"""Every invariant of invoicing is broken once, and seen."""

import pytest
from sqlalchemy import text

from app.invoicing.audit import INVARIANTS, run_audit
from app.kernel.db import Database
from tests.invoicing.support import Office
from tests.support.lawless import lawless

BREAKAGES = {
    "numbers_without_gaps": "DELETE FROM invoice WHERE number = 'LG-2026-000002'",
    "numbers_have_a_series": "UPDATE invoice SET number = 'XX-2026-000002' WHERE number = 'LG-2026-000002'",
    "days_in_order": "UPDATE invoice SET issued_on = '2026-01-01' WHERE number = 'LG-2026-000003'",
    "lines_are_net": "UPDATE invoice_line SET net = net - 1 WHERE invoice_id IN"
    " (SELECT id FROM invoice WHERE number = 'LG-2026-000002')",
    "credited_at_most": "UPDATE invoice SET gross = 20000, net = 20000 - tax WHERE kind = 'credit_note'",
    "credited_in_kind": "UPDATE invoice SET currency = 'USD' WHERE kind = 'credit_note'",
    "invoices_unchanged": "UPDATE invoice SET hash = 'x' WHERE number = 'LG-2026-000002'",
}
SMALLER = {
    "the gross amount": "UPDATE invoice SET gross = gross - 1, net = net - 1 WHERE number = 'LG-2026-000002'",
    "the day": "UPDATE invoice SET issued_on = '2026-11-22' WHERE number = 'LG-2026-000003'",
    "test or not": "UPDATE invoice SET is_test = true WHERE number = 'LG-2026-000003'",
}


@pytest.fixture
def office(database: Database) -> Office:
    office = Office(database)
    workspace = office.workspace()
    invoice = office.issue(workspace, "ord_1")
    office.issue(workspace, "ord_2")
    office.issue(workspace, "ord_3")
    office.issue(workspace, "ord_4", is_test=True)
    office.credit(invoice.invoice_id, "re_1", "19.00")
    assert run_audit(database) == []
    return office


def test_every_invariant_is_broken_once():
    assert list(BREAKAGES) == [invariant.name for invariant in INVARIANTS]


@pytest.mark.parametrize("name", list(BREAKAGES))
def test_a_breach_is_reported(office, name):
    with lawless(office.db) as connection:
        assert connection.execute(text(BREAKAGES[name])).rowcount > 0
    breaches = {breach.name: breach for breach in run_audit(office.db)}
    assert name in breaches
    assert breaches[name].rows
    assert str(breaches[name]).startswith(f"{name}: broken.")


@pytest.mark.one_engine
@pytest.mark.parametrize("wrong", list(SMALLER))
def test_a_row_that_no_longer_says_what_was_issued_is_named(office, wrong):
    with lawless(office.db) as connection:
        assert connection.execute(text(SMALLER[wrong])).rowcount > 0
    found = {breach.name: breach for breach in run_audit(office.db)}["invoices_unchanged"]
    assert wrong in {row["wrong"] for row in found.rows}


@pytest.mark.one_engine
def test_reading_every_document_can_be_left_out(office):
    with lawless(office.db) as connection:
        connection.execute(text(BREAKAGES["invoices_unchanged"]))
    assert run_audit(office.db, contents=False) == []
