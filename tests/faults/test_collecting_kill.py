"""kill -9 between any two steps of charging an invoice and of giving it back: charged once, refunded once."""

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults.payment_process import run
from tests.support.billed import agreed, assert_clean, bill, collect, credit, intents, issued, rows
from tests.support.effort import sweep
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import Till
from tests.support.till import till as open_till
from tests.support.topups import behave, hear

pytestmark = pytest.mark.faults

KILLED = -signal.SIGKILL
CHARGING = (
    "bill.after_payment",
    "bill.after_charge",
    "bill.after_payment_row",
    "bill.before_commit",
    "bill.after_commit",
)


@pytest.fixture
def till(tmp_path: Path, database_url: str, stripe_: SandboxStripe) -> Iterator[Till]:
    with open_till(tmp_path / "home", database_url, stripe_) as opened:
        yield opened


def child(till: Till, fault: str = "", step: str = "collect", **given: str) -> int:
    settings = till.services.settings
    return run(settings.home, settings.database_url, till.stripe, step, given, fault)


@pytest.mark.parametrize("point", sweep(CHARGING, "bill.after_charge"))
def test_killed_while_charging(till: Till, point: str) -> None:
    agreed(till)
    made = issued(till)
    assert child(till, point) == KILLED, "the point was never reached"
    till.time.ahead += timedelta(minutes=5)  # what the dead process had taken is free again
    collect(till)
    collect(till, minutes=5)
    row = bill(till, made)
    assert (row.payment_state, row.paid, len(intents(till))) == ("SUCCEEDED", 11_900, 1)
    hear(till)
    assert (till.cases(), len(rows(till, "billing_payment"))) == ([], 1)
    assert_clean(till)


@pytest.mark.parametrize("point", sweep(["bill.after_cancel"]))
def test_killed_while_giving_a_declined_charge_up(till: Till, point: str) -> None:
    card = agreed(till, behaviour="insufficient_funds")
    made = issued(till)
    assert child(till, point) == KILLED, "the point was never reached"
    behave(till, card, "pays")
    till.time.ahead += timedelta(minutes=5)
    collect(till)
    assert (bill(till, made).paid, [row.state for row in rows(till, "billing_charge")]) == (0, ["declined"])
    collect(till, hours=2)
    assert bill(till, made).payment_state == "SUCCEEDED"
    assert_clean(till)


@pytest.mark.parametrize("point", sweep(["bill.before_page", "bill.after_page"]))
def test_killed_while_a_page_is_opened(till: Till, point: str) -> None:
    made = issued(till)
    signature = till.services.collecting.link(made).rpartition("/")[2]
    given = {"invoice_id": made, "signature": signature}
    assert child(till, point, "page", **given) == KILLED, "the point was never reached"
    assert "/c/pay/" in till.run(till.services.collecting.page(made, signature))
    assert len(till.client.v1.checkout.sessions.list({"limit": 100}).data) == 1
    [charge] = rows(till, "billing_charge")
    till.stripe.pay(charge.session_id, card="4242424242424242")
    hear(till)
    assert bill(till, made).payment_state == "SUCCEEDED"
    assert_clean(till)


@pytest.mark.parametrize("point", sweep(["bill.after_refund"]))
def test_killed_while_giving_back(till: Till, point: str) -> None:
    agreed(till)
    made = issued(till)
    collect(till)
    credit(till, made)
    assert child(till, point) == KILLED, "the point was never reached"
    till.time.ahead += timedelta(minutes=5)
    collect(till)
    assert [row.state for row in rows(till, "billing_refund")] == ["succeeded"]
    assert len(till.client.v1.refunds.list({"limit": 10}).data) == 1
    assert_clean(till)
