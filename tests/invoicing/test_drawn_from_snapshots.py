"""What the tax function decides for real parties, all the way to paper, page and electronic form."""

from dataclasses import replace
from decimal import Decimal

import pytest

from app.invoicing.compose import DraftLine, Head, compose
from app.invoicing.document import InvoiceDocument, Kind, Paid, Refers, problems
from app.invoicing.einvoice import Format, encode, refusal
from app.invoicing.html import page
from app.invoicing.pdf.render import render
from app.invoicing.tax_snapshot import TaxSnapshot
from tests.invoicing.conftest import RULES, Findings
from tests.invoicing.support import TODAY, company, person, seller, tax_on
from tests.invoicing.test_pdf import texts

SOLD = {
    "home": tax_on("100.00"),
    "reverse charge": tax_on("100.00", None, company("FR", result="valid")),
    "consumer abroad under OSS": tax_on("100.00", seller(oss=True), person("FI")),
    "outside the EU": tax_on("100.00", None, person("US", state="NY")),
    "small business": tax_on("100.00", seller(vat_status="exempt", exempt_reason="§ 19 UStG"), person()),
    "Japan": tax_on("10000", seller("JP"), person("JP"), currency="JPY"),
    "Ontario": tax_on("100.00", seller("CA", state="BC"), person("CA", state="ON"), currency="CAD"),
    "two halves within an Indian state": tax_on(
        "100.00", seller("IN", state="KA"), person("IN", state="KA"), currency="INR"
    ),
    "no nexus": tax_on("100.00", seller("US", state="NY"), person("US", state="TX"), currency="USD"),
}


def document(tax: TaxSnapshot, **more: object) -> InvoiceDocument:
    line = DraftLine("10,000 credits", tax.total_net, Decimal(1), "package", detail="expire after 365 days")
    usual: dict[str, object] = {
        "kind": Kind.INVOICE,
        "number": "LG-2026-000001",
        "issued_on": TODAY,
        "supplied_on": TODAY,
        "is_test": False,
        "order_number": "A-1",
        "terms_version": "3",
        "paid": Paid(TODAY, "Card •••• 4242", "pi_1", means="48"),
    }
    return compose(Head(**(usual | more)), tax, (line,))  # type: ignore[arg-type]


@pytest.mark.parametrize("tax", SOLD.values(), ids=SOLD.keys())
def test_every_decision_can_be_printed_and_read(tax: TaxSnapshot) -> None:
    drawn = document(tax)

    assert problems(drawn) == []
    said = " ".join(texts(render(drawn)))
    assert "LG-2026-000001" in said
    assert "LG-2026-000001" in page(drawn)
    for rate in tax.rates:
        assert (rate.exemption_text or "Invoice") in said


@pytest.mark.parametrize("tax", SOLD.values(), ids=SOLD.keys())
@pytest.mark.parametrize("format_", RULES)
def test_every_decision_has_a_clean_electronic_form_or_a_reason_why_not(
    tax: TaxSnapshot, format_: Format, findings: Findings
) -> None:
    drawn = document(tax)

    if not refusal(drawn):
        assert findings(encode(drawn, format_), format_) == []


def test_home_sales_reverse_charge_oss_and_exports_do_have_one() -> None:
    for name in ("home", "reverse charge", "consumer abroad under OSS", "outside the EU", "small business"):
        assert refusal(document(SOLD[name])) == "", name


def test_a_credit_note_of_a_reverse_charge_sale_is_clean_too(findings: Findings) -> None:
    refers = Refers("LG-2026-000001", TODAY, "Not needed")
    note = document(SOLD["reverse charge"], kind=Kind.CREDIT_NOTE, number="LGC-2026-000001", refers_to=refers)

    assert findings(encode(note, Format.UBL), Format.UBL) == []
    assert findings(encode(note, Format.CII), Format.CII) == []


def test_a_bank_order_that_is_not_paid_yet_is_clean_too(findings: Findings) -> None:
    unpaid = document(SOLD["home"], paid=None)

    assert findings(encode(replace(unpaid, due_on=TODAY), Format.CII), Format.CII) == []
