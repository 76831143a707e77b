"""Whatever anybody types, a document comes out: the self-check inside would refuse one that cannot be read."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.invoicing.html import page
from app.invoicing.pdf.render import render
from app.invoicing.pdf.runs import clusters, wrap
from app.invoicing.tidy import tidy
from tests.invoicing.awkward import named
from tests.support.effort import times

ANY = st.text(st.characters(codec=None), max_size=200)  # surrogates, controls, private use: everything


@settings(max_examples=times(10, 25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANY)
def test_any_text_makes_a_readable_document_and_page(text: str) -> None:
    document = named(text)

    assert render(document).startswith(b"%PDF-")
    page(document).encode()


@settings(max_examples=times(25, 60), deadline=None)
@given(ANY, st.floats(2, 40))
def test_no_line_is_wider_than_its_column(text: str, limit: float) -> None:
    """But for one character that is itself wider."""
    for line in wrap(text, limit):
        assert line.size_one <= limit + 0.05 or len(clusters(line.text, strong=False)) == 1


@given(ANY)
def test_tidy_text_is_tidy(text: str) -> None:
    assert tidy(tidy(text)) == tidy(text)
