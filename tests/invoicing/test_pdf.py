"""Invoices on paper: what they say can be read back out of the file, whatever a customer calls himself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO

import pypdf
import pypdfium2
import pytest

from app.invoicing.document import InvoiceDocument, Kind, Refers
from app.invoicing.pdf.faces import FONTS, SCRIPTS, covered
from app.invoicing.pdf.render import render
from app.kernel.errors import Broken
from tests.invoicing.awkward import NAMES, named
from tests.invoicing.documents import SELLER, credit_note, invoice, line, many_lines, reverse_charge, yen


@contextmanager
def opened(content: bytes) -> Iterator[pypdfium2.PdfDocument]:
    file = pypdfium2.PdfDocument(content)
    try:
        yield file
    finally:
        file.close()


def texts(content: bytes) -> list[str]:
    """The text of each page, in one line."""
    with opened(content) as file:
        pages = [file[number].get_textpage() for number in range(len(file))]
        found = [" ".join(page.get_text_range().split()) for page in pages]
        for page in pages:
            page.close()
    return found


def digits(said: str) -> str:
    return "".join(filter(str.isdigit, said))


def text(document: InvoiceDocument) -> str:
    return " ".join(texts(render(document)))


def test_an_invoice_says_all_that_it_must_say() -> None:
    said = text(invoice())

    for fact in (
        "Invoice", "FB-2026-000417", "21 November 2026", "PAID",
        "Farebox Demo GmbH", "Torstraße 140", "10119 Berlin", "VAT ID DE136695976", "HRB 123456",
        "Mönckebergstraße 7", "20095 Hamburg", "Germany", "VAT ID DE811569869", "PO-77120",
        "Team package", "50,000 credits, valid until 21 November 2027",
        "€500.00", "19%", "€95.00", "€595.00", "−€595.00", "Card •••• 4242", "version 3 of our terms", "Page 1 of 1",
    ):  # fmt: skip
        assert fact in said


def test_a_credit_note_says_what_it_corrects_and_what_was_paid_back() -> None:
    said = text(credit_note())

    assert "Credit note" in said
    assert "This credit note corrects invoice FB-2026-000417 of 21 November 2026." in said
    assert "Credited EUR €297.50" in said
    assert "REFUNDED" in said


def test_reverse_charge_is_named_and_says_who_owes_the_tax() -> None:
    said = text(reverse_charge())

    assert "Reverse charge: the recipient owes the VAT" in said
    assert "VAT ID FR40303265045" in said


def test_a_currency_without_decimals_has_none_and_the_tax_its_own_name() -> None:
    said = text(yen())

    assert "¥11,000" in said
    assert "Consumption tax 10%" in said
    assert "¥11,000.00" not in said


def test_an_unpaid_invoice_asks_for_the_money_by_its_day() -> None:
    paid = invoice()
    totals = replace(paid.totals, paid=Decimal(0), due=paid.totals.gross)
    said = text(replace(paid, paid=None, totals=totals, due_on=date(2026, 12, 5)))

    assert "DUE" in said
    transfer = "Please transfer €595.00 to IBAN DE89 3704 0044 0532 0130 00 (BIC COBADEFFXXX) by 5 December 2026"
    assert transfer in said


def test_sixty_lines_run_over_numbered_pages_each_with_its_heading() -> None:
    pages = texts(render(many_lines()))

    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert "FB-2026-000417" in page
    assert all("DESCRIPTION QTY UNIT PRICE" in page for page in pages[:-1])
    assert "Committed-use discount" in " ".join(pages)
    assert "−€171.96" in " ".join(pages)


def test_a_test_document_says_so_where_nobody_can_overlook_it() -> None:
    said = text(invoice(is_test=True, number="TEST-FB-2026-000001"))

    assert "Test document. No money has moved and no tax is owed." in said


def test_the_same_document_is_the_same_bytes_at_any_time_and_another_is_not() -> None:
    first = render(invoice())

    assert render(invoice()) == first
    assert render(invoice(number="FB-2026-000418")) != first


def test_it_is_a_pdf_a_3b_with_its_own_fonts_and_no_clock_in_it() -> None:
    file = pypdf.PdfReader(BytesIO(render(invoice())))
    about = file.trailer["/Root"]["/Metadata"].get_data().decode()

    assert "<pdfaid:part>3</pdfaid:part>" in about
    assert "<pdfaid:conformance>B</pdfaid:conformance>" in about
    assert about.count("2026-11-21T00:00:00+00:00") == 3
    assert file.trailer["/Root"]["/OutputIntents"]
    assert file.trailer["/Root"]["/Lang"] == "en"
    for font in file.pages[0]["/Resources"]["/Font"].values():
        inner = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert {"/FontFile2", "/FontFile3"} & inner.keys()


def test_american_sellers_print_on_letter() -> None:
    with opened(render(invoice(seller=replace(SELLER, country="US")))) as file:
        assert [round(side) for side in file[0].get_size()] == [612, 792]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_case_38_any_name_leaves_a_readable_document(name: str) -> None:
    """The self-check inside `render` has seen every line on the paper, none on another, no letter without a picture."""
    pages = texts(render(named(name)))

    assert len(pages) < 12
    assert "€595.00" in " ".join(pages)
    assert all("Page " in page for page in pages)


READ_BACK = ["japanese", "chinese", "korean", "hebrew", "hindi", "thai", "emoji", "vietnamese", "markdown", "markup"]


@pytest.mark.parametrize("name", READ_BACK)
def test_case_38_a_name_reads_back_as_it_was_given(name: str) -> None:
    """Brackets in leftward text and the mark that asks for a coloured emoji are the reader's own business."""

    def letters(of: str) -> str:
        return "".join(letter for letter in of if letter not in " ()\ufe0f")

    assert letters(NAMES[name]) in letters(text(named(NAMES[name])))


def test_case_38_control_characters_and_overrides_are_gone() -> None:
    said = text(named(NAMES["control characters"]))

    assert "Null Bell Esc [31m Tab Line Feed gnp.exe Zero" in said
    assert not set(said) & {"\x00", "\x1b", "\u202e", "\ufeff"}


def test_case_38_a_name_of_four_kilobytes_is_cut_in_its_place_and_whole_at_the_end() -> None:
    name = NAMES["four kilobytes of words"].strip()
    said = text(named(name))

    assert "IN FULL" in said
    assert "".join(name.split()) in "".join(said.split()).replace("Invoice" + "FB-2026-000417·continued", "")


def test_case_38_what_cannot_be_printed_is_marked_and_explained() -> None:
    said = text(named(NAMES["hieroglyphs, which we cannot print"]))

    assert "�� Ltd" in said
    assert "stands for a character that could not be printed" in said


def test_case_38_styled_letters_become_plain_ones() -> None:
    assert "Fancy" in text(named(NAMES["styled letters"]))


@pytest.mark.parametrize(
    ("net", "currency", "exponent"),
    [
        pytest.param("9223372036854.77", "EUR", 2, id="as much as an account can hold"),
        pytest.param("123456789012345", "IDR", 0, id="rupiah"),
        pytest.param("0.01", "KWD", 3, id="three decimals"),
        pytest.param("-5.00", "XYZ", 2, id="a currency nobody knows, below zero"),
    ],
)
def test_any_amount_finds_its_place(net: str, currency: str, exponent: int) -> None:
    paper = text(invoice([line(net, rate=Decimal("25.5"))], currency=currency, exponent=exponent))
    assert digits(net) in digits(paper)


def test_figures_that_disagree_are_never_printed() -> None:
    document = invoice()
    wrong = replace(document.totals, tax=Decimal("95.01"))

    with pytest.raises(Broken, match="cannot be drawn"):
        render(replace(document, totals=wrong))


def test_a_receipt_is_no_invoice() -> None:
    said = text(invoice(kind=Kind.RECEIPT, refers_to=None))

    assert "Receipt" in said
    assert "Invoice" not in said


def test_a_reason_of_many_paragraphs_runs_on_to_further_pages() -> None:
    reason = "The customer asked for it. " * 600
    pages = texts(render(credit_note(refers_to=Refers("FB-2026-000417", date(2026, 11, 21), reason))))

    assert len(pages) > 2


def test_every_typeface_that_is_named_is_shipped_and_has_the_marks_we_print() -> None:
    assert {file for _, _, file in SCRIPTS} <= {path.name for path in FONTS.iterdir()}
    assert (FONTS / "OFL.txt").exists()
    for face in ("NotoSans-Regular.ttf", "NotoSans-SemiBold.ttf"):
        assert {ord(letter) for letter in "�…•·−–€£¥₹₺₿“”‘’©™"} <= covered(face)
