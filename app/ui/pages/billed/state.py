"""One invoice opened over a page: its lines, the kinds of usage behind one of them, their latest events."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.billing import drilling
from app.billing.drilling import Billed
from app.kernel.errors import NotFound
from app.kernel.ids import is_id
from app.metering.reading import Seen
from app.services import Services
from app.ui.guard import PageState, who
from app.ui.pages.billed.rows import (
    EventRow,
    InvoiceRow,
    KindRow,
    LineRow,
    SumRow,
    event_row,
    invoice_row,
    kind_rows,
    stored_lines,
    stored_sums,
)
from app.ui.roles import Role
from app.ui.visits import EVERYTHING

NO_INVOICE = InvoiceRow(
    id="", href="", number="", period="", state="", tone="neutral", due="", total="", left="", is_draft=False
)


class BilledState(PageState):
    """Customers open invoices of their workspace, operators all."""

    REQUIRED_ROLE: ClassVar[Role] = Role.SIGNED_IN
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    invoice: InvoiceRow = NO_INVOICE
    lines: list[LineRow] = []
    sums: list[SumRow] = []
    line: str = ""  # the one that is looked behind
    line_name: str = ""
    kinds: list[KindRow] = []
    kind: str = ""
    events: list[EventRow] = []

    @rx.event
    async def open_invoice(self, invoice_id: str):
        """Show an invoice's lines."""
        await self._show(str(invoice_id))

    async def _show(self, invoice_id: str) -> None:
        found = await self._find(invoice_id)
        if found is None:
            return
        at, is_operator = services.current().desk.clock(), who().is_operator
        self.invoice = invoice_row(found.row, at, for_operator=is_operator)
        self.lines, self.sums = stored_lines(found.lines, found.row.currency), stored_sums(found.row)
        self._forget_line()

    @rx.event
    def opened(self, is_open: bool):
        """It was closed."""
        if not is_open:
            self.invoice = NO_INVOICE
            self._forget_line()

    @rx.event
    async def open_line(self, line_id: str):
        """Show what is behind a line, with the events of its largest part."""
        found = await self._find(self.invoice["id"])
        line = next((each for each in found.lines if each.id == str(line_id)), None) if found else None
        if line is None or not line.drill:
            return
        self.line, self.line_name = line.id, line.name
        self.kinds = kind_rows(line.drill, for_operator=who().is_operator)
        await self._show_kind("0")

    @rx.event
    def close_line(self):
        """Back to the lines."""
        self._forget_line()

    @rx.event
    async def open_kind(self, key: str):
        """The latest events of one kind."""
        await self._show_kind(str(key))

    async def _show_kind(self, place: str) -> None:
        found = await self._find(self.invoice["id"])
        if found is None or not self.line or not place.isdecimal() or int(place) >= len(self.kinds):
            return
        self.kind = place
        seen = await asyncio.to_thread(_events, services.current(), found, self.line, int(place))
        at, is_operator = services.current().desk.clock(), who().is_operator
        self.events = [event_row(each, at, for_operator=is_operator) for each in seen]

    def _forget_line(self) -> None:
        self.line, self.line_name, self.kind, self.kinds, self.events = "", "", "", [], []

    async def _find(self, invoice_id: str) -> Billed | None:
        person = who()
        if not is_id(str(invoice_id), "inv"):
            return None
        workspace = None if person.is_operator else person.workspace_id or ""
        try:
            return await asyncio.to_thread(_read, services.current(), str(invoice_id), workspace)
        except NotFound:
            return None


def _read(house: Services, invoice_id: str, workspace: str | None) -> Billed:
    with house.db.read() as connection:
        return drilling.billed(connection, invoice_id, workspace)


def _events(house: Services, found: Billed, line_id: str, place: int) -> list[Seen]:
    line = next(each for each in found.lines if each.id == line_id)
    with house.db.read() as connection:
        return list(drilling.events_behind(connection, found, line_id, line.drill[place]))
