"""An invoice as a row of the list, and what the list can be narrowed to: pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypedDict

from app.invoicing.choices import Choices
from app.invoicing.document import Kind
from app.invoicing.reads import Seen, Sum
from app.kernel.fiat import Fiat
from app.kernel.text import t
from app.ui import present
from app.ui.pages.billed.rows import state_of

ALL: Final = "all"
TONES: Final[Mapping[str, str]] = {"issued": "good", "partly_credited": "thin", "credited": "neutral"}


#: Words and tone.
Stands = tuple[str, str]


class InvoiceRow(TypedDict):
    id: str
    href: str
    number: str
    kind: str
    is_note: str  # "true" for a credit note
    day: str
    whole_time: str
    state: str
    tone: str
    about: str  # what a credit note corrects
    net: str
    tax: str
    total: str
    pdf: str


class Option(TypedDict):
    value: str
    label: str


class Segment(TypedDict):
    value: str
    label: str
    price: str  # segmented controls have room for one; none here


def invoice_row(seen: Seen, stands: Stands | None = None) -> InvoiceRow:
    """One document; what a credit note gives back has a minus. `stands` for one that is paid after it was issued."""
    is_note = seen.kind is Kind.CREDIT_NOTE
    state, tone = stands or standing(seen)
    return InvoiceRow(
        id=seen.id,
        href=f"/invoices/{seen.id}",
        number=seen.number,
        kind=t(f"invoices.kind.{seen.kind}"),
        is_note="true" if is_note else "",
        day=present.day(seen.issued_on),
        whole_time=present.full_moment(seen.issued_at),
        state=state,
        tone=tone,
        about=t("invoices.corrects", number=seen.refers_to_number) if seen.refers_to_number else "",
        net=signed(seen.net, is_note=is_note),
        tax=signed(seen.tax, is_note=is_note),
        total=signed(seen.gross, is_note=is_note),
        pdf=pdf_address(seen.id),
    )


def standing(seen: Seen, billed: Any = None, at: datetime | None = None) -> Stands:
    """How a document stands and the tone of it. `billed` is the invoice of the billing engine that it was issued for:
    that one is paid after it was issued, any other before."""
    if billed is not None and at is not None and seen.state == "issued":
        state, tone = state_of(billed, at)
        if state == "due" and billed.due_at is not None:
            return t("invoices.paying.until", day=present.date(billed.due_at)), tone
        return t(f"billed.state.{state}"), tone
    return state_words(seen), TONES.get(seen.state, "neutral")


def state_words(seen: Seen) -> str:
    """Paid (an invoice of an order is issued when the money is there), or what was given back since."""
    if seen.state == "partly_credited":
        return t("invoices.state.partly_credited", amount=present.fiat(seen.credited))
    return t(f"invoices.state.{seen.state}")


def signed(amount: Fiat, *, is_note: bool) -> str:
    return present.fiat(-amount if is_note else amount)


def pdf_address(invoice_id: str) -> str:
    return f"/download/invoices/{invoice_id}.pdf"


def kind_segments(found: Choices) -> list[Segment]:
    """All, then the kinds there are; a choice of one is none."""
    kinds = found.kinds if len(found.kinds) > 1 else ()
    names = [ALL, *kinds] if kinds else []
    return [Segment(value=str(kind), label=t(f"invoices.show.{kind}"), price="") for kind in names]


def year_options(found: Choices) -> list[Option]:
    """Every year, then each; a choice of one is none."""
    if len(found.years) < 2:
        return []
    return [
        Option(value=ALL, label=t("invoices.every_year")),
        *(Option(value=str(year), label=str(year)) for year in found.years),
    ]


def sum_words(sums: Sequence[Sum]) -> str:
    """`3 documents, €130.90 with €20.90 tax`, a part for each currency."""
    if not sums:
        return ""
    figures = ", ".join(t("invoices.sum", total=present.fiat(each.gross), tax=present.fiat(each.tax)) for each in sums)
    count = present.plural(sum(each.count for each in sums), t("invoices.document"), t("invoices.documents"))
    return t("invoices.sums", count=count, figures=figures)
