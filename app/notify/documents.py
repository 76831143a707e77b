"""The PDF of an invoice or a credit note, as a mail's attachment: `{"kind": "invoice", "id": "inv_…"}`."""

import asyncio

from app.invoicing.archive import Invoices
from app.notify.postman import Attach
from app.notify.smtp import Attachment

INVOICE = "invoice"


def invoice_attached(invoices: Invoices) -> Attach:
    """Draws, or finds, the file off the event loop."""

    async def make(invoice_id: str) -> Attachment:
        made = await asyncio.to_thread(invoices.file, invoice_id, "pdf")
        return Attachment(made.name, made.mime, made.content)

    return make
