"""The document the address names, as the person who looks may see it."""

import asyncio
from typing import Any, ClassVar

import reflex as rx
from sqlalchemy import Row

from app import services
from app.billing.drilling import by_documents
from app.invoicing.reads import Opened
from app.kernel.errors import NotFound
from app.services import Services
from app.ui.guard import PageState, who
from app.ui.pages.invoices.document import (
    NO_DOCUMENT,
    DocumentFacts,
    FileRow,
    RelatedRow,
    document_facts,
    file_rows,
    related_rows,
)
from app.ui.pages.invoices.rows import standing
from app.ui.roles import Role


class DocumentState(PageState):
    """Customers see those of their workspace, operators all."""

    REQUIRED_ROLE: ClassVar[Role] = Role.SIGNED_IN

    ready: bool = False
    missing: bool = False
    facts: DocumentFacts = NO_DOCUMENT
    html: str = ""  # made and escaped by invoicing, for exactly this place
    files: list[FileRow] = []
    related: list[RelatedRow] = []

    @rx.event
    async def load(self):
        """A visit."""
        self.ready = self.missing = False
        person = who()
        wanted = self.router.url.path.rstrip("/").rpartition("/")[2]
        workspace = None if person.is_operator else person.workspace_id or ""
        try:
            opened, html, formats, billed = await asyncio.to_thread(read, services.current(), wanted, workspace)
        except NotFound:
            self.facts, self.html, self.files, self.related = NO_DOCUMENT, "", [], []
            self.missing = self.ready = True
            return
        stands = standing(opened.seen, billed, services.current().desk.clock())
        self.facts = document_facts(
            opened, stands, for_operator=person.is_operator, billed=billed.id if billed is not None else ""
        )
        self.html = html
        self.files, self.related = file_rows(opened, formats), related_rows(opened)
        self.ready = True


def read(
    parts: Services, invoice_id: str, workspace: str | None
) -> tuple[Opened, str, tuple[str, ...], Row[Any] | None]:
    """The document, drawn for the screen, the files it can be had as, and the invoice of the billing engine that it was
    issued for. `NotFound` for another workspace's."""
    invoices = parts.invoicing.invoices
    opened = invoices.open(invoice_id, workspace)
    with parts.db.read() as connection:
        billed = by_documents(connection, [opened.seen.id]).get(opened.seen.id)
    return opened, invoices.html(opened), invoices.offered(opened), billed
