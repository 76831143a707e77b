"""Payment intents without a page: saved cards charged while nobody is there."""

import pytest
import stripe

from tests.sandbox.callers import until
from tests.sandbox.stripe.orders import ORDER, charge, paid, saved_card


def test_a_saved_card_is_charged_off_session(client, customer, hook):
    done = charge(client, customer.id, saved_card(client, customer.id))

    assert (done.status, done.amount_received, done.customer) == ("succeeded", 5000, customer.id)
    assert done.metadata.to_dict() == ORDER
    assert hook.wait("payment_intent.succeeded")[0].data.object.id == done.id
    assert client.v1.charges.retrieve(done.latest_charge).paid


@pytest.mark.parametrize(
    ("behaviour", "code", "decline_code"),
    [
        ("insufficient_funds", "card_declined", "insufficient_funds"),
        ("lost_card", "card_declined", "lost_card"),
        ("expired_card", "expired_card", "expired_card"),
        ("processing_error", "processing_error", "processing_error"),
        ("asks_always", "authentication_required", "authentication_required"),
    ],
)
def test_a_decline_is_an_error_and_leaves_its_attempt_behind(client, sandbox, customer, hook, behaviour, code,
                                                             decline_code):  # fmt: skip
    card = saved_card(client, customer.id)
    sandbox.ctl(f"payment_methods/{card}", behaviour=behaviour)

    with pytest.raises(stripe.CardError) as decline:
        charge(client, customer.id, card)

    assert decline.value.http_status == 402
    assert (decline.value.code, decline.value.error.decline_code) == (code, decline_code)
    left = client.v1.payment_intents.retrieve(decline.value.error.payment_intent.id, {"expand": ["latest_charge"]})
    assert (left.status, left.amount_received) == ("requires_payment_method", 0)
    assert left.latest_charge.status == "failed"
    assert hook.wait("payment_intent.payment_failed")[0].data.object.id == left.id


def test_a_card_that_asked_once_needs_nobody_afterwards(client, sandbox, customer):
    made = client.v1.checkout.sessions.create(
        {"mode": "setup", "customer": customer.id, "success_url": "http://localhost/done"}
    )
    sandbox.pay(made.id, card="4000002500003155", authenticate=True)
    card = client.v1.payment_methods.list({"customer": customer.id}).data[0].id

    assert charge(client, customer.id, card).status == "succeeded"


def test_a_card_that_asks_on_session_names_its_page(client, customer):
    asking = client.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "eur",
            "customer": customer.id,
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": "http://localhost/back",
        }
    )
    assert asking.status == "requires_action"
    assert f"/c/3ds/{asking.id}" in asking.next_action.redirect_to_url.url


def test_confirming_on_session_needs_a_way_back(client, customer):
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.payment_intents.create(
            {"amount": 500, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}
        )


def test_a_cancelled_intent_takes_no_money_any_more(client, customer, hook):
    waiting = client.v1.payment_intents.create({"amount": 5000, "currency": "eur", "customer": customer.id})
    gone = client.v1.payment_intents.cancel(waiting.id, {"cancellation_reason": "abandoned"})

    assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")
    hook.wait("payment_intent.canceled")
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.confirm(waiting.id, {"payment_method": "pm_card_visa"})
    assert refusal.value.code == "payment_intent_unexpected_state"


def test_what_is_paid_cannot_be_cancelled_or_changed(client, customer):
    done = paid(client, customer.id)
    for attempt in (
        lambda: client.v1.payment_intents.cancel(done.id),
        lambda: client.v1.payment_intents.update(done.id, {"amount": 1_000}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            attempt()
        assert refusal.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        pytest.param({"amount": 49}, "amount", id="too little"),
        pytest.param({"amount": -5}, "amount", id="less than nothing"),
        pytest.param({"currency": "zzz"}, "currency", id="no such currency"),
        pytest.param({"customer": "cus_nobody"}, "customer", id="no such customer"),
        pytest.param({"payment_method": "pm_nothing"}, "payment_method", id="no such card"),
        pytest.param({"confirm": False}, "off_session", id="off session without confirming"),
        pytest.param({"capture_method": "manual"}, "capture_method", id="capturing later"),
    ],
)
def test_what_cannot_be_charged_is_refused(client, customer, change, param):
    params = {"amount": 5000, "currency": "eur", "customer": customer.id, "payment_method": "pm_card_visa",
              "off_session": True, "confirm": True}  # fmt: skip
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.create({**params, **change})
    assert refusal.value.param == param


def test_a_card_belongs_to_its_customer(client, customer):
    card = saved_card(client, customer.id)
    somebody = client.v1.customers.create({"email": "else@example.com"})

    with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
        charge(client, somebody.id, card)
    with pytest.raises(stripe.InvalidRequestError, match="include the Customer"):
        client.v1.payment_intents.create(
            {"amount": 500, "currency": "eur", "payment_method": card, "confirm": True, "off_session": True}
        )


def test_a_removed_card_cannot_be_used_again(client, customer, hook):
    card = saved_card(client, customer.id)
    client.v1.payment_methods.detach(card)

    hook.wait("payment_method.detached")
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        charge(client, customer.id, card)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_methods.attach(card, {"customer": customer.id})


def test_a_deleted_customer_pays_nothing_and_stays_readable_as_deleted(client, customer, hook):
    card = saved_card(client, customer.id)
    client.v1.customers.delete(customer.id)

    assert client.v1.customers.retrieve(customer.id).deleted
    hook.wait("customer.deleted")
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        charge(client, customer.id, card)
    assert (refusal.value.code, refusal.value.param) == ("resource_missing", "customer")


def test_intents_are_found_by_customer_and_time(client, customer):
    made = [paid(client, customer.id, 1000 + number) for number in range(3)]
    paid(client, client.v1.customers.create({}).id)

    found = client.v1.payment_intents.list({"customer": customer.id, "limit": 2}).auto_paging_iter()
    assert [each.amount for each in found] == [1002, 1001, 1000]
    later = client.v1.payment_intents.list({"customer": customer.id, "created": {"gt": made[0].created + 3600}})
    assert not later.data


def test_a_saved_card_may_be_charged_and_disputed_by_itself(client, customer, hook):
    paid(client, customer.id, token="pm_card_createDispute")
    assert hook.wait("charge.dispute.created")[0].data.object.reason == "fraudulent"


def test_the_fee_of_a_charge_is_on_the_balance(client, customer):
    done = client.v1.payment_intents.retrieve(
        paid(client, customer.id, 10_000).id, {"expand": ["latest_charge.balance_transaction"]}
    )
    line = done.latest_charge.balance_transaction
    assert (line.amount, line.fee, line.net) == (10_000, 175, 9_825)
    assert [each.id for each in client.v1.balance_transactions.list({"source": done.latest_charge.id}).data] == [
        line.id
    ]


def test_a_card_that_can_only_be_saved_is_declined(client, customer):
    card = saved_card(client, customer.id, "pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError) as decline:
        charge(client, customer.id, card)
    assert decline.value.error.decline_code == "do_not_honor"


def test_a_card_that_is_declined_at_once_is_not_saved(client, customer):
    with pytest.raises(stripe.CardError):
        saved_card(client, customer.id, "pm_card_chargeDeclined")
    assert not client.v1.customers.payment_methods.list(customer.id).data


def test_the_awaited_calls_work_too(sandbox, customer):
    import asyncio

    async def charge_it() -> str:
        client = sandbox.client()
        setup = await client.v1.setup_intents.create_async(
            {"customer": customer.id, "payment_method": "pm_card_visa", "confirm": True}
        )
        done = await client.v1.payment_intents.create_async(
            {"amount": 700, "currency": "eur", "customer": customer.id, "payment_method": str(setup.payment_method),
             "off_session": True, "confirm": True}
        )  # fmt: skip
        listed = await client.v1.payment_intents.list_async({"customer": customer.id})
        assert [each.id async for each in listed.auto_paging_iter()] == [done.id]
        await client._requestor._get_http_client().close_async()
        client._requestor._get_http_client().close()
        return done.status

    assert asyncio.run(charge_it()) == "succeeded"
    assert until(lambda: True)
