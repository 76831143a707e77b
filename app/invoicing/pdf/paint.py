"""Ink on paper: the laid-out sheet as a PDF/A-3B file whose bytes depend on nothing but the document."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory

from fpdf import FPDF, FPDF_VERSION
from fpdf.drawing_primitives import DeviceRGB
from fpdf.enums import TextMode
from fpdf.errors import FPDFException

from app.invoicing.pdf.faces import EAST_ASIAN, EMOJI, STRONG, TEXT, cut
from app.invoicing.pdf.metadata import packet
from app.invoicing.pdf.runs import Run
from app.invoicing.pdf.sheet import Box, Disc, Mark, Rule, Sheet, Words

IN_READING_ORDER = frozenset({TEXT, STRONG, EAST_ASIAN, EMOJI})
HEAVY_STROKE = 0.018  # em: about what lies between the regular and the semi-bold of the text face

CREATOR, PRODUCER = "Farebox", f"fpdf2 {FPDF_VERSION}"

logging.getLogger("fontTools.subset").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the PDF, as PDF/A-3 allows: `relationship` is "Alternative", "Data" or "Source"."""

    name: str
    content: bytes
    mime_type: str
    description: str
    relationship: str = "Alternative"


@dataclass(frozen=True, slots=True)
class About:
    """What the file says about itself. `xmp` is further RDF for the metadata, such as Factur-X's."""

    title: str
    author: str
    language: str
    created_on: date
    attachments: tuple[Attachment, ...] = ()
    xmp: str = ""


def paint(sheet: Sheet, about: About) -> bytes:
    """The file. Raises FPDFException where the standard would be broken."""
    pdf = FPDF(unit="mm", format=(sheet.width, sheet.height), enforce_compliance="PDF/A-3B")
    pdf.set_auto_page_break(auto=False)
    pdf.set_margin(0)
    pdf.c_margin = 0
    _describe(pdf, about)
    with TemporaryDirectory(prefix="farebox-pdf-") as folder:
        _bring_faces(pdf, sheet, Path(folder))
        for page in sheet.pages:
            pdf.add_page()
            for mark in page:
                _draw(pdf, mark)
        content = bytes(pdf.output())
    if missing := [font for font in pdf.fonts.values() if getattr(font, "missing_glyphs", None)]:
        raise FPDFException(f"letters are missing in {', '.join(font.fontkey for font in missing)}")
    return content


def _describe(pdf: FPDF, about: About) -> None:
    moment = datetime.combine(about.created_on, time(), UTC)
    pdf.set_title(about.title)
    pdf.set_author(about.author)
    pdf.set_lang(about.language)
    pdf.set_creator(CREATOR)
    pdf.set_producer(PRODUCER)
    pdf.set_creation_date(moment)
    told = {"title": about.title, "author": about.author, "creator": CREATOR, "producer": PRODUCER}
    pdf.set_xmp_metadata(packet(**told, moment=moment, further=about.xmp))
    for attachment in about.attachments:
        pdf.embed_file(
            bytes=attachment.content,
            basename=attachment.name,
            mime_type=attachment.mime_type,
            desc=attachment.description,
            creation_date=moment,
            modification_date=moment,
            associated_file_relationship=attachment.relationship,
        )


def _bring_faces(pdf: FPDF, sheet: Sheet, folder: Path) -> None:
    """Load a cut of every typeface that was used. fpdf2 reads fonts from files only."""
    letters: dict[str, set[str]] = defaultdict(set)
    for run in _runs(sheet.pages):
        letters[run.face.file].update(run.text)
    for file in sorted(letters):
        path = folder / file
        path.write_bytes(cut(file, letters[file]))
        pdf.add_font(Path(file).stem, "", path)


def _runs(pages: Sequence[Sequence[Mark]]) -> Iterable[Run]:
    return (run for page in pages for mark in page if isinstance(mark, Words) for run in mark.line.runs)


def _draw(pdf: FPDF, mark: Mark) -> None:
    if isinstance(mark, Words):
        _write(pdf, mark)
    elif isinstance(mark, Box):
        pdf.set_fill_color(*mark.colour)
        rounded = bool(mark.radius)
        pdf.rect(mark.x, mark.y, mark.width, mark.height, "F", round_corners=rounded, corner_radius=mark.radius)
    elif isinstance(mark, Disc):
        pdf.set_fill_color(*mark.colour)
        pdf.ellipse(mark.x - mark.radius, mark.y - mark.radius, 2 * mark.radius, 2 * mark.radius, "F")
    else:
        _rule(pdf, mark)


def _rule(pdf: FPDF, rule: Rule) -> None:
    pdf.set_draw_color(*rule.colour)
    pdf.set_line_width(rule.thickness)
    if rule.dots:
        pdf.set_dash_pattern(dash=rule.thickness, gap=rule.dots)
    pdf.line(rule.x, rule.y, rule.x + rule.width, rule.y)
    if rule.dots:
        pdf.set_dash_pattern()


def _write(pdf: FPDF, words: Words) -> None:
    style, x = words.style, words.x
    pdf.set_text_color(*style.colour)
    for run in words.line.runs:
        pdf.set_font(run.face.name, size=style.size)
        wide = run.size_one * style.unit
        if run.shaped:
            with _readable(pdf, run):
                _write_shaped(pdf, run, x, words)
        else:
            pdf.text(x, words.baseline, run.text)
        x += wide


@contextmanager
def _readable(pdf: FPDF, run: Run) -> Iterator[None]:
    """Says beside the pictures which letters they stand for. Where letters change places (Indic scripts, Thai), a copy
    or a search would otherwise find them as they were drawn. Readers turn leftward text around by themselves."""
    if run.leftward or run.face.file in IN_READING_ORDER:
        yield
        return
    letters = run.text.encode("utf-16-be").hex().upper()
    pdf._out(f"/Span <</ActualText <FEFF{letters}>>> BDC")  # fpdf2 has no public way to mark content
    yield
    pdf._out("EMC")


def _write_shaped(pdf: FPDF, run: Run, x: float, words: Words) -> None:
    unit = words.style.unit
    pdf.set_text_shaping(use_shaping_engine=True, direction="rtl" if run.leftward else "ltr")
    pdf.set_xy(x, words.baseline - 0.8 * unit)
    if run.face.heavy:
        colour = DeviceRGB(*(part / 255 for part in words.style.colour))
        stroke = HEAVY_STROKE * words.style.size
        with pdf.local_context(text_mode=TextMode.FILL_STROKE, line_width=stroke, draw_color=colour):
            pdf.cell(run.size_one * unit, unit, run.text)
    else:
        pdf.cell(run.size_one * unit, unit, run.text)
