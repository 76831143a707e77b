"""From a line of an invoice down to the events behind it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.billing import facts, invoices
from app.kernel.errors import NotFound
from app.metering import reading
from app.metering.events import is_told
from app.metering.reading import Search, Seen

SHOWN: Final = 25


@dataclass(frozen=True, slots=True)
class Billed:
    """An invoice with its lines."""

    row: Row[Any]
    lines: Sequence[Row[Any]]


def billed(connection: Connection, invoice_id: str, workspace_id: str | None) -> Billed:
    """An invoice, with `workspace_id` only that workspace's: `NotFound` for another's."""
    row = invoices.find(connection, invoice_id)
    if workspace_id is not None and row.workspace_id != workspace_id:
        raise NotFound(f"There is no invoice {invoice_id[:100]}.", code="invoice_not_found")
    return Billed(row, invoices.lines_of(connection, invoice_id))


def by_documents(connection: Connection, document_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """The invoices that documents were issued for; a document of another kind is missing."""
    table, ids = invoices.INVOICE, sorted(set(document_ids))
    if not ids:
        return {}
    return {row.document_id: row for row in connection.execute(select(table).where(table.c.document_id.in_(ids)))}


def of_workspace(connection: Connection, workspace_id: str, limit: int, *, with_drafts: bool) -> list[Row[Any]]:
    """A workspace's invoices, the newest first; those that ask for nothing are left out."""
    table = invoices.INVOICE
    states = [invoices.FINALIZED, *([invoices.DRAFT] if with_drafts else [])]
    query = select(table).where(table.c.workspace_id == workspace_id, table.c.state.in_(states))
    return list(connection.execute(query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit)))


def kinds_of(connection: Connection, invoice_id: str, line_id: str) -> list[dict[str, Any]]:
    """The kinds of events behind a line; none where the invoice has no such line."""
    line = invoices.LINE
    query = select(line.c.drill).where(line.c.id == line_id, line.c.invoice_id == invoice_id)
    return list(connection.execute(query).scalar() or ())


def events_behind(connection: Connection, found: Billed, line_id: str, kind: Mapping[str, Any]) -> Sequence[Seen]:
    """The latest events of one of the kinds that a line names."""
    line = next((each for each in found.lines if each.id == line_id), None)
    if line is None or kind not in line.drill or not kind["event_name"]:
        return ()
    customer = facts.customer_of(connection, found.row.customer_id)
    wanted = Search(
        customers={customer.external_id},
        name=kind["event_name"],
        start=line.period_start,
        end=line.period_end,
        alike=kind["properties"],
        names=_only_in_events(found, line),
        size=SHOWN,
    )
    events = reading.search(connection, wanted).events
    meter = facts.meters_of(connection, [line.meter_id]).get(line.meter_id) if line.meter_id else None
    return [seen for seen in events if meter is None or meter.reads(seen.name, seen.properties)]


def _only_in_events(found: Billed, line: Row[Any]) -> set[str]:
    """The names by which events of a line's meter were told apart though what they are alike in does not say them."""
    kinds = (kind for each in found.lines if each.meter_id == line.meter_id for kind in each.drill)
    return {name for kind in kinds for name, value in kind["properties"].items() if not is_told(name, (value,))}
