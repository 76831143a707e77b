"""Webhooks: signed so that the real library believes them, and delivered in every manner of real life."""

import time

import pytest
import stripe

from app.sandbox.stripe.webhooks import payload, signed
from tests.sandbox.callers import until
from tests.sandbox.stripe.orders import paid, session

BODY, SECRET = b'{"id": "evt_1", "object": "event"}', "whsec_" + "test"


def header(manner: str = "right", keys: list[str] | None = None) -> str:
    return signed(BODY, keys or [SECRET], manner).get("stripe-signature", "")


def test_the_signature_is_the_librarys_own():
    sent = header()
    moment = int(sent.partition(",")[0].removeprefix("t="))
    expected = stripe.WebhookSignature.generate_signature_header(BODY.decode(), SECRET, moment)
    assert sent.split(",")[:2] == expected.split(",")[:2]


@pytest.mark.parametrize("manner", ["wrong", "missing", "v0-only", "old", "other-secret", "empty-secret"])
def test_what_is_signed_wrongly_is_not_believed(manner):
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(BODY, header(manner), SECRET)


def test_a_signature_from_the_future_fools_the_library():
    assert stripe.Webhook.construct_event(BODY, header("future"), SECRET).id == "evt_1"


def test_two_secrets_sign_side_by_side():
    sent = header(keys=["whsec_" + "new", "whsec_" + "old"])
    for secret in ("whsec_" + "new", "whsec_" + "old"):
        assert stripe.Webhook.construct_event(BODY, sent, secret)


def test_a_body_is_sent_in_its_own_spelling():
    assert payload({"id": "evt_1", "n": "é"}) == '{\n  "id": "evt_1",\n  "n": "é"\n}'.encode()


def test_events_say_which_request_caused_them(client, hook):
    made = client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    event = hook.wait("customer.created")[0]
    assert event.request.id == made.last_response.request_id
    assert event.request.idempotency_key == "k1"
    assert (event.api_version, event.livemode) == (stripe.api_version, False)


def test_a_change_tells_what_was_before(client, customer, hook):
    client.v1.customers.update(customer.id, {"name": "Grace", "metadata": {"a": "b"}})
    event = hook.wait("customer.updated")[0]
    assert event.data.previous_attributes.to_dict() == {"name": "Ada Lovelace", "metadata": {}}


def test_only_wanted_events_are_sent(client, hook):
    client.v1.webhook_endpoints.update(hook.id, {"enabled_events": ["payment_intent.succeeded"]})
    customer = client.v1.customers.create({})
    paid(client, customer.id)
    hook.wait("payment_intent.succeeded")
    assert {event.type for event in hook.events()} == {"payment_intent.succeeded"}


def test_a_delivery_is_repeated_until_it_is_taken(client, sandbox, hook):
    hook.heard.status = 500
    client.v1.customers.create({})
    hook.wait("customer.created")
    event = client.v1.events.list({"type": "customer.created", "delivery_success": False}).data[0]
    assert event.pending_webhooks == 1

    hook.heard.status = 200

    until(lambda: not client.v1.events.list({"delivery_success": False}).data)
    assert client.v1.events.retrieve(event.id).pending_webhooks == 0
    answers = sandbox.look("deliveries", event=event.id)["deliveries"][0]["answers"]
    assert answers.startswith("[500")
    assert answers.endswith("200]")


def test_copies_come_at_once(client, sandbox, hook):
    sandbox.ctl("webhooks", type="customer.created", times=11)
    client.v1.customers.create({})
    assert len({event.id for event in hook.wait("customer.created", 11)}) == 1


def test_a_delivery_can_be_lost_and_found_in_the_list(client, sandbox, hook):
    sandbox.ctl("webhooks", type="customer.created", drop=True)
    made = client.v1.customers.create({})
    assert hook.never("customer.created")
    lost = client.v1.events.list({"types": ["customer.created"], "delivery_success": False}).data
    assert [event.data.object.id for event in lost] == [made.id]


def test_a_delivery_can_be_late(client, sandbox, hook):
    sandbox.ctl("webhooks", type="customer.created", delay=0.6)
    client.v1.customers.create({})
    assert hook.never("customer.created")
    hook.wait("customer.created")


def test_the_order_can_be_turned_round(client, sandbox, hook):
    sandbox.ctl("webhooks", hold=True, events=None)
    made = session(client)
    sandbox.pay(made.id)
    assert hook.never("checkout.session.completed")

    sandbox.ctl("webhooks", clear=True)
    released = sandbox.ctl("webhooks/release", order="reversed", apart=0.1)["released"]

    hook.wait("payment_intent.created")
    came = [event.type for event in hook.events()]
    assert released == len(came) == 4
    assert came == ["checkout.session.completed", "payment_intent.succeeded", "charge.succeeded",
                    "payment_intent.created"]  # fmt: skip


def test_an_event_can_be_sent_again_with_any_signature(client, sandbox, hook):
    client.v1.customers.create({})
    event = hook.wait("customer.created")[0]

    sandbox.ctl("webhooks/resend", event=event.id, times=3)
    hook.wait("customer.created", 4)

    sandbox.ctl("webhooks/resend", event=event.id, signature="wrong")
    forged = hook.next()
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(forged.body, forged.headers["stripe-signature"], hook.secret)


def test_a_secret_is_replaced_without_a_gap(client, sandbox, hook):
    fresh = sandbox.ctl("webhooks/roll", endpoint=hook.id)["secret"]
    client.v1.customers.create({})
    hook.wait("customer.created")
    call = hook.calls[-1]
    assert stripe.Webhook.construct_event(call.body, call.headers["stripe-signature"], fresh)

    fresh = sandbox.ctl("webhooks/roll", endpoint=hook.id, keep_old=False)["secret"]
    client.v1.customers.create({})
    call = hook.next()
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(call.body, call.headers["stripe-signature"], hook.secret)
    assert stripe.Webhook.construct_event(call.body, call.headers["stripe-signature"], fresh)


@pytest.mark.parametrize(
    "odd",
    [{"livemode": True}, {"api_version": "2030-01-01.later"}, {"account": "acct_somebody_else"}],
    ids=["livemode", "another version", "another account"],
)
def test_an_event_can_be_made_up(client, sandbox, hook, customer, odd):
    done = paid(client, customer.id)
    hook.wait("payment_intent.succeeded")
    made = sandbox.ctl("events", type="payment_intent.succeeded", object=done.id, **odd)

    event = next(event for event in hook.wait("payment_intent.succeeded", 2) if event.id == made["id"])
    assert event.data.object.id == done.id
    assert {name: getattr(event, name) for name in odd} == odd


def test_events_are_listed_by_type_and_time_and_page_by_page(client):
    made = [client.v1.customers.create({"name": f"{number}"}).id for number in range(5)]
    client.v1.payment_intents.create({"amount": 500, "currency": "eur"})

    listed = client.v1.events.list({"types": ["customer.created", "customer.deleted"], "limit": 2})
    assert [event.data.object.id for event in listed.auto_paging_iter()] == made[::-1]
    assert len(client.v1.events.list({"created": {"gte": int(time.time()) - 60}}).data) == 6
    assert not client.v1.events.list({"created": {"gte": int(time.time()) + 60}}).data
    assert len(client.v1.events.list({"type": "payment_intent.*"}).data) == 1


def test_events_are_forgotten_after_thirty_days(client, sandbox):
    client.v1.customers.create({})
    event = client.v1.events.list().data[0]
    sandbox.ctl("clock", advance=31 * 86_400)
    assert not client.v1.events.list().data
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.events.retrieve(event.id)


def test_an_endpoint_can_be_switched_off(client, hook):
    client.v1.webhook_endpoints.update(hook.id, {"disabled": True})
    client.v1.customers.create({})
    assert hook.never("customer.created")
    listed = client.v1.webhook_endpoints.list().data
    assert [(each.id, each.status, getattr(each, "secret", None)) for each in listed] == [(hook.id, "disabled", None)]
