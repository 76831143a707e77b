"""Credit grants through the official SDK."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.billing_api.conftest import BillingServer

if TYPE_CHECKING:
    from flexprice import Flexprice


def test_a_grant_of_a_plan_and_one_of_a_subscription(sdk: Flexprice, billing_server: BillingServer) -> None:
    plan = sdk.plans.create_plan(name="With credits").id or ""
    customer = sdk.customers.create_customer(external_id="granted", name="G").id
    made = sdk.credit_grants.create_credit_grant(
        name="Monthly", scope="PLAN", plan_id=plan, credits="100", cadence="RECURRING", period="MONTHLY",
        period_count=1, expiration_type="BILLING_CYCLE", priority=1, metadata={"a": "b"},
    )  # fmt: skip
    assert ((made.id or "").startswith("cg_"), made.credits, made.expiration_type) == (True, "100", "BILLING_CYCLE")
    assert [one.id for one in sdk.credit_grants.get_plan_credit_grants(id=plan).items or []] == [made.id]
    assert sdk.credit_grants.update_credit_grant(id=made.id or "", name="Every month").name == "Every month"
    subscription = sdk.subscriptions.create_subscription(
        customer_id=customer, plan_id=plan, currency="USD", billing_period="MONTHLY",
    )  # fmt: skip
    own = sdk.credit_grants.create_credit_grant(
        name="Welcome", scope="SUBSCRIPTION", subscription_id=subscription.id, credits="7", cadence="ONETIME",
        expiration_type="NEVER",
    )  # fmt: skip
    wallet = sdk.wallets.get_wallets_by_customer_id(id=customer or "")[-1]
    kinds = {one.transaction_reason for one in
             sdk.wallets.get_wallet_transactions(id_path_parameter=wallet.id or "").items or []}  # fmt: skip
    assert kinds == {"SUBSCRIPTION_CREDIT_GRANT"}
    coming = sdk.subscriptions.get_subscription_upcoming_grants(id=subscription.id or "").items or []
    assert [(one.credit_grant_id, one.application_status) for one in coming] == [(made.id, "pending")]
    assert len(sdk.customers.get_customer_upcoming_grants(id=customer or "").items or []) == 1
    sdk.credit_grants.delete_credit_grant(id=own.id or "")
    sdk.credit_grants.delete_credit_grant(id=made.id or "")
    assert sdk.credit_grants.get_plan_credit_grants(id=plan).items == []


def test_what_a_period_has_used_is_not_there_to_be_spent(sdk: Flexprice) -> None:
    """A wallet of 1,000 less 10 used at 2.50 each; closing nothing."""
    meter = {
        "name": "Images",
        "event_name": "img.used",
        "aggregation": {"type": "COUNT"},
        "reset_usage": "BILLING_PERIOD",
    }
    feature = sdk.features.create_feature(name="Used images", type_="metered", meter=meter)
    plan = sdk.plans.create_plan(name="Metered").id or ""
    sdk.prices.create_price(
        entity_type="PLAN", entity_id=plan, type_="USAGE", meter_id=feature.meter_id, currency="USD", amount="2.50",
        price_unit_type="FIAT", billing_period="MONTHLY", billing_model="FLAT_FEE", invoice_cadence="ARREAR",
    )  # fmt: skip
    customer = sdk.customers.create_customer(external_id="uses", name="U").id or ""
    sdk.subscriptions.create_subscription(
        customer_id=customer, plan_id=plan, currency="USD", billing_period="MONTHLY",
    )  # fmt: skip
    wallet = sdk.wallets.create_wallet(customer_id=customer, currency="USD", initial_credits_to_load="1000").id or ""
    assert sdk.wallets.get_wallet_balance(id=wallet).real_time_balance == "1000"
    for number in range(10):
        sdk.events.ingest_event(event_name="img.used", external_customer_id="uses", event_id=f"used-{number}")
    now = sdk.wallets.get_wallet_balance(id=wallet)
    assert (now.real_time_balance, now.current_period_usage, now.balance) == ("975", "25", "1000")
