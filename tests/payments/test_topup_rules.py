"""When a top-up is due, what forbids it, and what a decline means: without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments.declines import BACKOFF, HARD, Decline, classify, wait_after
from app.payments.rate import Rate
from app.payments.topup_rules import (
    HoldOff,
    Mode,
    Rules,
    Standing,
    again_at,
    day_of,
    holding_off,
    month_of,
)

RATE = Rate(Fiat(1_000, "EUR"), Money.from_exact(10_000))
FIXED = Rules(Money.from_exact(2_000), Mode.FIXED, Fiat(5_000, "EUR"), amount=Fiat(1_000, "EUR"))
REFILL = Rules(Money.from_exact(2_000), Mode.REFILL, Fiat(5_000, "EUR"), refill_to=Money.from_exact(12_000))
NOW = datetime(2026, 11, 30, 23, 59, 30, tzinfo=UTC)
FRESH = Standing(Fiat.zero("EUR"), 0)
GROSS = Fiat(1_190, "EUR")


@pytest.mark.parametrize(
    ("rules", "available", "net"),
    [
        pytest.param(FIXED, "2000", None, id="at the threshold nothing is charged"),
        pytest.param(FIXED, "1999.999999", 1_000, id="below it the fixed amount is"),
        pytest.param(FIXED, "0", 1_000, id="the same at zero"),
        pytest.param(REFILL, "2000", None, id="a refill waits for the threshold too"),
        pytest.param(REFILL, "1999", 1_001, id="a refill is rounded up to a whole cent"),
        pytest.param(REFILL, "0", 1_200, id="and is all of it at zero"),
    ],
)
def test_how_much_is_wanted(rules: Rules, available: str, net: int | None) -> None:
    wanted = rules.wanted(Money.from_exact(Decimal(available)), RATE)
    assert (wanted.minor if wanted else None) == net


def test_a_refill_reaches_its_target() -> None:
    for micros in range(0, 2_000_000_000, 7_654_321):
        net = REFILL.wanted(Money(micros), RATE)
        assert net is not None
        assert REFILL.refill_to is not None
        assert micros + RATE.credits_for(net).micros >= REFILL.refill_to.micros


@pytest.mark.parametrize(
    ("rules", "standing", "reason"),
    [
        pytest.param(FIXED, FRESH, None, id="nothing stands in the way"),
        pytest.param(FIXED, replace(FRESH, in_flight=True), HoldOff.IN_FLIGHT, id="one at a time"),
        pytest.param(FIXED, replace(FRESH, not_before=NOW + timedelta(seconds=1)), HoldOff.BACKING_OFF, id="backoff"),
        pytest.param(FIXED, replace(FRESH, not_before=NOW), None, id="the backoff is over on its second"),
        pytest.param(FIXED, replace(FRESH, last_at=NOW - timedelta(seconds=59)), HoldOff.TOO_SOON, id="too soon"),
        pytest.param(FIXED, replace(FRESH, last_at=NOW - timedelta(seconds=60)), None, id="a minute later"),
        pytest.param(FIXED, replace(FRESH, today=4), None, id="the fifth of a day"),
        pytest.param(FIXED, replace(FRESH, today=5), HoldOff.DAY_LIMIT, id="the sixth of a day"),
        pytest.param(FIXED, replace(FRESH, spent=Fiat(3_810, "EUR")), None, id="exactly the month's maximum"),
        pytest.param(FIXED, replace(FRESH, spent=Fiat(3_811, "EUR")), HoldOff.MONTH_CAP, id="a cent above it"),
        pytest.param(replace(FIXED, charge_cap=GROSS), FRESH, None, id="exactly the maximum of one charge"),
        pytest.param(replace(FIXED, charge_cap=Fiat(1_189, "EUR")), FRESH, HoldOff.CHARGE_CAP, id="a cent above that"),
    ],
)
def test_what_forbids_a_charge(rules: Rules, standing: Standing, reason: HoldOff | None) -> None:
    assert holding_off(rules, GROSS, standing, NOW) is reason


def test_a_maximum_in_another_currency_compares_with_nothing() -> None:
    with pytest.raises(ValueError):
        holding_off(FIXED, GROSS, Standing(Fiat(1, "USD"), 0), NOW)


@pytest.mark.parametrize(
    ("reason", "at"),
    [
        (HoldOff.DAY_LIMIT, datetime(2026, 12, 1, tzinfo=UTC)),
        (HoldOff.MONTH_CAP, datetime(2026, 12, 1, tzinfo=UTC)),
        (HoldOff.TOO_SOON, NOW + timedelta(seconds=50)),
        (HoldOff.IN_FLIGHT, None),
        (HoldOff.BACKING_OFF, None),
    ],
)
def test_when_to_look_again(reason: HoldOff, at: datetime | None) -> None:
    assert again_at(reason, replace(FRESH, last_at=NOW - timedelta(seconds=10)), NOW) == at


@pytest.mark.parametrize(
    ("moment", "month", "end"),
    [
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), (2027, 1)),
        (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC), (2026, 3)),
        (datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 2, 1, tzinfo=UTC), (2026, 3)),
    ],
)
def test_months_are_utc_and_half_open(moment: datetime, month: datetime, end: tuple[int, int]) -> None:
    assert month_of(moment) == (month, datetime(*end, 1, tzinfo=UTC))
    start, over = day_of(moment)
    assert start <= moment < over
    assert over - start == timedelta(days=1)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"threshold": Money(0)}, "threshold"),
        ({"amount": None}, "amount"),
        ({"amount": Fiat(0, "EUR")}, "amount"),
        ({"amount": Fiat(1_000, "USD")}, "amount"),
        ({"mode": Mode.REFILL}, "refill_to"),
        ({"mode": Mode.REFILL, "refill_to": Money.from_exact(2_000)}, "refill_to"),
        ({"most_per_day": 0}, "most_per_day"),
        ({"most_per_day": 51}, "most_per_day"),
        ({"month_cap": Fiat(-1, "EUR")}, "month_cap"),
        ({"charge_cap": Fiat(0, "EUR")}, "charge_cap"),
    ],
)
def test_rules_that_are_refused(changes: dict, param: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        replace(FIXED, **changes).checked(RATE)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("insufficient_funds", Decline.SOFT),
        ("generic_decline", Decline.SOFT),
        ("processing_error", Decline.SOFT),
        ("try_again_later", Decline.SOFT),
        ("issuer_not_available", Decline.SOFT),
        ("a code of next year", Decline.SOFT),
        (None, Decline.SOFT),
        ("lost_card", Decline.HARD),
        ("stolen_card", Decline.HARD),
        ("pickup_card", Decline.HARD),
        ("fraudulent", Decline.HARD),
        ("incorrect_number", Decline.HARD),
        ("invalid_account", Decline.HARD),
        ("do_not_try_again", Decline.HARD),
        ("revocation_of_authorization", Decline.HARD),
        ("expired_card", Decline.HARD),
        ("authentication_required", Decline.AUTHENTICATE),
        ("resource_missing", Decline.GONE),
    ],
)
def test_what_a_decline_means(code: str | None, kind: Decline) -> None:
    assert classify(code) is kind


def test_the_waits_after_soft_declines() -> None:
    assert [wait_after(failures) for failures in range(5)] == [None, *BACKOFF, None]
    assert [wait.total_seconds() / 3600 for wait in BACKOFF] == [1, 6, 24]
    assert not HARD & {"insufficient_funds", "generic_decline", "processing_error"}
