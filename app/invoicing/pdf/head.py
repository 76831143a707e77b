"""The top of the first page: who, to whom, what kind of document, and its dates and references."""

from app.invoicing.document import Kind, Party
from app.invoicing.pdf import look
from app.invoicing.pdf.draft import Draft, chip, tile
from app.invoicing.pdf.sheet import Box, Style, broken
from app.invoicing.wording import facts, say, status, title

NAME_LINES = 4
ADDRESS_LINES = 3
FACTS_IN_ROW = 4


def head(draft: Draft) -> None:
    sheet, document = draft.sheet, draft.document
    sheet.add(Box(0, 0, sheet.width, 2.4, look.ACCENT))
    tile(draft, sheet.left, 15, 11.5)
    half = sheet.inner * 0.55 - 16
    y = sheet.put_all(draft.lines(document.seller.name, half, look.SELLER, 2), sheet.left + 16, 14.6, look.SELLER)
    contact = document.seller.email or document.seller.website
    y = sheet.put_all(broken(contact, half, look.CONTACT, 1), sheet.left + 16, y, look.CONTACT)
    sheet.write(title(document), sheet.right, 13.6, look.TITLE, "right")
    number = broken(document.number, sheet.inner * 0.4, look.NUMBER, 1)[0]
    sheet.put(number, sheet.right, 23.6, look.NUMBER, "right")
    end = chip(sheet, status(document), sheet.right, 31)
    if document.is_test:
        chip(sheet, "test", end - 2, 31)
    draft.y = max(y, 36.0) + 8
    if document.is_test:
        _banner(draft)


def _banner(draft: Draft) -> None:
    sheet, (paper, ink) = draft.sheet, look.CHIPS["test"]
    sheet.add(Box(sheet.left, draft.y - 3, sheet.inner, 8, paper, 2))
    style = Style(8.5, ink, strong=True)
    sheet.write(say("test_banner"), sheet.width / 2, draft.y + 1 - style.height / 2, style, "center")
    draft.y += 10


def parties(draft: Draft) -> None:
    sheet, document = draft.sheet, draft.document
    width = sheet.inner / 2 - 8
    second = sheet.left + sheet.inner / 2 + 4
    buyer = "party.credited" if document.kind is Kind.CREDIT_NOTE else "party.buyer"
    top = draft.y
    ends = [
        _party(draft, document.seller, say("party.seller"), sheet.left, top, width),
        _party(draft, document.buyer, say(buyer), second, top, width),
    ]
    draft.y = max(ends) + 7


def _party(draft: Draft, party: Party, label: str, x: float, y: float, width: float) -> float:
    sheet = draft.sheet
    sheet.write(label.upper(), x, y, look.LABEL)
    y = sheet.put_all(draft.lines(party.name, width, look.NAME, NAME_LINES), x, y + 5.2, look.NAME)
    attention = [say("party.attention", name=party.attention)] if party.attention else []
    for text in (*attention, *draft.words.address(party)):
        y = sheet.put_all(draft.lines(text, width, look.BODY, ADDRESS_LINES), x, y, look.BODY)
    numbers = [f"{tax_id.label} {tax_id.value}" for tax_id in party.tax_ids]
    for text in (*numbers, party.email):
        if text.strip():
            y = sheet.put_all(draft.lines(text, width, look.BODY_GREY, 2), x, y, look.BODY_GREY)
    return y


def facts_panel(draft: Draft) -> None:
    """Dates and references on a panel, at most four in a row."""
    sheet = draft.sheet
    found = facts(draft.document)
    in_row = len(found) if len(found) <= FACTS_IN_ROW else FACTS_IN_ROW - 1
    width = (sheet.inner - 10) / in_row
    rows = [found[at : at + in_row] for at in range(0, len(found), in_row)]
    cells = [[(label, draft.lines(value, width - 4, look.FACT, 2)) for label, value in row] for row in rows]
    heights = [max(len(lines) for _, lines in row) * look.FACT.height + look.FACT_LABEL.height for row in cells]
    gap = 3.2
    height = sum(heights) + gap * (len(rows) - 1) + 8
    if not draft.fits(height + 20):
        draft.next_page()
    sheet.add(Box(sheet.left, draft.y, sheet.inner, height, look.PANEL, 2.6))
    y = draft.y + 4
    for row, row_height in zip(cells, heights, strict=True):
        for place, (label, lines) in enumerate(row):
            x = sheet.left + 5 + place * width
            sheet.write(label, x, y, look.FACT_LABEL)
            sheet.put_all(lines, x, y + look.FACT_LABEL.height, look.FACT)
        y += row_height + gap
    draft.y += height + 8
