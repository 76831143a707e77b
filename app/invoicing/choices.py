"""What a list of invoices can be narrowed to, and the filter that follows from what somebody chose."""

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date
from typing import Final

from sqlalchemy import Connection, select

from app.invoicing import tables
from app.invoicing.document import Kind
from app.invoicing.reads import PAGE, Filter
from app.kernel.errors import InvalidInput

_INVOICE = tables.invoice
LONGEST_SEARCH: Final = 100


@dataclass(frozen=True, slots=True)
class Choices:
    """The kinds of documents there are and the years they were issued in, the newest first."""

    kinds: tuple[Kind, ...]
    years: tuple[int, ...]


def choices(connection: Connection, workspace_id: str | None = None) -> Choices:
    """Of a workspace's documents, or of everybody's."""
    found = select(_INVOICE.c.kind, _INVOICE.c.year).distinct()
    if workspace_id is not None:
        found = found.where(_INVOICE.c.workspace_id == workspace_id)
    rows = connection.execute(found).tuples().all()
    kinds, years = {kind for kind, _ in rows}, {year for _, year in rows}
    return Choices(tuple(kind for kind in Kind if kind in kinds), tuple(sorted(years, reverse=True)))


def narrowed(
    workspace_id: str | None,
    *,
    kind: str = "",
    year: str = "",
    search: str = "",
    before: str | None = None,
    limit: int = PAGE,
) -> Filter:
    """The filter for what was chosen, empty for everything; `InvalidInput` for a choice there is not."""
    if kind and kind not in Kind.__members__.values():
        raise InvalidInput("kind is invoice, credit_note or receipt.", param="kind")
    if len(search) > LONGEST_SEARCH or "\0" in search:
        raise InvalidInput(f"At most {LONGEST_SEARCH} characters, please.", param="search")
    since, until = _year(year) if year else (None, None)
    return Filter(
        workspace_id=workspace_id,
        kind=kind or None,
        since=since,
        until=until,
        search=search,
        before=before,
        limit=limit,
    )


def _year(text: str) -> tuple[date, date]:
    """From the first of January until the next one."""
    year = int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
    if not MINYEAR <= year < MAXYEAR:
        raise InvalidInput("year is a year such as 2026.", param="year")
    return date(year, 1, 1), date(year + 1, 1, 1)
