"""Invoices and credit notes: numbered, written once, and adding up."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.invoicing.document import InvoiceDocument, merged, problems
from app.invoicing.issue import issue_invoice
from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.writing import content
from app.kernel.db import Database
from app.kernel.errors import Broken, Conflict, NotFound
from tests.invoicing.support import Office, company, euros, person, seller, tax_on


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


def test_an_invoice_says_all_that_was_decided(office):
    issued = office.issue(office.workspace(), "ord_1")
    row = office.row(issued.invoice_id)
    document = InvoiceDocument.from_json(row.document)
    assert issued.number == row.number == document.number == "LG-2026-000001"
    assert (row.net, row.tax, row.gross) == (10_000, 1_900, 11_900)
    assert (document.totals.gross, document.totals.due) == (Decimal("119.00"), 0)
    assert document.seller.name == "Lumen Gateway GmbH"
    assert document.buyer.name == "Mara Lind"
    assert problems(document) == []
    assert row.hash == content(row.document, row.tax_snapshot)
    assert TaxSnapshot.from_json(row.tax_snapshot).to_json() == row.tax_snapshot


def test_asking_again_answers_with_the_same_invoice(office):
    workspace = office.workspace()
    first = office.issue(workspace, "ord_1")
    again = office.issue(workspace, "ord_1", net="1.00")
    assert again == (first.invoice_id, first.number, True)
    assert office.numbers() == ["LG-2026-000001"]


@pytest.mark.one_engine
def test_lines_that_do_not_add_up_are_our_fault(office):
    draft = office.draft(office.workspace(), "ord_1")
    with pytest.raises(Broken), office.db.write() as connection:
        issue_invoice(connection, replace(draft, lines=(replace(draft.lines[0], net=euros("99.99")),)))


def test_parts_of_a_refund_add_up_to_the_invoice_exactly(office):
    invoice = office.issue(office.workspace(), "ord_1", net="33.33")  # 39.66 with 6.33 of tax
    parts = ["13.22", "13.22", "13.22"]
    notes = [office.row(office.credit(invoice.invoice_id, f"re_{n}", part).invoice_id) for n, part in enumerate(parts)]
    assert [note.number for note in notes] == [f"LGC-2026-00000{n}" for n in (1, 2, 3)]
    assert sum(note.tax for note in notes) == 633
    assert sum(note.net for note in notes) == 3_333
    assert all(problems(InvoiceDocument.from_json(note.document)) == [] for note in notes)
    assert all(note.refers_to == invoice.invoice_id for note in notes)


@pytest.mark.one_engine
def test_a_full_credit_note_repeats_the_lines(office):
    invoice = office.issue(office.workspace(), "ord_1")
    note = InvoiceDocument.from_json(
        office.row(office.credit(invoice.invoice_id, "re_1", "119.00").invoice_id).document
    )
    assert [line.description for line in note.lines] == ["10,000 credits"]
    assert note.refers_to is not None
    assert note.refers_to.number == invoice.number


def test_more_than_is_left_cannot_be_credited(office):
    invoice = office.issue(office.workspace(), "ord_1")
    office.credit(invoice.invoice_id, "re_1", "100.00")
    with pytest.raises(Conflict, match=r"19.00 EUR is left"):
        office.credit(invoice.invoice_id, "re_2", "19.01")
    with pytest.raises(Conflict):
        office.credit(invoice.invoice_id, "re_3", "0.00")
    assert office.credit(invoice.invoice_id, "re_1", "100.00").already


@pytest.mark.one_engine
def test_only_invoices_are_credited(office):
    invoice = office.issue(office.workspace(), "ord_1")
    note = office.credit(invoice.invoice_id, "re_1", "1.00")
    with pytest.raises(NotFound):
        office.credit(note.invoice_id, "re_2", "1.00")
    with pytest.raises(NotFound):
        office.credit("inv_nobody", "re_3", "1.00")


@pytest.mark.one_engine
def test_a_reverse_charge_says_so(office):
    tax = tax_on("100.00", office.seller, company("FR", result="valid"))
    row = office.row(office.issue(office.workspace(), "ord_1", tax=tax).invoice_id)
    document = InvoiceDocument.from_json(row.document)
    assert document.is_reverse_charge
    assert "Reverse charge" in document.taxes[0].exemption_text
    assert document.buyer.vat_id == "FR40303265045"


@pytest.mark.one_engine
def test_money_for_credits_taxed_later_gets_a_receipt(office):
    tax = tax_on("100.00", office.seller, person(), deferred=True)
    issued = office.issue(office.workspace(), "ord_1", tax=tax)
    assert issued.number == "LGR-2026-000001"
    assert office.row(issued.invoice_id).kind == "receipt"


def test_test_money_has_a_series_of_its_own(office):
    assert office.issue(office.workspace(), "ord_1", is_test=True).number == "TEST-LG-2026-000001"
    assert office.issue(office.workspace(), "ord_2").number == "LG-2026-000001"


@pytest.mark.one_engine
def test_two_taxes_are_stated_apart(database):
    office = Office(database, country="CA", state="BC", currency="CAD")
    tax = tax_on("100.00", office.seller, person("CA", state="BC"), currency="CAD")
    assert [(each.type, each.amount) for each in tax.rates] == [("GST", 500)]
    within = tax_on("100.00", seller("IN", state="KA"), person("IN", state="KA"), currency="INR")
    assert [(each.type, each.amount) for each in within.rates] == [("CGST", 900), ("SGST", 900)]


@pytest.mark.one_engine
def test_every_rate_is_a_group_of_its_own(database):
    office = Office(database, country="IN", state="KA", currency="INR")
    tax = tax_on("100.00", office.seller, person("IN", state="KA"), currency="INR")
    issued = office.issue(office.workspace(), "ord_1", tax=tax)
    document = InvoiceDocument.from_json(office.row(issued.invoice_id).document)
    assert [(group.name, group.rate, group.base, group.tax) for group in document.taxes] == [
        ("CGST", Decimal(9), Decimal("100.00"), Decimal("9.00")),
        ("SGST", Decimal(9), Decimal("100.00"), Decimal("9.00")),
    ]
    [both] = merged(document.taxes)
    assert (both.name, both.rate, both.tax) == ("CGST 9% + SGST 9%", Decimal(18), Decimal("18.00"))
    assert (problems(document), document.notes) == ([], ())
