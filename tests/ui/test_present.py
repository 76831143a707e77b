"""Figures, moments and ids as people read them."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal as D
from fractions import Fraction as F

import pytest

from app.generation.lifecycle import State
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.ui import present
from app.ui.components.chips import STATES

NOW = datetime(2026, 11, 21, 15, 4, tzinfo=UTC)
BERLIN = timezone(timedelta(hours=1), "CET")


def credits(amount: str) -> Money:
    return Money.from_exact(D(amount))


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        pytest.param("0.75", "0", id="whole ones"),
        pytest.param("9999.99", "9,999", id="never more than there are"),
        pytest.param("999999", "999,999", id="below a million as they are"),
        pytest.param("1000000", "1.0M", id="a million"),
        pytest.param("112018790", "112.0M", id="many"),
        pytest.param("1999999999", "1,999.9M", id="very many"),
        pytest.param("-50.5", "−50", id="owed"),
    ],
)
def test_credits_where_there_is_hardly_any_room(amount: str, text: str) -> None:
    assert present.credits_in_brief(credits(amount)) == text


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        pytest.param(D("48210"), "48,210", id="thousands have commas"),
        pytest.param(D("0.750"), "0.75", id="trailing zeros are cut"),
        pytest.param(D("10.000000"), "10", id="down to none"),
        pytest.param(D("0.123456"), "0.123456", id="six decimals stay"),
        pytest.param(D("0.1234565"), "0.123457", id="a seventh is rounded, half away from zero"),
        pytest.param(D("-0.1234565"), "−0.123457", id="on both sides of zero"),
        pytest.param(D("-4"), "−4", id="minus is a true minus"),
        pytest.param(D("-0.0000001"), "0", id="there is no minus zero"),
        pytest.param(credits("1234567.5"), "1,234,567.5", id="money by its amount"),
        pytest.param(F(1, 3), "0.333333", id="fractions too"),
        pytest.param(0, "0", id="nothing"),
    ],
)
def test_credits(figure, text):
    assert present.credits(figure) == text


@pytest.mark.parametrize(
    ("amount", "words"), [("1", "1 credit"), ("32", "32 credits"), ("0.5", "0.5 credits"), ("0", "0 credits")]
)
def test_credits_in_words(amount, words):
    assert present.credit_words(credits(amount)) == words


@pytest.mark.parametrize(("amount", "text"), [("10000", "+10,000"), ("-32", "−32"), ("0", "0"), ("0.25", "+0.25")])
def test_money_that_moved_has_a_sign(amount, text):
    assert present.signed(credits(amount)) == text


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(-48_000_000), "−48.000000 cr"),
        (Money(48_000_000), "+48.000000 cr"),
        (Money(18_000, "USD"), "+$0.018000"),
        (Money(-18_000, "USD"), "−$0.018000"),
        (Money(0), "0.000000 cr"),
        (Money(1_500_000, "CHF"), "+1.500000 CHF"),
    ],
)
def test_a_posting_shows_all_six_decimals(money, text):
    assert present.posting(money) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [("65.45", "$65.45"), ("65", "$65.00"), ("-13.275", "−$13.28"), ("1234.5", "$1,234.50"), ("0", "$0.00")],
)
def test_what_a_customer_pays_has_two_decimals(amount, text):
    assert present.currency(D(amount)) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.003", "$0.003"),
        ("0.0125", "$0.0125"),
        ("0.000917", "$0.000917"),
        ("0.06", "$0.060"),
        ("86.4", "$86.40"),
        ("86.4321", "$86.4321"),
        ("-0.003", "−$0.003"),
        ("0", "$0.000"),
    ],
)
def test_what_a_provider_charges_shows_enough_to_tell_it_from_nothing(amount, text):
    assert present.cost(D(amount)) == text


def test_currencies_bring_their_own_sign():
    assert present.currency(Money(65_450_000, "EUR")) == "€65.45"
    assert present.currency(D(5), "CHF") == "5.00 CHF"


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (6545, "EUR", "€65.45"),
        (-1328, "USD", "−$13.28"),
        (1500, "JPY", "¥1,500"),
        (100, "CHF", "1.00 CHF"),
        (1234567, "KWD", "1,234.567 KWD"),
    ],
)
def test_money_that_is_paid_has_its_currency_s_decimals(minor, currency, text):
    assert present.fiat(Fiat(minor, currency)) == text


def test_a_day_of_a_calendar():
    assert present.day(date(2026, 11, 2)) == "2 Nov 2026"


def test_a_change_of_balance_has_an_arrow():
    assert present.transition(credits("48210"), credits("48178")) == "48,210 → 48,178"


def test_what_is_missing():
    assert present.shortfall(credits("1680"), credits("260")) == "1,420"


@pytest.mark.parametrize(
    ("price", "cost", "text", "status"),
    [
        pytest.param("0.032", "0.012", "62.5%", "good", id="good"),
        pytest.param("0.024", "0.025", "−4.2%", "loss", id="a loss"),
        pytest.param("0.024", "0.022", "8.3%", "thin", id="thin"),
        pytest.param("0.01", "0.008", "20.0%", "good", id="exactly a fifth is good"),
        pytest.param("0.01", "0.01", "0.0%", "thin", id="nothing left is thin, not a loss"),
        pytest.param("0", "0.01", "–", "unpriced", id="nothing charged has no margin"),
        pytest.param("0.8", "0.3", "62.5%", "good", id="exact where a float is not"),
    ],
)
def test_margin(price, cost, text, status):
    margin = present.margin_of(D(price), D(cost))
    assert present.percent(margin) == text
    assert present.margin_status(margin) == status


def test_a_half_is_rounded_away_from_zero():
    assert present.percent(D("0.00125"), 1) == "0.1%"
    assert present.percent(D("0.0015"), 1) == "0.2%"
    assert present.percent(D("-0.0005"), 1) == "−0.1%"
    assert present.percent(D("0.0005"), 1) == "0.1%"


def test_a_share_that_would_read_as_nothing_says_that_it_is_something():
    assert [present.share(part) for part in (None, D(0), D("0.0049"), D("0.005"), D(1))] == [
        "–",
        "0%",
        "<1%",
        "1%",
        "100%",
    ]


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [(30, 26, "−13%"), (30, 24, "−20%"), (10, 12, "+20%"), (10, 10, "0%"), (0, 5, "–"), (-10, -5, "+50%")],
)
def test_change(before, after, text):
    assert present.change(before, after) == text


def test_points():
    assert present.points(F(436, 1000), F(427, 1000)) == "−0.9 pt"


@pytest.mark.parametrize(
    ("when", "text"),
    [
        pytest.param(datetime(2026, 11, 21, 14, 2, tzinfo=UTC), "14:02", id="today"),
        pytest.param(datetime(2026, 11, 20, 9, 0, tzinfo=UTC), "20 Nov 09:00", id="this year"),
        pytest.param(datetime(2025, 11, 21, 14, 2, tzinfo=UTC), "21 Nov 2025 14:02", id="before"),
    ],
)
def test_a_moment(when, text):
    assert present.moment(when, NOW) == text


def test_a_moment_is_told_in_the_reader_s_zone():
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert present.moment(late, NOW) == "20 Nov 23:30"
    assert present.moment(late, NOW, BERLIN) == "00:30"
    assert present.full_moment(late, BERLIN) == "Saturday 21 Nov 2026, 00:30:00 CET"
    assert present.date(late, BERLIN) == "21 Nov 2026"
    assert present.short_date(late) == "20 Nov"


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="naive"):
        present.moment(datetime(2026, 11, 21), NOW)  # noqa: DTZ001


def test_a_stamp_has_milliseconds():
    assert present.stamp(datetime(2026, 11, 21, 13, 51, 7, 104_900, tzinfo=UTC)) == "13:51:07.104"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [("3.44", "3.4 s"), ("0.25", "0.3 s"), ("9.99", "10.0 s"), ("11.2", "11 s"), ("65", "1:05"), ("3725", "1:02:05")],
)
def test_a_duration(seconds, text):
    assert present.duration(D(seconds)) == text


def test_the_time_between_two_moments():
    assert present.between(NOW, NOW + timedelta(milliseconds=3_400)) == "3.4 s"


@pytest.mark.parametrize(("seconds", "text"), [(31, "0:31"), (0, "0:00"), (600, "10:00"), (3_600, "1:00:00")])
def test_the_length_of_a_recording(seconds, text):
    assert present.clip(seconds) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=20), "20 s"),
        (timedelta(minutes=6), "6 min"),
        (timedelta(hours=2, minutes=59), "2 h"),
        (timedelta(days=1, hours=3), "1 d"),
        (timedelta(seconds=-5), "0 s"),
    ],
)
def test_an_age_has_one_unit(ago, text):
    assert present.age(NOW - ago, NOW) == text


@pytest.mark.parametrize(
    ("identifier", "cut"),
    [
        ("gen_01KAJ8M4ZD5Q7WXYZABCDEF345", "gen_01KAJ8…F345"),
        ("9f8c71d0-41be-4e0a-9f8c-71d041be4e0a", "9f8c71…4e0a"),
        ("key_01K8", "key_01K8"),
        ("", ""),
    ],
)
def test_an_id_is_cut_in_the_middle_and_only_when_long(identifier, cut):
    assert present.short_id(identifier) == cut


@pytest.mark.parametrize(
    ("name", "letters"),
    [("Mara Ito", "MI"), ("Cher", "CH"), ("anna maria de luca", "AL"), ("ben@halfmoon.test", "BT"), ("", "?")],
)
def test_initials(name, letters):
    assert present.initials(name) == letters


def test_plurals():
    assert [present.plural(n, "image") for n in (0, 1, 2, 1_200)] == ["0 images", "1 image", "2 images", "1,200 images"]
    assert present.plural(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (812, "812 B"), (1_234, "1.2 KB"), (1_200_000, "1.2 MB"), (5_000_000_000_000, "5,000 GB")],
)
def test_a_file_s_size(size, text):
    assert present.file_size(size) == text


def test_pixels():
    assert present.pixels(1536, 1152) == "1536 × 1152"


@pytest.mark.parametrize("state", list(State))
def test_every_state_of_a_generation_has_a_dot(state):
    assert present.dot_of(state) in STATES


def test_a_canceled_generation_was_released_and_did_not_fail():
    assert present.dot_of("released", "canceled") == "released"
    assert present.dot_of("released", "provider_refused") == "failed"
