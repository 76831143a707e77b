"""The credit notes, and the invoices of what was sold anew, behind refunds and disputes. One refund may have several: a
note for each invoice that it gave back of (`credit_notes.py`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import NamedTuple

from sqlalchemy import Connection, select

from app.invoicing import tables as invoicing
from app.payments.return_rows import SOLD_ANEW

_INVOICE = invoicing.invoice.c
GIVEN_BACK = ("refund", "dispute")


class Note(NamedTuple):
    """A document by its id and its number."""

    id: str
    number: str


def notes_by_cause(connection: Connection, order_ids: Collection[str]) -> dict[str, tuple[Note, ...]]:
    """The credit notes of these orders by the refund or the dispute they were issued for, the oldest first."""
    return _grouped((source_id.partition(":")[0], note) for source_id, note in _of(connection, order_ids, GIVEN_BACK))


def notes_by_ref(connection: Connection, order_ids: Collection[str]) -> dict[str, tuple[Note, ...]]:
    """The same by the ledger's name for what they are about: a refund, or one opening of a dispute."""
    return _grouped((_ref(source_id), note) for source_id, note in _of(connection, order_ids, GIVEN_BACK))


def sold_anew_by_ref(connection: Connection, order_ids: Collection[str]) -> dict[str, tuple[Note, ...]]:
    """The invoices over what came back, by that name."""
    return _grouped((_ref(source_id), note) for source_id, note in _of(connection, order_ids, SOLD_ANEW))


def _of(connection: Connection, order_ids: Collection[str], kinds: Collection[str]) -> Iterator[tuple[str, Note]]:
    query = select(_INVOICE.source_id, _INVOICE.id, _INVOICE.number).where(
        _INVOICE.order_id.in_(order_ids), _INVOICE.source_kind.in_(kinds)
    )
    for row in connection.execute(query.order_by(_INVOICE.id)):
        yield row.source_id, Note(row.id, row.number)


def _ref(source_id: str) -> str:
    """Without the count of what is the second document for the same: `rfd_…:2`, `dsp_…:1:2`."""
    named = 2 if source_id.startswith("dsp_") else 1
    return ":".join(source_id.split(":")[:named])


def _grouped(found: Iterator[tuple[str, Note]]) -> dict[str, tuple[Note, ...]]:
    notes: dict[str, list[Note]] = defaultdict(list)
    for name, note in found:
        notes[name].append(note)
    return {name: tuple(each) for name, each in notes.items()}
