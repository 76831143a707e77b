"""What is paid of an invoice, taken back or credited: nothing is taken twice, and nothing is lost."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Row, insert

from app.billing import (
    card_rows,
    closing,
    credit_notes,
    finalizing,
    invoices,
    payments,
    postpaid,
    subscriptions,
    wallets,
)
from app.billing.card_tables import billing_charge as CHARGE
from app.billing.paying_in_credits import NO_HOUSE
from app.kernel.db import Database
from app.kernel.errors import Conflict, IdempotencyConflict
from app.kernel.fiat import Fiat
from app.kernel.given import Given
from app.payments.unmatched import Unmatched
from app.plans import customers
from tests.billing.world import World, at

BASE = {"type": "FIXED", "amount": "20", "display_name": "Base"}


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    database = Database(sqlite_url)
    yield World(database)
    database.dispose()


class Bill:
    """A finalised invoice of 20 dollars, and a wallet with 100 credits."""

    def __init__(self, world: World) -> None:
        self.world, customer = world, world.customer("studio")
        self.wallet = world.wallet(customer, 100)
        self.subscription = world.subscribe(customer, world.plan("pro", BASE))
        world.now = at("2026-04-02")
        world.turn()
        self.id = str(world.invoices(self.subscription)[0].id)

    def asked(self, method: str = "CREDITS", minor: int = 2000) -> str:
        with self.world.db.write() as connection:
            made, _ = payments.create(
                connection, self.id, Fiat(minor, "USD"), method, key=None, actor="test", now=self.world.now
            )
        return str(made.id)

    def do(self, deed: Any, *args: Any, **more: Any) -> Any:
        with self.world.db.write() as connection:
            return deed(connection, *args, now=self.world.now, **more)

    def credits(self) -> int:
        return self.world.credits(self.wallet)

    def row(self) -> Any:
        with self.world.db.read() as connection:
            return invoices.find(connection, self.id)


@pytest.fixture
def bill(world: World) -> Bill:
    return Bill(world)


def test_two_payments_in_credits_are_not_both_taken(bill: Bill) -> None:
    first, second = bill.asked(), bill.asked()
    bill.do(payments.from_credits, first)
    with pytest.raises(Conflict):
        bill.do(payments.from_credits, second)
    bill.do(payments.from_credits, first)
    assert (bill.credits(), bill.row().paid) == (80, 2000)


def test_credits_do_not_pay_what_a_card_is_paying(bill: Bill) -> None:
    ours, card = bill.asked(), bill.asked("CARD")
    bill.do(payments.process, card)
    with pytest.raises(Conflict):
        bill.do(payments.from_credits, ours)
    bill.do(payments.fail, card, error="declined")
    bill.do(payments.from_credits, ours)
    assert (bill.credits(), bill.row().payment_state) == (80, "SUCCEEDED")


def test_a_payment_in_credits_that_failed_is_not_taken_after_all(bill: Bill) -> None:
    made = bill.asked()
    bill.do(payments.fail, made, error="changed my mind")
    with pytest.raises(Conflict):
        bill.do(payments.from_credits, made)
    assert bill.credits() == 100


def test_a_payment_in_credits_is_not_reported(bill: Bill) -> None:
    made = bill.asked()
    with pytest.raises(Conflict):
        bill.do(payments.succeed, made)
    assert (bill.credits(), bill.row().paid) == (100, 0)


@pytest.mark.parametrize("sent", [False, True], ids=["pending", "processing"])
def test_nothing_is_voided_while_it_is_being_paid(bill: Bill, sent: bool) -> None:
    made = bill.asked("CARD")
    if sent:
        bill.do(payments.process, made)
    with pytest.raises(Conflict):
        bill.do(invoices.void, bill.id)
    bill.do(payments.fail, made, error="declined")
    assert bill.do(invoices.void, bill.id).state == "VOIDED"


def test_nothing_is_written_off_while_it_is_being_paid(bill: Bill) -> None:
    payment = bill.asked("CARD")
    with pytest.raises(Conflict, match="open"):
        bill.do(postpaid.write_off, bill.id, reason="gone")
    bill.do(payments.fail, payment, error="declined")
    assert bill.do(postpaid.write_off, bill.id, reason="gone").computed["written_off"]


def test_an_invoice_that_was_paid_and_given_back_stays_so(bill: Bill) -> None:
    """Set to be paid again, it would be left out of what the ledger is told was paid."""
    bill.do(payments.succeed, bill.asked("OFFLINE"))
    wish = Given({"invoice_id": bill.id, "reason": "SERVICE_ISSUE"})
    bill.do(credit_notes.finalize, bill.do(credit_notes.create, wish, actor="test").id)
    for state in ("PENDING", "FAILED"):
        with pytest.raises(Conflict):
            bill.do(payments.mark, bill.id, state, None, actor="test")
    assert bill.row().payment_state == "REFUNDED"


def test_what_was_carried_comes_back_with_a_void_once(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE))
    with world.db.write() as connection:
        row = subscriptions.find(connection, made, lock=True)
        subscriptions.change(connection, row, world.now, carried=700)
    world.now = at("2026-04-02")
    world.turn()
    (first,) = world.invoices(made)
    assert (first.total, first.carried_used, world.subscription(made).carried) == (1300, 700, 0)
    for _ in range(2):
        with world.db.write() as connection:
            invoices.void(connection, first.id, now=world.now)
    assert world.subscription(made).carried == 700
    for moment in ("2026-05-01T01:00", "2026-05-01T04:00"):
        world.now = at(moment)
        world.turn()
    assert world.invoices(made)[1].total == 1300


def test_a_draft_that_is_dropped_gives_nothing_back(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE))
    with world.db.write() as connection:
        row = subscriptions.find(connection, made, lock=True)
        subscriptions.change(connection, row, world.now, carried=700)
        draft = finalizing.recalculate(connection, first_of(connection, made), now=world.now)
        assert draft.carried_used == 700
        invoices.void(connection, draft.id, now=world.now)
    assert world.subscription(made).carried == 700


def first_of(connection: Connection, subscription_id: str) -> str:
    return str(invoices.by_source(connection, f"{subscription_id}:open:{at('2026-04-01').isoformat()}").id)


@pytest.mark.parametrize(
    ("prices", "coupons"),
    [
        pytest.param([{"amount": "0.10"}], [], id="nothing ahead"),
        pytest.param([{**BASE, "amount": "0"}], [], id="a price of nothing"),
        pytest.param([BASE], ["ALL"], id="a coupon for all of it"),
    ],
)
def test_who_is_asked_for_nothing_does_not_wait(world: World, prices: list[Any], coupons: list[str]) -> None:
    world.coupon("ALL", percentage_off="100")
    made = world.subscribe(
        world.customer("studio"), world.plan("pro", *prices), payment_behavior="default_incomplete", coupons=coupons
    )
    assert world.subscription(made).state == "active"


def test_who_is_asked_waits_until_it_is_paid_or_credited(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE), payment_behavior="default_incomplete")
    world.now = at("2026-04-02")
    world.turn()
    assert world.subscription(made).state == "incomplete"
    with world.db.write() as connection:
        wish = Given({"invoice_id": world.invoices(made)[0].id, "reason": "SERVICE_ISSUE"})
        note = credit_notes.create(connection, wish, actor="test", now=world.now)
        credit_notes.finalize(connection, note.id, now=world.now)
    assert (world.subscription(made).state, world.invoices(made)[0].payment_state) == ("active", "SUCCEEDED")


@pytest.mark.parametrize("how", ["now", "at the end that was agreed"])
@pytest.mark.parametrize("issued", [False, True], ids=["a draft", "issued"])
def test_who_is_never_served_is_not_asked_to_pay(world: World, how: str, issued: bool) -> None:
    more = {} if how == "now" else {"end_date": "2026-04-03T00:00:00Z"}
    made = world.subscribe(
        world.customer("studio"), world.plan("pro", BASE), payment_behavior="default_incomplete", **more
    )
    if issued:
        world.now = at("2026-04-02")
        world.turn()
    world.now = at("2026-04-03")
    assert ended(world, made, how) == []
    [invoice] = world.invoices(made)
    assert (world.subscription(made).state, world.subscription(made).carried) == ("cancelled", 0)
    with world.db.read() as connection:
        assert (invoice.state, card_rows.is_payable(connection, invoice.id)) == ("VOIDED", False)


def charge_of(payment: Row[Any], *, livemode: bool) -> dict[str, Any]:
    at = dict.fromkeys(("asked_at", "updated_at"), payment.created_at)
    named = {"payment_id": payment.id, "invoice_id": payment.invoice_id, "provider": "stripe", "customer_id": "cus_1"}
    return {**named, **at, "livemode": livemode, "way": card_rows.PAGE, "state": card_rows.DONE, "looks": 0}


@pytest.mark.parametrize("taken", [None, True, False], ids=["by transfer", "by a card", "by a test card"])
def test_money_for_what_is_never_served_is_told_to_the_operators(world: World, taken: bool | None) -> None:
    """It was under way when the subscription ended."""
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE), payment_behavior="default_incomplete")
    world.now = at("2026-04-02")
    world.turn()
    [invoice] = world.invoices(made)
    with world.db.write() as connection:
        payment, _ = payments.create(
            connection, invoice.id, Fiat(2000, "USD"), "ACH", key=None, actor="test", now=world.now
        )
        if taken is not None:
            connection.execute(insert(CHARGE).values(charge_of(payment, livemode=taken)))
    ended(world, made, "now")
    assert world.invoices(made)[0].state == "FINALIZED"
    for _ in range(2):
        with world.db.write() as connection:
            payments.succeed(connection, payment.id, now=world.now)
    [case] = Unmatched(world.db, world.clock).open_cases()
    assert (case.reason, case.amount, case.external_id) == ("invoice_unserved", Fiat(2000, "USD"), invoice.id)
    assert case.livemode == (taken is not False)
    assert world.subscription(made).state == "cancelled"


def test_what_was_paid_ahead_comes_back_before_the_subscription_begins(world: World) -> None:
    customer = world.customer("studio")
    made = world.subscribe(customer, world.plan("pro", BASE), start_date="2026-05-01T00:00:00Z")
    world.now = at("2026-04-02")
    world.turn()
    with world.db.write() as connection:
        payments.mark(connection, world.invoices(made)[0].id, "SUCCEEDED", None, actor="test", now=world.now)
    assert [float(line.exact) for line in ended(world, made, "now")] == [-20]
    world.now = at("2026-04-03")
    world.turn()
    with world.db.read() as connection:
        (wallet,) = wallets.of_customer(connection, customers.get(connection, customer), NO_HOUSE)[1:]
    assert world.credits(wallet["id"]) == 20


def ended(world: World, made: str, how: str) -> list[Any]:
    if how != "now":
        world.turn()
        return []
    with world.db.write() as connection:
        *_, credits_ = closing.cancel_now(
            connection, made, reason="", prorate=True, invoice=True, actor="test", now=world.now
        )
    return credits_


def test_a_first_invoice_that_came_to_nothing_meanwhile(world: World) -> None:
    made = world.subscribe(world.customer("studio"), world.plan("pro", BASE), payment_behavior="default_incomplete")
    table = subscriptions.LINE
    with world.db.write() as connection:
        (line,) = subscriptions.lines_of(connection, made)
        price = {**line.price, "amount": "0"}
        connection.execute(table.update().where(table.c.id == line.id).values(price=price))
    world.now = at("2026-04-02")
    world.turn()
    assert (world.invoices(made)[0].state, world.subscription(made).state) == ("SKIPPED", "active")


def test_a_key_is_good_for_one_credit_note(bill: Bill) -> None:
    with bill.world.db.read() as connection:
        (line,) = (each.id for each in invoices.lines_of(connection, bill.id))

    def wish(amount: str | None) -> Given:
        lines = [{"invoice_line_item_id": line, "amount": amount}] if amount else []
        return Given({"invoice_id": bill.id, "reason": "DUPLICATE", "idempotency_key": "k", "line_items": lines})

    first = bill.do(credit_notes.create, wish("5.00"), actor="test")
    assert bill.do(credit_notes.create, wish("5"), actor="test").id == first.id
    for other in ("6", None):
        with pytest.raises(IdempotencyConflict):
            bill.do(credit_notes.create, wish(other), actor="test")


def test_a_credit_note_that_is_issued_meanwhile_is_not_voided(bill: Bill, monkeypatch: pytest.MonkeyPatch) -> None:
    wish = Given({"invoice_id": bill.id, "reason": "SERVICE_ISSUE"})
    note = bill.do(credit_notes.create, wish, actor="test")
    real, waited = invoices.find, [True]

    def find(connection: Connection, invoice_id: str, *, lock: bool = False) -> Any:
        if lock and waited and waited.pop():  # the other one, who had the lock first
            credit_notes.finalize(connection, note.id, now=bill.world.now)
        return real(connection, invoice_id, lock=lock)

    monkeypatch.setattr(invoices, "find", find)
    with pytest.raises(Conflict):
        bill.do(credit_notes.void, note.id)
