"""A document by the business terms of EN 16931 (BT-1, BG-4, …), as the writing library takes them. PURE."""

from decimal import Decimal
from typing import Any

from app.invoicing.document import BankAccount, InvoiceDocument, Kind, Line, Party, TaxCategory, TaxGroup, merged
from app.invoicing.tidy import tidy
from app.invoicing.wording import paragraphs, say
from app.kernel.money import plain

INVOICE, CREDIT_NOTE = "380", "381"
#: UN/ECE recommendation 20; what has no unit there is counted in pieces.
PIECE = "C62"
UNITS = {"second": "SEC", "minute": "MIN", "hour": "HUR", "day": "DAY", "month": "MON", "megabyte": "4L"}
TRANSFERS = frozenset({"30", "58"})
UNNAMED_MEANS = "1"
UNNAMED = "–"
UNTAXED = frozenset(TaxCategory) - {TaxCategory.STANDARD, TaxCategory.ZERO}


def terms(document: InvoiceDocument) -> dict[str, Any]:
    """The document by the standard's business terms (BT, BG). Terms that would be empty are left out."""
    refers = document.refers_to
    outside = any(group.category is TaxCategory.OUTSIDE_SCOPE for group in document.taxes)
    return _without_gaps(
        {
            "BT-1": document.number,
            "BT-2": document.issued_on,
            "BT-3": CREDIT_NOTE if document.kind is Kind.CREDIT_NOTE else INVOICE,
            "BT-5": document.currency,
            "BT-13": document.purchase_order,
            "BT-14": document.order_number,
            "BG-1": [{"BT-22": tidy(each)} for _, said in paragraphs(document) for each in said if tidy(each)],
            "BG-3": [{"BT-25": tidy(refers.number), "BT-26": refers.issued_on}] if refers else [],
            "BG-4": _party(document.seller, outside=outside, seller=True),
            "BG-7": _party(document.buyer, outside=outside, seller=False),
            "BT-72": document.supplied_on or document.issued_on,
            "BT-73": document.period[0] if document.period else None,
            "BT-74": document.period[1] if document.period else None,
            **_payment(document),
            **_totals(document),
            "BG-23": [_tax(group, document) for group in merged(document.taxes)],
            "BG-25": [_line(line, number, document) for number, line in enumerate(document.lines, 1)],
        }
    )


def _party(party: Party, *, outside: bool, seller: bool) -> dict[str, Any]:
    street = [line for line in party.street if line.strip()]
    registration = " · ".join(party.registration)
    number = next((tax_id.value for tax_id in party.tax_ids if tax_id.value), "")
    found = {
        "name": tidy(party.name) or UNNAMED,
        # Outside the scope of VAT the standard forbids VAT numbers but wants the seller identified all the same.
        "vat_identifier": "" if outside else party.vat_id,
        "identifiers": {None: number} if seller and number and (outside or not party.vat_id) else {},
        "legal_info": registration if seller else "",
        "einvoicing_addr": party.email,
        "einvoicing_addr_schemeid": "EM" if party.email else "",
        "addr_l1": street[0] if street else "",
        "addr_l2": street[1] if len(street) > 1 else "",
        "addr_l3": ", ".join(street[2:]),
        "city": party.city,
        "postcode": party.postcode,
        "country_subdivision": party.region,
        "country_code": party.country,
        "contacts": [_without_gaps({"name": party.attention, "email": party.email})] if party.attention else [],
    }
    return _without_gaps(found)


def _payment(document: InvoiceDocument) -> dict[str, Any]:
    bank = document.seller.bank or BankAccount()
    means = document.paid.means if document.paid else "30"
    if means in TRANSFERS and not bank.iban:
        means = UNNAMED_MEANS
    by_transfer = means in TRANSFERS
    owed = document.totals.due > 0
    return {
        "BT-9": document.due_on if owed else None,
        "BT-20": say("payment.on_receipt") if owed and not document.due_on else "",
        "BT-81": means,
        "BT-82": document.paid.method if document.paid else "",
        "BT-83": document.number,
        "BT-84": "".join(bank.iban.split()) if by_transfer else "",
        "BT-85": bank.holder if by_transfer else "",
        "BT-86": bank.bic if by_transfer else "",
    }


def _totals(document: InvoiceDocument) -> dict[str, Any]:
    figures, foreign = document.totals, document.foreign_tax
    return {
        "BT-6": foreign.currency if foreign else "",
        "BT-106": _amount(figures.net, document),
        "BT-109": _amount(figures.net, document),
        "BT-110": _amount(figures.tax, document),
        "BT-111": f"{foreign.tax:f}" if foreign else "",
        "BT-112": _amount(figures.gross, document),
        "BT-113": _amount(figures.paid, document) if figures.paid else "",
        "BT-114": _amount(figures.rounding, document) if figures.rounding else "",
        "BT-115": _amount(figures.due, document),
    }


def _tax(group: TaxGroup, document: InvoiceDocument) -> dict[str, Any]:
    untaxed = group.category in UNTAXED
    return _without_gaps(
        {
            "BT-116": _amount(group.base, document),
            "BT-117": _amount(group.tax, document),
            "BT-118": group.category.value,
            "BT-119": _rate(group.category, group.rate),
            "BT-120": (group.exemption_text or say("tax.no_tax")) if untaxed else "",
            "BT-121": group.exemption_code if untaxed else "",
        }
    )


def _line(line: Line, number: int, document: InvoiceDocument) -> dict[str, Any]:
    backwards = line.unit_price < 0  # a price is never negative there; a quantity may be
    return _without_gaps(
        {
            "BT-126": str(number),
            "BT-129": plain(-line.quantity if backwards else line.quantity),
            "BT-130": UNITS.get(line.unit, PIECE),
            "BT-131": _amount(line.net, document),
            "BT-146": plain(abs(line.unit_price)),
            "BT-151": line.category.value,
            "BT-152": _rate(line.category, line.rate),
            "BT-153": tidy(line.description) or UNNAMED,
            "BT-154": tidy(" · ".join(part for part in (line.section, line.detail) if part)),
        }
    )


def _rate(category: TaxCategory, rate: Decimal) -> str:
    return "" if category is TaxCategory.OUTSIDE_SCOPE else plain(rate)


def _amount(figure: Decimal, document: InvoiceDocument) -> str:
    return f"{figure:.{document.exponent}f}"


def _without_gaps(found: dict[str, Any]) -> dict[str, Any]:
    """The terms that say something, in characters that XML allows."""
    tidied = {term: tidy(value) if isinstance(value, str) else value for term, value in found.items()}
    return {term: value for term, value in tidied.items() if value not in ("", None, [], {})}
