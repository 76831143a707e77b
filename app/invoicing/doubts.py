"""Reverse charges that were given on trust and turned out wrong: an operator credits them and invoices anew."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, select

from app.invoicing import tables
from app.invoicing.parties import TaxIdCheck
from app.invoicing.reads import Seen, find
from app.invoicing.tax_snapshot import TaxSnapshot

_INVOICE, _CHECK = tables.invoice, tables.tax_id_check
TRUSTED = "vat_id_to_be_checked"


class Doubt(NamedTuple):
    """An invoice without tax whose VAT id is invalid by now."""

    invoice: Seen
    tax_id: str
    check: TaxIdCheck


def doubtful(connection: Connection) -> list[Doubt]:
    """The invoices issued on trust whose VAT id the newest answer calls invalid, oldest first; fully credited ones
    are done with.
    """
    candidates = (
        select(_INVOICE.c.id, _INVOICE.c.tax_snapshot)
        .where(_INVOICE.c.scheme == "reverse_charge", _INVOICE.c.kind == "invoice")
        .where(
            select(_CHECK.c.id)
            .where(_CHECK.c.workspace_id == _INVOICE.c.workspace_id, _CHECK.c.result == "invalid")
            .exists()
        )
        .order_by(_INVOICE.c.id)
    )
    return list(_confirmed(connection, connection.execute(candidates).tuples().all()))


def _confirmed(connection: Connection, rows: Iterable[tuple[str, dict[str, object]]]) -> Iterable[Doubt]:
    for invoice_id, snapshot in rows:
        tax = TaxSnapshot.from_json(snapshot)
        if TRUSTED not in tax.reasons or tax.buyer.tax_id is None:
            continue
        seen = find(connection, invoice_id)
        check = _newest(connection, seen.workspace_id, tax.buyer.tax_id.value)
        if check is not None and check.result == "invalid" and seen.state != "credited":
            yield Doubt(seen, tax.buyer.tax_id.value, check)


def _newest(connection: Connection, workspace_id: str, tax_id: str) -> TaxIdCheck | None:
    newest = (
        select(_CHECK)
        .where(_CHECK.c.workspace_id == workspace_id, _CHECK.c.tax_id == tax_id, _CHECK.c.result != "unavailable")
        .order_by(_CHECK.c.id.desc())
        .limit(1)
    )
    row = connection.execute(newest).first()
    if row is None:
        return None
    return TaxIdCheck(row.source, row.result, row.checked_at.isoformat(), row.request_id, row.name, row.address)
