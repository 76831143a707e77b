"""Electronic invoices pass the standard's own rules (schematron), and say no where it cannot express a document."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO

import pypdf
import pytest
from lxml import etree

from app.invoicing import einvoice
from app.invoicing.document import ForeignTax, InvoiceDocument, Kind, TaxCategory, TaxGroup
from app.invoicing.einvoice import Format, encode, refusal
from app.kernel.errors import Broken, Rejected
from tests.invoicing.awkward import NAMES, named
from tests.invoicing.conftest import RULES, Findings
from tests.invoicing.documents import BUYER, SELLER, credit_note, invoice, line, many_lines, reverse_charge, yen


def untaxed(category: TaxCategory, text: str, code: str = "", **more: object) -> InvoiceDocument:
    """100 without tax, and why."""
    group = TaxGroup(
        "VAT", category, Decimal(0), Decimal("100.00"), Decimal(0), exemption_code=code, exemption_text=text
    )
    return invoice([line("100.00", category=category, rate=Decimal(0))], taxes=(group,), **more)


def unpaid(**more: object) -> InvoiceDocument:
    paid = invoice()
    totals = replace(paid.totals, paid=Decimal("0.00"), due=paid.totals.gross)
    return replace(paid, paid=None, totals=totals, **more)  # type: ignore[arg-type]


CZK = ForeignTax("CZK", Decimal("2390.49"), Decimal("25.163"), "ECB", date(2026, 11, 20))
DOCUMENTS = {
    "one line, paid by card": invoice(),
    "sixty lines, a period and a discount": many_lines(),
    "credit note": credit_note(),
    "reverse charge": reverse_charge(),
    "reverse charge, credited": reverse_charge(kind=Kind.CREDIT_NOTE, refers_to=credit_note().refers_to),
    "yen": yen(),
    "unpaid, due on a day": unpaid(due_on=date(2026, 12, 5)),
    "unpaid, no day": unpaid(),
    "two rates": invoice([line("100.00"), line("50.00", rate=Decimal("25.5"))]),
    "tax told in another currency": invoice(foreign_tax=CZK),
    "export": untaxed(TaxCategory.EXPORT, "Export outside the EU.", "VATEX-EU-G"),
    "exempt": untaxed(TaxCategory.EXEMPT, "Small business, § 19 UStG."),
    "outside the scope": untaxed(TaxCategory.OUTSIDE_SCOPE, "Not subject to VAT.", "VATEX-EU-O"),
    "outside the scope, no reason given": untaxed(TaxCategory.OUTSIDE_SCOPE, ""),
    "a consumer without address or e-mail": invoice(
        buyer=replace(BUYER, street=(), city="", postcode="", vat_id="", tax_ids=(), email="", is_business=False)
    ),
    "a seller without bank": unpaid(seller=replace(SELLER, bank=None), due_on=date(2026, 12, 5)),
    "a negative price": invoice([line("100.00"), line("-40.00")]),
    "an attention line, four lines of street": invoice(
        buyer=replace(BUYER, attention="Ms Øst", street=("a", "b", "c", "d"), region="Hamburg")
    ),
    "every script": named(NAMES["emoji"]),
    "control characters": named(NAMES["control characters"]),
    "only spaces": named(NAMES["only spaces"]),
    "markup": named(NAMES["markup"]),
}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())
@pytest.mark.parametrize("format_", RULES)
def test_no_rule_of_the_standard_is_broken(document: InvoiceDocument, format_: Format, findings: Findings) -> None:
    assert refusal(document) == ""
    assert findings(encode(document, format_), format_) == []


def test_the_rules_do_find_a_total_that_was_tampered_with(findings: Findings) -> None:
    xml = encode(invoice(), Format.CII).replace(b"<ram:GrandTotalAmount>595.00", b"<ram:GrandTotalAmount>595.01")

    assert any("BR-CO-15" in finding for finding in findings(xml, Format.CII))


def test_factur_x_is_the_pdf_with_the_data_inside() -> None:
    from facturx import get_facturx_xml_from_pdf

    content = encode(invoice(), Format.FACTUR_X)
    name, xml = get_facturx_xml_from_pdf(content)
    about = pypdf.PdfReader(BytesIO(content)).trailer["/Root"]["/Metadata"].get_data().decode()

    assert name == "factur-x.xml"
    assert xml == encode(invoice(), Format.CII)
    assert "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>" in about
    assert "<pdfaid:part>3</pdfaid:part>" in about
    assert etree.fromstring(about.encode()) is not None


@pytest.mark.parametrize("format_", Format)
def test_the_same_document_is_the_same_bytes(format_: Format) -> None:
    assert encode(invoice(), format_) == encode(invoice(), format_)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        pytest.param(invoice(kind=Kind.RECEIPT), "receipt", id="a receipt"),
        pytest.param(invoice(currency="KWD", exponent=3), "three decimals", id="dinar"),
        pytest.param(invoice(seller=replace(SELLER, vat_id="")), "seller's VAT id", id="a seller without VAT id"),
        pytest.param(
            invoice(taxes=(TaxGroup("Tax", TaxCategory.STANDARD, Decimal(19), Decimal("500.00"), Decimal("76.00")),)),
            "a part of the price",
            id="a tax on four fifths",
        ),
        pytest.param(reverse_charge(buyer=replace(BUYER, vat_id="")), "buyer's VAT id", id="reverse charge to whom?"),
    ],
)
def test_what_the_standard_cannot_express_is_refused_with_a_reason(document: InvoiceDocument, why: str) -> None:
    assert why in refusal(document)
    with pytest.raises(Rejected, match=why):
        encode(document, Format.UBL)


def test_an_unknown_currency_is_our_fault_and_says_so() -> None:
    with pytest.raises(Broken, match="XQQ"):
        encode(invoice(currency="XQQ"), Format.CII)


def test_without_the_library_nothing_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(einvoice, "find_spec", lambda name: None)

    assert not einvoice.available()
    with pytest.raises(Rejected, match="not installed"):
        encode(invoice(), Format.UBL)
