"""Lines of text before there is paper: faces, order, breaks."""

import pytest

from app.invoicing.pdf.runs import clip, clusters, is_printable, line_of, wrap
from app.invoicing.tidy import tidy


def eye(text: str) -> str:
    """What the eye meets from left to right: runs in their order, those written leftward turned around."""
    return "".join(run.text[::-1] if run.leftward else run.text for run in line_of(text).runs)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("  two\t\tspaces \r\n", "two spaces", id="white space"),
        pytest.param("e\u0301", "é", id="composed"),
        pytest.param("a\u202eb\u2066c\u200b\ufeffd\u00ade", "abcde", id="what only hides or turns"),
        pytest.param("می\u200cخواهم", "می\u200cخواهم", id="a joiner that changes letters"),
        pytest.param("\ud800 \U000e0fff", "� �", id="no characters"),
    ],
)
def test_tidy(text: str, kept: str) -> None:
    assert tidy(text) == kept


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        pytest.param("👩‍💻🇩🇪🇫🇷1️⃣", ["👩‍💻", "🇩🇪", "🇫🇷", "1️⃣"], id="emoji, flags, keycap"),
        pytest.param("क्षमा", ["क्", "ष", "मा"], id="vowel signs stay with their letter"),
        pytest.param("Ẹ̀a", ["Ẹ̀", "a"], id="marks stay with their letter"),
    ],
)
def test_a_cluster_is_what_a_reader_takes_for_one_character(text: str, pieces: list[str]) -> None:
    assert [part.text for part in clusters(tidy(text), strong=False)] == [tidy(piece) for piece in pieces]


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        pytest.param("Farebox GmbH", "Farebox GmbH", id="leftmost first"),
        pytest.param("אבג", "גבא", id="Hebrew"),
        pytest.param("אבג 2026", "2026 גבא", id="figures keep their order"),
        pytest.param("Ltd אבג דה Co", "Ltd הד גבא Co", id="Hebrew in Latin"),
        pytest.param("אבג Ltd Co דה", "הד Ltd Co גבא", id="Latin in Hebrew"),
    ],
)
def test_directions(text: str, seen: str) -> None:
    assert eye(text) == seen


@pytest.mark.parametrize(
    "text", ["word " * 200, "W" * 900, "株式会社" * 200, "חברת הבדיקה " * 60, "🚀" * 300, "a-b/c@" * 90]
)
def test_no_line_is_wider_than_its_column_and_nothing_is_lost(text: str) -> None:
    lines = wrap(text, 30)

    assert all(line.size_one <= 30 for line in lines)
    assert "".join("".join(line.text.split()) for line in lines) == "".join(text.split())


def test_what_is_clipped_ends_in_an_ellipsis_and_still_fits() -> None:
    lines = clip(wrap("word " * 200, 20), 2, 20)

    assert len(lines) == 2
    assert lines[1].text.endswith("…")
    assert lines[1].size_one <= 20


@pytest.mark.parametrize(
    ("text", "printable"),
    [("Straße 株式会社 🚀", True), ("𝓕ancy", True), ("𓀀", False), ("\ud800", False), ("", True)],
)
def test_is_printable(text: str, printable: bool) -> None:
    assert is_printable(text) is printable
