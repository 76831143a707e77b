"""One document as its page tells it, the document itself apart: pure."""

from collections.abc import Sequence
from typing import Final, TypedDict

from app.invoicing.countries import country_name
from app.invoicing.document import Kind
from app.invoicing.parties import Evidence
from app.invoicing.reads import Opened, Seen
from app.kernel.ids import is_id
from app.kernel.text import t
from app.ui import present
from app.ui.pages.billing.words import tax_words
from app.ui.pages.invoices.rows import Stands, pdf_address, signed

#: How many letters of the fingerprint are shown.
SHOWN_OF_HASH: Final = 16


class DocumentFacts(TypedDict):
    id: str
    number: str
    kind: str
    headline: str
    state: str
    tone: str
    billed: str
    issued: str
    whole_issued: str
    buyer: str
    net: str
    tax: str
    total: str
    tax_headline: str
    tax_detail: str
    evidence: str
    order: str
    order_href: str
    terms: str
    hash: str
    short_hash: str
    print_href: str
    pdf_href: str


class FileRow(TypedDict):
    name: str
    label: str
    detail: str
    href: str


class RelatedRow(TypedDict):
    label: str
    number: str
    amount: str
    href: str


NO_DOCUMENT: Final = DocumentFacts(**dict.fromkeys(DocumentFacts.__annotations__, ""))  # type: ignore[typeddict-item]


def document_facts(opened: Opened, stands: Stands, *, for_operator: bool, billed: str = "") -> DocumentFacts:
    """Everything beside the document; `billed` is the id of the invoice whose lines it states."""
    seen, tax = opened.seen, opened.tax
    is_note = seen.kind is Kind.CREDIT_NOTE
    words = tax_words(tax)
    order = seen.order_id if seen.order_id and is_id(seen.order_id, "ord") else ""
    return DocumentFacts(
        id=seen.id,
        number=seen.number,
        kind=t(f"invoices.kind.{seen.kind}"),
        headline=t("invoices.document_of", kind=t(f"invoices.kind.{seen.kind}"), total=present.fiat(seen.gross)),
        state=stands[0],
        tone=stands[1],
        billed=billed,
        issued=t("invoices.issued_on", day=present.day(seen.issued_on)),
        whole_issued=present.full_moment(seen.issued_at),
        buyer=seen.buyer,
        net=signed(seen.net, is_note=is_note),
        tax=signed(seen.tax, is_note=is_note),
        total=signed(seen.gross, is_note=is_note),
        tax_headline=words["headline"],
        tax_detail=words["detail"],
        evidence=evidence_words(tax.location_evidence),
        order=opened.document.order_number or order,
        order_href=f"/top-up?order={order}" if order and not for_operator else "",
        terms=opened.document.terms_version,
        hash=opened.hash,
        short_hash=f"{opened.hash[:SHOWN_OF_HASH]}…",
        print_href=f"/download/invoices/{seen.id}.html",
        pdf_href=pdf_address(seen.id),
    )


def evidence_words(evidence: Sequence[Evidence]) -> str:
    """`Germany by the billing address, Germany by the card`."""
    return ", ".join(t(f"invoices.evidence.{each.kind}", country=country_name(each.country)) for each in evidence)


def file_rows(opened: Opened, formats: Sequence[str]) -> list[FileRow]:
    """The files this document can be had as; the PDF first."""
    return [
        FileRow(
            name=name,
            label=t(f"invoices.file.{name}"),
            detail=t(f"invoices.file.{name}_detail"),
            href=pdf_address(opened.seen.id) if name == "pdf" else f"/download/invoices/{opened.seen.id}/{name}",
        )
        for name in formats
    ]


def related_rows(opened: Opened) -> list[RelatedRow]:
    """The credit notes about it, or the invoice it corrects."""
    rows = [_related(note, t("invoices.kind.credit_note")) for note in opened.credit_notes]
    seen = opened.seen
    if seen.refers_to and seen.refers_to_number:
        label = t("invoices.corrected")
        rows.append(
            RelatedRow(label=label, number=seen.refers_to_number, amount="", href=f"/invoices/{seen.refers_to}")
        )
    return rows


def _related(note: Seen, label: str) -> RelatedRow:
    return RelatedRow(
        label=label, number=note.number, amount=signed(note.gross, is_note=True), href=f"/invoices/{note.id}"
    )
