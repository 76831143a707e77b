"""The sentences under the figures, what was cut short above, and the foot of every page."""

from app.invoicing.document import InvoiceDocument
from app.invoicing.pdf import look
from app.invoicing.pdf.draft import Draft
from app.invoicing.pdf.runs import is_printable
from app.invoicing.pdf.sheet import Rule, Sheet, broken, width_of
from app.invoicing.wording import footer, paragraphs, say


def prose(draft: Draft) -> None:
    for heading, sentences in paragraphs(draft.document):
        _paragraph(draft, heading, sentences)


def in_full(draft: Draft) -> None:
    """What was cut short above, whole; and a word about characters that could not be printed."""
    if draft.whole:
        _paragraph(draft, say("whole_text"), list(dict.fromkeys(draft.whole)))
    if not all(is_printable(text) for text in _all_texts(draft.document)):
        _paragraph(draft, "", [say("footnote_missing")])


def _all_texts(document: InvoiceDocument) -> list[str]:
    parties = [document.seller, document.buyer]
    texts = [text for party in parties for text in (party.name, party.city, party.region, *party.street)]
    lines = [text for line in document.lines for text in (line.description, line.detail, line.section)]
    return [*texts, *lines, *document.notes, document.purchase_order]


def _paragraph(draft: Draft, heading: str, sentences: list[str]) -> None:
    """Sentences under a heading; long ones run on to the next page, the heading never stands alone."""
    sheet = draft.sheet
    lines = [line for sentence in sentences for line in broken(sentence, sheet.inner, look.PROSE)]
    if not draft.fits(6 + min(len(lines), 3) * look.PROSE.height):
        draft.next_page()
    if heading:
        sheet.write(heading.upper(), sheet.left, draft.y, look.LABEL)
        draft.y += 5
    for line in lines:
        if not draft.fits(look.PROSE.height):
            draft.next_page()
        sheet.put(line, sheet.left, draft.y, look.PROSE)
        draft.y += look.PROSE.height
    draft.y += 4.5


def feet(draft: Draft) -> None:
    """The seller's small print and the page's number, now that their count is known."""
    sheet = draft.sheet
    top = sheet.height - 21
    pages = list(sheet.pages)
    small_print = footer(draft.document)
    for number, page in enumerate(pages, 1):
        of_page = Sheet(sheet.width, sheet.height, sheet.margin, [page])
        of_page.add(Rule(sheet.left, top, sheet.inner, look.LINE))
        text = say("page", page=number, pages=len(pages))
        of_page.write(text, sheet.right, top + 2.4, look.SMALL, "right")
        room = sheet.inner - width_of(text, look.SMALL) - 8
        y = top + 2.4
        for line in small_print:
            y = of_page.put_all(broken(line, room, look.SMALL, 1), sheet.left, y, look.SMALL)
