"""What is said of ours in the words of the remote's SDK."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.mirror import wire
from app.mirror.wire import Standing

AT = datetime(2026, 4, 14, 15, tzinfo=UTC)
ROW = {
    "id": "subs_1", "state": "active", "currency": "USD", "billing_period": "MONTHLY", "billing_period_count": 1,
    "billing_cycle": "anniversary", "period_start": AT, "trial_start": None, "trial_end": None,
}  # fmt: skip


def test_an_event_keeps_its_id_and_time_and_says_everything_as_text():
    given = {"n": 2, "seconds": 8.0, "audio": False, "quality": "high", "of": ["b", "a"], "none": None}
    assert wire.event("gen_1_final", "image_generated", "cust_001", AT, given, "farebox") == {
        "event_id": "gen_1_final",
        "event_name": "image_generated",
        "external_customer_id": "cust_001",
        "timestamp": "2026-04-14T15:00:00+00:00",
        "properties": {"n": "2", "seconds": "8", "audio": "false", "quality": "high", "of": '["b","a"]'},
        "source": "farebox",
    }


def test_what_a_provider_charges_us_stays_here():
    assert wire.event("e", "x", "c", AT, {"cost_usd": "0.003", "credits": "4"}, "")["properties"] == {"credits": "4"}


def test_a_customer_is_called_there_as_here():
    empty = dict.fromkeys(("address_line1", "address_line2", "address_city", "address_state", "address_postal_code"))
    row = {
        "id": "cust_1", "external_id": "cust_001", "name": "Studio", "email": "", "address_country": "DE",
        "timezone": "UTC", "tax_treatment": "taxable", "metadata": {"tier": "gold"}, **empty,
    }  # fmt: skip
    assert wire.customer(row) == {
        "external_id": "cust_001", "name": "Studio", "address_country": "DE", "timezone": "UTC",
        "tax_treatment": "taxable", "metadata": {"tier": "gold", "farebox_id": "cust_1"},
    }  # fmt: skip


def test_a_subscription_begins_there_with_its_present_period():
    said = wire.subscription(ROW, "cust_001", "plan_there")
    assert (said["start_date"], said["billing_anchor"], said["lookup_key"]) == (AT, AT, "subs_1")
    assert (said["plan_id"], said["currency"], said["metadata"]) == ("plan_there", "usd", {"farebox_id": "subs_1"})


def test_a_trial_is_as_long_there():
    row = {**ROW, "state": "trialing", "trial_start": AT, "trial_end": datetime(2026, 4, 28, 15, tzinfo=UTC)}
    said = wire.subscription(row, "cust_001", "plan_there")
    assert (said["trial_period_days"], "billing_anchor" in said) == (14, False)


@pytest.mark.parametrize(
    ("there", "here", "steps"),
    [
        pytest.param(("active", "a"), ("active", "a"), [], id="alike"),
        pytest.param(("trialing", "a"), ("active", "a"), [], id="trials end by themselves"),
        pytest.param(("active", "a"), ("paused", "a"), ["pause"], id="paused here"),
        pytest.param(("paused", "a"), ("active", "a"), ["resume"], id="resumed here"),
        pytest.param(("paused", "a"), ("active", "b"), ["resume", "change"], id="resumed and moved"),
        pytest.param(("active", "a"), ("paused", "b"), ["change", "pause"], id="moved and paused"),
        pytest.param(("active", "a"), ("cancelled", "b"), ["cancel"], id="over: its plan no longer matters"),
        pytest.param(("cancelled", "a"), ("cancelled", "a"), [], id="over on both sides"),
    ],
)
def test_what_is_done_there_to_stand_as_here(there, here, steps):
    assert wire.steps(Standing(*there), Standing(*here)) == steps


@pytest.mark.parametrize(
    ("given", "amount"),
    [("12.50", Decimal("12.50")), (0.1, Decimal("0.1")), (3, Decimal(3)), (None, None), ("", None), ("NaN", None)],
)
def test_an_amount_of_theirs_is_exact_or_none(given, amount):
    assert wire.amount(given) == amount
