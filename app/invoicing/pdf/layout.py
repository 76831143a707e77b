"""Where everything stands on the paper: head, addresses, facts, lines, totals, prose, foot.

Each block draws itself at the cursor and moves it; a block that would not fit goes to a new page whole, the lines with
their heading repeated. A text longer than its place ends in an ellipsis and is printed whole at the end.
"""

from app.invoicing.document import InvoiceDocument
from app.invoicing.pdf import look
from app.invoicing.pdf.draft import Draft
from app.invoicing.pdf.head import facts_panel, head, parties
from app.invoicing.pdf.prose import feet, in_full, prose
from app.invoicing.pdf.sheet import Sheet
from app.invoicing.pdf.sums import sums
from app.invoicing.pdf.table import table
from app.invoicing.wording import Wording

BLOCKS = (head, parties, facts_panel, table, sums, prose, in_full, feet)


def lay_out(document: InvoiceDocument) -> Sheet:
    """The whole document on its pages."""
    width, height = look.LETTER if document.seller.country in look.LETTER_COUNTRIES else look.A4
    draft = Draft(document, Sheet(width, height, look.MARGIN), Wording.of(document))
    draft.sheet.pages.append([])
    for block in BLOCKS:
        block(draft)
    return draft.sheet
