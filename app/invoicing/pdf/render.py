"""An invoice, a credit note or a receipt as a PDF/A-3B file. The same document is always the same bytes."""

from app.invoicing.document import InvoiceDocument, problems
from app.invoicing.pdf.check import faults
from app.invoicing.pdf.layout import lay_out
from app.invoicing.pdf.paint import About, Attachment, paint
from app.invoicing.tidy import tidy
from app.invoicing.wording import title
from app.kernel.errors import Broken


def render(document: InvoiceDocument, *, attachments: tuple[Attachment, ...] = (), xmp: str = "") -> bytes:
    """The file. Raises Broken where the figures disagree or the layout would not be readable: no such file leaves."""
    if wrong := problems(document):
        raise Broken(f"Document {document.number} cannot be drawn: {'; '.join(wrong)}.", code="document_inconsistent")
    sheet = lay_out(document)
    if wrong := faults(sheet, document):
        raise Broken(f"Document {document.number} came out wrong: {'; '.join(wrong)}.", code="document_unreadable")
    about = About(
        title=f"{title(document)} {tidy(document.number)}",
        author=tidy(document.seller.name),
        language=document.language,
        created_on=document.issued_on,
        attachments=attachments,
        xmp=xmp,
    )
    return paint(sheet, about)
