"""The sheet in the making: a cursor, what was cut short, and the pieces every page may need."""

from dataclasses import dataclass, field

from app.invoicing.document import InvoiceDocument
from app.invoicing.pdf import look
from app.invoicing.pdf.runs import Line
from app.invoicing.pdf.sheet import Box, Sheet, Style, broken, width_of
from app.invoicing.tidy import tidy
from app.invoicing.wording import Wording, say, title


@dataclass(slots=True)
class Draft:
    """The sheet in the making. `y` is where the next block begins, `whole` what was cut short above."""

    document: InvoiceDocument
    sheet: Sheet
    words: Wording
    y: float = 0
    whole: list[str] = field(default_factory=list)

    @property
    def floor(self) -> float:
        return self.sheet.height - look.FOOTER_HEIGHT

    def fits(self, height: float) -> bool:
        return self.y + height <= self.floor

    def lines(self, text: str, width: float, style: Style, most: int) -> list[Line]:
        """`text` in at most `most` lines; what is cut is kept for the end."""
        found = broken(text, width, style, most)
        if len(found) == most and len(broken(text, width, style)) > most:
            self.whole.append(tidy(text))
        return found

    def next_page(self) -> None:
        """A further page, with its own small head."""
        sheet, document = self.sheet, self.document
        sheet.pages.append([])
        tile(self, sheet.left, 14, 7)
        seller = broken(document.seller.name, sheet.inner / 2, look.NAME, 1)
        sheet.put_all(seller, sheet.left + 10, 15, look.NAME)
        continued = say("continued", title=title(document), number=document.number)
        line = broken(continued, sheet.inner / 2 - 12, look.BODY_GREY, 1)[0]
        sheet.put(line, sheet.right, 15.2, look.BODY_GREY, "right")
        self.y = look.TOP_OF_NEXT


def tile(draft: Draft, x: float, y: float, size: float) -> None:
    """The seller's first letter on a tile: every seller has one, and it prints in any script."""
    sheet = draft.sheet
    sheet.add(Box(x, y, size, size, look.ACCENT, size * 0.24))
    letters = [letter for letter in tidy(draft.document.seller.name) if letter.isalnum()]
    style = Style(size * 1.75, look.WHITE, strong=True, leading=1)
    sheet.write(letters[0].upper() if letters else "·", x + size / 2, y + (size - style.height) / 2, style, "center")


def chip(sheet: Sheet, word: str, right: float, y: float) -> float:
    """A word in a pill, its right edge at `right`; returns its left edge."""
    paper, ink = look.CHIPS[word]
    style = Style(look.CHIP.size, ink, strong=True, leading=1)
    text = say(f"status.{word}").upper()
    width = width_of(text, style) + 6.4
    sheet.add(Box(right - width, y, width, 5.6, paper, 2.75))
    sheet.write(text, right - width / 2, y + 2.8 - style.height / 2, style, "center")
    return right - width
