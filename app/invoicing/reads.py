"""Invoices as they are listed and opened: for one workspace or for the operator, newest first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, case, func, or_, select

from app.accounts.tables import Workspace
from app.invoicing import tables
from app.invoicing.document import InvoiceDocument, Kind
from app.invoicing.tax_snapshot import TaxSnapshot
from app.kernel.db import Database, metadata
from app.kernel.errors import NotFound
from app.kernel.fiat import Fiat
from app.kernel.ids import is_id
from app.kernel.sheet import csv_row

_INVOICE, _LINE = tables.invoice, tables.invoice_line
_NOTE = _INVOICE.alias("note")
_ORIGINAL = _INVOICE.alias("original")
_WORKSPACE = metadata.tables[str(Workspace.__tablename__)]
PAGE: Final = 50
MAX_PAGE: Final = 500
CSV_COLUMNS: Final = (
    "number",
    "kind",
    "issued_on",
    "supplied_on",
    "workspace_id",
    "buyer",
    "country",
    "tax_id",
    "scheme",
    "currency",
    "net",
    "tax",
    "gross",
    "refers_to",
    "order_id",
    "payment_reference",
    "is_test",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which invoices. Days are the seller's; `until` is not included. `before` continues behind an earlier page."""

    workspace_id: str | None = None
    kind: str | None = None
    currency: str | None = None
    scheme: str | None = None
    order_id: str | None = None
    is_test: bool | None = None
    since: date | None = None
    until: date | None = None
    search: str = ""  # part of a number, a buyer's name, or an order's id
    before: str | None = None
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of a list. Amounts of a credit note are positive; `credited` is what notes took back of an invoice."""

    id: str
    number: str
    kind: Kind
    workspace_id: str
    workspace_name: str
    issued_at: datetime
    issued_on: date
    buyer: str
    country: str
    scheme: str
    net: Fiat
    tax: Fiat
    gross: Fiat
    credited: Fiat
    refers_to: str | None
    refers_to_number: str | None
    source_kind: str
    source_id: str
    order_id: str | None
    is_test: bool

    @property
    def state(self) -> str:
        """credit_note | receipt | issued | partly_credited | credited"""
        if self.kind is not Kind.INVOICE:
            return str(self.kind)
        if not self.credited:
            return "issued"
        return "credited" if self.credited == self.gross else "partly_credited"

    @property
    def file_name(self) -> str:
        """Without an ending; safe in any header and on any disk."""
        return self.number


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything about one: the line of the list, what is printed, and how its tax was decided."""

    seen: Seen
    document: InvoiceDocument
    tax: TaxSnapshot
    hash: str
    credit_notes: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """What a filter amounts to in one currency, credit notes taken off."""

    count: int
    net: Fiat
    tax: Fiat
    gross: Fiat


def page(connection: Connection, wanted: Filter) -> list[Seen]:
    """Newest first, at most `wanted.limit`."""
    found = _listing().where(*_conditions(wanted)).order_by(_INVOICE.c.id.desc()).limit(min(wanted.limit, MAX_PAGE))
    return [_seen(row) for row in connection.execute(found).mappings()]


def find(connection: Connection, invoice_id: str, workspace_id: str | None = None) -> Seen:
    """One of them; with a workspace given, only one of its own. `NotFound` either way alike."""
    found = _listing().where(_INVOICE.c.id == invoice_id)
    if workspace_id is not None:
        found = found.where(_INVOICE.c.workspace_id == workspace_id)
    row = connection.execute(found).mappings().first() if is_id(invoice_id, "inv") else None
    if row is None:
        raise NotFound(f"There is no invoice {invoice_id}.", code="invoice_not_found")
    return _seen(row)


def open_invoice(connection: Connection, invoice_id: str, workspace_id: str | None = None) -> Opened:
    """`find` with the document, the tax and the credit notes that refer to it."""
    seen = find(connection, invoice_id, workspace_id)
    stored = select(_INVOICE.c.document, _INVOICE.c.tax_snapshot, _INVOICE.c.hash).where(_INVOICE.c.id == seen.id)
    row = connection.execute(stored).one()
    notes = _listing().where(_INVOICE.c.refers_to == seen.id).order_by(_INVOICE.c.id)
    return Opened(
        seen=seen,
        document=InvoiceDocument.from_json(row.document),
        tax=TaxSnapshot.from_json(row.tax_snapshot),
        hash=row.hash,
        credit_notes=tuple(_seen(note) for note in connection.execute(notes).mappings()),
    )


def named(connection: Connection, text: str, workspace_id: str | None = None) -> list[Seen]:
    """The document of this id or number; with a workspace given, only if it is its own."""
    found = _listing().where(or_(_INVOICE.c.id == text, _INVOICE.c.number == text.upper()))
    if workspace_id is not None:
        found = found.where(_INVOICE.c.workspace_id == workspace_id)
    return [_seen(row) for row in connection.execute(found).mappings()]


def of_order(connection: Connection, order_id: str) -> list[Seen]:
    """An order's invoice and its credit notes, oldest first."""
    found = _listing().where(_INVOICE.c.order_id == order_id).order_by(_INVOICE.c.id)
    return [_seen(row) for row in connection.execute(found).mappings()]


def sums(connection: Connection, wanted: Filter) -> list[Sum]:
    """What the filter amounts to, a row a currency; documents over test money count only when asked for."""
    sign = case((_INVOICE.c.kind == Kind.CREDIT_NOTE, -1), else_=1)
    figures = [func.sum(sign * _INVOICE.c[name]) for name in ("net", "tax", "gross")]
    grouped = select(_INVOICE.c.currency, func.count(), *figures).where(*_conditions(wanted))
    rows = connection.execute(grouped.group_by(_INVOICE.c.currency).order_by(_INVOICE.c.currency))
    return [Sum(count, *(Fiat(int(figure), currency) for figure in three)) for currency, count, *three in rows]


def csv_text(db: Database, wanted: Filter) -> Iterator[str]:
    """The list as CSV, newest first, read a page at a time in constant memory. Credit notes have negative amounts."""
    yield csv_row(CSV_COLUMNS)
    following = replace(wanted, limit=MAX_PAGE)
    while True:
        with db.read() as connection:
            found = page(connection, following)
            details = _details(connection, [seen.id for seen in found])
        for seen in found:
            yield csv_row(_cells(seen, details[seen.id]))
        if len(found) < MAX_PAGE:
            return
        following = replace(following, before=found[-1].id)


def _listing() -> Select[Any]:
    credited = select(func.coalesce(func.sum(_NOTE.c.gross), 0)).where(_NOTE.c.refers_to == _INVOICE.c.id)
    listed = [column for column in _INVOICE.c if column.name not in {"document", "tax_snapshot"}]
    return (
        select(
            *listed,
            credited.scalar_subquery().label("credited"),
            _ORIGINAL.c.number.label("refers_to_number"),
            _WORKSPACE.c.name.label("workspace_name"),
        )
        .join(_WORKSPACE, _WORKSPACE.c.id == _INVOICE.c.workspace_id)
        .join(_ORIGINAL, _ORIGINAL.c.id == _INVOICE.c.refers_to, isouter=True)
    )


def _conditions(wanted: Filter) -> list[Any]:
    exactly: Mapping[str, Any] = {
        name: getattr(wanted, name) for name in ("workspace_id", "kind", "currency", "scheme", "order_id", "is_test")
    }
    found: list[Any] = [_INVOICE.c[name] == value for name, value in exactly.items() if value is not None]
    if wanted.since:
        found.append(_INVOICE.c.issued_on >= wanted.since)
    if wanted.until:
        found.append(_INVOICE.c.issued_on < wanted.until)
    if wanted.before:
        found.append(_INVOICE.c.id < wanted.before)
    if wanted.search:
        asked = (_INVOICE.c.number, _INVOICE.c.buyer, _INVOICE.c.order_id)
        found.append(or_(*(column.icontains(wanted.search, autoescape=True) for column in asked)))
    return found


def _seen(row: RowMapping) -> Seen:
    values: dict[str, Any] = {name: row[name] for name in Seen.__dataclass_fields__}
    for name in ("net", "tax", "gross", "credited"):
        values[name] = Fiat(int(row[name]), row["currency"])
    return Seen(**{**values, "kind": Kind(row["kind"])})


def _details(connection: Connection, ids: list[str]) -> dict[str, InvoiceDocument]:
    rows = connection.execute(select(_INVOICE.c.id, _INVOICE.c.document).where(_INVOICE.c.id.in_(ids)))
    return {invoice_id: InvoiceDocument.from_json(document) for invoice_id, document in rows}


def _cells(seen: Seen, document: InvoiceDocument) -> list[Any]:
    sign = -1 if seen.kind is Kind.CREDIT_NOTE else 1
    return [
        seen.number,
        str(seen.kind),
        seen.issued_on.isoformat(),
        document.supplied_on.isoformat() if document.supplied_on else None,
        seen.workspace_id,
        seen.buyer,
        seen.country,
        document.buyer.tax_ids[0].value if document.buyer.tax_ids else None,
        seen.scheme,
        seen.net.currency,
        *(sign * figure.amount for figure in (seen.net, seen.tax, seen.gross)),
        seen.refers_to_number,
        seen.order_id,
        document.paid.reference if document.paid else None,
        "test" if seen.is_test else None,
    ]
