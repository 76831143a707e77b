"""How a document's figures, dates and names are written, for the PDF and the page alike."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from app.invoicing.countries import country_name, state_name
from app.invoicing.document import InvoiceDocument, Kind, Party, TaxCategory, TaxGroup
from app.kernel.money import plain
from app.kernel.text import t

#: Day before month, in words, is what nobody misreads.
DATES = {"en": "en_GB"}
UNIT_PRICE_DECIMALS = 8
#: The rate says nothing where no tax is charged; the category does.
NAMED = {
    TaxCategory.REVERSE_CHARGE: "tax.reverse_charge",
    TaxCategory.EXPORT: "tax.export",
    TaxCategory.EXEMPT: "tax.exempt",
    TaxCategory.OUTSIDE_SCOPE: "tax.outside",
    TaxCategory.ZERO: "tax.zero",
}


def say(key: str, /, **names: object) -> str:
    """A sentence of this area of the catalogue."""
    return t(f"invoice_document.{key}", **names)


@dataclass(frozen=True, slots=True)
class Wording:
    """One document's manner of writing."""

    language: str
    currency: str
    exponent: int

    @classmethod
    def of(cls, document: InvoiceDocument) -> "Wording":
        return cls(document.language, document.currency, document.exponent)

    def amount(self, figure: Decimal) -> str:
        """`€1,525.01`, with a true minus."""
        return self._money(figure, self.currency, self.exponent)

    def unit_price(self, figure: Decimal) -> str:
        """Like an amount, with as many decimals as the price has."""
        return self._money(figure, self.currency, min(max(self.exponent, _decimals(figure)), UNIT_PRICE_DECIMALS))

    def abroad(self, figure: Decimal, currency: str) -> str:
        """An amount in another currency, with the decimals it was stored with."""
        return self._money(figure, currency, max(0, -int(figure.as_tuple().exponent)))

    def _money(self, figure: Decimal, currency: str, decimals: int) -> str:
        # The decimals are the ledger's (ISO 4217); the locale's own table knows some currencies by their coins.
        pattern = "¤#,##0" + ("." + "0" * decimals if decimals else "")
        written: str = format_currency(figure, currency, pattern, locale=self.language, currency_digits=False)
        return _minus(written)

    def quantity(self, figure: Decimal) -> str:
        return _minus(format_decimal(figure, "#,##0.######", locale=self.language))

    def percent(self, rate: Decimal) -> str:
        return f"{plain(rate)}%"

    def day(self, on: date) -> str:
        return format_date(on, "long", locale=DATES.get(self.language, self.language))

    def days(self, first: date, last: date) -> str:
        """A period with both its ends: `1 Oct – 31 Oct 2026`."""
        locale = DATES.get(self.language, self.language)
        start = format_date(first, "d MMM" if first.year == last.year else "d MMM y", locale=locale)
        return f"{start} – {format_date(last, 'd MMM y', locale=locale)}"

    def country(self, code: str) -> str:
        """The country's name, the code itself where there is none."""
        return country_name(code, self.language)

    def place(self, jurisdiction: str) -> str:
        """A country (`FI`) or a part of one (`CA-ON`) by name."""
        country, _, state = jurisdiction.partition("-")
        return state_name(country, state) if state else self.country(country)

    def address(self, party: Party) -> list[str]:
        """The lines under the name."""
        town = " ".join(part for part in (party.postcode, party.city) if part)
        region = state_name(party.country, party.region)
        return [line for line in (*party.street, town, region, self.country(party.country)) if line.strip()]

    def rate(self, group: TaxGroup) -> str:
        """`19%`, or the reason why there is none."""
        return say(NAMED[group.category]) if group.category in NAMED and not group.rate else self.percent(group.rate)

    def rate_of(self, group: TaxGroup, home: str) -> str:
        """The same, naming the country when it is not the seller's own."""
        rate = self.rate(group)
        abroad = group.jurisdiction and group.jurisdiction != home and group.rate
        return say("tax.jurisdiction", rate=rate, country=self.place(group.jurisdiction)) if abroad else rate

    def total_tax(self, group: TaxGroup) -> str:
        """`VAT 19%`; `Reverse charge`; a name that already says its rates is left as it is."""
        if "%" in group.name:
            return group.name
        return say("total.tax", name=group.name, rate=self.rate(group)) if group.rate else self.rate(group)


def tax_name(document: InvoiceDocument) -> str:
    """The one name of the tax, or just "Tax" where there are several."""
    names = {group.name for group in document.taxes if group.name}
    return names.pop() if len(names) == 1 and "%" not in "".join(names) else say("column.tax")


def title(document: InvoiceDocument) -> str:
    return say(f"title.{document.kind}")


def status(document: InvoiceDocument) -> str:
    """The word of the chip: a key of `invoice_document.status`."""
    settled = document.totals.due <= 0
    if document.kind is Kind.CREDIT_NOTE:
        return "refunded" if settled and document.paid else "credited"
    return "paid" if settled else "due"


def facts(document: InvoiceDocument) -> list[tuple[str, str]]:
    """The dates and references under the addresses, as (label, value)."""
    words = Wording.of(document)
    found = [(say("fact.issued_on"), words.day(document.issued_on))]
    if document.period:
        found.append((say("fact.period"), words.days(*document.period)))
    elif document.supplied_on:
        found.append((say("fact.supplied_on"), words.day(document.supplied_on)))
    if document.due_on and document.totals.due > 0:
        found.append((say("fact.due_on"), words.day(document.due_on)))
    if refers := document.refers_to:
        found.append((say("fact.corrects"), refers.number))
    if document.order_number:
        found.append((say("fact.order"), document.order_number))
    if document.purchase_order:
        found.append((say("fact.purchase_order"), document.purchase_order))
    return found


def totals(document: InvoiceDocument) -> list[tuple[str, str]]:
    """The lines above the total, as (label, amount)."""
    words = Wording.of(document)
    found = [(say("total.net"), words.amount(document.totals.net))]
    found += [(words.total_tax(group), words.amount(group.tax)) for group in document.taxes]
    if document.totals.rounding:
        found.append((say("total.rounding"), words.amount(document.totals.rounding)))
    return found


def grand_total(document: InvoiceDocument) -> tuple[str, str]:
    label = "total.credited" if document.kind is Kind.CREDIT_NOTE else "total.gross"
    amount = Wording.of(document).amount(document.totals.gross + document.totals.rounding)
    return say(label, currency=document.currency), amount


def settlement(document: InvoiceDocument) -> list[tuple[str, str]]:
    """What happened with the total, as (label, amount); the last line is what is left."""
    words, figures = Wording.of(document), document.totals
    credit = document.kind is Kind.CREDIT_NOTE
    found = []
    if figures.paid and document.paid:
        label = say("total.refunded" if credit else "total.paid", day=words.day(document.paid.on))
        found.append((label, words.amount(-figures.paid)))
    if not credit or figures.due:
        found.append((say("total.credit_left" if credit else "total.due"), words.amount(figures.due)))
    return found


def paragraphs(document: InvoiceDocument) -> list[tuple[str, list[str]]]:
    """The prose under the figures, as (heading, sentences); only headings that have any."""
    words = Wording.of(document)
    found = [
        (say("heading.tax_notice"), _tax_notices(document, words)),
        (say("heading.reason"), _reasons(document, words)),
        (say("heading.payment"), _payment(document, words)),
        (say("heading.notes"), _notes(document)),
    ]
    return [(heading, sentences) for heading, sentences in found if sentences]


def _tax_notices(document: InvoiceDocument, words: Wording) -> list[str]:
    found = list(dict.fromkeys(group.exemption_text for group in document.taxes if group.exemption_text))
    if foreign := document.foreign_tax:
        found.append(
            say(
                "tax.foreign",
                name=tax_name(document),
                currency=foreign.currency,
                from_currency=document.currency,
                amount=words.abroad(foreign.tax, foreign.currency),
                rate=plain(foreign.rate),
                source=foreign.source,
                day=words.day(foreign.on),
            )
        )
    return found


def _reasons(document: InvoiceDocument, words: Wording) -> list[str]:
    if not (refers := document.refers_to):
        return []
    correction = say("note.correction", number=refers.number, day=words.day(refers.issued_on))
    return [correction, *([refers.reason] if refers.reason else [])]


def _payment(document: InvoiceDocument, words: Wording) -> list[str]:
    if paid := document.paid:
        key = "payment.returned" if document.kind is Kind.CREDIT_NOTE else "payment.received"
        names = {"method": paid.method, "day": words.day(paid.on), "reference": paid.reference}
        return [say(f"{key}_reference" if paid.reference else key, **names)]
    bank = document.seller.bank
    if document.kind is not Kind.INVOICE or document.totals.due <= 0:
        return []
    due_on = words.day(document.due_on) if document.due_on else ""
    if not bank or not bank.iban:
        return [say("payment.until", day=due_on)] if due_on else []
    account = say("payment.account_bic" if bank.bic else "payment.account", iban=_in_fours(bank.iban), bic=bank.bic)
    asked = {"amount": words.amount(document.totals.due), "account": account, "number": document.number, "day": due_on}
    return [say("payment.transfer_until" if due_on else "payment.transfer", **asked)]


def _notes(document: InvoiceDocument) -> list[str]:
    terms = [say("note.terms", version=document.terms_version)] if document.terms_version else []
    return [*document.notes, *terms]


def footer(document: InvoiceDocument) -> list[str]:
    """The seller's small print, a line a kind of fact."""
    seller, words = document.seller, Wording.of(document)
    numbers = [f"{tax_id.label} {tax_id.value}" for tax_id in seller.tax_ids]
    lines = [
        [seller.name, *words.address(seller)],
        list(seller.registration),
        [*numbers, seller.email, seller.website],
    ]
    return [joined for line in lines if (joined := " · ".join(part for part in line if part.strip()))]


def _in_fours(iban: str) -> str:
    bare = "".join(iban.split())
    return " ".join(bare[at : at + 4] for at in range(0, len(bare), 4))


def _decimals(figure: Decimal) -> int:
    return max(0, -int(figure.normalize().as_tuple().exponent))


def _minus(text: str) -> str:
    return text.replace("-", "−")
