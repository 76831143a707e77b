"""The tax by rate on the left, the slip with the total on the right."""

from app.invoicing.pdf import look
from app.invoicing.pdf.draft import Draft
from app.invoicing.pdf.sheet import Align, Box, Disc, Rule, Style, broken, shrunk, width_of
from app.invoicing.wording import grand_total, say, settlement, tax_name, totals

PAIR = 6.4  # height of a label with its amount
SIDES: tuple[Align, Align, Align] = ("left", "right", "right")


def sums(draft: Draft) -> None:
    """The tax by rate on the left, the slip with the total on the right."""
    document = draft.document
    above, below = totals(document), settlement(document)
    slip = 4 + len(above) * PAIR + 3 + 10.4 + len(below) * PAIR
    height = max(slip, 12 + 6 * len(document.taxes))
    if not draft.fits(height):
        draft.next_page()
    top = draft.y
    _breakdown(draft, draft.sheet.left, top, draft.sheet.inner / 2 - 8)
    _slip(draft, top)
    draft.y = top + height + 7


def _breakdown(draft: Draft, x: float, y: float, width: float) -> None:
    sheet, document, words = draft.sheet, draft.document, draft.words
    name = tax_name(document)
    sheet.put(broken(say("tax.breakdown", name=name).upper(), width, look.LABEL, 1)[0], x, y, look.LABEL)
    y += 5.6
    rows = [(words.rate_of(group, document.seller.country), words.amount(group.base), words.amount(group.tax))
            for group in document.taxes]  # fmt: skip
    heads = say("tax.rate"), say("tax.base"), say("tax.amount", name=name)
    if width_of(heads[2], look.FACT_LABEL) > width * 0.3:
        heads = heads[0], heads[1], say("tax.amount_short")

    def needed(column: int, style: Style) -> float:
        return max(width_of(heads[column], look.FACT_LABEL), *(width_of(row[column], style) for row in rows)) + 5

    style = shrunk(look.CELL, lambda style: needed(1, style) + needed(2, style) <= width - 16)
    bases, taxes = needed(1, style), needed(2, style)
    edges = (x, x + width - taxes, x + width)
    for head, edge, align in zip(heads, edges, SIDES, strict=True):
        sheet.write(head, edge, y, look.FACT_LABEL, align)
    y += 4.8
    for rate, base, tax in rows:
        lines = draft.lines(rate, width - taxes - bases, look.CELL, 2)
        sheet.put_all(lines, x, y, look.CELL)
        sheet.write(base, edges[1], y, style, "right")
        sheet.write(tax, edges[2], y, style, "right")
        y += len(lines) * look.CELL.height + 1


def _slip(draft: Draft, y: float) -> None:
    """The fare slip: what adds up, a perforated line, what it comes to."""
    sheet, document = draft.sheet, draft.document
    x = sheet.left + sheet.inner / 2 + 4
    above, below = totals(document), settlement(document)
    tear = y + 4 + len(above) * PAIR + 1.5
    height = tear - y + 1.5 + 10.4
    sheet.add(Box(x, y, sheet.right - x, height, look.PANEL, 2.6))
    for edge in (x, sheet.right):
        sheet.add(Disc(edge, tear, 1.7, look.WHITE))
    sheet.add(Rule(x + 3.4, tear, sheet.right - x - 6.8, (190, 196, 210), 0.35, 1.3))
    _pairs(draft, above, x + 5, sheet.right - 5, y + 3.2, look.SUM)
    label, amount = grand_total(document)
    room = sheet.right - x - 13 - width_of(label, look.TOTAL)
    sheet.write(label, x + 5, tear + 2.6, look.TOTAL)
    figure = _at_most(amount, room, look.TOTAL)
    sheet.write(amount, sheet.right - 5, tear + 2.6, figure, "right")
    after = y + height + 2.2
    _pairs(draft, below[:-1], x + 5, sheet.right - 5, after, look.SUM)
    _pairs(draft, below[-1:], x + 5, sheet.right - 5, after + PAIR * len(below[:-1]), look.LEFT_OVER)


def _pairs(draft: Draft, pairs: list[tuple[str, str]], x: float, right: float, y: float, style: Style) -> None:
    for label, amount in pairs:
        figure = _at_most(amount, (right - x) * 0.55, style)
        room = right - x - width_of(amount, figure) - 3
        draft.sheet.put(broken(label, room, style, 1)[0], x, y, style)
        draft.sheet.write(amount, right, y, figure, "right")
        y += PAIR


def _at_most(amount: str, width: float, style: Style) -> Style:
    return shrunk(style, lambda smaller: width_of(amount, smaller) <= width)
