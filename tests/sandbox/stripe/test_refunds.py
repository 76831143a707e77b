"""Refunds: in parts, waiting, failing afterwards, from the dashboard."""

import pytest
import stripe

from tests.sandbox.stripe.orders import paid


def test_parts_are_counted_up_to_the_whole(client, customer, hook):
    done = paid(client, customer.id, 5_000)
    for amount in (1_000, 1_500):
        made = client.v1.refunds.create({"payment_intent": done.id, "amount": amount, "metadata": {"why": "test"}})
        assert (made.status, made.amount, made.charge) == ("succeeded", amount, done.latest_charge)
    charge = client.v1.charges.retrieve(done.latest_charge, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (2_500, False)
    assert [each.amount for each in charge.refunds.data] == [1_500, 1_000]

    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded") as refusal:
        client.v1.refunds.create({"payment_intent": done.id, "amount": 2_501})
    assert refusal.value.param == "amount"

    client.v1.refunds.create({"charge": done.latest_charge})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": done.id})
    assert refusal.value.code == "charge_already_refunded"
    totals = sorted(event.data.object.amount_refunded for event in hook.wait("charge.refunded", 3))
    assert totals == [1_000, 2_500, 5_000], "the charge counts together, a refund only itself"
    assert len(hook.wait("refund.created", 3)) == 3


def test_an_unpaid_intent_has_nothing_to_refund(client, customer):
    waiting = client.v1.payment_intents.create({"amount": 5000, "currency": "eur", "customer": customer.id})
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        client.v1.refunds.create({"payment_intent": waiting.id})


def test_some_cards_refund_later(client, customer, hook):
    done = paid(client, customer.id, token="pm_card_pendingRefund")
    made = client.v1.refunds.create({"payment_intent": done.id})
    assert made.status == "pending"

    assert hook.wait("refund.updated")[0].data.object.status == "succeeded"
    assert client.v1.refunds.retrieve(made.id).status == "succeeded"


def test_a_refund_can_fail_after_it_succeeded(client, customer, hook):
    done = paid(client, customer.id, token="pm_card_refundFail")
    made = client.v1.refunds.create({"payment_intent": done.id})
    assert made.status == "succeeded"

    failed = hook.wait("refund.failed")[0].data.object
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    charge = client.v1.charges.retrieve(done.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (0, False), "the money can be given back another way"


@pytest.mark.parametrize("status", ["succeeded", "failed", "canceled"])
def test_refunds_wait_for_their_end_when_told_to(client, sandbox, customer, hook, status):
    sandbox.ctl("settings", refunds="on_demand")
    done = paid(client, customer.id)
    made = client.v1.refunds.create({"payment_intent": done.id, "amount": 2_000})
    assert (made.status, made.pending_reason) == ("pending", "processing")

    sandbox.ctl(f"refunds/{made.id}", status=status)

    assert client.v1.refunds.retrieve(made.id).status == status
    left = client.v1.charges.retrieve(done.latest_charge).amount_refunded
    assert left == (2_000 if status == "succeeded" else 0)
    hook.wait("charge.refund.updated")


def test_a_refund_from_the_dashboard_belongs_to_no_request(client, sandbox, customer, hook):
    done = paid(client, customer.id)
    made = sandbox.ctl("refunds", payment_intent=done.id, amount=700)

    event = hook.wait("refund.created")[0]
    assert event.data.object.id == made["id"]
    assert (event.request.id, event.request.idempotency_key) == (None, None)


def test_refunds_are_found_by_their_payment(client, customer):
    first, second = paid(client, customer.id), paid(client, customer.id)
    ids = [client.v1.refunds.create({"payment_intent": each.id, "amount": 100}).id for each in (first, second)]

    assert [each.id for each in client.v1.refunds.list({"payment_intent": first.id}).data] == ids[:1]
    assert [each.id for each in client.v1.refunds.list({"charge": second.latest_charge}).data] == ids[1:]
