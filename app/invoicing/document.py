"""What an invoice, a credit note or a receipt says: one frozen value that the PDF, the page and the e-invoice are all
drawn from.

It is filled from the snapshot stored when the document was issued and never from what a profile or a price says
today. Amounts are decimals in whole units of `currency`, at its ISO exponent; a credit note states positive amounts,
its kind says which way they run. Nothing here is computed twice: `problems` only checks that the figures agree.
"""

import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Self, cast

from app.kernel.money import plain


class Kind(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"
    RECEIPT = "receipt"  # money taken for credits that are taxed when they are used: no tax invoice


class TaxCategory(StrEnum):
    """The letters of EN 16931 (UNTDID 5305)."""

    STANDARD = "S"
    REVERSE_CHARGE = "AE"
    EXPORT = "G"
    EXEMPT = "E"
    OUTSIDE_SCOPE = "O"
    ZERO = "Z"


@dataclass(frozen=True, slots=True)
class TaxId:
    """`label` as the country calls it ("VAT ID", "GSTIN", "UID"); `value` as printed."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class BankAccount:
    holder: str = ""
    iban: str = ""  # or the account number where there are no IBANs
    bic: str = ""
    bank: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """A seller or a buyer. `country` is ISO 3166-1 alpha-2; `registration` is the small print of the footer."""

    name: str
    country: str
    street: tuple[str, ...] = ()
    postcode: str = ""
    city: str = ""
    region: str = ""
    tax_ids: tuple[TaxId, ...] = ()
    vat_id: str = ""  # with the country's letters: what e-invoices and reverse charge need; also one of tax_ids
    email: str = ""
    website: str = ""
    registration: tuple[str, ...] = ()
    attention: str = ""
    is_business: bool = False
    bank: BankAccount | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """`net` is before tax, at the currency's exponent; `unit_price` is before tax and may have more decimals.

    Lines with the same `section` are printed under that heading.
    """

    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    net: Decimal
    category: TaxCategory
    rate: Decimal  # percent: 19, 25.5
    detail: str = ""
    section: str = ""


@dataclass(frozen=True, slots=True)
class TaxGroup:
    """All lines of one category and rate. `name` is the tax's own name: "VAT", "GST", "Sales tax".

    `stacked`: a further tax on the base of the group before it, such as QST beside GST.
    """

    name: str
    category: TaxCategory
    rate: Decimal
    base: Decimal
    tax: Decimal
    jurisdiction: str = ""
    exemption_code: str = ""  # VATEX-EU-AE and the like
    exemption_text: str = ""
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Totals:
    """`due` = gross + rounding − paid. On a credit note `paid` is what was paid back."""

    net: Decimal
    tax: Decimal
    gross: Decimal
    paid: Decimal
    due: Decimal
    rounding: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Paid:
    """`method` in words ("Card •••• 4242", "Bank transfer"); `means` is the UNTDID 4461 code."""

    on: date
    method: str
    reference: str = ""
    means: str = "1"


@dataclass(frozen=True, slots=True)
class Refers:
    """The document that a credit note corrects."""

    number: str
    issued_on: date
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ForeignTax:
    """The tax in the currency of the country that receives it (Art. 230): `tax` = tax × `rate`."""

    currency: str
    tax: Decimal
    rate: Decimal
    source: str
    on: date


@dataclass(frozen=True, slots=True)
class InvoiceDocument:
    kind: Kind
    number: str
    issued_on: date
    seller: Party
    buyer: Party
    currency: str
    exponent: int  # decimals of `currency` by ISO 4217
    lines: tuple[Line, ...]
    taxes: tuple[TaxGroup, ...]
    totals: Totals
    supplied_on: date | None = None  # the day of supply or of the payment on account
    period: tuple[date, date] | None = None  # first and last day, both inside
    due_on: date | None = None
    order_number: str = ""
    purchase_order: str = ""  # the buyer's own reference
    paid: Paid | None = None
    refers_to: Refers | None = None
    notes: tuple[str, ...] = ()
    foreign_tax: ForeignTax | None = None
    terms_version: str = ""
    language: str = "en"
    is_test: bool = False

    @property
    def is_reverse_charge(self) -> bool:
        return any(group.category is TaxCategory.REVERSE_CHARGE for group in self.taxes)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: decimals as strings, dates as YYYY-MM-DD. `from_json` gives back an equal document."""
        return cast(dict[str, Any], _plain(self))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote. Raises TypeError or ValueError where something is missing or is not what it says.

        A field unknown to this version is ignored, a missing optional one has its default: old snapshots stay readable.
        """
        return cast(Self, _read(cls, stored))


def merged(taxes: Sequence[TaxGroup]) -> list[TaxGroup]:
    """Taxes on the same base as one: what electronic forms know, and what stands on a line."""
    found: list[TaxGroup] = []
    for group in taxes:
        if not group.stacked or not found:
            found.append(group)
            continue
        first = found[-1]
        name = " + ".join(
            each if "%" in each else f"{each} {plain(one.rate)}%"
            for each, one in ((first.name, first), (group.name, group))
        )
        found[-1] = replace(first, name=name, rate=first.rate + group.rate, tax=first.tax + group.tax)
    return found


def problems(document: InvoiceDocument) -> list[str]:
    """What does not add up, as sentences; an empty list for a document that may be drawn."""
    found: list[str] = []
    totals, taxes = document.totals, document.taxes
    net = sum((line.net for line in document.lines), Decimal(0))
    base = sum((group.base for group in taxes if not group.stacked), Decimal(0))
    tax = sum((group.tax for group in taxes), Decimal(0))
    if not document.number.strip():
        found.append("it has no number")
    if not document.lines:
        found.append("it has no line")
    if net != totals.net:
        found.append(f"the lines add up to {net}, the total says {totals.net}")
    if base != totals.net:
        found.append(f"the taxed amounts add up to {base}, the total says {totals.net}")
    if tax != totals.tax:
        found.append(f"the taxes add up to {tax}, the total says {totals.tax}")
    if totals.net + totals.tax != totals.gross:
        found.append(f"{totals.net} and {totals.tax} are not {totals.gross}")
    if totals.gross + totals.rounding - totals.paid != totals.due:
        found.append(f"{totals.gross} less {totals.paid} paid is not {totals.due}")
    for line in document.lines:
        if not any(group.category is line.category and group.rate == line.rate for group in merged(taxes)):
            found.append(f"no tax group has category {line.category} at {line.rate} % of “{line.description[:40]}”")
    if document.kind is Kind.CREDIT_NOTE and document.refers_to is None:
        found.append("a credit note must say what it corrects")
    if not re.fullmatch("[A-Z]{3}", document.currency):
        found.append(f"{document.currency!r} is not a currency code")
    if not all(_fits(amount, document.exponent) for amount in _amounts(document)):
        found.append(f"an amount has more than the {document.exponent} decimals of {document.currency}")
    return found


def _amounts(document: InvoiceDocument) -> list[Decimal]:
    totals = document.totals
    sums = [totals.net, totals.tax, totals.gross, totals.paid, totals.due]
    return sums + [line.net for line in document.lines] + [group.tax for group in document.taxes]


def _fits(amount: Decimal, exponent: int) -> bool:
    return amount.is_finite() and amount == round(amount, exponent)


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value


def _read(kind: Any, stored: Any) -> Any:
    """`stored` as the annotated type `kind`."""
    if isinstance(kind, types.UnionType):
        return None if stored is None else _read(kind.__args__[0], stored)
    if typing.get_origin(kind) is tuple:
        inner = typing.get_args(kind)
        return tuple(_read(inner[0], item) for item in stored)
    if is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        known = {field.name for field in fields(kind)} & stored.keys()
        return cast(Any, kind)(**{name: _read(hints[name], stored[name]) for name in known})
    return _SCALARS.get(kind, kind)(stored)


def _exact(stored: object) -> Decimal:
    if isinstance(stored, bool) or not isinstance(stored, str | int):
        raise ValueError(f"{stored!r} is not an exact number")
    return Decimal(stored)


def _true_or_false(stored: object) -> bool:
    if not isinstance(stored, bool):
        raise ValueError(f"{stored!r} is neither true nor false")
    return stored


_SCALARS: dict[Any, Callable[[Any], object]] = {date: date.fromisoformat, Decimal: _exact, bool: _true_or_false}
