"""Letters in words: complete, alike in both forms, and safe whatever a customer is called."""

import re
from html import unescape
from typing import Any

import pytest

from app.kernel.errors import Undeliverable
from app.notify.compose import Composed, House, Reader, compose
from app.notify.letters import LETTERS
from app.notify.words import one_line, reason, word
from tests.notify.samples import SAMPLES

HOUSE = House("Farebox", "https://ai.example.com", ("Example AI GmbH", "Lindenstraße 4, 10969 Berlin"))
READER = Reader("workspace", "Northwind Studio")
#: What the fact sheet asks for.
WANTED = {
    *("low_balance", "budget_50", "budget_80", "budget_100", "credits_expiring"),
    *("topup_ok", "topup_failed", "topup_needs_action", "topup_disabled"),
    *("order_received", "order_approved", "order_rejected", "payment_failed", "invoice", "credit_note"),
    *("dunning_1", "dunning_2", "dunning_3", "dunning_4"),
    *("dispute_notice", "reconcile_report"),
}


def written(name: str, reader: Reader = READER, **changed: Any) -> Composed:
    return compose(name, {**SAMPLES[name], **changed}, house=HOUSE, reader=reader)


def seen(html: str) -> str:
    """What a reader of the HTML sees, on one line."""
    body = re.sub(r"<(style|title)>.*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_every_letter_has_a_sample_and_nothing_wanted_is_missing() -> None:
    assert set(SAMPLES) == set(LETTERS)
    assert set(LETTERS) >= WANTED


@pytest.mark.parametrize("name", LETTERS)
def test_both_forms_say_the_same(name: str) -> None:
    mail = written(name)
    letter = LETTERS[name]
    shown, text = seen(mail.html), " ".join(mail.text.split())
    figures = [word(SAMPLES[name][key]) for key in (*letter.slip, letter.total) if key and key not in letter.coded]
    for needed in [*filter(None, figures), *(word(value) for _, value in SAMPLES[name].get(letter.rows, ()))]:
        assert needed in shown
        assert " ".join(needed.split()) in text
    assert mail.subject == one_line(mail.subject)
    assert "{" not in mail.subject + text


@pytest.mark.parametrize("name", LETTERS)
def test_what_may_be_left_out_leaves_no_hole(name: str) -> None:
    letter = LETTERS[name]
    told = {key: value for key, value in SAMPLES[name].items() if key in letter.needs}
    mail = compose(name, told, house=HOUSE, reader=READER)
    assert "None" not in mail.text + seen(mail.html)


@pytest.mark.parametrize("name", LETTERS)
def test_what_a_letter_needs_is_demanded(name: str) -> None:
    for key in LETTERS[name].needs:
        told = {other: value for other, value in SAMPLES[name].items() if other != key}
        with pytest.raises(Undeliverable, match=f"{name} needs {key}"):
            compose(name, told, house=HOUSE, reader=READER)


def test_an_unknown_letter_or_value_is_refused() -> None:
    with pytest.raises(Undeliverable, match="no mail 'love'"):
        compose("love", {}, house=HOUSE, reader=READER)
    with pytest.raises(Undeliverable, match="does not know colour"):
        written("invoice", colour="red")


def test_nothing_is_fetched_when_a_mail_is_opened() -> None:
    for name in LETTERS:
        html = written(name).html
        assert not re.search(r"<(img|link|script|iframe)|url\(|@import|src=", html), name


def test_markup_in_a_name_is_text() -> None:
    mail = written("low_balance", Reader("workspace", "<script>alert(1)</script> & Sons"))
    assert "<script>" not in mail.html
    assert "<script>alert(1)</script> & Sons" in seen(mail.html)


def test_a_sentence_in_a_name_is_not_filled_in() -> None:
    mail = written("low_balance", Reader("workspace", "{house.__class__} {{ 7 * 7 }}"))
    assert "{house.__class__} {{ 7 * 7 }}" in mail.text


def test_a_line_break_in_a_name_stays_in_its_line() -> None:
    mail = written("dispute_notice", workspace="Evil\r\nBcc: victim@example.com")
    assert mail.subject == "Dispute over €65.45: Evil Bcc: victim@example.com"


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "https://a.example/\r\nBcc: x", "https://a.example/ b", "/top-up"]
)
def test_a_link_that_is_no_address_of_the_web_is_refused(link: str) -> None:
    with pytest.raises(Undeliverable, match="not an address of the web"):
        written("topup_needs_action", link=link)


def test_a_long_link_stays_whole() -> None:
    link = "https://checkout.stripe.com/c/pay/cs_1#" + "x" * 2_000
    mail = written("topup_needs_action", link=link)
    assert f'href="{link}"' in mail.html
    assert f"\n{link}\n" in mail.text


def test_the_button_leads_to_our_page_or_to_the_link_that_was_told() -> None:
    assert 'href="https://ai.example.com/top-up"' in written("low_balance").html
    assert 'href="https://checkout.stripe.com/c/pay/cs_1"' in written("topup_needs_action").html


def test_the_plain_text_reads_well() -> None:
    assert written("order_part_paid").text == (
        "Part of your transfer arrived.\n\n"
        "We received €40.00 for your order. €25.45 are still open; the credits\n"
        "are added when the whole amount arrived.\n\n"
        "Please use the reference FB-7K2Q-9M again.\n\n"
        "  Order              ord_01KAJ8M4ZDV6Q3W5X7Y9A1B2C3\n"
        "  Payment reference  FB-7K2Q-9M\n"
        "  Received           €40.00\n"
        "  Account holder     Example AI GmbH\n"
        "  IBAN               DE89 3704 0044 0532 0130 00\n"
        "  BIC                COBADEFFXXX\n"
        "  Still to pay       €25.45\n\n"
        "See the order:\nhttps://ai.example.com/top-up\n\n"
        "-- \n"
        "You get this mail because you own the workspace Northwind Studio at\nFarebox.\n"
        "Farebox\nExample AI GmbH\nLindenstraße 4, 10969 Berlin\n"
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("Ada\r\nBcc: x", "Ada Bcc: x", id="line breaks"),
        pytest.param("a\u202eb\u2066c", "a b c", id="marks that turn the direction"),
        pytest.param("a\x00\x1b[31m", "a [31m", id="control characters"),
        pytest.param("  株式会社  例  ", "株式会社 例", id="other scripts stay"),
        pytest.param("x" * 1500, "x" * 999 + "…", id="an end"),
    ],
)
def test_text_stays_on_its_line(text: str, line: str) -> None:
    assert one_line(text) == line


def test_codes_become_words_and_unknown_ones_stay_readable() -> None:
    assert reason("insufficient_funds") == "not enough money on the card's account"
    assert reason("new_code_of_2030") == "new code of 2030"


def test_what_has_no_words_is_refused() -> None:
    for value in (True, 0.5, {"a": 1}):
        with pytest.raises(TypeError):
            word(value)
