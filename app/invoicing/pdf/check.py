"""The last look before a document leaves: is everything on the paper, nothing on top of anything else, and every
figure there?"""

from app.invoicing.document import InvoiceDocument
from app.invoicing.pdf.faces import covered
from app.invoicing.pdf.runs import line_of
from app.invoicing.pdf.sheet import Mark, Sheet, Words
from app.invoicing.wording import Wording, grand_total, title

SLACK = 0.35  # millimetres: rounding, and letters that reach a little out of their own width
SILENT = frozenset("\u200c\u200d\ufe0e\ufe0f")


def faults(sheet: Sheet, document: InvoiceDocument) -> list[str]:
    """What a reader would stumble over, as sentences; an empty list for a page that may be printed."""
    found: list[str] = []
    for number, page in enumerate(sheet.pages, 1):
        written = [mark for mark in page if isinstance(mark, Words)]
        found += [f"page {number}: {fault}" for fault in _outside(sheet, written) + _crossing(written)]
    drawn = {mark.line.text for page in sheet.pages for mark in page if isinstance(mark, Words)}
    found += [f"{wanted!r} is not on it" for wanted in _wanted(document) if line_of(wanted).text not in drawn]
    found += [f"a letter of {text!r} has no picture" for text in sorted(_without_picture(sheet.pages))]
    return found


def _wanted(document: InvoiceDocument) -> list[str]:
    words = Wording.of(document)
    amounts = [words.amount(figure) for figure in (document.totals.net, *(group.tax for group in document.taxes))]
    return [title(document), grand_total(document)[1], *amounts, *(words.amount(line.net) for line in document.lines)]


def _outside(sheet: Sheet, written: list[Words]) -> list[str]:
    return [
        f"“{words.line.text[:40]}” runs off the paper"
        for words in written
        if words.x < sheet.left - SLACK
        or words.x + words.width > sheet.right + SLACK
        or words.top < 0
        or words.bottom > sheet.height
    ]


def _crossing(written: list[Words]) -> list[str]:
    """Pairs of texts that touch, found by walking down the page."""
    found = []
    open_above: list[Words] = []
    for words in sorted(written, key=lambda each: each.top):
        open_above = [other for other in open_above if other.bottom > words.top + SLACK]
        for other in open_above:
            if words.x + SLACK < other.x + other.width and other.x + SLACK < words.x + words.width:
                found.append(f"“{words.line.text[:40]}” and “{other.line.text[:40]}” overlap")
        open_above.append(words)
    return found


def _without_picture(pages: list[list[Mark]]) -> set[str]:
    runs = {run for page in pages for mark in page if isinstance(mark, Words) for run in mark.line.runs}
    return {
        run.text
        for run in runs
        if any(ord(letter) not in covered(run.face.file) for letter in run.text if letter not in SILENT)
    }
