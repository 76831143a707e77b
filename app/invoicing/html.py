"""A document as a page that any reader, screen reader and printer can use: the accessible twin of the PDF."""

import re
from functools import cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.invoicing import wording
from app.invoicing.document import InvoiceDocument
from app.invoicing.tidy import tidy

TEMPLATES = Path(__file__).parent / "templates"
#: What a full page needs and may do: nothing but its own style.
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def fragment(document: InvoiceDocument) -> str:
    """An `<article>` with its own scoped style, to stand inside a page of ours."""
    return f"<style>{style()}</style>\n{_templates().get_template('document.html.j2').render(_names(document))}"


def page(document: InvoiceDocument) -> str:
    """A whole page, to be opened, saved or printed by itself; serve it with `PAGE_POLICY`."""
    return _templates().get_template("page.html.j2").render(_names(document), style=Markup(style()))  # noqa: S704


@cache
def style() -> str:
    return (TEMPLATES / "document.css").read_text(encoding="utf-8")


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    templates.filters["tidy"] = tidy
    return templates


def _names(document: InvoiceDocument) -> dict[str, object]:
    return {
        "document": document,
        "words": wording.Wording.of(document),
        "say": wording.say,
        "anchor": re.sub(r"[^A-Za-z0-9-]", "-", document.number),
        "title": wording.title(document),
        "status": wording.status(document),
        "facts": wording.facts(document),
        "tax_name": wording.tax_name(document),
        "sections": [(name, list(lines)) for name, lines in groupby(document.lines, lambda line: line.section)],
        "totals": wording.totals(document),
        "grand_total": wording.grand_total(document),
        "settlement": wording.settlement(document),
        "paragraphs": wording.paragraphs(document),
        "footer": wording.footer(document),
    }
