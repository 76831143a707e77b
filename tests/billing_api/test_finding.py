"""Searches name fields as their answers do, and money is in its currency."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from flexprice import Flexprice

pytestmark = pytest.mark.usefixtures("seller")
SEARCHES = ("/subscriptions/search", "/subscriptions/lineitems/search", "/invoices/search", "/wallets/search")
#: Told of a thing as a whole, or of something else than its row.
NOT_COMPARED = {
    "balance", "billing_cadence", "cancel_at_period_end", "commitment_true_up_enabled", "credit_balance",
    "billing_period_count", "description", "enable_true_up", "is_manually_edited", "overpaid_amount", "pause_status",
    "subscription_type", "tax_exemption_reason_code", "timezone",
}  # fmt: skip


@pytest.fixture(scope="module")
def world(sdk: Flexprice) -> dict[str, Any]:
    """A subscription, a wallet, and bills of 5 dollars, 12.50 dollars, 12 yen and 12.345 dinars."""
    plan = sdk.plans.create_plan(name="Found", lookup_key="found").id
    sdk.prices.create_price(
        currency="usd", entity_type="PLAN", entity_id=plan, type_="FIXED", price_unit_type="FIAT", amount="20",
        billing_model="FLAT_FEE", billing_period="MONTHLY", billing_period_count=1, invoice_cadence="ARREAR",
        display_name="Base",
    )  # fmt: skip
    customer = sdk.customers.create_customer(external_id="found", name="Found").id
    sdk.subscriptions.create_subscription(
        customer_id=customer, plan_id=plan, currency="usd", billing_period="MONTHLY",
        start_date=datetime.now(UTC) - timedelta(days=3),
    )  # fmt: skip
    sdk.wallets.create_wallet(customer_id=customer, currency="usd")
    bills = {}
    for amount, currency in (("5", "usd"), ("12.50", "usd"), ("12", "jpy"), ("12.345", "kwd")):
        made = sdk.invoices.create_invoice(
            customer_id=customer, currency=currency, subtotal=amount, total=amount, amount_due=amount
        )
        bills[f"{amount} {currency}"] = made.id
    return bills


@pytest.mark.parametrize("path", SEARCHES)
def test_what_an_answer_says_is_found_by_it(http: httpx.Client, world: dict[str, Any], path: str) -> None:
    (one, *_) = http.post(path, json={}).raise_for_status().json()["items"]
    for name, said in one.items():
        if name in NOT_COMPARED or said is None or isinstance(said, dict | list):
            continue
        kind = "number" if isinstance(said, int) else "string"
        wish = {"field": name, "operator": "eq", "data_type": kind, "value": {kind: said}}
        found = http.post(path, json={"filters": [wish]})
        assert found.is_success, found.text
        assert one["id"] in [each["id"] for each in found.json()["items"]], name
        assert http.post(path, json={"sort": [{"field": name, "direction": "asc"}]}).is_success, name


@pytest.mark.parametrize(
    ("operator", "figure", "expected"),
    [
        ("eq", 12.5, ["12.50 usd"]),
        ("eq", 12, ["12 jpy"]),
        ("gt", 12, ["12.345 kwd", "12.50 usd"]),
        ("gte", 12, ["12 jpy", "12.345 kwd", "12.50 usd"]),
        ("lt", 12.3, ["12 jpy", "5 usd"]),
        ("gt", 12.3449, ["12.345 kwd", "12.50 usd"]),
    ],
)
def test_money_is_compared_in_its_currency(
    http: httpx.Client, world: dict[str, Any], operator: str, figure: float, expected: list[str]
) -> None:
    wish = {"field": "total", "operator": operator, "data_type": "number", "value": {"number": figure}}
    found = http.post("/invoices/search", json={"filters": [wish], "invoice_type": "ONE_OFF"}).json()["items"]
    names = {made: name for name, made in world.items()}
    assert sorted(names[each["id"]] for each in found) == expected


def test_invoices_that_ask_for_more_than_that(sdk: Flexprice, world: dict[str, Any]) -> None:
    found = sdk.invoices.query_invoice(amount_due_gt="12.4", invoice_type="ONE_OFF").items or []
    assert [each.id for each in found] == [world["12.50 usd"]]
    found = sdk.invoices.query_invoice(
        amount_remaining_gt="11.5", invoice_type="ONE_OFF", sort=[{"field": "total", "direction": "desc"}]
    ).items or []  # fmt: skip
    assert [each.id for each in found] == [world["12.50 usd"], world["12.345 kwd"], world["12 jpy"]]
    ordered = sdk.invoices.query_invoice(sort=[{"field": "due_date", "direction": "asc"}], limit=1)
    assert ordered.pagination is not None
    assert ordered.pagination.total == 4


def test_the_meter_and_the_feature_of_an_analysis(sdk: Flexprice) -> None:
    meter = {"name": "analysed", "event_name": "analysed", "reset_usage": "BILLING_PERIOD",
             "aggregation": {"type": "COUNT"}}  # fmt: skip
    feature = sdk.features.create_feature(name="Analysed", type_="metered", meter=meter)
    sdk.events.ingest_event(event_name="analysed", external_customer_id="found")
    found = sdk.events.get_usage_analytics(
        external_customer_id="found", feature_ids=[feature.id], expand=["meter", "feature"]
    ).items
    assert [(each.meter.event_name, each.feature.name) for each in found or []] == [("analysed", "Analysed")]
