"""Credits for a free amount: from the net, rounded down, never more for many small purchases than for a large one."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.rate import Rate

TEN_THOUSAND_FOR_TEN = Rate(Fiat(1_000, "EUR"), Money.from_exact(10_000))
rates = st.builds(
    Rate, st.builds(Fiat, st.integers(1, 10**7), st.just("EUR")), st.builds(Money, st.integers(1, 10**13))
)


def euros(minor: int) -> Fiat:
    return Fiat(minor, "EUR")


@pytest.mark.parametrize(
    ("net", "micros"), [(1_000, 10_000_000_000), (1, 10_000_000), (1_190, 11_900_000_000), (333, 3_330_000_000)]
)
def test_case_41_credits_come_from_the_net_amount(net: int, micros: int) -> None:
    assert TEN_THOUSAND_FOR_TEN.credits_for(euros(net)).micros == micros


def test_case_41_a_part_of_a_micro_credit_stays_with_the_seller() -> None:
    rate = Rate(euros(3), Money(10))
    assert [rate.credits_for(euros(net)).micros for net in (1, 2, 3, 4)] == [3, 6, 10, 13]


def test_case_41_what_would_buy_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput):
        Rate(euros(1_000), Money(4)).credits_for(euros(1))
    for net in (0, -5):
        with pytest.raises(InvalidInput):
            TEN_THOUSAND_FOR_TEN.credits_for(euros(net))
    with pytest.raises(InvalidInput):
        TEN_THOUSAND_FOR_TEN.credits_for(Fiat(100, "USD"))


@given(rates, st.lists(st.integers(1, 10**6), min_size=1, max_size=20))
def test_case_41_many_small_purchases_never_buy_more_than_one_large(rate: Rate, parts: list[int]) -> None:
    def bought(minor: int) -> int:
        try:
            return rate.credits_for(euros(minor)).micros
        except InvalidInput:
            return 0

    whole = bought(sum(parts))
    assert sum(map(bought, parts)) <= whole
    assert whole <= Fraction(sum(parts) * rate.credits.micros, rate.net.minor)


@given(rates, st.integers(1, 10**12))
def test_the_least_amount_for_credits_buys_them(rate: Rate, micros: int) -> None:
    net = rate.net_for(Money(micros))
    assert rate.credits_for(net).micros >= micros
    if net.minor > 1:
        assert (net.minor - 1) * rate.credits.micros < micros * rate.net.minor


@pytest.mark.parametrize(("net", "credits"), [(0, 1), (-1, 1), (1, 0), (1, -1)])
def test_a_rate_of_nothing_is_refused(net: int, credits: int) -> None:
    with pytest.raises(InvalidInput):
        Rate(euros(net), Money(credits))


def test_the_price_of_one_credit_is_exact() -> None:
    assert Rate(euros(1_000), Money.from_exact(3_000)).per_credit == Fraction(1, 3)
