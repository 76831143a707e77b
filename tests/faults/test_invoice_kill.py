"""kill -9 between taking a number and keeping the invoice, on both databases: no gap, nothing twice."""

import signal

import pytest

from app.invoicing.audit import run_audit
from app.kernel.db import Database
from tests.faults.invoice_process import run
from tests.invoicing.support import Office
from tests.support.effort import sweep

pytestmark = pytest.mark.faults

POINTS = ("invoice.after_number:3", "invoice.before_commit:3", "invoice.after_number")
ORDERS = ["ord_1", "ord_2", "ord_3", "ord_4"]


@pytest.mark.parametrize("fault", sweep(POINTS, "invoice.before_commit:3"))
def test_case_34_killed_between_number_and_commit(database: Database, database_url: str, fault: str) -> None:
    office = Office(database)
    workspace = office.workspace()

    ended, answered = run(database_url, workspace, ORDERS, fault)
    assert ended == -signal.SIGKILL, "the point was never reached"
    assert office.numbers() == answered
    assert run_audit(database) == []

    ended, answered = run(database_url, workspace, ORDERS)
    assert ended == 0
    assert answered == [f"LG-2026-00000{number}" for number in (1, 2, 3, 4)]
    assert office.numbers() == answered
    assert run_audit(database) == []
