"""Operations of the SDK beside the great ones: who has which coupon, what usage costs, paying at once, calling off."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from flexprice import Flexprice

EVERY: dict[str, Any] = {
    "currency": "usd", "billing_period": "MONTHLY", "billing_period_count": 1, "price_unit_type": "FIAT",
    "billing_model": "FLAT_FEE", "invoice_cadence": "ARREAR",
}  # fmt: skip


@pytest.fixture(scope="module")
def studio(sdk: "Flexprice") -> Any:
    """A customer on a plan, with a coupon on the whole and one on a price."""
    plan = sdk.plans.create_plan(name="Small", lookup_key="small")
    price = {**EVERY, "entity_type": "PLAN", "entity_id": plan.id, "type": "USAGE", "meter_id": "meter_img_count"}
    made = sdk.prices.create_prices_bulk(items=[{**price, "amount": "0.50"}])
    for code in ("WHOLE", "PART"):
        sdk.coupons.create_coupon(name=code, coupon_code=code, type_="percentage", percentage_off="10", cadence="once")
    customer = sdk.customers.create_customer(external_id="small", name="Small")
    sdk.subscriptions.create_subscription(
        customer_id=customer.id, plan_id=plan.id, currency="usd", billing_period="MONTHLY", coupons=["WHOLE"],
        line_item_coupons={made.items[0].id: ["PART"]}, start_date=datetime.now(UTC) - timedelta(days=3),
    )  # fmt: skip
    return customer


def test_coupons_on_subscriptions(sdk: "Flexprice", studio: Any) -> None:
    (made,) = sdk.subscriptions.query_subscription(customer_id=studio.id).items
    found = sdk.coupon_associations.list_coupon_associations(subscription_ids=[made.id], expand="coupon")
    assert sorted(each.coupon.coupon_code for each in found.items) == ["PART", "WHOLE"]
    whole = sdk.coupons.get_coupon_by_code(code="WHOLE")
    (one,) = sdk.coupon_associations.list_coupon_associations(coupon_ids=[whole.id], active_only=True).items
    assert sdk.coupon_associations.get_coupon_association(id=one.id).coupon.id == whole.id
    sdk.subscriptions.update_subscription(id=made.id, cancel_at_period_end=True)
    waiting = sdk.subscriptions.list_all_subscription_schedules(pending_only=True).schedules
    assert [each.subscription_id for each in waiting] == [made.id]
    sdk.subscriptions.update_subscription(id=made.id, cancel_at_period_end=False)


def test_what_usage_costs_beside_what_it_comes_to(sdk: "Flexprice", http: httpx.Client, studio: Any) -> None:
    now = datetime.now(UTC)
    asked = {"external_customer_id": "small", "start_time": (now - timedelta(days=2)).isoformat()}
    assert http.post("/costs/analytics", json=asked).status_code == 404, "there is no sheet"
    sheet = sdk.costs.create_costsheet(name="Costs", lookup_key="costs").costsheet
    sdk.prices.create_price(
        **EVERY, entity_type="COSTSHEET", entity_id=sheet.id, type_="USAGE", meter_id="meter_img_count", amount="0.20",
        filter_values={"model": ["dall-e-3"]}, start_date=now - timedelta(days=3),
    )  # fmt: skip
    for event_id, model in (("a", "dall-e-3"), ("b", "dall-e-3"), ("c", "other")):
        sdk.events.ingest_event(
            event_name="image_generated", external_customer_id="small", event_id=f"small-{event_id}",
            properties={"model": model, "image_count": "5"}, timestamp=(now - timedelta(days=1)).isoformat(),
        )  # fmt: skip
    found = sdk.costs.get_detailed_cost_analytics(
        external_customer_id="small", start_time=now - timedelta(days=2), end_time=now, expand=["meter", "price"]
    )
    assert (found.total_revenue, found.total_cost, found.margin) == ("7.5", "2", "5.5")
    assert (found.margin_percent, found.roi, found.roi_percent) == ("73.333333333333", "2.75", "275")
    (line,) = found.cost_analytics
    assert (line.total_quantity, line.total_events, line.meter.id) == ("10", 2, "meter_img_count")
    refused = http.post("/costs/analytics", json=asked | {"property_filters": {"model": ["x"]}})
    assert refused.json()["details"] == {"code": "not_served", "param": "property_filters"}


@pytest.mark.usefixtures("seller")
def test_an_invoice_is_paid_with_credits_at_once_or_not_at_all(
    sdk: "Flexprice", http: httpx.Client, studio: Any
) -> None:
    wish = {
        "customer_id": studio.id, "currency": "usd", "invoice_type": "ONE_OFF", "billing_reason": "MANUAL",
        "line_items": [{"display_name": "Work", "quantity": "1", "amount": "10"}],
    }  # fmt: skip
    bill = http.post("/invoices", json=wish).json()["id"]
    assert http.post(f"/invoices/{bill}/comms/trigger").status_code == 400, "a draft"
    sdk.invoices.finalize_invoice(id=bill)
    sdk.invoices.trigger_invoice_comms_webhook(id=bill)
    wallet = sdk.wallets.create_wallet(customer_id=studio.id, currency="usd", initial_credits_to_load="9")
    assert http.post(f"/invoices/{bill}/payment/attempt").json()["code"] == "invalid_operation"
    assert sdk.wallets.get_wallet(id=wallet.id).credit_balance == "9", "all or nothing"
    due = sdk.invoices.get_invoice(id=bill).amount_remaining
    by_card = sdk.payments.create_payment(
        amount=due, currency="usd", destination_id=bill, destination_type="INVOICE", payment_method_type="CARD",
        process_payment=False,
    )  # fmt: skip
    sdk.payments.delete_payment(id=by_card.id)
    assert sdk.payments.get_payment(id=by_card.id).payment_status == "FAILED"
    assert http.delete(f"/payments/{by_card.id}").status_code == 400, "once"
    sdk.wallets.top_up_wallet(
        id=wallet.id, credits_to_add="5", transaction_reason="FREE_CREDIT_GRANT", idempotency_key="small"
    )
    sdk.invoices.attempt_invoice_payment(id=bill)
    paid = sdk.invoices.get_invoice(id=bill)
    assert (paid.payment_status, paid.amount_remaining) == ("SUCCEEDED", "0")
    assert http.post(f"/invoices/{bill}/payment/attempt").status_code == 400, "nothing is left"


def test_a_subscription_is_modified_and_looked_at_before(sdk: "Flexprice", http: httpx.Client) -> None:
    plan, addon = (
        sdk.plans.create_plan(name="Seats", lookup_key="seats"),
        sdk.addons.create_addon(name="More", lookup_key="more"),
    )
    fixed = {**EVERY, "type_": "FIXED", "invoice_cadence": "ADVANCE", "amount": "10"}
    for entity in (("PLAN", plan.id), ("ADDON", addon.id)):
        sdk.prices.create_price(**fixed, entity_type=entity[0], entity_id=entity[1])
    customer = sdk.customers.create_customer(external_id="seats", name="Seats")
    made = sdk.subscriptions.create_subscription(
        customer_id=customer.id, plan_id=plan.id, currency="usd", billing_period="MONTHLY"
    )
    (line,) = made.line_items
    wish = {"type_": "quantity_change", "quantity_change_params": {"line_items": [{"id": line.id, "quantity": "3"}]}}
    looked = sdk.subscriptions.preview_subscription_modify(id=made.id, **wish)
    assert [each.quantity for each in sdk.subscriptions.get_subscription(id=made.id).line_items] == ["1"]
    done = sdk.subscriptions.execute_subscription_modify(id=made.id, **wish)
    for found, status in ((looked, "preview"), (done, "issued")):
        changed = found.changed_resources
        assert [(each.change_action, each.quantity) for each in changed.line_items] == [
            ("ended", "1"),
            ("created", "3"),
        ]
        assert [(each.status, each.invoice.total) for each in changed.invoices] == [(status, "20")]
    added = sdk.subscriptions.execute_subscription_modify(
        id=made.id, type_="addon", addon_params={"action": "add", "add": {"addon_id": addon.id}}
    ).changed_resources
    (mine,) = added.addon_associations
    assert (mine.change_action, mine.addon_status, added.invoices[0].invoice.total) == ("created", "active", "10")
    removed = {"action": "remove", "remove": {"addon_association_id": mine.id}}
    sdk.subscriptions.execute_subscription_modify(id=made.id, type_="addon", addon_params=removed)
    (left,) = sdk.subscriptions.get_subscription_addon_associations(id=made.id).items
    assert left.addon_status == "cancelled"
    refused = http.post(f"/subscriptions/{made.id}/modify/execute", json={"type": "inheritance"})
    assert refused.json()["details"] == {"code": "not_served", "param": "type"}
