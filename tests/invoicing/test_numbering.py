"""Numbers: none missing, none twice, whoever issues, fails or dies, and whenever."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.invoicing.audit import run_audit
from app.invoicing.issue import issue_invoice
from app.invoicing.numbering import issued_so_far
from app.kernel.db import Database
from app.kernel.errors import Conflict
from tests.invoicing.support import NOON, Office, together

SILVESTER = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
WORKERS, EACH = 8, 25


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


class ChangedMind(Exception):
    """What makes a transaction roll back."""


def numbered(numbers: list[str], prefix: str) -> list[int]:
    return sorted(int(number.removeprefix(prefix)) for number in numbers if number.startswith(prefix))


def test_case_34_workers_that_roll_back_leave_no_gap(office):
    workspace = office.workspace()
    kept: list[str] = []

    def work(index: int) -> None:
        dice = random.Random(index)
        for turn in range(EACH):
            source = f"ord_{index}_{turn}"
            try:
                with office.db.write() as connection:
                    issued = issue_invoice(connection, office.draft(workspace, source))
                    if dice.random() < 0.3:
                        raise ChangedMind
                kept.append(issued.number)
            except ChangedMind:
                continue

    together(WORKERS, work)
    assert 0 < len(kept) < WORKERS * EACH
    assert numbered(kept, "LG-2026-") == list(range(1, len(kept) + 1))
    assert office.numbers() == sorted(kept)
    assert run_audit(office.db) == []


def test_case_34_workers_with_the_same_order_issue_it_once(office):
    workspace = office.workspace()
    answers: list[str] = []
    together(WORKERS, lambda _: answers.append(office.issue(workspace, "ord_1").number))
    assert set(answers) == {"LG-2026-000001"}
    assert office.issue(workspace, "ord_2").number == "LG-2026-000002"


def test_case_34_at_midnight_of_the_year_each_goes_into_its_own_series(office):
    workspace = office.workspace()

    def work(index: int) -> None:
        for turn in range(10):
            moment = SILVESTER if (index + turn) % 2 else SILVESTER + timedelta(seconds=2)
            office.issue(workspace, f"ord_{index}_{turn}", at=moment)

    together(4, work)
    with office.db.read() as connection:
        assert issued_so_far(connection) == {"LG-2026-": 20, "LG-2027-": 20}
    assert numbered(office.numbers(), "LG-2026-") == list(range(1, 21))
    assert numbered(office.numbers(), "LG-2027-") == list(range(1, 21))
    assert run_audit(office.db) == []


def test_case_34_the_year_ends_at_the_sellers_midnight(database):
    office = Office(database, time_zone="Europe/Berlin")
    workspace = office.workspace()
    assert office.issue(workspace, "ord_1", at=SILVESTER - timedelta(hours=1, seconds=1)).number == "LG-2026-000001"
    issued = office.issue(workspace, "ord_2", at=SILVESTER - timedelta(minutes=59))
    assert issued.number == "LG-2027-000001"
    assert office.row(issued.invoice_id).issued_on == date(2027, 1, 1)


def test_case_34_credit_notes_and_invoices_count_apart_under_workers(office):
    workspace = office.workspace()
    invoices = [office.issue(workspace, f"ord_{index}") for index in range(4)]

    def work(index: int) -> None:
        for turn in range(5):
            office.credit(invoices[index].invoice_id, f"re_{index}_{turn}", "10.00")

    together(4, work)
    assert numbered(office.numbers(), "LGC-2026-") == list(range(1, 21))
    assert run_audit(office.db) == []


def test_two_who_credit_the_same_invoice_never_take_back_more_than_it(office):
    invoice = office.issue(office.workspace(), "ord_1")
    done: list[int] = []

    def work(index: int) -> None:
        try:
            office.credit(invoice.invoice_id, f"re_{index}", "50.00")
            done.append(index)
        except Conflict:
            return

    together(6, work)
    assert len(done) == 2
    assert numbered(office.numbers(), "LGC-2026-") == [1, 2]


def test_a_clock_set_back_does_not_turn_the_days_round(office):
    workspace = office.workspace()
    first = office.issue(workspace, "ord_1", at=NOON)
    second = office.issue(workspace, "ord_2", at=NOON - timedelta(days=3))
    days = [office.row(each.invoice_id).issued_on for each in (first, second)]
    assert days == [date(2026, 11, 21), date(2026, 11, 21)]
    assert run_audit(office.db) == []


def test_a_new_prefix_begins_with_the_next_series(office):
    workspace = office.workspace()
    office.issue(workspace, "ord_1")
    office.sellers.save(replace(office.seller, series_prefix="NEW"), author="test")
    assert office.issue(workspace, "ord_2").number == "LG-2026-000002"
    assert office.issue(workspace, "ord_3", at=datetime(2027, 1, 2, tzinfo=UTC)).number == "NEW-2027-000001"
