"""The page says what the PDF says, in an order and with names that a screen reader can follow."""

from html.parser import HTMLParser

import pytest

from app.invoicing.html import fragment, page
from tests.invoicing.awkward import NAMES, named
from tests.invoicing.documents import credit_note, invoice, many_lines, reverse_charge, yen

EMPTY = {"meta", "link", "br"}


class Reader(HTMLParser):
    """Tags in order, text, and whether every tag was closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def test_it_says_all_that_the_paper_says() -> None:
    said = Reader(page(invoice())).text

    for fact in (
        "Invoice FB-2026-000417", "Paid", "21 November 2026", "Farebox Demo GmbH", "VAT ID DE136695976",
        "Mönckebergstraße 7", "Team package", "50,000 credits", "€500.00", "19%", "€95.00", "Total EUR", "€595.00",
        "Card •••• 4242", "HRB 123456", "version 3 of our terms",
    ):  # fmt: skip
        assert fact in said


def test_tables_have_captions_and_headings_with_a_scope() -> None:
    tags = Reader(fragment(many_lines())).tags

    assert [tag for tag, _ in tags].count("caption") == 2
    assert {attributes.get("scope") for tag, attributes in tags if tag == "th"} == {"col", "row", "rowgroup"}
    assert next(tag for tag, _ in tags if tag in {"h1", "h2"}) == "h1"


def test_the_article_has_the_title_as_its_name_and_a_language() -> None:
    article = next(attributes for tag, attributes in Reader(fragment(invoice())).tags if tag == "article")

    assert article["lang"] == "en"
    assert article["aria-labelledby"] == "invoice-FB-2026-000417"


@pytest.mark.parametrize("document", [credit_note(), reverse_charge(), yen(), invoice(is_test=True)])
def test_every_kind_of_document_has_a_page(document) -> None:
    assert document.number in Reader(page(document)).text


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_case_38_no_name_breaks_out_of_its_place(name: str) -> None:
    html = page(named(name))
    tags = {tag for tag, _ in Reader(html).tags}

    assert "script" not in tags
    assert "b" not in tags
    html.encode()
    assert not set(html) & {"\x00", "\x1b", "\u202e"}
