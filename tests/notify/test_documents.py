"""An invoice goes out with its PDF."""

import pytest

from app.invoicing.archive import Invoices
from app.kernel.db import Database
from app.notify.documents import invoice_attached
from tests.invoicing.support import NOON, Office

pytestmark = pytest.mark.anyio


async def test_the_pdf_is_attached_under_its_number(database: Database) -> None:
    office = Office(database)
    invoice = office.issue(office.workspace(), "ord_1")
    attached = await invoice_attached(Invoices(database, lambda: NOON))(invoice.invoice_id)
    assert (attached.filename, attached.mime) == ("LG-2026-000001.pdf", "application/pdf")
    assert attached.content.startswith(b"%PDF-")
