"""Answers have the shape the library declares: nothing it does not know, everything it calls certain."""

import types
from collections.abc import Iterator
from typing import Any, Union, get_args, get_origin

import pytest
import stripe

from tests.sandbox.stripe.orders import look, paid, session

#: What Stripe itself leaves out of a whole object, beside what is only written out by `expand` or after a deletion.
LEFT_OUT = {
    "checkout.session": {"line_items"},
    "payment_intent": {"hooks", "managed_payments", "payment_details", "payment_record"},
    "charge": {"authorization_code", "level3", "refunds", "transfer"},
    "refund": {"instructions_email"},
    "dispute": {"intended_submission_method"},
}


def differences(declared: Any, got: dict[str, Any], path: str, left_out: set[str] | None) -> Iterator[str]:
    known = {name: kind for name, kind in declared.__annotations__.items() if not name.isupper() and name[0] != "_"}
    yield from (f"{path}.{name} is not declared" for name in got.keys() - known.keys())
    for name in known.keys() - got.keys():
        if name not in left_out if left_out is not None else not _optional(known[name]):
            yield f"{path}.{name} is missing"
    inner = getattr(declared, "_inner_class_types", {})
    for name, value in got.items():
        for each in value if isinstance(value, list) else [value]:
            if name in inner and isinstance(each, dict):
                yield from differences(inner[name], each, f"{path}.{name}", None)


def _optional(kind: Any) -> bool:
    return "Optional" in str(kind) or "None" in str(kind) or (
        get_origin(kind) in {Union, types.UnionType} and type(None) in get_args(kind)
    )  # fmt: skip


@pytest.fixture
def shown(client, sandbox, customer) -> dict[str, tuple[Any, dict[str, Any]]]:
    """One of every kind of object, as the library read it."""
    ended = session(client, customer.id)
    sandbox.pay(ended.id)
    ended = look(client, ended.id, "line_items", "payment_intent.latest_charge.balance_transaction",
                 "payment_intent.payment_method").to_dict()  # fmt: skip
    intent, line = ended["payment_intent"], ended.pop("line_items")["data"][0]
    charge = intent["latest_charge"]
    refund = client.v1.refunds.create({"payment_intent": intent["id"], "amount": 100})
    sandbox.ctl("disputes", payment_intent=paid(client, customer.id).id)
    endpoint = client.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["payout.paid"]})
    client.v1.webhook_endpoints.delete(endpoint.id)
    plain = {
        "session": (stripe.checkout.Session, {**ended, "payment_intent": intent["id"]}),
        "intent": (stripe.PaymentIntent, {**intent, "latest_charge": "ch_1", "payment_method": "pm_1"}),
        "charge": (stripe.Charge, {**charge, "balance_transaction": "txn_1"}),
        "balance": (stripe.BalanceTransaction, charge["balance_transaction"]),
        "method": (stripe.PaymentMethod, intent["payment_method"]),
        "line": (stripe.LineItem, line),
        "price": (stripe.Price, line["price"]),
        "refund": (stripe.Refund, refund.to_dict()),
        "dispute": (stripe.Dispute, client.v1.disputes.list().data[0].to_dict()),
        "customer": (stripe.Customer, customer.to_dict()),
        "setup": (stripe.SetupIntent, client.v1.setup_intents.create({"customer": customer.id}).to_dict()),
        "endpoint": (stripe.WebhookEndpoint, endpoint.to_dict()),
        "event": (stripe.Event, client.v1.events.list().data[0].to_dict()),
    }
    return plain


def test_every_object_has_the_declared_shape(shown):
    found = [
        difference
        for name, (declared, got) in shown.items()
        for difference in differences(declared, got, name, LEFT_OUT.get(got["object"]))
    ]
    assert not found, "\n".join(found)


def test_a_failed_intent_tells_why_in_the_declared_shape(client, customer):
    with pytest.raises(stripe.CardError) as decline:
        paid(client, customer.id, token="pm_card_chargeDeclinedInsufficientFunds")
    intent = decline.value.error.payment_intent.to_dict()
    assert not list(differences(stripe.PaymentIntent, intent, "intent", LEFT_OUT["payment_intent"]))
    assert intent["last_payment_error"]["decline_code"] == "insufficient_funds"
    assert intent["last_payment_error"]["advice_code"] == "try_again_later"


def test_expanding_what_cannot_be_expanded_is_refused(client, customer):
    made = session(client, customer.id)
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        look(client, made.id, "currency")
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        look(client, made.id, "a.b.c.d.e")


def test_members_of_a_list_are_expanded_each(client, customer):
    paid(client, customer.id)
    listed = client.v1.payment_intents.list({"expand": ["data.latest_charge", "data.customer"]})
    assert listed.data[0].latest_charge.status == "succeeded"
    assert listed.data[0].customer.email == "ada@example.com"
