"""Our own books against each other: whatever somebody takes out or changes behind Farebox's back is told."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from app.invoicing.seed import BUYER
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.lifecycle import State
from app.reconcile.findings import Code
from app.reconcile.runs import Depth
from tests.reconcile.support import behind_its_back, healed_codes, open_codes, paid, reconcile
from tests.support.returns import refund
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import Till
from tests.support.till import till as open_till

TOP_UP = "(SELECT id FROM journal WHERE kind = 'top_up')"
BREAKAGES = {
    Code.ORDER_WITHOUT_PAYMENT: ["DELETE FROM payment"],
    Code.PAYMENT_DIFFERS: ["UPDATE payment SET amount_minor = 1180"],
    Code.ORDER_WITHOUT_CREDITS: [
        f"DELETE FROM entry WHERE journal_id IN {TOP_UP}",
        "DELETE FROM journal WHERE kind = 'top_up'",
    ],
    Code.CREDITS_DIFFER: [
        f"UPDATE entry SET amount = amount * 2 WHERE journal_id IN {TOP_UP} AND unit = 'credit'",
    ],
    Code.CASH_DIFFERS: [f"UPDATE entry SET amount = amount * 2 WHERE journal_id IN {TOP_UP} AND unit = 'EUR'"],
    Code.ORDER_WITHOUT_INVOICE: ["DELETE FROM invoice_line", "DELETE FROM invoice"],
    Code.INVOICE_DIFFERS: ["UPDATE invoice SET gross = gross - 1, net = net - 1"],
}
GONE = {
    Code.PAYMENT_WITHOUT_ORDER,
    Code.CREDITS_WITHOUT_PAYMENT,
    Code.INVOICE_WITHOUT_PAYMENT,
}


MOST_TELLING = {Code.ORDER_WITHOUT_CREDITS, Code.CREDITS_DIFFER}  # the others are found by the same means


@pytest.mark.parametrize("depth", Depth)
@pytest.mark.parametrize(
    "code",
    [code if code in MOST_TELLING else pytest.param(code, marks=pytest.mark.one_engine) for code in BREAKAGES],
)
def test_case_48_a_tampered_book_is_told(till: Till, code: Code, depth: Depth) -> None:
    order = paid(till)
    behind_its_back(till, *BREAKAGES[code])
    run = reconcile(till, depth)
    assert code in open_codes(run)
    told = next(one for one in run.open if one.code is code)
    assert told.order_id == order.id
    assert told.title
    assert told.said
    assert told.next_step
    assert run.healed == []


@pytest.mark.one_engine
def test_case_48_credits_nobody_paid_for_are_told(till: Till) -> None:
    given = till.services.ledger.top_up(
        till.workspace_id, Money.from_exact(5), ref="pi_made_up", label="Starter", actor="somebody"
    )
    booked = till.run(given)
    for depth in Depth:
        [told] = reconcile(till, depth).open
        assert (told.code, told.subject) == (Code.CREDITS_WITHOUT_PAYMENT, booked.journal_id)
        assert told.facts == {"credits": "5 credits", "payment": "pi_made_up", "by": "somebody"}


def test_case_48_an_order_that_was_put_back_to_unpaid_is_told_and_not_paid_again(till: Till) -> None:
    order = paid(till)
    behind_its_back(till, "UPDATE payment_order SET state = 'pending', look_at = NULL WHERE id = :id", id=order.id)
    run = reconcile(till)
    assert set(open_codes(run)) >= GONE
    assert till.credits == 10_500


@pytest.mark.one_engine
def test_a_gap_in_the_numbers_is_told_by_its_own_code(till: Till) -> None:
    paid(till)
    behind_its_back(till, "UPDATE invoice_series SET next = next + 1")
    assert open_codes(reconcile(till)) == [Code.NUMBER_GAP]
    assert open_codes(reconcile(till, Depth.QUICK)) == []  # the whole books are read at night


def test_a_ledger_that_breaks_a_rule_is_told(till: Till) -> None:
    paid(till)
    behind_its_back(till, "UPDATE wallet SET balance = balance + 1")
    told = reconcile(till).open
    assert {one.code for one in told} == {Code.BOOKS_BROKEN}
    assert {one.subject for one in told} == {"balance_is_entries", "balance_is_lots"}


def test_a_changed_document_is_told(till: Till) -> None:
    paid(till)
    behind_its_back(till, "UPDATE invoice SET hash = 'x'")
    assert open_codes(reconcile(till)) == [Code.INVOICES_BROKEN]


@pytest.mark.one_engine
def test_an_approved_transfer_that_is_short_is_told(till: Till) -> None:
    order = till.cashier.manual.request(till.choice())
    till.cashier.manual.record(
        order.id, Fiat(1_190, "EUR"), bank_reference="B-1", value_date=date(2026, 11, 20), actor="clerk"
    )
    till.run(till.cashier.manual.approve(order.id, actor=till.operator()))
    assert reconcile(till).differences == []
    behind_its_back(till, "UPDATE manual_receipt SET amount_minor = 190")
    assert open_codes(reconcile(till)) == [Code.TRANSFER_SHORT]


def test_a_vat_id_that_turned_out_invalid_is_told_until_the_invoice_is_credited(one_till: Till) -> None:
    till, invoicing = one_till, one_till.services.invoicing
    invoicing.sellers.save(replace(invoicing.sellers.current(), vies_policy="allow_and_recheck"), author="test")
    paris = replace(BUYER, company="Halfmoon SARL", city="Paris", country="FR", tax_id="FR40303265045")
    invoicing.profiles.save(till.workspace_id, paris, actor=till.user_id)
    order = paid(till)
    assert (order.tax.minor, open_codes(reconcile(till))) == (0, [])
    invoicing.confirm_tax_id(till.workspace_id, valid=False, actor="op", note="VIES, 22 Nov")
    [told] = reconcile(till).open
    assert (told.code, told.subject, told.order_id) == (Code.VAT_ID_INVALID, order.invoice_number, order.id)
    assert ("tax ID", "FR40303265045") in told.lines
    refund(till, order)
    assert open_codes(reconcile(till)) == []


@pytest.mark.one_engine
def test_without_stripe_our_own_books_are_compared(tmp_path: Path, database_url: str) -> None:
    with open_till(tmp_path / "home", database_url, None) as till:
        run = reconcile(till)
        assert run.is_clean
        assert "events" not in run.compared


# --- restored from a backup


@contextmanager
def backup_of(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Iterator[str]:
    """A copy of the database as it is now; nobody may be connected to it."""
    if url.startswith("sqlite"):
        kept = tmp_path / "backup.sqlite"
        shutil.copyfile(url.removeprefix("sqlite:///"), kept)
        yield f"sqlite:///{kept}"
        return
    server = request.getfixturevalue("postgres")
    with server.copy_of(str(make_url(url).database)) as copied:
        yield copied


@pytest.mark.parametrize("when", ["before the order", "with the order open"])
def test_case_48_a_restored_backup_is_healed_from_its_own_watermark(
    when: str, request: pytest.FixtureRequest, tmp_path: Path, database_url: str, stripe_: SandboxStripe
) -> None:
    with open_till(tmp_path / "home", database_url, stripe_) as till:
        first = paid(till)
        order = till.buy() if when == "with the order open" else None
        assert reconcile(till).is_clean
    with backup_of(request, database_url, tmp_path) as backup:
        with open_till(tmp_path / "home", database_url, stripe_, fresh=False) as after:
            after.workspace_id, after.user_id, after.package = till.workspace_id, till.user_id, till.package
            lost = order or after.buy(key="after the backup")
            intent = after.pay(lost)
            assert after.settle(lost).state is State.PAID
            assert (after.credits, reconcile(after).is_clean) == (21_000, True)
        with open_till(tmp_path / "restored", backup, stripe_, fresh=False) as restored:
            restored.workspace_id = till.workspace_id
            restored.time.ahead += timedelta(minutes=20)
            run = reconcile(restored)
            if order is not None:
                assert (restored.state(order), restored.credits) == (State.PAID, 21_000)
                assert (open_codes(run), healed_codes(run)) == ([], {Code.WEBHOOK_MISSED})
                assert reconcile(restored).differences == []
            else:
                assert [(one.code, one.subject) for one in run.open] == [(Code.MONEY_UNMATCHED, intent)]
                assert restored.credits == 10_500
            assert restored.state(first) is State.PAID
            restored.assert_books_balance()
