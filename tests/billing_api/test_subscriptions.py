"""Subscriptions, invoices, payments and credit notes through the official SDK."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import select

from app.kernel import clock
from app.kernel.tables import outbox
from app.metering.apart import Apart
from app.metering.events import read_event
from app.metering.ingest import Ingest
from tests.billing_api.conftest import BillingServer
from tests.support.late import Late

sdk_errors = Late("flexprice.models.errors")

if TYPE_CHECKING:
    from flexprice import Flexprice

_numbers = count(1)
PAYMENT = {
    "amount": "1", "currency": "usd", "destination_id": "inv_none", "destination_type": "INVOICE",
    "payment_method_type": "OFFLINE",
}  # fmt: skip


pytestmark = pytest.mark.usefixtures("seller")


@pytest.fixture
def name() -> str:
    return f"subscriber-{next(_numbers)}"


@pytest.fixture
def plan(sdk: Flexprice, name: str) -> str:
    """20 dollars a month ahead, and 10 cents an image."""
    made = sdk.plans.create_plan(name=f"Plan of {name}", lookup_key=f"plan-{name}")
    feature = sdk.features.create_feature(
        name=f"Images of {name}", type_="metered",
        meter={"name": f"images {name}", "event_name": name, "reset_usage": "BILLING_PERIOD",
              "aggregation": {"type": "SUM", "field": "image_count"}},
    )  # fmt: skip
    shared: dict[str, Any] = {
        "currency": "usd", "entity_type": "PLAN", "entity_id": made.id, "price_unit_type": "FIAT",
        "billing_model": "FLAT_FEE", "billing_period": "MONTHLY", "billing_period_count": 1,
    }  # fmt: skip
    sdk.prices.create_price(**shared, type_="FIXED", amount="20", invoice_cadence="ADVANCE", display_name="Base")
    sdk.prices.create_price(
        **shared, type_="USAGE", amount="0.10", invoice_cadence="ARREAR", meter_id=feature.meter_id,
        display_name="Images",
    )  # fmt: skip
    return made.id or ""


@pytest.fixture
def subscribed(sdk: Flexprice, name: str, plan: str) -> Any:
    sdk.customers.create_customer(external_id=name, name=name, email=f"{name}@example.com")
    return sdk.subscriptions.create_subscription(
        external_customer_id=name, plan_id=plan, currency="usd", billing_period="MONTHLY",
        start_date=datetime.now(UTC) - timedelta(days=3), metadata={"who": name},
    )  # fmt: skip


def test_addons_are_taken_and_dropped(sdk: Flexprice, name: str, plan: str) -> None:
    made = sdk.addons.create_addon(name=f"Seats of {name}", lookup_key=f"seats-{name}")
    sdk.prices.create_price(
        currency="usd", entity_type="ADDON", entity_id=made.id, price_unit_type="FIAT", billing_model="FLAT_FEE",
        billing_period="MONTHLY", billing_period_count=1, type_="FIXED", amount="30", invoice_cadence="ADVANCE",
        display_name="Seats",
    )  # fmt: skip
    sdk.customers.create_customer(external_id=name, name=name)
    subscription = sdk.subscriptions.create_subscription(
        external_customer_id=name, plan_id=plan, currency="usd", billing_period="MONTHLY",
        start_date=datetime.now(UTC) - timedelta(days=3), addons=[{"addon_id": made.id}],
    )  # fmt: skip
    assert {line.display_name: line.entity_type for line in subscription.line_items or []} == {
        "Base": "plan", "Images": "plan", "Seats": "addon",
    }  # fmt: skip
    (first,) = sdk.invoices.query_invoice(subscription_id=subscription.id).items or []
    assert first.total == "50"
    more = sdk.subscriptions.add_subscription_addon(addon_id=made.id, subscription_id=subscription.id)
    assert (more.addon_id, more.addon_status) == (made.id, "active")
    assert more.invoice is not None
    with pytest.raises(sdk_errors.FlexpriceError):
        sdk.subscriptions.add_subscription_addon(
            addon_id=made.id, subscription_id=subscription.id, coupons=[{"coupon_code": "X"}]
        )
    sdk.subscriptions.remove_subscription_addon(addon_association_id=more.id, reason="enough")
    found = sdk.subscriptions.get_subscription_addon_associations(id=subscription.id).items or []
    assert sorted((each.addon_status, each.cancellation_reason) for each in found) == [
        ("active", None), ("cancelled", "enough"),
    ]  # fmt: skip
    with pytest.raises(sdk_errors.FlexpriceError):
        sdk.addons.delete_addon(id=made.id or "")


def used(server: BillingServer, name: str, images: int) -> None:
    given = {
        "event_name": name, "external_customer_id": name,
        "timestamp": (datetime.now(UTC) - timedelta(hours=30)).isoformat(), "properties": {"image_count": images},
    }  # fmt: skip
    event = read_event(given, clock.now(), f"{name}-{next(_numbers)}", Apart(frozenset({"image_count"})))
    Ingest(server.db, clock.now).accept([event])


def test_a_subscription_is_made_and_found(sdk: Flexprice, subscribed: Any, name: str) -> None:
    assert (subscribed.subscription_status, subscribed.currency, subscribed.metadata) == (
        "active",
        "usd",
        {"who": name},
    )
    assert [(line.display_name, line.price_type) for line in subscribed.line_items] == [
        ("Base", "FIXED"),
        ("Images", "USAGE"),
    ]
    assert sdk.subscriptions.get_subscription(id=subscribed.id).id == subscribed.id
    assert sdk.subscriptions.get_subscription_v2(id=subscribed.id).plan_id == subscribed.plan_id
    found = sdk.subscriptions.query_subscription(external_customer_id=name, subscription_status=["active"])
    assert [each.id for each in found.items or []] == [subscribed.id]
    mine = sdk.customers.get_subscriptions_for_customer(external_id=name)
    assert [each.id for each in mine.items or []] == [subscribed.id]
    lines = sdk.subscriptions.query_subscription_line_items(subscription_ids=[subscribed.id])
    assert len(lines.items or []) == 2
    synced = sdk.plans.sync_plan_prices(id=subscribed.plan_id)
    assert synced.message == "0 subscriptions brought up to date."


def test_usage_and_preview(sdk: Flexprice, billing_server: BillingServer, subscribed: Any, name: str) -> None:
    used(billing_server, name, 25)
    usage = sdk.subscriptions.get_subscription_usage(subscription_id=subscribed.id)
    assert (usage.amount, usage.display_amount) == (2.5, "2.50 USD")
    assert [(charge.quantity, charge.amount) for charge in usage.charges or []] == [(25, 2.5)]
    preview = sdk.invoices.get_invoice_preview(subscription_id=subscribed.id)
    assert (preview.subtotal, preview.total, preview.invoice_status) == ("22.5", "22.5", "DRAFT")
    assert [(line.display_name, line.amount) for line in preview.line_items or []] == [
        ("Images", "2.5"),
        ("Base", "20"),
    ]
    nothing = sdk.invoices.get_invoice_preview(
        subscription_id=subscribed.id, period_start=datetime.now(UTC) - timedelta(hours=1),
        period_end=datetime.now(UTC), hide_zero_charges_line_items=True,
    )  # fmt: skip
    assert (nothing.total, nothing.line_items) == ("0", [])


def test_an_invoice_is_finalised_paid_and_credited(sdk: Flexprice, http: httpx.Client, subscribed: Any) -> None:
    (draft,) = sdk.invoices.query_invoice(subscription_id=subscribed.id).items or []
    assert (draft.invoice_status, draft.total, draft.billing_reason) == ("DRAFT", "20", "SUBSCRIPTION_CREATE")
    sdk.invoices.recalculate_invoice(id=draft.id or "")
    assert sdk.invoices.recalculate_invoice_v2(id=draft.id or "", finalize=False).total == "20"
    sdk.invoices.finalize_invoice(id=draft.id or "")
    sdk.invoices.finalize_invoice(id=draft.id or "")
    done = sdk.invoices.get_invoice(id=draft.id or "")
    assert (done.invoice_status, done.payment_status, (done.invoice_number or "")[:3]) == (
        "FINALIZED",
        "PENDING",
        "EX-",
    )
    assert http.get(f"/invoices/{draft.id}/pdf").content.startswith(b"%PDF")
    paid = sdk.payments.create_payment(
        amount="15", currency="usd", destination_id=draft.id or "", destination_type="INVOICE",
        payment_method_type="OFFLINE", process_payment=True, idempotency_key=f"part-{draft.id}",
    )  # fmt: skip
    again = http.post(
        "/payments",
        json={
            "amount": "15", "currency": "usd", "destination_id": draft.id, "destination_type": "INVOICE",
            "payment_method_type": "OFFLINE", "idempotency_key": f"part-{draft.id}",
        },
    )  # fmt: skip
    assert (paid.payment_status, again.json()["id"]) == ("SUCCEEDED", paid.id)
    wanted: list[dict[str, Any]] = [{"payment_ids": [paid.id or ""]}, {"payment_ids": ["pay_none"]},
                                    {"destination_id": draft.id, "currency": "usd"}, {"currency": "eur"}]  # fmt: skip
    assert [len(sdk.payments.list_payments(**wish).items or []) for wish in wanted] == [1, 0, 1, 0]
    part: list[Any] = [{"invoice_line_item_id": (done.line_items or [])[0].id, "amount": "2"}]
    less = sdk.credit_notes.create_credit_note(
        invoice_id=draft.id or "", reason="BILLING_ERROR", memo="Too much",
        line_items=part,
    )  # fmt: skip
    assert (less.credit_note_type, less.credit_note_status, less.total_amount) == ("ADJUSTMENT", "FINALIZED", "2")
    assert sdk.invoices.get_invoice(id=draft.id or "").amount_remaining == "3"
    sdk.invoices.update_invoice_payment_status(id=draft.id or "", payment_status="SUCCEEDED")
    back = sdk.credit_notes.create_credit_note(
        invoice_id=draft.id or "", reason="SERVICE_ISSUE", process_credit_note=False, line_items=[],
    )  # fmt: skip
    assert (back.credit_note_type, back.credit_note_status, back.total_amount) == ("REFUND", "DRAFT", "18")
    assert sdk.credit_notes.void_credit_note(id=back.id or "").credit_note_status == "VOIDED"
    summary = sdk.invoices.get_customer_invoice_summary(id=subscribed.customer_id)
    assert [(each.currency, each.total_unpaid_amount) for each in summary.summaries or []] == [("usd", "0")]


def test_pause_resume_change_cancel(sdk: Flexprice, subscribed: Any) -> None:
    paused = sdk.subscriptions.pause_subscription(id=subscribed.id, reason="holiday")
    assert paused.pause is not None
    assert paused.subscription is not None
    assert (paused.subscription.subscription_status, paused.pause.pause_status) == ("paused", "active")
    resumed = sdk.subscriptions.resume_subscription(id=subscribed.id)
    assert resumed.subscription is not None
    assert resumed.subscription.subscription_status == "active"
    big = sdk.plans.create_plan(name="Big")
    sdk.prices.create_price(
        currency="usd", entity_type="PLAN", entity_id=big.id or "", price_unit_type="FIAT", billing_model="FLAT_FEE",
        billing_period="MONTHLY", type_="FIXED", amount="50", invoice_cadence="ADVANCE",
    )  # fmt: skip
    wish: dict[str, Any] = {
        "id": subscribed.id, "target_plan_id": big.id, "billing_period": "MONTHLY", "billing_cycle": "anniversary",
        "billing_cadence": "RECURRING", "proration_behavior": "create_prorations",
    }  # fmt: skip
    seen = sdk.subscriptions.preview_subscription_change(**wish)
    done = sdk.subscriptions.execute_subscription_change(**wish)
    assert (seen.change_type, done.change_type, done.is_scheduled) == ("upgrade", "upgrade", False)
    assert done.proration_applied is not None
    assert float(done.proration_applied.net_amount or 0) > 0
    later = sdk.subscriptions.cancel_subscription(id=subscribed.id, cancellation_type="end_of_period")
    assert later.status == "active"
    ended = sdk.subscriptions.cancel_subscription(
        id=subscribed.id, cancellation_type="immediate", proration_behavior="create_prorations", reason="enough"
    )
    assert ended.status == "cancelled"
    with pytest.raises((sdk_errors.ErrorResponse, sdk_errors.FlexpriceDefaultError)):
        sdk.subscriptions.pause_subscription(id=subscribed.id)


def test_an_invoice_of_ones_own(sdk: Flexprice, name: str) -> None:
    customer = sdk.customers.create_customer(external_id=name, name=name)
    items: list[Any] = [{"amount": "30", "quantity": "2", "display_name": "Consulting"}]
    made = sdk.invoices.create_invoice(
        customer_id=customer.id or "", currency="usd", subtotal="30", total="30", amount_due="30",
        invoice_type="ONE_OFF", idempotency_key=name,
        line_items=items,
    )  # fmt: skip
    assert (made.invoice_status, made.invoice_type, made.total) == ("DRAFT", "ONE_OFF", "30")
    sdk.invoices.void_invoice(id=made.id or "")
    assert sdk.invoices.get_invoice(id=made.id or "").invoice_status == "VOIDED"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        pytest.param("/subscriptions", {"plan_id": "plan_none", "external_customer_id": "nobody"}, 404, id="nobody"),
        pytest.param("/subscriptions", {}, 400, id="nothing said"),
        pytest.param("/subscriptions/subs_none/cancel", {"cancellation_type": "immediate"}, 404, id="no subscription"),
        pytest.param("/invoices/preview", {"subscription_id": "subs_none"}, 404, id="no preview"),
        pytest.param("/invoices/inv_none/finalize", {}, 404, id="no invoice"),
        pytest.param("/payments", {**PAYMENT, "amount": "x"}, 400, id="an amount that is none"),
        pytest.param("/payments", {**PAYMENT, "amount": "10.001"}, 400, id="an amount finer than a cent"),
        pytest.param("/payments", {**PAYMENT, "amount": "1e30"}, 400, id="an amount beyond all accounts"),
        pytest.param("/payments", {**PAYMENT, "currency": "xqq"}, 400, id="a currency nobody knows"),
        pytest.param("/creditnotes", {"invoice_id": "inv_none", "reason": "DUPLICATE"}, 404, id="no invoice to credit"),
        pytest.param("/creditnotes", {"invoice_id": "inv_none", "reason": "WHY NOT"}, 400, id="no such reason"),
    ],
)  # fmt: skip
def test_refusals(http: httpx.Client, path: str, body: dict[str, Any], status: int) -> None:
    answer = http.post(path, json=body)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "message", "http_status_code", "details"}


def test_paying_afterwards_is_agreed_and_ended(http: httpx.Client, sdk: Flexprice, name: str) -> None:
    customer = sdk.customers.create_customer(external_id=name, name=name)
    where = f"/customers/{customer.id}/postpaid"
    before = http.get(where).json()
    assert (before["active"], before["suggested_limit"]) == (False, "0")
    assert before["suggested_because"] == ["Here for 0 days: three complete months are looked at first."]
    agreed = http.put(where, json={"currency": "eur", "credit_price": "0.01", "credit_limit": "5000", "net_days": 14})
    assert (agreed.status_code, agreed.json()["credit_limit"], agreed.json()["active"]) == (200, "5000", True)
    for wrong in ({"credit_price": "0"}, {"credit_limit": "1e20"}, {"currency": "xqq"}):
        wish = {"currency": "eur", "credit_price": "0.01", "credit_limit": "1", **wrong}
        assert http.put(where, json=wish).status_code == 400
    ended = http.delete(where).json()
    assert (ended["active"], ended["credit_limit"], ended["owed"]) == (False, "0", "0")
    assert http.post("/invoices/inv_none/write-off").status_code == 404


def test_who_gives_credit_may_change_wallets(billing_server: BillingServer, sdk: Flexprice, name: str) -> None:
    where = f"/customers/{sdk.customers.create_customer(external_id=name, name=name).id}/postpaid"
    with billing_server.http(billing_server.key("invoices:write", "wallets:read")) as dunning:
        assert dunning.get(where).status_code == 200
        wish = {"currency": "eur", "credit_price": "0.01", "credit_limit": "5000"}
        assert (dunning.put(where, json=wish).status_code, dunning.delete(where).status_code) == (403, 403)


def test_who_gives_credits_with_a_subscription_may_change_wallets(
    billing_server: BillingServer, subscribed: Any, name: str
) -> None:
    wish = {"customer_id": subscribed.customer_id, "plan_id": subscribed.plan_id, "currency": "usd",
            "billing_period": "MONTHLY"}  # fmt: skip
    gift = {"credit_grants": [{"name": "Gift", "scope": "SUBSCRIPTION", "credits": "5", "cadence": "ONETIME"}]}
    scopes = ("subscriptions:write", "wallets:read"), ("subscriptions:write", "wallets:write")
    for scope, answers in zip(scopes, ([201, 403], [201, 201]), strict=True):
        with billing_server.http(billing_server.key(*scope)) as client:
            asked = (wish, {**wish, **gift})
            assert [client.post("/subscriptions", json=body).status_code for body in asked] == answers


def test_who_gives_credits_with_a_credit_note_may_change_wallets(
    billing_server: BillingServer, sdk: Flexprice, subscribed: Any, seller: None
) -> None:
    (draft,) = sdk.invoices.query_invoice(subscription_id=subscribed.id).items or []
    sdk.invoices.finalize_invoice(id=draft.id or "")
    sdk.invoices.update_invoice_payment_status(id=draft.id or "", payment_status="SUCCEEDED")
    asked = {"invoice_id": draft.id, "reason": "SERVICE_ISSUE"}
    with billing_server.http(billing_server.key("invoices:write", "wallets:read")) as client:
        assert client.post("/creditnotes", json=asked).status_code == 403
        noted = client.post("/creditnotes", json={**asked, "process_credit_note": False}).json()["id"]
        assert client.post(f"/creditnotes/{noted}/finalize").status_code == 403
        assert client.get(f"/creditnotes/{noted}").json()["credit_note_status"] == "DRAFT"
        where = f"/customers/{subscribed.customer_id}/wallets"
        assert not any(float(wallet["balance"]) for wallet in client.get(where).json())
        back = {"refund_target": "BACK_TO_SOURCE"}
        assert client.post(f"/creditnotes/{noted}/finalize", json=back).status_code == 200  # money, not credits


def test_an_end_lies_ahead(http: httpx.Client, subscribed: Any) -> None:
    where = f"/subscriptions/{subscribed.id}"
    assert http.put(where, json={"cancel_at": "2020-01-01T00:00:00Z"}).status_code == 400
    assert http.put(where, json={"cancel_at": "2999-01-01T00:00:00Z"}).status_code == 200


def test_an_invoice_is_announced_from_its_draft_to_its_payment(
    sdk: Flexprice, http: httpx.Client, billing_server: BillingServer, subscribed: Any
) -> None:
    assert http.post("/webhooks/endpoints", json={"url": "https://hooks.example.com/invoices"}).status_code == 201
    asked = {"customer_id": subscribed.customer_id, "currency": "usd", "amount_due": "7", "billing_reason": "MANUAL",
             "line_items": [{"display_name": "Setup", "amount": "7", "quantity": "1"}]}  # fmt: skip
    made = http.post("/invoices", json=asked)
    assert made.status_code == 201, made.text
    invoice = made.json()["id"]
    sdk.invoices.finalize_invoice(id=invoice)
    paid = {"amount": "7", "currency": "usd", "destination_id": invoice, "destination_type": "INVOICE",
            "payment_method_type": "OFFLINE"}  # fmt: skip
    payment = http.post("/payments", json=paid).json()["id"]
    http.post(f"/payments/{payment}/process")
    with billing_server.db.read() as connection:
        rows = connection.execute(select(outbox.c.payload).where(outbox.c.topic == "billing").order_by(outbox.c.id))
        told = [row["type"] for row in rows.scalars() if invoice in json.dumps(row)]
    assert sorted(told) == [
        "invoice.create.drafted", "invoice.update.finalized", "invoice.update.payment", "payment.created",
        "payment.success",
    ]  # fmt: skip


def test_credits_pay(sdk: Flexprice, http: httpx.Client, subscribed: Any) -> None:
    (draft,) = sdk.invoices.query_invoice(subscription_id=subscribed.id).items or []
    sdk.invoices.finalize_invoice(id=draft.id or "")
    wish: dict[str, Any] = {
        "amount": "20", "currency": "usd", "destination_id": draft.id, "destination_type": "INVOICE",
        "payment_method_type": "CREDITS",
    }  # fmt: skip
    assert http.post("/payments", json=wish).status_code == 400
    sdk.wallets.create_wallet(customer_id=subscribed.customer_id, currency="usd", initial_credits_to_load="20")
    assert sdk.payments.create_payment(**wish).payment_status == "SUCCEEDED"
    assert sdk.invoices.get_invoice(id=draft.id or "").payment_status == "SUCCEEDED"
