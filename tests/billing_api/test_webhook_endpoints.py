"""Where an operator's own systems hear of billing: endpoints, and the log of what was sent there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import select

from app.kernel.events import BILLING_TYPES
from app.kernel.tables import outbox
from tests.billing_api.conftest import BillingServer

if TYPE_CHECKING:
    from flexprice import Flexprice

NOTED = ("created", "updated", "deleted")
URL = "https://hooks.example.com/billing"


@pytest.fixture
def endpoint(http: httpx.Client) -> dict[str, Any]:
    chosen = ["wallet.created", "invoice.update.finalized"]
    answer = http.post("/webhooks/endpoints", json={"url": URL, "event_types": chosen})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_an_endpoint_is_made_changed_and_taken_off(http: httpx.Client, endpoint: dict[str, Any]) -> None:
    assert endpoint["secret"].startswith("whsec_")
    address = f"/webhooks/endpoints/{endpoint['id']}"
    assert "secret" not in http.get(address).json()
    assert set(http.get(address).json()["event_types"]) == {"wallet.created", "invoice.update.finalized"}
    changed = http.put(address, json={"event_types": list(BILLING_TYPES), "enabled": False}).json()
    assert (changed["event_types"], changed["enabled"]) == ([], False)
    assert http.post(f"{address}/rotate").json()["secret"] != endpoint["secret"]
    assert http.delete(address).status_code == 204
    assert http.get(address).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"url": "http://169.254.169.254/latest"}, id="an address inside"),
        pytest.param({"url": URL, "event_types": ["generation.completed"]}, id="an event of customers"),
        pytest.param({}, id="no address"),
    ],
)
def test_what_is_refused(http: httpx.Client, body: dict[str, Any]) -> None:
    answer = http.post("/webhooks/endpoints", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")


def test_a_test_event_can_be_looked_at_and_sent_again(http: httpx.Client, endpoint: dict[str, Any]) -> None:
    sent = http.post(f"/webhooks/endpoints/{endpoint['id']}/test").json()
    opened = http.get(f"/webhooks/events/{sent['id']}").json()
    assert (opened["event_type"], json.loads(opened["body"])["event_type"]) == ("webhook.test", "webhook.test")
    again = http.post("/webhooks/retry", json={"id": sent["id"]}).json()
    assert (again["message_id"], again["replay"]) == (sent["message_id"], 1)
    listed = http.get("/webhooks/events", params={"endpoint_id": endpoint["id"]}).json()["items"]
    assert [one["id"] for one in listed] == [again["id"], sent["id"]]


def test_a_wallet_is_announced_with_its_transactions(
    sdk: Flexprice, billing_server: BillingServer, endpoint: dict[str, Any]
) -> None:
    customer = sdk.customers.create_customer(external_id="announced", name="A").id
    made = sdk.wallets.create_wallet(customer_id=customer, currency="USD", initial_credits_to_load="5")
    with billing_server.db.read() as connection:
        rows = connection.execute(select(outbox.c.payload).where(outbox.c.topic == "billing").order_by(outbox.c.id))
        told = [row for row in rows.scalars() if made.id in json.dumps(row)]
    assert [one["type"] for one in told] == [
        "wallet.created", "wallet.transaction.created", "wallet.ongoing_balance.updated",
    ]  # fmt: skip
    assert told[0]["data"]["wallet"]["credit_balance"] == "0"
    assert told[1]["data"]["transaction"]["credit_amount"] == "5"


def test_what_happens_to_customers_and_subscriptions_is_announced(
    http: httpx.Client, sdk: Flexprice, billing_server: BillingServer
) -> None:
    assert http.post("/webhooks/endpoints", json={"url": URL}).status_code == 201
    plan = sdk.plans.create_plan(name="Announced").id or ""
    customer = sdk.customers.create_customer(external_id="told", name="T").id
    made = sdk.subscriptions.create_subscription(
        customer_id=customer, plan_id=plan, currency="USD", billing_period="MONTHLY",
    )  # fmt: skip
    topup = {"enabled": True, "threshold": 1.5, "amount": 10.25}
    asked = {"customer_id": customer, "currency": "USD", "auto_topup": topup}
    assert http.post("/wallets", json=asked).status_code == 200
    with billing_server.db.read() as connection:
        rows = connection.execute(select(outbox.c.payload).where(outbox.c.topic == "billing").order_by(outbox.c.id))
        told = [row["type"] for row in rows.scalars() if str(customer) in json.dumps(row)]
    assert {"customer.created", "subscription.created", "wallet.created"} <= set(told)
    assert made.id


def test_every_event_that_is_offered_is_sent_somewhere() -> None:
    source = "".join(path.read_text() for path in Path("app").rglob("*.py") if path != Path("app/kernel/events.py"))
    shelves = {f"{thing}.{what}" for thing in ("customer", "feature", "entitlement") for what in NOTED}
    assert [type_ for type_ in BILLING_TYPES if type_ not in shelves and f'"{type_}"' not in source] == []
