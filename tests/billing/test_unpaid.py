"""A payment that failed: grace with a warning, then the subscription rests until it is paid, and nothing twice."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.billing import payments, postpaid, subscriptions, turns
from app.billing.plan_terms import terms_of
from app.billing.service import look_at_unpaid
from app.billing.unpaid import UNPAID
from app.kernel.db import Database
from app.kernel.tables import outbox
from tests.billing.test_payments import BASE, Bill
from tests.billing.world import World


@pytest.fixture
def bill(sqlite_url):
    database = Database(sqlite_url)
    yield Bill(World(database))
    database.dispose()


def days_later(bill, days):
    bill.world.now += timedelta(days=days)
    look_at_unpaid(bill.world.db, bill.world.now)
    return bill.world.subscription(bill.subscription).state


def mails(bill):
    with bill.world.db.read() as connection:
        found = connection.execute(select(outbox.c.payload).where(outbox.c.topic == "mail").order_by(outbox.c.id))
        return [row.payload["template"] for row in found if row.payload["template"].startswith("dunning")]


def fail(bill):
    bill.do(payments.fail, bill.asked("CARD"), error="card declined")


def terms(bill):
    with bill.world.db.read() as connection:
        row = subscriptions.find(connection, bill.subscription)
        return terms_of(connection, row.workspace_id, bill.world.now)


def test_grace_then_rest_and_on_again_when_it_is_paid(bill):
    due = bill.row().due_at - bill.world.now
    fail(bill)
    assert days_later(bill, due.days + 6) == "active"
    assert mails(bill) == []
    assert days_later(bill, 2) == "active"
    assert days_later(bill, 1) == "active"
    assert mails(bill) == ["dunning_3"]
    assert terms(bill) is None
    assert days_later(bill, 7) == "paused"
    assert days_later(bill, 1) == "paused"
    assert mails(bill) == ["dunning_3", "dunning_4"]
    assert terms(bill).is_paused
    bill.do(payments.succeed, bill.asked("OFFLINE"), reference="bank")
    assert days_later(bill, 0) == "active"
    assert terms(bill) is None


def test_who_has_another_plan_goes_on_with_that_one(bill):
    row = bill.world.subscription(bill.subscription)
    bill.world.subscribe(row.customer_id, bill.world.plan("free", {**BASE, "amount": "0"}))
    fail(bill)
    assert days_later(bill, 60) == "paused"
    assert terms(bill) is None
    assert mails(bill) == []  # requests are not refused


def test_a_payment_that_is_merely_missing_changes_nothing(bill):
    assert days_later(bill, 60) == "active"


def test_a_pause_of_somebody_else_is_not_ended_whatever_it_is_for(bill):
    bill.do(turns.pause, bill.subscription, reason=UNPAID, meta={}, actor="key_of_an_integrator")
    assert days_later(bill, 1) == "paused"


def test_an_operator_may_let_it_go_on_before_it_is_paid(bill):
    fail(bill)
    assert days_later(bill, 60) == "paused"
    bill.do(turns.resume, bill.subscription)
    assert days_later(bill, 1) == "active"


def test_a_pause_of_somebody_else_is_left_alone(bill):
    bill.do(turns.pause, bill.subscription, reason="holiday", meta={}, actor="test")
    fail(bill)
    assert days_later(bill, 60) == "paused"
    bill.do(payments.succeed, bill.asked("OFFLINE"), reference="bank")
    assert days_later(bill, 1) == "paused"


def test_another_attempt_under_way_does_not_let_it_go_on(bill):
    fail(bill)
    assert days_later(bill, 60) == "paused"
    again = bill.asked("CARD")
    assert days_later(bill, 1) == "paused"
    bill.do(payments.fail, again, error="declined again")
    assert days_later(bill, 1) == "paused"


def test_what_nobody_will_pay_lets_it_go_on(bill):
    fail(bill)
    assert days_later(bill, 60) == "paused"
    bill.do(postpaid.write_off, bill.id, reason="gone")
    assert days_later(bill, 1) == "active"
