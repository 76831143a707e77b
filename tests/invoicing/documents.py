"""Documents to draw in tests: small, big, and every awkward one. No database is needed for any of them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal

from app.invoicing.document import (
    BankAccount,
    InvoiceDocument,
    Kind,
    Line,
    Paid,
    Party,
    Refers,
    TaxCategory,
    TaxGroup,
    TaxId,
    Totals,
)

SELLER = Party(
    name="Farebox Demo GmbH",
    country="DE",
    street=("Torstraße 140",),
    postcode="10119",
    city="Berlin",
    tax_ids=(TaxId("VAT ID", "DE136695976"),),
    vat_id="DE136695976",
    email="billing@farebox.example",
    registration=("Amtsgericht Charlottenburg HRB 123456", "Managing director: Dr. A. Weiß"),
    is_business=True,
    bank=BankAccount("Farebox Demo GmbH", "DE89370400440532013000", "COBADEFFXXX", "Demobank"),
)
BUYER = Party(
    name="Atelier Großmann & Søn AG — Łódź Ελλάδα Студия",
    country="DE",
    street=("Mönckebergstraße 7", "Hinterhof, 3. Stock"),
    postcode="20095",
    city="Hamburg",
    tax_ids=(TaxId("VAT ID", "DE811569869"),),
    vat_id="DE811569869",
    email="ap@atelier.example",
    is_business=True,
)
VATEX = "Reverse charge: the recipient owes the VAT (Art. 44 and 196, Directive 2006/112/EC)."


def line(net: str, description: str = "Team package", **more: object) -> Line:
    """A line at 19 %, one piece, unless told otherwise."""
    usual: dict[str, object] = {
        "detail": "50,000 credits, valid until 21 November 2027",
        "quantity": Decimal(1),
        "unit": "package",
        "unit_price": Decimal(net),
        "category": TaxCategory.STANDARD,
        "rate": Decimal(19),
    }
    return Line(description=description, net=Decimal(net), **(usual | more))  # type: ignore[arg-type]


def invoice(lines: Iterable[Line] = (), **more: object) -> InvoiceDocument:
    """A paid invoice over `lines`, its tax groups and totals worked out from them."""
    rows = tuple(lines) or (line("500.00"),)
    exponent = int(str(more.get("exponent", 2)))
    taxes = _groups(rows, exponent)
    net = sum((row.net for row in rows), Decimal(0))
    tax = sum((group.tax for group in taxes), Decimal(0))
    usual: dict[str, object] = {
        "kind": Kind.INVOICE,
        "number": "FB-2026-000417",
        "issued_on": date(2026, 11, 21),
        "supplied_on": date(2026, 11, 21),
        "seller": SELLER,
        "buyer": BUYER,
        "currency": "EUR",
        "exponent": 2,
        "lines": rows,
        "taxes": taxes,
        "totals": Totals(net, tax, net + tax, net + tax, Decimal(0).scaleb(-exponent)),
        "paid": Paid(date(2026, 11, 21), "Card •••• 4242", "pi_3QxYz", means="48"),
        "order_number": "ord_01JD7",
        "purchase_order": "PO-77120",
        "notes": ("Credits are used in the order in which they expire.",),
        "terms_version": "3",
    }
    return InvoiceDocument(**(usual | more))  # type: ignore[arg-type]


def _groups(rows: tuple[Line, ...], exponent: int) -> tuple[TaxGroup, ...]:
    groups = []
    for category, rate in dict.fromkeys((row.category, row.rate) for row in rows):
        base = sum((row.net for row in rows if (row.category, row.rate) == (category, rate)), Decimal(0))
        code, text = ("VATEX-EU-AE", VATEX) if category is TaxCategory.REVERSE_CHARGE else ("", "")
        tax = round(base * rate / 100, exponent)
        groups.append(TaxGroup("VAT", category, rate, base, tax, "DE", exemption_code=code, exemption_text=text))
    return tuple(groups)


def credit_note(**more: object) -> InvoiceDocument:
    """Half of the invoice's package given back."""
    refers = Refers("FB-2026-000417", date(2026, 11, 21), "25,000 of 50,000 credits were not used.")
    usual: dict[str, object] = {
        "kind": Kind.CREDIT_NOTE,
        "number": "FBC-2026-000012",
        "issued_on": date(2026, 12, 2),
        "refers_to": refers,
        "paid": Paid(date(2026, 12, 2), "Card •••• 4242", "re_3QxYz", means="48"),
    }
    return invoice([line("250.00", "Team package, unused part", detail="25,000 credits")], **(usual | more))


def reverse_charge(**more: object) -> InvoiceDocument:
    """To a business in another member state: no VAT, and the words that say why."""
    buyer = replace(
        BUYER,
        name="Studio Lumière SARL",
        country="FR",
        street=("12 rue de la Paix",),
        postcode="75002",
        city="Paris",
        vat_id="FR40303265045",
        tax_ids=(TaxId("VAT ID", "FR40303265045"),),
    )
    rows = [line("500.00", category=TaxCategory.REVERSE_CHARGE, rate=Decimal(0))]
    return invoice(rows, **({"buyer": buyer} | more))


def many_lines(count: int = 60) -> InvoiceDocument:
    """A month of usage in three sections, some lines with a detail, one discount."""
    rows = [
        line(
            f"{number * 7}.{number % 100:02d}",
            f"model-{number} · image",
            detail="1024×1024, 28 steps" if number % 3 else "",
            quantity=Decimal(number * 113),
            unit="image",
            unit_price=Decimal("0.0043") * number,
            section=("Project atelier-prod", "Project studio-staging", "Project research")[number * 3 // (count + 1)],
        )
        for number in range(1, count)
    ]
    discount = line(
        "-171.96", "Committed-use discount (10 %)", detail="Contract FB-118", section="Adjustments",
        quantity=Decimal(-1), unit="piece", unit_price=Decimal("171.96"),
    )  # fmt: skip
    return invoice([*rows, discount], period=(date(2026, 10, 1), date(2026, 10, 31)))


def yen() -> InvoiceDocument:
    """A currency without decimals, and Japan's own tax."""
    row = line("10000", "Individual package", detail="10,000 credits", rate=Decimal(10))
    document = invoice([row], currency="JPY", exponent=0, number="FB-2026-000418")
    return replace(document, taxes=tuple(replace(group, name="Consumption tax") for group in document.taxes))
