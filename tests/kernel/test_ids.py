"""Ids: a prefix that says what a thing is, and an order that says when it was made."""

import pytest

from app.kernel.ids import ALPHABET, PREFIXES, is_id, new_id
from tests.support.threads import at_once


@pytest.mark.parametrize("prefix", list(PREFIXES))
def test_an_id_says_what_it_names(prefix: str) -> None:
    made = new_id(prefix)
    assert is_id(made)
    assert is_id(made, prefix)
    assert not any(is_id(made, other) for other in PREFIXES if other != prefix)


def test_an_unknown_prefix_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="unknown id prefix"):
        new_id("xyz")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gen_",
        "gen_01",
        "GEN_01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "gen_01ARZ3NDEKTSV4RRFFQ69G5FAI",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    ],
)
def test_what_is_no_id(text: str) -> None:
    assert not is_id(text)


def test_ids_sort_in_the_order_they_were_made() -> None:
    made = [new_id("gen") for _ in range(2_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_threads_never_make_the_same_id() -> None:
    made: list[str] = []

    def make() -> None:
        made.extend([new_id("jrn") for _ in range(500)])

    at_once(*[make] * 8)
    assert len(set(made)) == 4_000


def test_the_alphabet_has_no_letters_that_look_alike() -> None:
    assert len(ALPHABET) == 32
    assert not set("ILOU") & set(ALPHABET)
