"""Invoices charged to saved cards on the real road: the real client, the sandbox's Stripe."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.billing import card_rows, invoices, payments, postpaid
from app.kernel.errors import Conflict, InvalidInput, NotFound, ProviderRefused
from app.kernel.fiat import Fiat
from app.payments.consent import Consent
from app.payments.stripe_returns import StripeReturns
from tests.support.billed import (
    agreed,
    assert_clean,
    bill,
    collect,
    consent,
    credit,
    intents,
    issued,
    rows,
    write,
)
from tests.support.stripe_sandbox import SandboxStripe
from tests.support.till import Till
from tests.support.till import till as open_till
from tests.support.topups import behave, card_on_file, hear, letters

INTENTS = "POST /v1/payment_intents"


@pytest.fixture
def till(tmp_path: Path, sqlite_url: str, stripe_: SandboxStripe) -> Iterator[Till]:
    with open_till(tmp_path / "home", sqlite_url, stripe_) as opened:
        yield opened


@pytest.fixture
def each_till(tmp_path: Path, database_url: str, stripe_: SandboxStripe) -> Iterator[Till]:
    """On both databases."""
    with open_till(tmp_path / "home", database_url, stripe_) as opened:
        yield opened


def states(till: Till) -> list[str]:
    return [row.state for row in rows(till, "billing_charge")]


def test_an_invoice_is_charged_once_to_the_card_that_was_agreed_to(each_till: Till) -> None:
    till = each_till
    agreed(till)
    made = issued(till)
    assert collect(till) == 1
    row = bill(till, made)
    assert (row.payment_state, row.paid, row.total) == ("SUCCEEDED", 11_900, 11_900)
    [intent] = intents(till)
    assert (intent.amount, intent.currency, intent.description) == (11_900, "eur", f"Invoice {row.number}")
    hear(till)  # its webhooks change nothing
    assert collect(till, hours=30) == 0
    assert (len(intents(till)), till.cases()) == (1, [])
    assert_clean(till)


def test_nobody_is_charged_who_did_not_agree(till: Till) -> None:
    card = card_on_file(till)
    made = issued(till)
    assert collect(till) == 0
    parts = till.services.collecting
    with pytest.raises(InvalidInput):
        till.run(parts.turn_on(till.workspace_id, card.id, Consent("", till.user_id, "")))
    with pytest.raises(Conflict):
        till.run(parts.turn_on(till.workspace_id, card.id, Consent("invoices-0", till.user_id, "")))
    stranger, _ = till.customer(name="Stranger")
    with pytest.raises(NotFound):
        till.run(parts.turn_on(stranger, card.id, consent(till)))
    till.run(parts.turn_on(till.workspace_id, card.id, consent(till)))
    kept = till.scalar("SELECT text FROM payment_consent WHERE kind = 'invoices'")
    assert kept == parts.sentence(till.workspace_id, card.id)
    parts.turn_off(till.workspace_id, actor=till.user_id)
    assert collect(till) == 0
    assert bill(till, made).paid == 0


@pytest.mark.parametrize("times", [3, 4], ids=["before it arrived", "after it was made"])
def test_an_unknown_outcome_stands_in_the_way_until_it_is_known(till: Till, times: int) -> None:
    agreed(till)
    made = issued(till)
    fault = "drop-before-accept" if times == 3 else "drop-after-accept"
    till.stripe.ctl("fail", fault=fault, match=INTENTS, times=times)
    collect(till)
    assert states(till) == ["unknown"]
    [payment] = rows(till, "billing_payment")
    assert payment.state == "PROCESSING"
    for refused in (payments.mark, payments.create):
        more = {"state": "SUCCEEDED", "amount": None} if refused is payments.mark else {
            "amount": Fiat(1, "EUR"), "method": "OFFLINE", "key": None,
        }  # fmt: skip
        with pytest.raises(Conflict):
            write(till, refused, made, **more, actor="test")
    with pytest.raises(Conflict):
        till.run(till.services.collecting.pages.open(made))
    assert [collect(till) for _ in range(3)] == [0, 0, 0]
    collect(till, minutes=5)
    assert (bill(till, made).paid, len(intents(till)), states(till)) == (11_900, 1, ["done"])
    keys = {each["key"] for each in till.stripe.look("requests")["requests"]
            if each["method"] == "POST" and each["path"] == "/v1/payment_intents"}  # fmt: skip
    assert f"bill:{payment.id}:1" in keys
    assert sum(key.startswith("bill:") for key in keys) == 1
    assert_clean(till)


def test_a_webhook_tells_what_an_answer_did_not(till: Till) -> None:
    agreed(till)
    made = issued(till)
    till.stripe.ctl("fail", fault="500-after-accept", match=INTENTS)
    collect(till)
    assert states(till) == ["unknown"]
    hear(till)
    assert (bill(till, made).payment_state, states(till)) == ("SUCCEEDED", ["done"])
    collect(till, hours=1)
    assert len(intents(till)) == 1


def test_a_soft_decline_is_tried_again_and_then_left_to_the_customer(till: Till) -> None:
    agreed(till, behaviour="insufficient_funds")
    made = issued(till)
    for hours in (0, 1, 6, 24):
        assert collect(till, hours=hours) == 1
    assert collect(till, hours=100) == 0
    assert states(till) == ["declined"] * 4
    assert bill(till, made).payment_state == "FAILED"
    told = letters(till, "invoice_charge_failed")
    assert [bool(each["retry_at"]) for each in told] == [True, True, True, False]
    assert {intent.status for intent in intents(till)} == {"canceled"}
    assert till.services.collecting.of(till.workspace_id).is_on


def test_a_card_that_will_not_work_again_is_left_alone(till: Till) -> None:
    card = agreed(till, behaviour="stolen_card")
    made = issued(till)
    collect(till)
    assert collect(till, hours=100) == 0
    setting = till.services.collecting.of(till.workspace_id)
    assert (setting.state, setting.reason, states(till)) == ("disabled", "stolen_card", ["declined"])
    behave(till, card, "pays")
    till.run(till.services.collecting.turn_on(till.workspace_id, card.id, consent(till)))
    assert collect(till) == 0  # nor by agreeing again to the same card
    assert bill(till, made).paid == 0


def test_a_bank_that_asks_for_its_cardholder_is_shown_them(till: Till) -> None:
    agreed(till, behaviour="asks_always")
    made = issued(till)
    collect(till)
    assert states(till) == ["needs_action"]
    assert collect(till, hours=100) == 0
    [told] = letters(till, "invoice_needs_action")
    signature = told["link"].rpartition("/")[2]

    async def visit(signature: str) -> tuple[int, str]:
        async with till.browser() as browser:
            answer = await browser.get(f"/payments/invoices/{made}/{signature}")
            return answer.status_code, answer.text

    assert till.run(visit("0" * 64))[0] == 404
    status, page = till.run(visit(signature))
    assert (status, "/c/pay/" in page) == (200, True)
    assert till.run(visit(signature))[1] == page  # the same page, however often
    charge = rows(till, "billing_charge")[-1]
    till.stripe.pay(charge.session_id, card="4242424242424242")
    hear(till)
    assert (bill(till, made).payment_state, states(till)) == ("SUCCEEDED", ["needs_action", "done"])
    assert till.run(visit(signature))[0] == 303
    assert_clean(till)


def test_a_page_that_ran_out_makes_room(till: Till) -> None:
    made = issued(till)
    pages = till.services.collecting.pages
    till.run(pages.open(made))
    card_on_file(till)
    collect(till, minutes=40)
    assert (states(till), bill(till, made).payment_state) == (["expired"], "PENDING")
    till.run(pages.open(made))
    assert states(till) == ["expired", "open"]


def test_a_customer_that_is_gone_at_the_provider_is_made_anew(till: Till) -> None:
    made = issued(till)
    card_on_file(till)
    gone = till.scalar("SELECT customer_id FROM payment_customer")
    till.client.v1.customers.delete(gone)
    assert "/c/pay/" in till.run(till.services.collecting.pages.open(made))
    assert till.scalar("SELECT customer_id FROM payment_customer") != gone


def test_what_was_paid_twice_is_told_to_the_operators(till: Till) -> None:
    """A transfer was recorded while the page was open, and the page was paid all the same."""
    made = issued(till)
    till.run(till.services.collecting.pages.open(made))
    write(till, payments.mark, made, "SUCCEEDED", None, actor="test")
    till.stripe.pay(rows(till, "billing_charge")[-1].session_id, card="4242424242424242")
    hear(till)
    collect(till, minutes=40)
    paid = bill(till, made)
    assert (paid.payment_state, paid.paid, till.cases()) == ("OVERPAID", 23_800, ["invoice_overpaid"])
    assert till.scalar("SELECT amount_minor FROM unmatched_payment") == 11_900
    assert_clean(till)


def test_money_for_what_was_taken_back_waits_for_an_operator(till: Till) -> None:
    """The page was taken for expired, the invoice voided, and the customer paid all the same."""
    made = issued(till)
    till.run(till.services.collecting.pages.open(made))
    [charge] = rows(till, "billing_charge")
    till.stripe.pay(charge.session_id, card="4242424242424242")
    write(till, lambda connection, now: card_rows.ended(
        connection, charge, "expired", now, state="expired", again=None))  # fmt: skip
    write(till, invoices.void, made)
    hear(till)
    assert (till.cases(), bill(till, made).paid) == (["invoice_taken_back"], 0)


def test_what_waits_for_an_operator_is_not_looked_at_for_ever(till: Till) -> None:
    """A charge whose invoice is gone is reported once; then only the operator has something to do."""
    made = issued(till)
    till.run(till.services.collecting.pages.open(made))
    till.stripe.pay(rows(till, "billing_charge")[-1].session_id, card="4242424242424242")
    write(till, lambda connection, now: invoices.change(
        connection, invoices.find(connection, made), now, state=invoices.VOIDED))  # fmt: skip
    assert [collect(till, hours=1) for _ in range(3)] == [1, 0, 0]
    assert (till.cases(), states(till), till.count("unmatched_payment")) == (["invoice_taken_back"], ["mismatch"], 1)


@pytest.mark.parametrize("why", ["sent", "written off", "voided", "paid"])
def test_what_is_not_charged(till: Till, why: str) -> None:
    agreed(till)
    made = issued(till)
    if why == "written off":
        write(till, postpaid.write_off, made, reason="gone")
    elif why == "paid":
        write(till, payments.mark, made, "SUCCEEDED", None, actor="test")
    elif why == "voided":
        write(till, invoices.void, made)
    else:
        write(till, payments.create, made, Fiat(11_900, "EUR"), "CARD", key=None, actor="them")
    assert collect(till) == 0


def test_what_is_refunded_goes_back_to_the_card(each_till: Till) -> None:
    till = each_till
    agreed(till)
    made = issued(till)
    collect(till)
    credit(till, made)
    collect(till)
    [refund] = rows(till, "billing_refund")
    assert (refund.way, refund.state, refund.amount) == ("stripe", "succeeded", 11_900)
    assert [each.amount for each in till.client.v1.refunds.list({"limit": 10}).data] == [11_900]
    hear(till)
    assert collect(till, hours=24) == 0
    assert (till.cases(), bill(till, made).payment_state) == ([], "REFUNDED")
    assert_clean(till)


@pytest.mark.parametrize("fault", ["drop-before-accept", "drop-after-accept"])
def test_a_refund_whose_answer_is_lost_is_made_once(till: Till, fault: str) -> None:
    agreed(till)
    made = issued(till)
    collect(till)
    credit(till, made)
    till.stripe.ctl("fail", fault=fault, match="POST /v1/refunds", times=3)
    collect(till)
    collect(till, minutes=5)
    assert [row.state for row in rows(till, "billing_refund")] == ["succeeded"]
    assert len(till.client.v1.refunds.list({"limit": 10}).data) == 1


@pytest.mark.parametrize("look", ["find_refund", "see_refund"])
@pytest.mark.parametrize(
    "refused", [NotFound("no such payment"), ProviderRefused("not with this key", stripe_code="testmode")], ids=repr
)
def test_a_look_that_is_refused_says_nothing_of_the_refund(
    till: Till, monkeypatch: pytest.MonkeyPatch, look: str, refused: Exception
) -> None:
    """As with the key of another account: sent by transfer as well, the money would go back twice."""
    agreed(till, card="4242424242424242", behaviour="refund_waits" if look == "see_refund" else "")
    made = issued(till)
    collect(till)
    credit(till, made)
    if look == "find_refund":
        till.stripe.ctl("fail", fault="drop-after-accept", match="POST /v1/refunds", times=3)
    collect(till)

    async def blind(*_: object) -> None:
        raise refused

    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(StripeReturns, look, blind)
        collect(till, hours=7)
        [refund] = rows(till, "billing_refund")
        assert (refund.way, refund.state in ("asked", "pending"), till.cases()) == ("stripe", True, [])
    till.stripe.ctl("clock", advance=60)
    collect(till, hours=12)
    assert [(row.way, row.state) for row in rows(till, "billing_refund")] == [("stripe", "succeeded")]
    assert len(till.client.v1.refunds.list({"limit": 10}).data) == 1


def test_a_refund_of_another_account_is_not_asked_for_at_this_one(till: Till) -> None:
    """Keys were changed from those for tests to real ones, or the other way round, before it was made."""
    agreed(till)
    made = issued(till)
    collect(till)
    credit(till, made)
    with till.services.db.write() as connection:
        connection.execute(text("UPDATE billing_charge SET livemode = true"))
    collect(till)
    [refund] = rows(till, "billing_refund")
    assert (refund.way, refund.state, till.cases()) == ("stripe", "asked", [])


def test_a_refund_that_does_not_arrive_is_sent_by_hand(till: Till) -> None:
    agreed(till, card="4242424242424242", behaviour="refund_fails")
    made = issued(till)
    collect(till)
    note = credit(till, made)
    collect(till)
    till.stripe.ctl("clock", advance=60)
    hear(till)
    [refund] = rows(till, "billing_refund")
    assert (refund.way, refund.state, till.cases()) == ("transfer", "asked", ["invoice_refund_failed"])
    till.services.collecting.refund_sent(refund.id, "BANK-1", actor="test")
    till.services.collecting.refund_sent(refund.id, "BANK-1", actor="test")
    [case] = till.cashier.unmatched.all()
    assert (till.cases(), case.resolution, case.resolved_by) == ([], "Sent by transfer: BANK-1", "test")
    assert [(row.note_id, row.state, row.external_id) for row in rows(till, "billing_refund")] == [
        (note, "succeeded", "BANK-1")
    ]
    assert_clean(till)


def test_what_was_transferred_is_to_be_sent_back_by_transfer(till: Till) -> None:
    made = issued(till)
    write(till, payments.mark, made, "SUCCEEDED", None, actor="test")
    credit(till, made)
    assert collect(till) == 0
    assert [(row.way, row.state) for row in rows(till, "billing_refund")] == [("transfer", "asked")]


def test_a_refund_made_at_the_provider_has_no_credit_note(till: Till) -> None:
    agreed(till)
    issued(till)
    collect(till)
    [intent] = intents(till)
    till.client.v1.refunds.create({"payment_intent": intent.id, "amount": 500})
    hear(till)
    assert till.cases() == ["invoice_refund_unasked"]


def test_a_disputed_payment_of_an_invoice_is_told(till: Till) -> None:
    agreed(till)
    issued(till)
    collect(till)
    [intent] = intents(till)
    till.stripe.ctl("disputes", payment_intent=intent.id)
    hear(till)
    assert till.cases() == ["invoice_disputed"]
    assert till.services.collecting.of(till.workspace_id).state == "disabled"
