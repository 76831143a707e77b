"""The control page: the world's accidents on demand, and sentences for what it does not know."""

import pytest
import stripe

from tests.sandbox.stripe.orders import look, paid, session


def test_it_shows_what_there_is(sandbox, hook):
    shown = sandbox.look()
    assert shown["settings"] == {"settle_debits": "by_itself", "refunds": "by_itself"}
    assert hook.secret in shown["endpoints"][-1]["secrets"]
    assert "insufficient_funds" in shown["behaviours"]


def test_a_session_can_be_tampered_with(client, sandbox):
    made = session(client)
    sandbox.ctl(f"objects/{made.id}", amount_total=1, currency="jpy", livemode=True)
    seen = look(client, made.id)
    assert (seen.amount_total, seen.currency, seen.livemode) == (1, "jpy", True)


def test_the_book_adds_up(client, sandbox, customer):
    paid(client, customer.id, 3_000)
    client.v1.refunds.create({"payment_intent": paid(client, customer.id, 2_000).id, "amount": 500})
    with pytest.raises(stripe.CardError):
        paid(client, customer.id, 9_000, "pm_card_chargeDeclined")
    assert sandbox.look("book")["book"] == {"eur": {"charges": 2, "charged": 5_000, "refunded": 500, "disputed": 0}}


def test_requests_are_remembered(client, sandbox):
    client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    client.v1.customers.create({"name": "A"}, {"idempotency_key": "k1"})
    seen = sandbox.look("requests", path="/v1/customers")["requests"]
    assert [(each["method"], each["key"], each["status"], each["replayed"]) for each in seen] == [
        ("POST", "k1", 200, 0),
        ("POST", "k1", 200, 1),
    ]


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("fail", {"fault": "earthquake"}),
        ("fail", {"fault": "500", "times": 0}),
        ("settings", {"refunds": "never"}),
        ("settings", {"weather": "fine"}),
        ("webhooks", {"signature": "illegible"}),
        ("webhooks", {"colour": "red"}),
        ("webhooks/release", {"order": "random"}),
        ("objects/cus_nobody", {"name": "x"}),
        ("clock", {}),
    ],
)
def test_what_it_does_not_know_it_says(sandbox, path, given):
    answer = sandbox.http.post(f"{sandbox.url}/_ctl/{path}", json=given)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_closed_session_cannot_be_paid_again(client, sandbox):
    made = session(client)
    sandbox.pay(made.id)
    answer = sandbox.http.post(f"{sandbox.url}/_ctl/checkout/{made.id}/pay", json={})
    assert (answer.status_code, answer.json()["error"]) == (400, f"{made.id} is complete")


def test_forgetting_everything_keeps_the_endpoints(client, sandbox, hook):
    customer = client.v1.customers.create({})
    sandbox.ctl("clock", advance=86_400)
    sandbox.ctl("reset")

    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.retrieve(customer.id)
    assert [each.id for each in client.v1.webhook_endpoints.list().data] == [hook.id]
    assert sandbox.look()["ahead_seconds"] == 0
