"""From a decided tax and a few lines to the document that is stored, printed and never composed again. PURE."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from app.invoicing import document as doc
from app.invoicing.parties import Address, Bank, Buyer, Seller
from app.invoicing.tax_ids import form_of
from app.invoicing.tax_snapshot import TaxRate, TaxSnapshot
from app.kernel.fiat import Fiat, exponent
from app.kernel.money import plain
from app.kernel.text import t

VAT_LETTERS_TYPES: Final = ("eu_vat", "gb_vat")


@dataclass(frozen=True, slots=True)
class DraftLine:
    """One line before tax. `net` is what the line costs; the unit price follows from it."""

    description: str
    net: Fiat
    quantity: Decimal = Decimal(1)
    unit: str = ""
    detail: str = ""
    section: str = ""

    @property
    def unit_price(self) -> Decimal:
        """Exact where the division is, otherwise to eight decimals."""
        price = self.net.amount / self.quantity
        return price if price * self.quantity == self.net.amount else round(price, 8)


@dataclass(frozen=True, slots=True)
class Head:
    """What stands over the lines; see `InvoiceDocument`."""

    kind: doc.Kind
    number: str
    issued_on: date
    supplied_on: date
    is_test: bool
    order_number: str = ""
    terms_version: str = ""
    paid: doc.Paid | None = None
    due_on: date | None = None
    period: tuple[date, date] | None = None
    refers_to: doc.Refers | None = None
    notes: tuple[str, ...] = ()


def compose(head: Head, tax: TaxSnapshot, lines: tuple[DraftLine, ...]) -> doc.InvoiceDocument:
    """The whole document. The figures are the snapshot's; nothing is rounded here."""
    category = doc.TaxCategory(tax.rates[0].category)
    gross = tax.total_gross.amount
    paid = gross if head.paid else Decimal(0)
    return doc.InvoiceDocument(
        kind=head.kind,
        number=head.number,
        issued_on=head.issued_on,
        seller=seller_party(tax.seller),
        buyer=buyer_party(tax.buyer),
        currency=tax.currency,
        exponent=exponent(tax.currency),
        lines=tuple(_line(line, category, tax.percent) for line in lines),
        taxes=_tax_groups(tax, category),
        totals=doc.Totals(tax.total_net.amount, tax.total_tax.amount, gross, paid, gross - paid),
        supplied_on=head.supplied_on,
        period=head.period,
        due_on=head.due_on,
        order_number=head.order_number,
        purchase_order=tax.buyer.reference,
        paid=head.paid,
        refers_to=head.refers_to,
        notes=head.notes,
        foreign_tax=_foreign_tax(tax),
        terms_version=head.terms_version,
        is_test=head.is_test,
    )


def seller_party(seller: Seller) -> doc.Party:
    ids = []
    if seller.vat_id:
        ids.append(doc.TaxId(form_of(seller.country).label, seller.vat_id))
    if seller.tax_number:
        ids.append(doc.TaxId("Tax number", seller.tax_number))
    return doc.Party(
        name=seller.name,
        tax_ids=tuple(ids),
        vat_id=seller.vat_id if form_of(seller.country).type in VAT_LETTERS_TYPES else "",
        email=seller.email,
        website=seller.website,
        registration=tuple(seller.registration.splitlines()),
        is_business=True,
        bank=_bank(seller.bank),
        **_address(seller.address),
    )


def buyer_party(buyer: Buyer) -> doc.Party:
    tax_id = buyer.tax_id
    return doc.Party(
        name=buyer.title,
        tax_ids=(doc.TaxId(form_of(tax_id.country).label, tax_id.value),) if tax_id else (),
        vat_id=tax_id.value if tax_id and tax_id.type in VAT_LETTERS_TYPES else "",
        email=buyer.email,
        attention=buyer.name if buyer.company else "",
        is_business=buyer.is_business,
        **_address(buyer.address),
    )


def _address(address: Address) -> dict[str, Any]:
    return {
        "country": address.country,
        "street": tuple(line for line in (address.line1, address.line2) if line),
        "postcode": address.postcode,
        "city": address.city,
        "region": address.state,
    }


def _bank(bank: Bank) -> doc.BankAccount | None:
    return doc.BankAccount(bank.holder, bank.iban, bank.bic, bank.bank) if bank.iban else None


def _line(line: DraftLine, category: doc.TaxCategory, percent: Decimal) -> doc.Line:
    return doc.Line(
        description=line.description,
        quantity=line.quantity,
        unit=line.unit,
        unit_price=line.unit_price,
        net=line.net.amount,
        category=category,
        rate=percent,
        detail=line.detail,
        section=line.section,
    )


def _tax_groups(tax: TaxSnapshot, category: doc.TaxCategory) -> tuple[doc.TaxGroup, ...]:
    """A group for each tax; where several apply they are all on the same base."""
    return tuple(
        doc.TaxGroup(
            name=_name(each, tax),
            category=category,
            rate=each.rate,
            base=tax.total_net.amount,
            tax=Fiat(each.amount, tax.currency).amount,
            jurisdiction=each.jurisdiction,
            exemption_code=each.exemption_code,
            exemption_text=each.exemption_text,
            stacked=number > 0,
        )
        for number, each in enumerate(tax.rates)
    )


def _name(rate: TaxRate, tax: TaxSnapshot) -> str:
    """`VAT`; `Sales tax, Kings County`; and what the rate is of, where it is not of everything."""
    name = f"{rate.type}, {rate.place}" if rate.place else rate.type
    if rate.base == tax.net or not rate.amount:
        return name
    base = Fiat(rate.base, tax.currency)
    return t("invoicing.tax.of_a_part", name=name, percent=plain(rate.rate), base=f"{base.amount:f}")


def _foreign_tax(tax: TaxSnapshot) -> doc.ForeignTax | None:
    declared = tax.tax_declared
    if tax.fx is None or declared is None:
        return None
    return doc.ForeignTax(tax.fx.to, declared.amount, tax.fx.rate, tax.fx.source, date.fromisoformat(tax.fx.date))
