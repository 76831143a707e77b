"""kill -9 between any two steps of buying and fulfilling, on both databases.

Whatever the moment: the customer is credited once or not yet, an order has one invoice or none, the numbers have no
gap, the provider was asked for one page, and whoever comes next finishes the work.
"""

import signal
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.payments.lifecycle import State
from tests.faults.payment_process import run
from tests.support.american import leave_to_stripe_tax, reported, states, tell
from tests.support.effort import sweep
from tests.support.returns import refund
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import Till
from tests.support.till import till as open_till
from tests.support.topups import hear

KILLED = -signal.SIGKILL

BUYING = ["checkout.after_order", "checkout.after_customer", "checkout.before_session", "checkout.after_session"]
FULFILLING = [
    "fulfil.after_credits",
    "fulfil.after_order",
    "fulfil.after_invoice",
    "fulfil.before_commit",
    "top_up.before_commit",
    "lane.after_commit",
    "fulfil.after_commit",
    "inbox.before_done",
]
TAXED = ["tax.after_calculation", "checkout.after_order"]
TELLING = ["tax_report.before_provider", "tax_report.after_provider"]
APPROVING = ["manual.after_approval", "fulfil.after_order", "lane.after_commit"]


@pytest.fixture
def till(tmp_path: Path, database_url: str, stripe_: SandboxStripe) -> Iterator[Till]:
    with open_till(tmp_path / "home", database_url, stripe_) as opened:
        yield opened


def child(till: Till, step: str, given: dict, fault: str = "") -> int:
    settings = till.services.settings
    return run(settings.home, settings.database_url, till.stripe, step, given, fault)


def assert_credited_once(till: Till, order_id: str) -> None:
    order = till.order(order_id)
    assert (order.state, till.credits) == (State.PAID, 10_500)
    assert [till.count(table) for table in ("payment", "invoice", "lot")] == [1, 1, 2]
    assert order.invoice_number == "TEST-FB-2026-000001"
    assert till.mails().count("invoice") == 1
    till.assert_books_balance()


def assert_nothing_halfway(till: Till, order_id: str) -> None:
    """Credits, payment, invoice and state agree with each other at every moment."""
    paid = till.order(order_id).state is State.PAID
    assert till.credits == (10_500 if paid else 0)
    assert [till.count(table) for table in ("payment", "invoice")] == [int(paid)] * 2
    till.assert_books_balance()


@pytest.mark.parametrize("point", sweep(BUYING, "checkout.before_session"))
def test_killed_while_buying(till: Till, point: str) -> None:
    choice = asdict(till.choice(key="mine"))
    assert child(till, "buy", choice, point) == KILLED, "the point was never reached"
    assert child(till, "buy", choice) == 0
    [order] = till.cashier.orders_of(till.workspace_id)
    assert order.state is State.PENDING
    assert len(till.client.v1.checkout.sessions.list({"limit": 100}).data) == 1
    assert len(till.client.v1.customers.list({"limit": 100}).data) == 1
    till.pay(order)
    till.settle(order)
    assert_credited_once(till, order.id)


@pytest.mark.parametrize("point", sweep(FULFILLING, "fulfil.after_invoice", "lane.after_commit"))
def test_killed_while_fulfilling(till: Till, point: str) -> None:
    order = till.buy()
    till.pay(order)
    till.deliver([event for event in till.events() if event["type"] == "checkout.session.completed"])
    assert child(till, "apply", {}, point) == KILLED, "the point was never reached"
    assert_nothing_halfway(till, order.id)
    till.time.ahead += timedelta(minutes=2)  # what the dead process had claimed is free again
    till.apply()
    assert_credited_once(till, order.id)
    assert till.scalar("SELECT state FROM webhook_event") == "done"


def test_whoever_mends_is_killed_as_well(till: Till) -> None:
    order = till.buy()
    till.pay(order)
    till.deliver(till.events())
    with till.services.db.write() as connection:
        connection.exec_driver_sql("UPDATE payment_order SET look_at = created_at")
    for point in FULFILLING:
        child(till, "apply", {}, point)
        assert_nothing_halfway(till, order.id)
        with till.services.db.write() as connection:
            connection.exec_driver_sql("UPDATE webhook_event SET next_at = received_at WHERE state = 'new'")
    till.apply()
    assert_credited_once(till, order.id)


@pytest.mark.parametrize("point", sweep(APPROVING, "manual.after_approval"))
def test_killed_while_approving_a_transfer(till: Till, point: str) -> None:
    order, actor = till.cashier.manual.request(till.choice()), till.operator()
    till.cashier.manual.record(order.id, order.gross, bank_reference="B", value_date=date(2026, 11, 20), actor=actor)
    given = {"order_id": order.id, "actor": actor}
    assert child(till, "approve", given, point) == KILLED, "the point was never reached"
    assert_nothing_halfway(till, order.id)
    assert child(till, "approve", given) == 0
    assert_credited_once(till, order.id)


@pytest.mark.parametrize("point", sweep(TAXED, "tax.after_calculation"))
def test_killed_while_buying_at_a_tax_that_stripe_works_out(till: Till, point: str) -> None:
    leave_to_stripe_tax(till)
    choice = asdict(till.choice(currency="USD", key="mine"))
    assert child(till, "buy", choice, point) == KILLED, "the point was never reached"
    assert child(till, "buy", choice) == 0
    [order] = till.cashier.orders_of(till.workspace_id)
    assert (order.state, order.gross.minor) == (State.PENDING, 1_198)


@pytest.mark.parametrize("point", sweep(TELLING, "tax_report.after_provider"))
def test_killed_while_stripe_tax_is_told(till: Till, point: str) -> None:
    leave_to_stripe_tax(till)
    order = till.buy(currency="USD")
    till.pay(order)
    hear(till)
    told: list[tuple[str, str | None, int, int]] = []

    def told_once() -> None:
        assert child(till, "tell", {}, point) == KILLED, "the point was never reached"
        till.time.ahead = timedelta(minutes=3)  # what the dead process had in hand is free again
        tell(till)
        till.time.ahead = timedelta()
        assert [(each[1], each[0], *each[2:]) for each in reported(till)] == told

    told.append(("transaction", till.order(order).invoice_number, 1_100, 98))
    told_once()
    told.append(("reversal", refund(till, till.order(order)).credit_notes[0].number, -1_100, -98))
    told_once()
    assert states(till) == [("sale", "done", None), ("reversal", "done", None)]
    till.assert_books_balance()
