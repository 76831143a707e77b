"""The invariants of invoicing: the SQL ones of `invariants.sql`, and what only reading every document can tell."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select

from app.invoicing import tables
from app.invoicing.document import InvoiceDocument, problems
from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.writing import content
from app.kernel.clock import now
from app.kernel.db import Database
from app.ledger.audit import SHOWN, Breach, Invariant, read_invariants

FILE: Final = Path(__file__).with_name("invariants.sql")
IN_SQL: Final = read_invariants(FILE.read_text(encoding="utf-8"))
UNCHANGED: Final = Invariant("invoices_unchanged", "A document is what was issued: its hash, its row and its sums.", "")
INVARIANTS: Final = (*IN_SQL, UNCHANGED)
_BATCH: Final = 500
_INVOICE, _LINE = tables.invoice, tables.invoice_line


def run_audit(db: Database, *, contents: bool = True) -> list[Breach]:
    """Every broken invariant with its first rows; an empty list is a clean audit.

    `contents=False` leaves out reading every document: fit for a page that is opened often.
    """
    found = []
    with db.read() as connection:
        for invariant in IN_SQL:
            rows = connection.execute(invariant.statement(now())).mappings().fetchmany(SHOWN)
            if rows:
                found.append(Breach(invariant.name, invariant.sentence, tuple(dict(row) for row in rows)))
        changed = list(islice(_changed(connection), SHOWN)) if contents else []
    if changed:
        found.append(Breach(UNCHANGED.name, UNCHANGED.sentence, tuple(changed)))
    return found


def _changed(connection: Connection) -> Iterator[Mapping[str, Any]]:
    after = ""
    while True:
        batch = select(_INVOICE).where(_INVOICE.c.id > after).order_by(_INVOICE.c.id).limit(_BATCH)
        rows = connection.execute(batch).all()
        for row in rows:
            for wrong in _wrongs(row):
                yield {"number": row.number, "wrong": wrong}
        if len(rows) < _BATCH:
            return
        after = rows[-1].id


def _wrongs(row: Any) -> list[str]:
    """What is not as it was issued."""
    if content(row.document, row.tax_snapshot) != row.hash:
        return ["the hash"]
    document, tax = InvoiceDocument.from_json(row.document), TaxSnapshot.from_json(row.tax_snapshot)
    same = {
        "the number": document.number == row.number,
        "the kind": document.kind == row.kind,
        "the day": document.issued_on == row.issued_on,
        "test or not": document.is_test == row.is_test,
        "the currency": document.currency == row.currency == tax.currency,
        "the net amount": document.totals.net == tax.total_net.amount and tax.total_net.minor == row.net,
        "the tax": document.totals.tax == tax.total_tax.amount and tax.total_tax.minor == row.tax,
        "the gross amount": document.totals.gross == tax.total_gross.amount and tax.total_gross.minor == row.gross,
    }
    return [name for name, holds in same.items() if not holds] + problems(document)
