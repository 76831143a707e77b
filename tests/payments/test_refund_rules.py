"""How much can go back, and which credits go with it: without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.refund_rules import Position, Refusal, Sold, refundable

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SOLD = Sold(Fiat(1_190, "EUR"), Money.from_exact(10_000))
WHOLE = Position(
    sold=SOLD,
    is_paid=True,
    returned=Fiat.zero("EUR"),
    left=Money.from_exact(10_000),
    bonus_used=Money(0),
    expired=False,
    disputed=False,
    paid_at=NOW - timedelta(days=10),
)


@pytest.mark.parametrize(
    ("changes", "policy", "amount", "refusal"),
    [
        pytest.param({}, {}, 1_190, None, id="untouched, all of it"),
        pytest.param({"left": Money.from_exact(5_000)}, {}, 595, None, id="half used, half of it"),
        pytest.param({"left": Money(9_999_999_999)}, {}, 1_189, None, id="rounded down to a cent"),
        pytest.param({"left": Money(8_403_361)}, {}, 0, Refusal.USED, id="less than a cent's worth is nothing"),
        pytest.param({"left": Money(0)}, {}, 0, Refusal.USED, id="all used"),
        pytest.param({"left": Money(0), "expired": True}, {}, 0, Refusal.EXPIRED, id="ended unused"),
        pytest.param({"returned": Fiat(1_000, "EUR")}, {}, 190, None, id="never more than is left of the payment"),
        pytest.param({"returned": Fiat(1_190, "EUR")}, {}, 0, Refusal.ALL_RETURNED, id="all of it went back"),
        pytest.param({"is_paid": False}, {}, 0, Refusal.NOT_PAID, id="not paid"),
        pytest.param({"disputed": True}, {}, 0, Refusal.DISPUTED, id="disputed"),
        pytest.param({}, {"days": 10}, 1_190, None, id="on the last day"),
        pytest.param({}, {"days": 9}, 0, Refusal.TOO_LATE, id="after it"),
        pytest.param({"bonus_used": Money.from_exact(500)}, {}, 1_190, None, id="a used bonus is a gift"),
        pytest.param(
            {"bonus_used": Money.from_exact(500)}, {"bonus_counts": True}, 1_130, None, id="or counts, if so decided"
        ),
    ],
)
def test_what_can_be_refunded(changes: dict, policy: dict, amount: int, refusal: Refusal | None) -> None:
    can = refundable(replace(WHOLE, **changes), NOW, **{"days": None, "bonus_counts": False, **policy})
    assert (can.amount.minor, can.refusal) == (amount, refusal)


@given(
    gross=st.integers(1, 10**9),
    credits=st.integers(1, 10**15),
    parts=st.lists(st.integers(1, 10**9), max_size=12),
)
def test_the_parts_of_a_full_refund_take_exactly_what_was_bought(gross: int, credits: int, parts: list[int]) -> None:
    sold, before, taken = Sold(Fiat(gross, "EUR"), Money(credits)), Fiat.zero("EUR"), 0
    for part in parts:
        amount = min(part, gross - before.minor)
        if amount:
            taken += sold.credits_for(Fiat(amount, "EUR"), before).micros
            before += Fiat(amount, "EUR")
        assert Fraction(credits * before.minor, gross) <= taken < Fraction(credits * before.minor, gross) + 1
    rest = Fiat(gross - before.minor, "EUR")
    assert taken + (sold.credits_for(rest, before).micros if rest else 0) == credits


@given(
    gross=st.integers(1, 10**9), credits=st.integers(1, 10**15), used=st.integers(0, 10**15), back=st.integers(0, 10**9)
)
def test_what_can_be_refunded_is_always_there_to_be_taken(gross: int, credits: int, used: int, back: int) -> None:
    sold = Sold(Fiat(gross, "EUR"), Money(credits))
    before = Fiat(min(back, gross), "EUR")
    taken = sold.credits_for(before, Fiat.zero("EUR")).micros if before else 0
    left = Money(max(0, credits - taken - used))
    can = refundable(replace(WHOLE, sold=sold, returned=before, left=left), NOW, days=None, bonus_counts=False)
    if can.amount:
        assert sold.credits_for(can.amount, before).micros <= left.micros
