"""Lists and single documents, for a workspace and for the operator."""

import csv
import hashlib
from dataclasses import replace
from datetime import date, timedelta
from importlib.util import find_spec

import pytest
from sqlalchemy import select

from app.invoicing import archive, reads, tables
from app.invoicing.archive import Invoices
from app.invoicing.document import Kind
from app.invoicing.einvoice import Format
from app.invoicing.reads import Filter
from app.kernel.db import Database
from app.kernel.errors import NotFound, Rejected
from app.kernel.fiat import Fiat
from tests.invoicing.support import NOON, Office, company, euros, tax_on


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


@pytest.fixture
def invoices(office: Office) -> Invoices:
    return Invoices(office.db, lambda: NOON)


def numbers(invoices: Invoices, **wanted: object) -> list[str]:
    return [seen.number for seen in invoices.page(Filter(**wanted))]  # type: ignore[arg-type]


def test_newest_first_and_only_ones_own(office, invoices):
    ours, theirs = office.workspace(), office.workspace()
    for number, workspace in enumerate([ours, theirs, ours], 1):
        office.issue(workspace, f"ord_{number}")
    assert numbers(invoices, workspace_id=ours) == ["LG-2026-000003", "LG-2026-000001"]
    assert numbers(invoices) == ["LG-2026-000003", "LG-2026-000002", "LG-2026-000001"]


def test_filters(office, invoices):
    workspace = office.workspace()
    first = office.issue(workspace, "ord_1", at=NOON - timedelta(days=30))
    office.issue(workspace, "ord_2", tax=tax_on("10.00", office.seller, company("FR", result="valid")))
    office.issue(workspace, "ord_3", is_test=True)
    office.credit(first.invoice_id, "re_1", "19.00")
    assert numbers(invoices, kind="credit_note") == ["LGC-2026-000001"]
    assert numbers(invoices, scheme="reverse_charge") == ["LG-2026-000002"]
    assert numbers(invoices, since=date(2026, 11, 1), kind="invoice", is_test=False) == ["LG-2026-000002"]
    assert numbers(invoices, until=date(2026, 11, 21)) == ["LG-2026-000001"]
    assert numbers(invoices, search="halfmoon") == ["LG-2026-000002"]
    assert numbers(invoices, search="lg-2026-000001", is_test=False) == ["LG-2026-000001"]
    assert numbers(invoices, search="%") == []
    assert numbers(invoices, order_id="ord_1") == ["LGC-2026-000001", "LG-2026-000001"]
    assert numbers(invoices, currency="USD") == []


def test_pages_follow_each_other(office, invoices):
    workspace = office.workspace()
    for number in range(5):
        office.issue(workspace, f"ord_{number}")
    seen, before = [], None
    while page := invoices.page(Filter(workspace_id=workspace, limit=2, before=before)):
        seen += [each.number for each in page]
        before = page[-1].id
    assert seen == [f"LG-2026-00000{number}" for number in (5, 4, 3, 2, 1)]


@pytest.mark.one_engine
def test_one_with_everything_about_it(office, invoices):
    workspace = office.workspace()
    invoice = office.issue(workspace, "ord_1")
    note = office.credit(invoice.invoice_id, "re_1", "19.00")
    opened = invoices.open(invoice.invoice_id, workspace)
    assert (opened.seen.state, opened.seen.credited) == ("partly_credited", euros("19.00"))
    assert [each.number for each in opened.credit_notes] == [note.number]
    assert invoices.open(note.invoice_id).seen.refers_to_number == invoice.number
    office.credit(invoice.invoice_id, "re_2", "100.00")
    assert invoices.open(invoice.invoice_id).seen.state == "credited"
    assert [each.kind for each in invoices.of_order("ord_1")] == [Kind.INVOICE, Kind.CREDIT_NOTE, Kind.CREDIT_NOTE]


@pytest.mark.one_engine
@pytest.mark.parametrize("asked", ["", "inv_1", "1", "../etc/passwd"])
def test_case_35_what_is_not_there_and_what_is_anothers_look_alike(office, invoices, asked):
    mine, other = office.workspace(), office.workspace()
    invoice = office.issue(mine, "ord_1")
    with pytest.raises(NotFound):
        invoices.open(asked or invoice.invoice_id, other)


def test_sums_take_credit_notes_off(office, invoices):
    workspace = office.workspace()
    invoice = office.issue(workspace, "ord_1")
    office.issue(workspace, "ord_2", tax=tax_on("1500", office.seller, currency="JPY"))
    office.credit(invoice.invoice_id, "re_1", "19.00")
    found = {each.gross.currency: each for each in invoices.sums(Filter(workspace_id=workspace))}
    assert (found["EUR"].count, found["EUR"].gross, found["EUR"].tax) == (2, euros("100.00"), Fiat(1_597, "EUR"))
    assert found["JPY"].gross == Fiat(1_785, "JPY")


@pytest.mark.one_engine
def test_the_csv_holds_the_list_and_no_formula(office, invoices, monkeypatch):
    monkeypatch.setattr(reads, "MAX_PAGE", 2)
    workspace = office.workspace()
    buyer = company("FR", result="valid")
    evil = tax_on("100.00", office.seller, replace(buyer, company='=HYPERLINK("http://x")'))
    invoice = office.issue(workspace, "ord_1", tax=evil)
    office.issue(workspace, "ord_2")
    office.credit(invoice.invoice_id, "re_1", "19.00")
    rows = list(csv.DictReader("".join(invoices.csv(Filter(workspace_id=workspace))).splitlines()))
    assert [row["number"] for row in rows] == ["LGC-2026-000001", "LG-2026-000002", "LG-2026-000001"]
    assert rows[0]["gross"] == "-19.00"
    assert rows[0]["refers_to"] == invoice.number
    assert rows[2]["buyer"] == '\'=HYPERLINK("http://x")'
    assert (rows[1]["gross"], rows[1]["currency"], rows[1]["payment_reference"]) == ("119.00", "EUR", "pi_1")


@pytest.mark.one_engine
def test_the_pdf_is_the_same_to_the_byte_and_stored(office, invoices):
    workspace = office.workspace()
    invoice = office.issue(workspace, "ord_1")
    made = invoices.file(invoice.invoice_id, "pdf", workspace)
    assert (made.name, made.mime, made.content[:5]) == ("LG-2026-000001.pdf", "application/pdf", b"%PDF-")
    assert invoices.pdf(invoices.open(invoice.invoice_id)) == made.content
    with office.db.read() as connection:
        row = connection.execute(select(tables.invoice_file)).one()
    assert row.sha256 == hashlib.sha256(made.content).hexdigest()
    drawn_again = archive.FORMATS["pdf"].draw(invoices.open(invoice.invoice_id).document)
    assert drawn_again == made.content
    with pytest.raises(NotFound):
        invoices.file(invoice.invoice_id, "pdf", office.workspace())
    with pytest.raises(NotFound):
        invoices.file(invoice.invoice_id, "exe")


@pytest.mark.one_engine
def test_electronic_forms_are_offered_where_they_can_be(office, invoices):
    workspace = office.workspace()
    invoice = invoices.open(office.issue(workspace, "ord_1").invoice_id)
    receipt_tax = tax_on("1.00", office.seller, deferred=True)
    receipt = invoices.open(office.issue(workspace, "ord_2", tax=receipt_tax).invoice_id)
    assert invoices.offered(receipt) == ("pdf",)
    with pytest.raises(Rejected, match="receipt"):
        invoices.file(receipt.seen.id, "ubl")
    if find_spec("facturx") is None:
        assert invoices.offered(invoice) == ("pdf",)
        return
    assert invoices.offered(invoice) == tuple(archive.FORMATS)
    made = invoices.file(invoice.seen.id, "ubl", workspace)
    assert (made.name, made.mime) == ("LG-2026-000001-ubl.xml", "application/xml")
    assert b"LG-2026-000001" in made.content
    assert invoices.file(invoice.seen.id, Format.FACTUR_X).content.startswith(b"%PDF-")


@pytest.mark.one_engine
def test_the_page_says_the_number_and_escapes_the_rest(office, invoices):
    tax = tax_on("1.00", office.seller, replace(company("FR", result="valid"), company="<b>Bold</b> SARL"))
    opened = invoices.open(office.issue(office.workspace(), "ord_1", tax=tax).invoice_id)
    assert "LG-2026-000001" in invoices.html(opened)
    whole = invoices.html(opened, whole=True)
    assert whole.lstrip().lower().startswith("<!doctype html>")
    assert "<b>Bold" not in whole


@pytest.mark.one_engine
def test_a_file_is_drawn_once_and_kept(office, invoices):
    invoice = office.issue(office.workspace(), "ord_1")
    opened = invoices.open(invoice.invoice_id)
    drawn = []

    def draw(document):
        drawn.append(document.number)
        return f"%PDF {document.number} {len(drawn)}".encode()

    assert invoices.kept(opened, "pdf", draw) == b"%PDF LG-2026-000001 1"
    assert invoices.kept(opened, "pdf", draw) == b"%PDF LG-2026-000001 1"
    assert drawn == ["LG-2026-000001"]
