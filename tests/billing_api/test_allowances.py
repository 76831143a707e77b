"""What a customer is entitled to, from all subscriptions together, and how much of it is used."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from app.kernel import clock
from app.metering.apart import Apart
from app.metering.events import read_event
from app.metering.ingest import Ingest
from tests.billing_api.conftest import BillingServer
from tests.support.late import Late

sdk_errors = Late("flexprice.models.errors")

if TYPE_CHECKING:
    from flexprice import Flexprice


@pytest.fixture(scope="module")
def subscribed(sdk: Flexprice) -> tuple[str, list[str]]:
    """Somebody with two plans: 100 images a month from each of them, 4k from one. Their id and the subscriptions'."""
    images = sdk.features.create_feature(
        name="Images", type_="metered", lookup_key="allowed_images", meter_id="meter_img_count"
    )
    best = sdk.features.create_feature(name="Best", type_="static", lookup_key="allowed_best")
    customer = sdk.customers.create_customer(external_id="allowed", name="Allowed").id or ""
    subscriptions = []
    for name in ("One", "Two"):
        plan = sdk.plans.create_plan(name=f"Allows {name}").id or ""
        sdk.prices.create_price(
            entity_id=plan, entity_type="PLAN", type_="USAGE", billing_model="FLAT_FEE", billing_period="MONTHLY",
            invoice_cadence="ARREAR", currency="usd", price_unit_type="FIAT", meter_id="meter_img_count", amount="1",
        )  # fmt: skip
        sdk.entitlements.create_entitlement(
            plan_id=plan, feature_id=images.id or "", feature_type="metered", usage_limit=100,
            usage_reset_period="MONTHLY",
        )  # fmt: skip
        if name == "Two":
            sdk.entitlements.create_entitlement(
                plan_id=plan, feature_id=best.id or "", feature_type="static", static_value="4k"
            )
        made = sdk.subscriptions.create_subscription(
            customer_id=customer, plan_id=plan, currency="usd", billing_period="MONTHLY"
        )
        subscriptions.append(made.id or "")
    return customer, subscriptions


def test_a_customers_entitlements_are_those_of_all_plans(sdk: Flexprice, subscribed: tuple[str, list[str]]) -> None:
    customer, _ = subscribed
    found = sdk.customers.get_customer_entitlements(id=customer)
    assert found.customer_id == customer
    assert [
        (
            each.feature and each.feature.lookup_key,
            each.entitlement and each.entitlement.usage_limit,
            each.entitlement and each.entitlement.static_values,
            [source.entity_name for source in each.sources or []],
        )
        for each in found.features or []
    ] == [
        ("allowed_images", 200, [], ["Allows One", "Allows Two"]),
        ("allowed_best", None, ["4k"], ["Allows Two"]),
    ]
    again = sdk.customers.get_customer_entitlements_by_external_id(external_id="allowed")
    assert again.features == found.features


def test_a_subscriptions_own(sdk: Flexprice, subscribed: tuple[str, list[str]]) -> None:
    _, (first, second) = subscribed
    assert len(sdk.subscriptions.get_subscription_entitlements(id=first).features or []) == 1
    assert len(sdk.subscriptions.get_subscription_entitlements(id=second).features or []) == 2


def test_how_much_is_used(billing_server: BillingServer, sdk: Flexprice, subscribed: tuple[str, list[str]]) -> None:
    at = datetime.now(UTC)
    given = {
        "event_name": "image_generated", "external_customer_id": "allowed", "timestamp": at.isoformat(),
        "properties": {"image_count": 30, "model": "flux"},
    }  # fmt: skip
    event = read_event(given, clock.now(), "allowed-1", Apart(frozenset({"image_count"})))
    Ingest(billing_server.db, clock.now).accept([event])
    found = sdk.customers.get_customer_usage_summary(customer_lookup_key="allowed")
    (images,) = found.features or []
    assert (images.current_usage, images.total_limit, images.usage_percent, images.is_unlimited) == (
        "30", 200, "15", False,
    )  # fmt: skip
    assert images.next_usage_reset_at is not None
    assert images.next_usage_reset_at > at
    none = sdk.customers.get_customer_usage_summary(customer_lookup_key="allowed", feature_lookup_keys=["other"])
    assert none.features == []


def test_what_has_subscriptions_stays(sdk: Flexprice, subscribed: tuple[str, list[str]]) -> None:
    customer, (first, _) = subscribed
    plan = sdk.subscriptions.get_subscription(id=first).plan_id or ""
    for delete in (lambda: sdk.plans.delete_plan(id=plan), lambda: sdk.customers.delete_customer(id=customer)):
        with pytest.raises(sdk_errors.ErrorResponse, match="has subscriptions"):
            delete()
