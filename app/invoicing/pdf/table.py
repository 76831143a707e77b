"""The lines: description and four columns of figures, a heading for each section, the head repeated on every page."""

from dataclasses import dataclass, replace

from app.invoicing.pdf import look
from app.invoicing.pdf.draft import Draft
from app.invoicing.pdf.runs import Line
from app.invoicing.pdf.sheet import Rule, Style, broken, shrunk, width_of
from app.invoicing.wording import say, tax_name

ROW_AIR = 3.8
COLUMN_GAP = 8.0
LEAST_TEXT = 46.0


@dataclass(frozen=True, slots=True)
class Columns:
    """Right edges of the four columns of figures, how wide the first column may be, and how the figures are set."""

    quantity: float
    price: float
    tax: float
    net: float
    text: float
    figure: Style
    pale: Style


def _columns(draft: Draft) -> Columns:
    """As wide as their widest figure; what is left is the description's. Huge figures are set smaller."""
    document, words, sheet = draft.document, draft.words, draft.sheet
    heads = [say("column.quantity"), say("column.unit_price"), tax_name(document), say("column.net")]
    figures = [
        [words.quantity(line.quantity) for line in document.lines],
        [words.unit_price(line.unit_price) for line in document.lines],
        [words.percent(line.rate) for line in document.lines],
        [words.amount(line.net) for line in document.lines],
    ]
    heads = [broken(head.upper(), 34, look.LABEL, 1)[0].text for head in heads]

    def needed(style: Style) -> list[float]:
        return [
            max(width_of(head, look.LABEL), *(width_of(text, style) for text in texts)) + COLUMN_GAP
            for head, texts in zip(heads, figures, strict=True)
        ]

    figure = shrunk(look.CELL, lambda style: sum(needed(style)) <= sheet.inner - LEAST_TEXT)
    wide = needed(figure)
    net = sheet.right
    tax = net - wide[3]
    price = tax - wide[2]
    quantity = price - wide[1]
    return Columns(quantity, price, tax, net, sheet.inner - sum(wide), figure, replace(figure, colour=look.GREY))


def table(draft: Draft) -> None:
    columns = _columns(draft)
    _table_head(draft, columns)
    section = ""
    for place, line in enumerate(draft.document.lines):
        names = draft.lines(line.description, columns.text, look.CELL, 12)
        details = draft.lines(line.detail, columns.text, look.DETAIL, 6) if line.detail.strip() else []
        height = len(names) * look.CELL.height + len(details) * look.DETAIL.height + ROW_AIR
        opens = bool(line.section) and line.section != section
        if not draft.fits(height + (9 if opens else 0)):
            draft.next_page()
            _table_head(draft, columns)
        if opens:
            _section(draft, line.section, first=place == 0)
        section = line.section
        _row(draft, columns, place, names, details)
        draft.y += height
        draft.sheet.add(Rule(draft.sheet.left, draft.y - 0.4, draft.sheet.inner, look.LINE))
    draft.y += 7


def _table_head(draft: Draft, columns: Columns) -> None:
    sheet, y = draft.sheet, draft.y
    sheet.write(say("column.description").upper(), sheet.left, y, look.LABEL)
    for key, right in (("quantity", columns.quantity), ("unit_price", columns.price), ("net", columns.net)):
        sheet.write(say(f"column.{key}").upper(), right, y, look.LABEL, "right")
    tax = broken(tax_name(draft.document).upper(), 34, look.LABEL, 1)[0]
    sheet.put(tax, columns.tax, y, look.LABEL, "right")
    sheet.add(Rule(sheet.left, y + 5.2, sheet.inner, look.INK, 0.4))
    draft.y += 7.2


def _section(draft: Draft, text: str, *, first: bool) -> None:
    y = draft.y + (0.4 if first else 1.6)
    line = broken(text, draft.sheet.inner, look.SECTION, 1)[0]
    draft.sheet.put(line, draft.sheet.left, y, look.SECTION)
    draft.y = y + look.SECTION.height + 1


def _row(draft: Draft, columns: Columns, place: int, names: list[Line], details: list[Line]) -> None:
    sheet, words, line = draft.sheet, draft.words, draft.document.lines[place]
    y = draft.y + 1.4
    under = sheet.put_all(names, sheet.left, y, look.CELL)
    sheet.put_all(details, sheet.left, under, look.DETAIL)
    sheet.write(words.quantity(line.quantity), columns.quantity, y, columns.figure, "right")
    sheet.write(words.unit_price(line.unit_price), columns.price, y, columns.pale, "right")
    sheet.write(words.percent(line.rate), columns.tax, y, columns.pale, "right")
    sheet.write(words.amount(line.net), columns.net, y, columns.figure, "right")
