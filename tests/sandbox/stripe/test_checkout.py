"""Checkout sessions by the real library: what may be asked for, and how a session lives."""

import time

import pytest
import stripe

from tests.sandbox.callers import until
from tests.sandbox.stripe.orders import ORDER, look, saved_card, session, session_params

TOMORROW = 86_400


def test_a_session_is_open_and_has_no_intent_yet(client, customer):
    made = session(client, customer.id)

    assert (made.status, made.payment_status, made.payment_intent) == ("open", "unpaid", None)
    assert (made.amount_total, made.currency, made.livemode) == (2380, "eur", False)
    assert made.client_reference_id == "ord_1"
    assert made.metadata.to_dict() == ORDER
    assert made.url.startswith("http://127.0.0.1:")
    assert made.expires_at == pytest.approx(time.time() + TOMORROW, abs=10)


def test_paying_completes_it_and_the_metadata_is_on_both(client, sandbox, customer, hook):
    made = session(client, customer.id)
    sandbox.pay(made.id)

    done = look(client, made.id, "payment_intent.latest_charge")
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    intent = done.payment_intent
    assert (intent.status, intent.amount_received, intent.customer) == ("succeeded", 2380, customer.id)
    assert intent.metadata.to_dict() == intent.latest_charge.metadata.to_dict() == ORDER
    assert done.customer_details.email == "jamie@example.com"
    assert intent.latest_charge.payment_method_details.card.last4 == "4242"
    completed = hook.wait("checkout.session.completed")[0]
    assert completed.data.object.payment_intent == intent.id
    assert hook.wait("payment_intent.succeeded")[0].data.object.id == intent.id


def test_lines_are_added_up(client):
    params = session_params()
    params["line_items"] += [
        {"quantity": 3, "price_data": {"currency": "eur", "unit_amount": 100, "product_data": {"name": "extra"}}}
    ]
    made = client.v1.checkout.sessions.create({**params, "expand": ["line_items"]})

    assert made.amount_total == 2680
    assert [line.amount_total for line in made.line_items.data] == [2380, 300]
    assert [line.description for line in client.v1.checkout.sessions.line_items.list(made.id).data][1] == "extra"


def test_tax_is_worked_out_when_stripe_is_asked_to(client, sandbox):
    made = session(client, automatic_tax={"enabled": True})
    assert (made.automatic_tax.status, made.total_details.amount_tax) == ("requires_location_inputs", 0)

    sandbox.pay(made.id, country="DE")

    done = look(client, made.id, "payment_intent")
    assert (done.automatic_tax.status, done.total_details.amount_tax, done.amount_total) == ("complete", 452, 2832)
    assert done.payment_intent.amount_received == 2832


def test_a_tax_inside_the_price_does_not_raise_it(client, sandbox):
    params = session_params(automatic_tax={"enabled": True})
    params["line_items"][0]["price_data"]["tax_behavior"] = "inclusive"
    made = client.v1.checkout.sessions.create(params)
    sandbox.pay(made.id, country="DE")

    done = look(client, made.id)
    assert (done.total_details.amount_tax, done.amount_total) == (380, 2380)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        pytest.param({"mode": "subscription"}, "mode", id="subscriptions"),
        pytest.param({"line_items": []}, "line_items", id="nothing to sell"),
        pytest.param({"success_url": "done"}, "success_url", id="no address to return to"),
        pytest.param({"ui_mode": "embedded_page"}, "ui_mode", id="another page than the hosted one"),
        pytest.param({"expires_at": int(time.time()) + 20 * 60}, "expires_at", id="too short"),
        pytest.param({"expires_at": int(time.time()) + 25 * 3600}, "expires_at", id="too long"),
        pytest.param({"customer": "cus_nobody"}, "customer", id="no such customer"),
        pytest.param({"invoice_creation": {"enabled": True}}, "invoice_creation[enabled]", id="a second invoice"),
        pytest.param({"excluded_payment_method_types": ["card", "sepa_debit"]}, "allowed_payment_method_types",
                     id="no way to pay"),
        pytest.param({"amount": 49}, "line_items", id="too little to charge"),
        pytest.param({"amount": 100_000_000}, "line_items", id="too much to charge"),
        pytest.param({"currency": "bhd", "amount": 2_381}, "line_items", id="a third decimal"),
        pytest.param({"currency": "xxx"}, "line_items[0][price_data][currency]", id="no such currency"),
    ],
)  # fmt: skip
def test_what_cannot_be_sold_is_refused(client, change, param):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.checkout.sessions.create(session_params(**change))
    assert refusal.value.param == param


def test_tax_for_an_existing_customer_needs_leave_to_update_it(client, customer):
    with pytest.raises(stripe.InvalidRequestError, match="customer_update"):
        session(client, customer.id, automatic_tax={"enabled": True})
    session(client, customer.id, automatic_tax={"enabled": True}, customer_update={"address": "auto"})


def test_an_unpaid_session_runs_out_by_itself(client, sandbox, hook):
    made = session(client, expires_at=int(time.time()) + 31 * 60)
    sandbox.ctl("clock", advance=32 * 60)

    expired = hook.wait("checkout.session.expired")[0]
    assert expired.data.object.id == made.id
    assert look(client, made.id).status == "expired"


def test_a_session_that_runs_out_takes_its_declined_intent_along(client, sandbox):
    made = session(client)
    sandbox.pay(made.id, card="4000000000000002")
    intent = look(client, made.id).payment_intent

    client.v1.checkout.sessions.expire(made.id)

    assert client.v1.payment_intents.retrieve(intent).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match='status in \\["open"\\]'):
        client.v1.checkout.sessions.expire(made.id)


def test_the_intent_of_a_session_cannot_be_cancelled_apart(client, sandbox):
    made = session(client)
    sandbox.pay(made.id, card="4000000000000002")
    with pytest.raises(stripe.InvalidRequestError, match="expire the Checkout Session"):
        client.v1.payment_intents.cancel(look(client, made.id).payment_intent)


def test_a_declined_card_leaves_the_session_open(client, sandbox, hook):
    made = session(client)
    sandbox.pay(made.id, card="4000000000009995")

    still = look(client, made.id, "payment_intent")
    assert (still.status, still.payment_status) == ("open", "unpaid")
    assert still.payment_intent.last_payment_error.decline_code == "insufficient_funds"
    hook.wait("payment_intent.payment_failed")

    sandbox.pay(made.id)
    done = look(client, made.id, "payment_intent")
    assert done.payment_status == "paid"
    assert done.payment_intent.id == still.payment_intent.id, "every try is an attempt of one intent"


@pytest.mark.parametrize(("passed", "ends"), [(True, "paid"), (False, "unpaid")], ids=["confirmed", "refused"])
def test_three_d_secure(client, sandbox, passed, ends):
    made = session(client)
    sandbox.pay(made.id, card="4000002760003184", authenticate=passed)
    assert look(client, made.id).payment_status == ends


@pytest.mark.parametrize(
    ("iban", "says", "ends"),
    [
        pytest.param("DE89370400440532013000", "checkout.session.async_payment_succeeded", "paid", id="it comes"),
        pytest.param("DE62370400440532013001", "checkout.session.async_payment_failed", "unpaid", id="it does not"),
    ],
)
def test_a_bank_debit_is_decided_later(client, sandbox, hook, iban, says, ends):
    made = session(client)
    sandbox.pay(made.id, iban=iban)

    completed = hook.wait("checkout.session.completed")[0]
    assert completed.data.object.payment_status == "unpaid"
    assert hook.wait(says)[0].data.object.payment_status == ends
    assert look(client, made.id).payment_status == ends


def test_a_bank_debit_waits_for_its_word_when_told_to(client, sandbox, hook):
    sandbox.ctl("settings", settle_debits="on_demand")
    made = session(client)
    sandbox.pay(made.id, iban="DE89370400440532013000")
    intent = look(client, made.id, "payment_intent").payment_intent
    assert intent.status == "processing"
    assert hook.never("payment_intent.succeeded")

    sandbox.ctl(f"settle/{intent.id}", paid=True)

    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    hook.wait("checkout.session.async_payment_succeeded")


def test_a_card_is_saved_only_when_asked(client, sandbox, customer, hook):
    plain, keeping = session(client, customer.id), None
    sandbox.pay(plain.id)
    assert not client.v1.customers.payment_methods.list(customer.id).data

    keeping = session(client, customer.id, payment_intent_data={"setup_future_usage": "off_session"})
    sandbox.pay(keeping.id)
    kept = client.v1.customers.payment_methods.list(customer.id, {"type": "card"}).data
    assert [card.card.last4 for card in kept] == ["4242"]
    assert hook.wait("payment_method.attached")[0].data.object.id == kept[0].id


def test_a_saved_card_pays_the_next_session(client, sandbox, customer):
    card = saved_card(client, customer.id)
    made = session(client, customer.id)
    sandbox.pay(made.id, saved=card)
    assert look(client, made.id, "payment_intent").payment_intent.payment_method == card


def test_a_setup_session_saves_a_card_and_charges_nothing(client, sandbox, customer):
    made = client.v1.checkout.sessions.create(
        {"mode": "setup", "customer": customer.id, "success_url": "http://localhost/done"}
    )
    sandbox.pay(made.id)

    done = look(client, made.id, "setup_intent")
    assert (done.status, done.setup_intent.status) == ("complete", "succeeded")
    assert not client.v1.charges.list({"customer": customer.id}).data
    assert client.v1.payment_methods.list({"customer": customer.id}).data[0].id == done.setup_intent.payment_method


def test_sessions_are_found_by_customer_status_and_intent(client, sandbox, customer):
    first, second = session(client, customer.id), session(client, customer.id)
    sandbox.pay(first.id)
    session(client)

    listed = client.v1.checkout.sessions.list
    assert {each.id for each in listed({"customer": customer.id}).data} == {first.id, second.id}
    assert [each.id for each in listed({"customer": customer.id, "status": "open"}).data] == [second.id]
    intent = look(client, first.id).payment_intent
    assert [each.id for each in listed({"payment_intent": intent}).data] == [first.id]


def test_a_paid_session_stays_paid_when_its_time_is_over(client, sandbox):
    made = session(client, expires_at=int(time.time()) + 31 * 60)
    sandbox.pay(made.id)
    sandbox.ctl("clock", advance=3600)
    until(lambda: client.v1.events.list({"type": "checkout.session.completed"}).data)
    assert look(client, made.id).status == "complete"
    assert not client.v1.events.list({"type": "checkout.session.expired"}).data
