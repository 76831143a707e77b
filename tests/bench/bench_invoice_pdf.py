"""How long an invoice takes to be drawn as a PDF/A-3B file, checked, with the typefaces it needs.

The yardstick is the emptiest page the same library can make: what an invoice costs beyond that is ours.
"""

import statistics
import time
from collections.abc import Callable

from fpdf import FPDF

from app.invoicing.document import InvoiceDocument
from app.invoicing.pdf.render import render
from tests.bench.row import Row
from tests.invoicing.awkward import NAMES, named
from tests.invoicing.documents import invoice, many_lines

TARGET_SECONDS = 0.3
TIMES = 9


def run() -> list[Row]:
    """Medians; every document is drawn once before, so that the typefaces have been opened."""
    empty = _seconds(_empty)
    documents = {
        "invoice PDF, one line": invoice(),
        "invoice PDF, 60 lines": many_lines(60),
        "invoice PDF, Japanese customer": named(NAMES["japanese"]),
        "invoice PDF, Arabic customer": named(NAMES["arabic"]),
    }
    return [_row(name, document, empty) for name, document in documents.items()]


def _row(name: str, document: InvoiceDocument, empty: float) -> Row:
    seconds = _seconds(lambda: render(document))
    return {
        "name": name,
        "value": seconds * 1000,
        "unit": "ms",
        "yardstick": f"{empty * 1000:.1f} ms for an empty page",
        "ratio": seconds / empty,
        "target": f"≤ {TARGET_SECONDS * 1000:.0f} ms",
        "ok": seconds <= TARGET_SECONDS,
    }


def _seconds(draw: Callable[[], object]) -> float:
    draw()
    taken = []
    for _ in range(TIMES):
        started = time.perf_counter()
        draw()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def _empty() -> bytes:
    pdf = FPDF()
    pdf.add_page()
    return bytes(pdf.output())
