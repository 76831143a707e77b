"""Write a composed document: number, row, lines and hash in one savepoint of the caller's transaction."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from app.invoicing import tables
from app.invoicing.compose import DraftLine, Head, compose
from app.invoicing.document import InvoiceDocument, problems
from app.invoicing.numbering import Number, take_number
from app.invoicing.seller import zone
from app.invoicing.tax_snapshot import TaxSnapshot, content_hash
from app.kernel import events, faults
from app.kernel.errors import Broken
from app.kernel.ids import new_id

_INVOICE, _LINE = tables.invoice, tables.invoice_line
_ISSUED_FOR = select(_INVOICE.c.id, _INVOICE.c.number).where(
    _INVOICE.c.source_kind == bindparam("for_kind"), _INVOICE.c.source_id == bindparam("for_id")
)
_INSERT_ONCE = {
    dialect.__name__.rpartition(".")[2]: dialect.insert(_INVOICE)
    .on_conflict_do_nothing(index_elements=["source_kind", "source_id"])
    .returning(_INVOICE.c.id)
    for dialect in (sqlite, postgresql)
}
_INSERT_LINE = insert(_LINE)


class Issued(NamedTuple):
    """`already`: this source had been invoiced before; nothing was written now."""

    invoice_id: str
    number: str
    already: bool = False


class Source(NamedTuple):
    """What a document is issued for; there is never a second one for the same."""

    kind: str  # order | refund | dispute | period
    id: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A document without number and day, and where it belongs."""

    head: Head
    tax: TaxSnapshot
    lines: tuple[DraftLine, ...]
    workspace_id: str
    source: Source
    issued_at: datetime
    order_id: str | None = None
    refers_to: str | None = None


def issued_for(connection: Connection, source: Source) -> Issued | None:
    """What was issued for this source before."""
    row = connection.execute(_ISSUED_FOR, {"for_kind": source.kind, "for_id": source.id}).first()
    return Issued(row.id, row.number, already=True) if row else None


def write(connection: Connection, sheet: Sheet) -> Issued:
    """Number and keep it. Where somebody else was first, the number goes back and theirs is returned."""
    entity_id, kind, is_test = sheet.tax.seller.entity_id, sheet.head.kind.value, sheet.head.is_test
    with connection.begin_nested() as savepoint:
        number = take_number(connection, entity_id, kind, day(sheet.tax, sheet.issued_at), is_test=is_test)
        faults.point("invoice.after_number")
        head = replace(sheet.head, number=number.text, issued_on=number.issued_on)
        document = compose(head, sheet.tax, sheet.lines)
        if wrong := problems(document):
            raise Broken(f"This document cannot be issued: {'; '.join(wrong)}.")
        invoice_id = new_id("inv")
        if _insert(connection, _row(invoice_id, sheet, number, document)):
            connection.execute(_INSERT_LINE, [_line(invoice_id, *each) for each in enumerate(sheet.lines)])
            _tell(connection, invoice_id, sheet, document)
            faults.point("invoice.before_commit")
            return Issued(invoice_id, number.text)
        savepoint.rollback()
    found = issued_for(connection, sheet.source)
    if found is None:
        raise Broken(f"{sheet.source.kind} {sheet.source.id} is invoiced and is not.")
    return found


def _tell(connection: Connection, invoice_id: str, sheet: Sheet, document: InvoiceDocument) -> None:
    credits_back = sheet.refers_to is not None
    data = {
        "object": "invoice",
        "id": invoice_id,
        "number": document.number,
        "kind": sheet.head.kind.value,
        "issued_on": document.issued_on,
        "net": sheet.tax.total_net,
        "tax": sheet.tax.total_tax,
        "gross": sheet.tax.total_gross,
        "order": sheet.order_id,
        "refers_to": sheet.refers_to,
        "test": sheet.head.is_test,
    }
    type_ = events.INVOICE_CREDITED if credits_back else events.INVOICE_ISSUED
    events.tell(connection, sheet.workspace_id, type_, data, key=f"{type_}:{invoice_id}")


def day(tax: TaxSnapshot, moment: datetime) -> date:
    """The seller's calendar day of a moment."""
    return moment.astimezone(zone(tax.seller)).date()


def content(document: Any, tax_snapshot: Any) -> str:
    """The hash that an issued row must keep, from its two JSON columns."""
    return content_hash({"document": document, "tax": tax_snapshot})


def _insert(connection: Connection, row: dict[str, object]) -> bool:
    """False when this source has one already, be it from a moment ago."""
    return connection.execute(_INSERT_ONCE[connection.dialect.name], row).first() is not None


def _row(invoice_id: str, sheet: Sheet, number: Number, document: InvoiceDocument) -> dict[str, object]:
    tax = sheet.tax
    stored, snapshot = document.to_json(), tax.to_json()
    return {
        "id": invoice_id,
        "number": number.text,
        "entity_id": tax.seller.entity_id,
        "kind": document.kind.value,
        "year": number.year,
        "is_test": document.is_test,
        "sequence": number.sequence,
        "workspace_id": sheet.workspace_id,
        "source_kind": sheet.source.kind,
        "source_id": sheet.source.id,
        "order_id": sheet.order_id,
        "refers_to": sheet.refers_to,
        "issued_at": sheet.issued_at,
        "issued_on": number.issued_on,
        "buyer": document.buyer.name,
        "country": tax.buyer.country,
        "scheme": tax.scheme,
        "currency": tax.currency,
        "net": tax.total_net.minor,
        "tax": tax.total_tax.minor,
        "gross": tax.total_gross.minor,
        "document": stored,
        "tax_snapshot": snapshot,
        "hash": content(stored, snapshot),
    }


def _line(invoice_id: str, position: int, line: DraftLine) -> dict[str, object]:
    return {
        "invoice_id": invoice_id,
        "position": position,
        "description": line.description,
        "detail": line.detail,
        "quantity": f"{line.quantity:f}",
        "unit": line.unit,
        "unit_price": f"{line.unit_price:f}",
        "net": line.net.minor,
    }
