"""The last look before a document leaves finds what a reader would stumble over."""

from app.invoicing.pdf import look
from app.invoicing.pdf.check import faults
from app.invoicing.pdf.layout import lay_out
from tests.invoicing.documents import invoice, many_lines


def test_a_good_sheet_has_no_faults() -> None:
    document = many_lines()

    assert faults(lay_out(document), document) == []


def test_text_on_text_is_found() -> None:
    document = invoice()
    sheet = lay_out(document)
    sheet.write("A line over the seller's name", sheet.left + 16, 15, look.BODY)

    assert "overlap" in faults(sheet, document)[0]


def test_text_beside_the_paper_is_found() -> None:
    document = invoice()
    sheet = lay_out(document)
    sheet.write("Too far right", sheet.right - 3, 250, look.BODY)

    assert faults(sheet, document) == ["page 1: “Too far right” runs off the paper"]


def test_a_missing_amount_is_found() -> None:
    document = invoice()
    sheet = lay_out(document)
    sheet.pages[0] = [mark for mark in sheet.pages[0] if getattr(getattr(mark, "line", None), "text", "") != "€595.00"]

    assert faults(sheet, document) == ["'€595.00' is not on it"]
