"""What the list of invoices shows and which filters are on."""

import asyncio
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlencode

import reflex as rx
from sqlalchemy import Row

from app import services
from app.billing.drilling import by_documents
from app.invoicing.choices import LONGEST_SEARCH, Choices, choices, narrowed
from app.invoicing.document import Kind
from app.invoicing.reads import Seen, Sum, page, sums
from app.kernel.text import t
from app.services import Services
from app.ui import wiring
from app.ui.guard import PageState, workspace_id
from app.ui.pages.invoices.rows import (
    ALL,
    InvoiceRow,
    Option,
    Segment,
    invoice_row,
    kind_segments,
    standing,
    sum_words,
    year_options,
)
from app.ui.paging import Paged
from app.ui.roles import Role

PAGE = 25


class Found(NamedTuple):
    seen: list[Seen]
    sums: list[Sum]
    choices: Choices
    billed: dict[str, Row[Any]]


class InvoicesState(Paged, PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    rows: list[InvoiceRow] = []
    has_any: bool = False
    filtered: bool = False
    kind: str = ALL
    year: str = ALL
    search: str = ""
    kinds: list[Segment] = []
    years: list[Option] = []
    summed: str = ""
    csv: str = ""

    @rx.event
    async def load(self):
        """A visit: the filters as they were left, the newest documents."""
        wiring.follow(self, workspace_id(), InvoicesState.refresh)
        await self._from_the_start()

    @rx.event
    async def refresh(self):
        """Pushed when something of the workspace changed; an older page stays as it is."""
        if self.ready and not self._starts:
            await self._show()

    @rx.event
    async def choose_kind(self, kind: str):
        """Invoices, credit notes, or all."""
        if kind in (ALL, *Kind):
            self.kind = kind
            await self._from_the_start()

    @rx.event
    async def choose_year(self, year: str):
        """One year, or every year."""
        if any(option["value"] == year for option in self.years):
            self.year = year
            await self._from_the_start()

    @rx.event
    async def look_for(self, text: str):
        """Part of a number, of a name, or an order's id."""
        self.search = str(text)[:LONGEST_SEARCH]
        await self._from_the_start()

    @rx.event
    async def clear(self):
        """All filters off."""
        self.kind = self.year = ALL
        self.search = ""
        await self._from_the_start()

    async def _show(self) -> None:
        chosen = {"kind": self.kind, "year": self.year, "search": self.search.strip()}
        asked = {name: value for name, value in chosen.items() if value not in (ALL, "")}
        start = self._after()
        found = await asyncio.to_thread(find, services.current(), workspace_id(), asked, start)
        at, billed = services.current().desk.clock(), found.billed
        self.rows = [invoice_row(seen, standing(seen, billed.get(seen.id), at)) for seen in found.seen[:PAGE]]
        self.kinds, self.years = kind_segments(found.choices), year_options(found.choices)
        self.has_any, self.filtered = bool(found.choices.years), bool(asked)
        self.has_next, self.has_previous = len(found.seen) > PAGE, bool(self._starts)
        self.shown = t("invoices.range", **self._range(PAGE)) if self.rows else ""
        self.summed = sum_words(found.sums)
        self.csv = "/download/invoices.csv" + (f"?{urlencode(asked)}" if asked else "")
        self.ready = True


def find(parts: Services, workspace: str, asked: dict[str, str], before: str | None) -> Found:
    """A page of the workspace's documents, one more than fits, with what the filter amounts to."""
    wanted = narrowed(workspace, **asked, before=before, limit=PAGE + 1)
    with parts.db.read() as connection:
        seen = page(connection, wanted)
        billed = by_documents(connection, [one.id for one in seen])
        return Found(seen, sums(connection, wanted), choices(connection, workspace), billed)
