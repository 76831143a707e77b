"""The same key twice is the same request: the answer is stored, errors and all, for a day."""

import pytest
import stripe

from tests.sandbox.stripe.orders import charge, saved_card, session_params
from tests.support.threads import at_once

CREATE_INTENT = "POST /v1/payment_intents"


def keyed(key: str) -> stripe.RequestOptions:
    return {"idempotency_key": key}


def test_a_repetition_gets_the_stored_answer(client):
    first = client.v1.checkout.sessions.create(session_params(), keyed("k1"))
    again = client.v1.checkout.sessions.create(session_params(), keyed("k1"))

    assert again.id == first.id
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert again.last_response.headers["original-request"] == first.last_response.request_id
    assert len(client.v1.checkout.sessions.list().data) == 1


def test_a_repetition_with_other_parameters_is_refused(client):
    client.v1.checkout.sessions.create(session_params(), keyed("k1"))
    with pytest.raises(stripe.IdempotencyError):
        client.v1.checkout.sessions.create(session_params(amount=9_900), keyed("k1"))


def test_a_decline_is_stored_as_well(client, sandbox, customer):
    card = saved_card(client, customer.id)
    sandbox.ctl(f"payment_methods/{card}", behaviour="insufficient_funds")
    intents = set()
    for _ in range(2):
        with pytest.raises(stripe.CardError) as decline:
            charge(client, customer.id, card, idempotency_key="k1")
        intents.add(decline.value.error.payment_intent.id)
        sandbox.ctl(f"payment_methods/{card}", behaviour="pays")
    assert len(intents) == 1, "even a card that would pay now is not tried again under that key"


def test_a_500_is_stored_and_stays_for_that_key(client, sandbox, customer):
    card = saved_card(client, customer.id)
    sandbox.ctl("fail", fault="500", match=CREATE_INTENT)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            charge(client, customer.id, card, idempotency_key="k1", max_network_retries=0)
    assert charge(client, customer.id, card, idempotency_key="k2").status == "succeeded"


def test_wrong_parameters_are_not_stored(client):
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.create(session_params(mode="sell"), keyed("k1"))
    assert client.v1.checkout.sessions.create(session_params(), keyed("k1")).status == "open"


def test_a_key_is_forgotten_after_a_day(client, sandbox):
    first = client.v1.customers.create({"name": "A"}, keyed("k1"))
    sandbox.ctl("clock", advance=25 * 3600)
    assert client.v1.customers.create({"name": "A"}, keyed("k1")).id != first.id


@pytest.mark.parametrize("fault", ["drop-after-accept", "503", "409", "drop-before-accept"])
def test_the_library_comes_through_by_itself(client, sandbox, customer, fault):
    card = saved_card(client, customer.id)
    sandbox.ctl("fail", fault=fault, match=CREATE_INTENT)

    assert charge(client, customer.id, card, max_network_retries=2).status == "succeeded"
    assert len(client.v1.charges.list({"customer": customer.id}).data) == 1
    assert len(sandbox.look("requests", path="/v1/payment_intents")["requests"]) >= 1


def test_an_answer_can_be_lost_for_good(client, sandbox, customer):
    card = saved_card(client, customer.id)
    sandbox.ctl("fail", fault="drop-after-accept", match=CREATE_INTENT, times=3)
    with pytest.raises(stripe.APIConnectionError):
        charge(client, customer.id, card, idempotency_key="k1", max_network_retries=2)

    assert charge(client, customer.id, card, idempotency_key="k1").status == "succeeded"
    assert len(client.v1.charges.list({"customer": customer.id}).data) == 1


def test_an_answer_that_says_500_after_the_deed_can_be_looked_up(client, sandbox, customer):
    card = saved_card(client, customer.id)
    sandbox.ctl("fail", fault="500-after-accept", match=CREATE_INTENT)
    with pytest.raises(stripe.APIError):
        charge(client, customer.id, card, max_network_retries=2)
    assert [each.status for each in client.v1.payment_intents.list({"customer": customer.id}).data] == ["succeeded"]


def test_two_at_the_same_time_are_one(client, sandbox, customer):
    """The first is still being answered: the second is told so, tries again and gets the stored answer."""
    card = saved_card(client, customer.id)
    sandbox.ctl("fail", fault="hang", match=CREATE_INTENT, seconds=0.5)
    done = []

    def one() -> None:
        with sandbox.talking(max_network_retries=4) as own:
            done.append(charge(own, customer.id, card, idempotency_key="k1").id)

    at_once(*[one] * 4)
    assert len(done) == 4
    assert len(set(done)) == 1


def test_429_is_not_tried_again_by_the_library(client, sandbox):
    sandbox.ctl("fail", fault="429", match="/v1/customers")
    with pytest.raises(stripe.RateLimitError):
        client.v1.customers.create({})
    assert client.v1.customers.create({}).id


def test_a_hang_ends_in_a_lost_connection_and_nothing_done(client, sandbox):
    sandbox.ctl("fail", fault="hang-before-accept", match="/v1/customers", seconds=0.1)
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({"name": "A"}, {"max_network_retries": 0})
    assert not client.v1.customers.list().data


@pytest.mark.parametrize(
    ("key", "says"),
    [
        pytest.param("sk_live_" + "123456", "Invalid API Key", id="a live key"),
        pytest.param("sk_test_" + "else", "Invalid API Key", id="another installation's key"),
    ],
)
def test_only_the_agreed_key_opens(sandbox, key, says):
    with sandbox.talking() as client, pytest.raises(stripe.AuthenticationError, match=says):
        client.v1.customers.create({}, {"api_key": key})


def test_only_one_version_is_spoken(client):
    with pytest.raises(stripe.InvalidRequestError, match="version"):
        client.v1.customers.create({}, {"stripe_version": "2024-06-20"})


def test_an_address_that_is_none_is_404(client):
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        client.v1.coupons.create({"percent_off": 10})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.retrieve("cus_nobody")
    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")
