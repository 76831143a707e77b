"""What a list of invoices can be narrowed to: only what there is."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from app.invoicing import tables
from app.invoicing.document import Kind

_INVOICE = tables.invoice


@dataclass(frozen=True, slots=True)
class Choices:
    """The kinds of documents and the years they were issued in, the newest first."""

    kinds: tuple[Kind, ...]
    years: tuple[int, ...]


def choices(connection: Connection, workspace_id: str | None = None) -> Choices:
    """Of a workspace's documents, or of everybody's."""
    found = select(_INVOICE.c.kind, _INVOICE.c.year).distinct()
    if workspace_id is not None:
        found = found.where(_INVOICE.c.workspace_id == workspace_id)
    rows = connection.execute(found).tuples().all()
    kinds = {kind for kind, _ in rows}
    return Choices(
        tuple(kind for kind in Kind if kind in kinds), tuple(sorted({year for _, year in rows}, reverse=True))
    )
