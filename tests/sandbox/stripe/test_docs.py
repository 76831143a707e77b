"""The page about the sandbox and its Stripe agree."""

import re

import pytest

from app.sandbox.stripe import cards, faults, webhooks
from app.sandbox.stripe.control import POSTS
from tests.support.sandbox import ROOT

PAGE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
STRIPE = PAGE.partition("## Stripe\n")[2].partition("## In tests")[0]


def rows(heading: str) -> list[str]:
    """The first cells of the table under a heading row."""
    table = STRIPE.partition(f"{heading}\n")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


def test_the_page_lists_every_control_and_no_other():
    assert rows("| path | given | what it does |") == [path.replace("{wanted}", "ID") for path in POSTS]


def test_the_page_lists_every_fault_and_no_other():
    assert rows("| fault | what happens to the request |") == list(faults.KNOWN)


def test_the_page_lists_every_signature():
    assert all(f"`{each}`" in STRIPE for each in webhooks.SIGNATURES)


@pytest.mark.parametrize("number", re.findall(r"`((?:\d{4} ){3}\d{4})`", STRIPE))
def test_the_pages_cards_exist(number):
    assert cards.by_number(number)


@pytest.mark.parametrize("iban", re.findall(r"`(DE[\d ]{20,})`", STRIPE))
def test_the_pages_accounts_exist(iban):
    assert cards.by_iban(iban)
