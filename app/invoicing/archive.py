"""The documents as files: drawn once from what was issued, kept, and the same to the byte ever after."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.invoicing import html, reads, tables
from app.invoicing.document import InvoiceDocument
from app.invoicing.einvoice import Format, available, encode, refusal
from app.invoicing.reads import Filter, Opened, Seen, Sum
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound

_FILE = tables.invoice_file
Draw = Callable[[InvoiceDocument], bytes]


class DocumentFile(NamedTuple):
    """A file with the name it is saved under."""

    name: str
    mime: str
    content: bytes


class Form(NamedTuple):
    """How a kind of file is made; `ending` follows the document's number."""

    ending: str
    mime: str
    draw: Draw


def _draw_pdf(document: InvoiceDocument) -> bytes:
    from app.invoicing.pdf.render import render  # its libraries are loaded when the first document is drawn

    return render(document)


FORMATS: Final[dict[str, Form]] = {
    "pdf": Form(".pdf", "application/pdf", _draw_pdf),
    Format.FACTUR_X: Form("-factur-x.pdf", "application/pdf", partial(encode, format_=Format.FACTUR_X)),
    Format.CII: Form("-cii.xml", "application/xml", partial(encode, format_=Format.CII)),
    Format.UBL: Form("-ubl.xml", "application/xml", partial(encode, format_=Format.UBL)),
}


class Invoices:
    """Issued documents for pages, mails and downloads. With a `workspace_id` only that workspace's are found."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def page(self, wanted: Filter) -> list[Seen]:
        """Newest first."""
        with self._db.read() as connection:
            return reads.page(connection, wanted)

    def sums(self, wanted: Filter) -> list[Sum]:
        """What a filter amounts to, a row a currency."""
        with self._db.read() as connection:
            return reads.sums(connection, wanted)

    def open(self, invoice_id: str, workspace_id: str | None = None) -> Opened:
        """Everything about one; `NotFound` for another workspace's as for none."""
        with self._db.read() as connection:
            return reads.open_invoice(connection, invoice_id, workspace_id)

    def of_order(self, order_id: str) -> list[Seen]:
        """An order's invoice and credit notes, oldest first."""
        with self._db.read() as connection:
            return reads.of_order(connection, order_id)

    def csv(self, wanted: Filter) -> Iterator[str]:
        """The list as CSV in constant memory."""
        return reads.csv_text(self._db, wanted)

    def pdf(self, opened: Opened) -> bytes:
        """The document as PDF/A; drawn the first time, the same ever after. Not for an event loop."""
        return self.kept(opened, "pdf", FORMATS["pdf"].draw)

    def file(self, invoice_id: str, format_: str, workspace_id: str | None = None) -> DocumentFile:
        """One of `FORMATS` of a document, to download or to attach. Not for an event loop either."""
        if format_ not in FORMATS:
            raise NotFound(f"Documents come as {', '.join(FORMATS)}, not as {format_}.", code="format_not_found")
        opened = self.open(invoice_id, workspace_id)
        form = FORMATS[format_]
        name = f"{opened.seen.file_name}{form.ending}"
        return DocumentFile(name, form.mime, self.kept(opened, format_, form.draw))

    def offered(self, opened: Opened) -> tuple[str, ...]:
        """The formats this document can be had in here: without the optional library, or where the standard has no
        words for it, there is no electronic one."""
        return tuple(FORMATS) if available() and not refusal(opened.document) else ("pdf",)

    def html(self, opened: Opened, *, whole: bool = False) -> str:
        """The document to be read on the screen: an `<article>` for our own page, or a `whole` page to print."""
        return html.page(opened.document) if whole else html.fragment(opened.document)

    def kept(self, opened: Opened, format_: str, draw: Draw) -> bytes:
        """The stored file of a document; drawn and stored the first time it is asked for."""
        invoice_id = opened.seen.id
        with self._db.read() as connection:
            found = connection.execute(
                select(_FILE.c.content).where(_FILE.c.invoice_id == invoice_id, _FILE.c.format == format_)
            ).scalar()
        if found is not None:
            return bytes(found)
        content = draw(opened.document)
        insert = sqlite.insert if self._db.is_sqlite else postgresql.insert
        row = {"invoice_id": invoice_id, "format": format_, "content": content, "created_at": self._clock()}
        first = insert(_FILE).values(**row, sha256=hashlib.sha256(content).hexdigest())
        with self._db.write() as connection:
            if connection.execute(first.on_conflict_do_nothing().returning(_FILE.c.format)).first():
                return content
        return self.kept(opened, format_, draw)  # somebody else drew it at the same moment: theirs is the one
