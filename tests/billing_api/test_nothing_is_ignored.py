"""Every field that the published SDK can send either works or is refused by its name: none is taken and forgotten.

Sent as something that no field can be, a field that nobody reads would be accepted.
"""

from typing import Any

import httpx
import pytest

from tests.support.late import Late

sdk_models = Late("flexprice.models")
NONSENSE = [["no such thing"]]
PRICE = {
    "currency": "usd", "entity_type": "PLAN", "type": "FIXED", "price_unit_type": "FIAT", "amount": "20",
    "billing_model": "FLAT_FEE", "billing_period": "MONTHLY", "billing_period_count": 1, "invoice_cadence": "ADVANCE",
}  # fmt: skip
METER = {"name": "swept", "event_name": "swept", "reset_usage": "BILLING_PERIOD", "aggregation": {"type": "COUNT"}}

#: What is sent where: the model with the fields, and a body that is good but for them. `{name}` is an id of `world`.
OPERATIONS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("POST", "/customers", "CreateCustomerRequest", {"external_id": "swept-new", "name": "Swept"}),
    ("PUT", "/customers?id={customer}", "UpdateCustomerRequest", {}),
    ("POST", "/customers/search", "CustomerFilter", {}),
    ("POST", "/plans", "CreatePlanRequest", {"name": "Swept"}),
    ("PUT", "/plans/{plan}", "UpdatePlanRequest", {}),
    ("POST", "/plans/{plan}/clone", "ClonePlanRequest", {"name": "Copy", "lookup_key": "swept-copy"}),
    ("POST", "/plans/search", "PlanFilter", {}),
    (
        "POST", "/prices/units", "CreatePriceUnitRequest",
        {"name": "Unit", "code": "swept", "symbol": "s", "base_currency": "usd", "conversion_rate": "1"},
    ),
    ("PUT", "/prices/units/{unit}", "UpdatePriceUnitRequest", {}),
    ("POST", "/prices/units/search", "PriceUnitFilter", {}),
    ("POST", "/prices", "CreatePriceRequest", {**PRICE, "entity_id": "{plan}"}),
    ("PUT", "/prices/{price}", "UpdatePriceRequest", {"display_name": "Base"}),
    ("DELETE", "/prices/{price}", "DeletePriceRequest", {}),
    ("POST", "/prices/search", "PriceFilter", {}),
    ("POST", "/features", "CreateFeatureRequest", {"name": "Swept", "type": "boolean"}),
    ("PUT", "/features/{feature}", "UpdateFeatureRequest", {}),
    ("POST", "/features/{feature}/clone", "CloneFeatureRequest", {"name": "Copy", "lookup_key": "swept-copy"}),
    ("POST", "/features/search", "FeatureFilter", {}),
    ("POST", "/meters", "CreateMeterRequest", METER),
    (
        "POST", "/entitlements", "CreateEntitlementRequest",
        {"feature_id": "{feature}", "feature_type": "metered", "entity_type": "PLAN", "entity_id": "{other}"},
    ),
    ("PUT", "/entitlements/{entitlement}", "UpdateEntitlementRequest", {}),
    ("POST", "/entitlements/search", "EntitlementFilter", {}),
    (
        "POST", "/subscriptions", "CreateSubscriptionRequest",
        {"customer_id": "{customer}", "plan_id": "{plan}", "currency": "usd", "billing_period": "MONTHLY"},
    ),
    ("PUT", "/subscriptions/{subscription}", "UpdateSubscriptionRequest", {}),
    (
        "POST", "/subscriptions/{draft}/activate", "ActivateDraftSubscriptionRequest",
        {"start_date": "2026-01-01T00:00:00Z"},
    ),
    (
        "POST", "/subscriptions/{subscription}/cancel", "CancelSubscriptionRequest",
        {"cancellation_type": "immediate"},
    ),
    ("POST", "/subscriptions/{subscription}/pause", "PauseSubscriptionRequest", {}),
    ("POST", "/subscriptions/{subscription}/resume", "ResumeSubscriptionRequest", {}),
    (
        "POST", "/subscriptions/{subscription}/change/preview", "SubscriptionChangeRequest",
        {"target_plan_id": "{plan}", "billing_period": "MONTHLY", "billing_cadence": "RECURRING",
         "billing_cycle": "anniversary", "proration_behavior": "none"},
    ),
    (
        "POST", "/subscriptions/{subscription}/change/execute", "SubscriptionChangeRequest",
        {"target_plan_id": "{plan}", "billing_period": "MONTHLY", "billing_cadence": "RECURRING",
         "billing_cycle": "anniversary", "proration_behavior": "none"},
    ),
    (
        "POST", "/subscriptions/{subscription}/change/v2/preview", "SubscriptionChangeV2Request",
        {"target_plan_id": "{plan}", "proration_behavior": "none"},
    ),
    (
        "POST", "/subscriptions/{subscription}/modify/preview", "ExecuteSubscriptionModifyRequest",
        {"type": "coupon", "coupon_params": {"action": "add", "coupon_code": "C"}},
    ),
    (
        "POST", "/subscriptions/{subscription}/lineitems", "CreateSubscriptionLineItemRequest",
        {"price_id": "{price}"},
    ),
    ("PUT", "/subscriptions/lineitems/{line}", "UpdateSubscriptionLineItemRequest", {"amount": "21"}),
    ("DELETE", "/subscriptions/lineitems/{line}", "DeleteSubscriptionLineItemRequest", {}),
    ("POST", "/subscriptions/lineitems/search", "SubscriptionLineItemFilter", {}),
    ("POST", "/subscriptions/search", "SubscriptionFilter", {}),
    ("POST", "/subscriptions/usage", "GetUsageBySubscriptionRequest", {"subscription_id": "{subscription}"}),
    ("POST", "/events", "IngestEventRequest", {"event_name": "swept", "external_customer_id": "swept"}),
    ("POST", "/events/query", "GetEventsRequest", {}),
    ("POST", "/events/usage", "GetUsageRequest", {"event_name": "swept", "aggregation_type": "COUNT"}),
    ("POST", "/events/usage/meter", "GetUsageByMeterRequest", {"meter_id": "{meter}"}),
    ("POST", "/events/analytics", "GetUsageAnalyticsRequest", {"external_customer_id": "swept"}),
    ("POST", "/wallets", "CreateWalletRequest", {"customer_id": "{customer}", "currency": "usd"}),
    ("PUT", "/wallets/{wallet}", "UpdateWalletRequest", {}),
    ("POST", "/wallets/search", "WalletFilter", {}),
    (
        "POST", "/wallets/{wallet}/top-up", "TopUpWalletRequest",
        {"credits_to_add": "1", "transaction_reason": "FREE_CREDIT_GRANT"},
    ),
    ("POST", "/wallets/transactions/search?wallet_id={wallet}", "WalletTransactionFilter", {}),
    (
        "POST", "/creditgrants", "CreateCreditGrantRequest",
        {"name": "Swept", "scope": "PLAN", "plan_id": "{plan}", "credits": "1", "cadence": "ONETIME"},
    ),
    ("PUT", "/creditgrants/{grant}", "UpdateCreditGrantRequest", {}),
    ("DELETE", "/creditgrants/{grant}", "DeleteCreditGrantRequest", {}),
    (
        "POST", "/invoices", "CreateInvoiceRequest",
        {"customer_id": "{customer}", "currency": "usd", "subtotal": "1", "total": "1", "amount_due": "1"},
    ),
    (
        "POST", "/invoices/preview", "GetPreviewInvoiceRequest",
        {"subscription_id": "{subscription}", "period_start": "2026-01-01T00:00:00Z",
         "period_end": "2026-01-02T00:00:00Z"},
    ),
    ("POST", "/invoices/search", "InvoiceFilter", {}),
    ("PUT", "/invoices/{invoice}", "UpdateInvoiceRequest", {}),
    ("PUT", "/invoices/{invoice}/payment", "UpdatePaymentStatusRequest", {"payment_status": "SUCCEEDED"}),
    (
        "POST", "/payments", "CreatePaymentRequest",
        {"destination_type": "INVOICE", "destination_id": "{invoice}", "amount": "1", "currency": "usd",
         "payment_method_type": "OFFLINE"},
    ),
    ("PUT", "/payments/{payment}", "UpdatePaymentRequest", {}),
    ("POST", "/creditnotes", "CreateCreditNoteRequest", {"invoice_id": "{paid}", "reason": "DUPLICATE"}),
    ("POST", "/creditnotes/{note}/finalize", "FinalizeCreditNoteRequest", {}),
    (
        "POST", "/coupons", "CreateCouponRequest",
        {"name": "Swept", "type": "percentage", "percentage_off": "10", "cadence": "once"},
    ),
    ("PUT", "/coupons/{coupon}", "UpdateCouponRequest", {}),
    ("POST", "/coupons/search", "CouponFilter", {}),
    ("POST", "/taxes/rates", "CreateTaxRateRequest", {"name": "Swept", "code": "swept", "percentage_value": "1"}),
    ("PUT", "/taxes/rates/{rate}", "UpdateTaxRateRequest", {}),
    (
        "POST", "/taxes/associations", "CreateTaxAssociationRequest",
        {"tax_rate_code": "swept-rate", "entity_type": "customer", "entity_id": "{customer}"},
    ),
    ("PUT", "/taxes/associations/{association}", "TaxAssociationUpdateRequest", {}),
    ("POST", "/costs", "CreateCostsheetRequest", {"name": "Swept"}),
    ("PUT", "/costs/{sheet}", "UpdateCostsheetRequest", {}),
    ("POST", "/costs/search", "CostsheetFilter", {}),
    ("POST", "/groups", "CreateGroupRequest", {"name": "Swept", "lookup_key": "swept", "entity_type": "price"}),
    ("POST", "/groups/search", "GroupFilter", {}),
    ("POST", "/addons", "CreateAddonRequest", {"name": "Swept", "lookup_key": "swept"}),
    ("PUT", "/addons/{addon}", "UpdateAddonRequest", {}),
    ("POST", "/addons/search", "AddonFilter", {}),
    (
        "POST", "/alerts/setting", "CreateAlertSettingsRequest",
        {"entity_type": "wallet", "entity_id": "{wallet}", "config": {"critical": {"threshold": "1"}}},
    ),
    ("PUT", "/alerts/setting/{alert}", "UpdateAlertSettingsRequest", {}),
    ("POST", "/alerts/setting/search", "AlertSettingsFilter", {}),
    ("POST", "/alerts/search", "AlertLogFilter", {}),
]  # fmt: skip


@pytest.fixture(scope="module")
def world(seller: None, http: httpx.Client) -> dict[str, str]:
    """One of everything."""

    def made(path: str, **body: Any) -> dict[str, Any]:
        answer = http.post(path, json=body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    customer = made("/customers", external_id="swept-customer", name="Swept")["id"]
    plan, other = made("/plans", name="Plan")["id"], made("/plans", name="Other")["id"]
    price = made("/prices", **PRICE, entity_id=plan)["id"]
    feature = made("/features", name="Swept", type="metered", meter={**METER, "name": "counted"})
    entitlement = made("/entitlements", feature_id=feature["id"], feature_type="metered", plan_id=plan)["id"]
    agreed = {"customer_id": customer, "plan_id": plan, "currency": "usd", "billing_period": "MONTHLY"}
    subscription = made("/subscriptions", **agreed)
    asked = {"customer_id": customer, "currency": "usd", "subtotal": "5", "total": "5", "amount_due": "5"}
    invoice = made("/invoices", **asked)["id"]
    paid = made("/invoices", **asked)["id"]
    http.post(f"/invoices/{paid}/finalize").raise_for_status()
    payment = made(
        "/payments", destination_type="INVOICE", destination_id=paid, amount="1", currency="usd",
        payment_method_type="CARD",
    )  # fmt: skip
    note = made("/creditnotes", invoice_id=paid, reason="DUPLICATE", process_credit_note=False, line_items=[
        {"invoice_line_item_id": http.get(f"/invoices/{paid}").json()["line_items"][0]["id"], "amount": "1"}
    ])  # fmt: skip
    wallet = made("/wallets", customer_id=customer, currency="usd")["id"]
    alert = made("/alerts/setting", entity_type="wallet", entity_id=wallet, config={"critical": {"threshold": "1"}})
    made("/taxes/rates", name="Swept", code="swept-rate", percentage_value="1")
    return {
        "customer": customer, "plan": plan, "other": other, "price": price, "feature": feature["id"],
        "meter": feature["meter_id"], "entitlement": entitlement, "subscription": subscription["id"],
        "draft": made("/subscriptions", **agreed, subscription_status="draft")["id"],
        "line": subscription["line_items"][0]["id"], "invoice": invoice, "paid": paid,
        "payment": payment["id"], "note": note["id"],
        "wallet": wallet, "alert": alert["id"],
        "unit": made("/prices/units", name="U", code="swu", symbol="u", base_currency="usd", conversion_rate="1")["id"],
        "grant": made("/creditgrants", name="G", scope="PLAN", plan_id=plan, credits="1", cadence="ONETIME")["id"],
        "coupon": made("/coupons", name="C", type="percentage", percentage_off="10", cadence="once")["id"],
        "rate": made("/taxes/rates", name="Other", code="swept-other", percentage_value="1")["id"],
        "association": made("/taxes/associations", tax_rate_code="swept-other", entity_type="customer",
                            entity_id=customer)["id"],
        "sheet": made("/costs", name="Sheet")["costsheet"]["id"],
        "addon": made("/addons", name="Addon", lookup_key="swept-addon")["id"],
    }  # fmt: skip


def filled(given: Any, world: dict[str, str]) -> Any:
    if isinstance(given, dict):
        return {name: filled(value, world) for name, value in given.items()}
    return given.format(**world) if isinstance(given, str) else given


def fields(model: str) -> list[str]:
    return [field.alias or name for name, field in getattr(sdk_models, model).model_fields.items()]


#: The ones that are looked at every time: what most is agreed and paid by.
ALWAYS = ("/subscriptions", "/invoices", "/payments", "/prices", "/entitlements")


@pytest.mark.parametrize(
    ("method", "path", "model", "body"),
    [
        pytest.param(
            method, path, model, body, id=f"{method} {path}",
            marks=[] if method == "POST" and path in ALWAYS else [pytest.mark.long],
        )
        for method, path, model, body in OPERATIONS
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_is_refused_by_its_name(
    http: httpx.Client, world: dict[str, str], method: str, path: str, model: str, body: dict[str, Any]
) -> None:
    forgotten = {}
    for field in fields(model):
        answer = http.request(method, filled(path, world), json={**filled(body, world), field: NONSENSE})
        said = answer.text if answer.is_success else answer.json()
        named = not answer.is_success and field in f"{said['details'].get('param')} {said['message']}"
        if not 400 <= answer.status_code < 500 or not named:
            forgotten[field] = (answer.status_code, answer.text[:300])
    assert not forgotten, "\n".join(f"{field}: {said}" for field, said in forgotten.items())
