"""Disputes: the money goes away, and perhaps comes back."""

import pytest
import stripe

from tests.sandbox.stripe.orders import paid


def dispute(sandbox, intent, **facts):
    return sandbox.ctl("disputes", payment_intent=intent.id, **facts)


def away(client, dispute_id: str) -> int:
    """What the dispute has taken from the balance, fees apart."""
    return sum(line.amount for line in client.v1.disputes.retrieve(dispute_id).balance_transactions)


def test_a_dispute_takes_the_money_and_forbids_a_refund(client, sandbox, customer, hook):
    done = paid(client, customer.id, 5_000)
    made = dispute(sandbox, done, reason="product_not_received")

    assert (made["status"], made["amount"], made["is_charge_refundable"]) == ("needs_response", 5_000, False)
    assert away(client, made["id"]) == -5_000
    assert client.v1.charges.retrieve(done.latest_charge).disputed
    hook.wait("charge.dispute.created")
    hook.wait("charge.dispute.funds_withdrawn")
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": done.id})
    assert refusal.value.code == "charge_disputed"


@pytest.mark.parametrize(("status", "left"), [("won", 0), ("lost", -5_000)])
def test_the_bank_decides(client, sandbox, customer, hook, status, left):
    made = dispute(sandbox, paid(client, customer.id, 5_000))
    sandbox.ctl(f"disputes/{made['id']}", status=status)

    assert hook.wait("charge.dispute.closed")[0].data.object.status == status
    assert away(client, made["id"]) == left
    reinstated = hook.events("charge.dispute.funds_reinstated")
    assert bool(reinstated) == (status == "won")


def test_an_inquiry_takes_nothing(client, sandbox, customer, hook):
    done = paid(client, customer.id)
    made = dispute(sandbox, done, status="warning_needs_response")

    assert away(client, made["id"]) == 0
    assert client.v1.refunds.create({"payment_intent": done.id, "amount": 100}).status == "succeeded"
    sandbox.ctl(f"disputes/{made['id']}", status="warning_closed")
    assert hook.wait("charge.dispute.closed")[0].data.object.status == "warning_closed"
    assert not hook.events("charge.dispute.funds_withdrawn")


def test_an_appeal_takes_the_money_again(client, sandbox, customer):
    made = dispute(sandbox, paid(client, customer.id, 5_000))
    balances = []
    for status in ("won", "appeal_needs_response", "won"):
        sandbox.ctl(f"disputes/{made['id']}", status=status)
        balances.append(away(client, made["id"]))
    assert balances == [0, -5_000, 0]


@pytest.mark.parametrize(("evidence", "ends"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_the_magic_words_decide_at_once(client, sandbox, customer, evidence, ends):
    made = dispute(sandbox, paid(client, customer.id))
    answered = client.v1.disputes.update(made["id"], {"evidence": {"uncategorized_text": evidence}})
    assert answered.status == ends


def test_giving_in_loses_and_can_be_done_once(client, sandbox, customer):
    made = dispute(sandbox, paid(client, customer.id))
    assert client.v1.disputes.close(made["id"]).status == "lost"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        client.v1.disputes.close(made["id"])


def test_evidence_may_be_kept_back(client, sandbox, customer):
    made = dispute(sandbox, paid(client, customer.id))
    text = {"uncategorized_text": "a receipt"}
    assert client.v1.disputes.update(made["id"], {"evidence": text, "submit": False}).status == "needs_response"
    assert client.v1.disputes.update(made["id"], {"evidence": text}).status == "under_review"


def test_a_status_nobody_knows_yet_can_be_played(client, sandbox, customer):
    made = dispute(sandbox, paid(client, customer.id))
    sandbox.ctl(f"disputes/{made['id']}", status="mediation_started")
    assert client.v1.disputes.retrieve(made["id"]).status == "mediation_started"


def test_a_part_of_a_charge_can_be_disputed(client, sandbox, customer):
    made = dispute(sandbox, paid(client, customer.id, 5_000), amount=1_200)
    assert away(client, made["id"]) == -1_200
    assert sandbox.look("book")["book"]["eur"] == {"charges": 1, "charged": 5_000, "refunded": 0, "disputed": 1_200}
