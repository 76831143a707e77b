"""What a subscription takes beside its plan, and what it refuses: over HTTP and with the official SDK."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import create_engine, insert

from app.generation.tables import Generation
from app.kernel import clock
from app.metering.apart import Apart
from app.metering.events import read_event
from app.metering.ingest import Ingest
from tests.billing_api.conftest import BillingServer

if TYPE_CHECKING:
    from flexprice import Flexprice

pytestmark = pytest.mark.usefixtures("seller")
_numbers = count(1)
OWN = {
    "type": "USAGE", "price_unit_type": "FIAT", "billing_model": "FLAT_FEE", "billing_period": "MONTHLY",
    "billing_period_count": 1, "invoice_cadence": "ARREAR",
}  # fmt: skip


class Studio:
    """A customer of their own, with a plan of 20 dollars a month ahead and 10 cents an image."""

    def __init__(self, http: httpx.Client, server: BillingServer) -> None:
        self.http, self.server, self.name = http, server, f"studio-{next(_numbers)}"
        self.customer = self.made("/customers", external_id=self.name, name=self.name)["id"]
        self.plan = self.made("/plans", name=self.name)["id"]
        meter = {"name": self.name, "event_name": self.name, "reset_usage": "BILLING_PERIOD",
                 "aggregation": {"type": "SUM", "field": "images"}}  # fmt: skip
        self.meter = self.made("/features", name=self.name, type="metered", meter=meter)["meter_id"]
        self.base = self.price(type="FIXED", amount="20", invoice_cadence="ADVANCE", display_name="Base")
        self.images = self.price(amount="0.10", meter_id=self.meter, display_name="Images")

    def made(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.http.post(path, json=body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def price(self, **more: Any) -> str:
        asked = {**OWN, "currency": "usd", "entity_type": "PLAN", "entity_id": self.plan, **more}
        return str(self.made("/prices", **asked)["id"])

    def wish(self, **more: Any) -> dict[str, Any]:
        begun = (datetime.now(UTC) - timedelta(days=3)).isoformat()
        return {"customer_id": self.customer, "plan_id": self.plan, "currency": "usd", "billing_period": "MONTHLY",
                "start_date": begun, **more}  # fmt: skip

    def subscribed(self, **more: Any) -> dict[str, Any]:
        return self.made("/subscriptions", **self.wish(**more))

    def refused(self, **more: Any) -> str:
        answer = self.http.post("/subscriptions", json=self.wish(**more))
        assert 400 <= answer.status_code < 500, answer.text
        return str(answer.json()["details"].get("param"))

    def uses(self, images: int) -> None:
        given = {"event_name": self.name, "external_customer_id": self.name, "properties": {"images": images}}
        event = read_event(given, clock.now(), f"{self.name}-{next(_numbers)}", Apart(frozenset({"images"})))
        Ingest(self.server.db, clock.now).accept([event])

    def lines(self, subscription: str) -> dict[str, str]:
        """What the next invoice will say."""
        preview = self.made("/invoices/preview", subscription_id=subscription)
        return {line["display_name"]: line["amount"] for line in preview["line_items"]}


@pytest.fixture
def studio(http: httpx.Client, billing_server: BillingServer) -> Studio:
    return Studio(http, billing_server)


def test_other_lines_and_credits_come_with_it(studio: Studio) -> None:
    other = studio.made("/plans", name="Extras")["id"]
    seat = studio.price(type="FIXED", amount="5", display_name="Seat", entity_id=other, invoice_cadence="ADVANCE")
    own = {**OWN, "amount": "0.07", "meter_id": studio.meter, "display_name": "Own images"}
    agreed = studio.subscribed(
        line_items=[{"price_id": seat, "quantity": 3}, {"price": own}],
        credit_grants=[{"name": "Welcome", "scope": "SUBSCRIPTION", "credits": "40", "cadence": "ONETIME"}],
    )
    assert [line["display_name"] for line in agreed["line_items"]] == ["Base", "Images", "Seat", "Own images"]
    studio.uses(100)
    first = studio.made("/invoices/search", subscription_id=agreed["id"])["items"][0]
    assert first["total"] == "35"
    assert studio.lines(agreed["id"]) == {"Base": "20", "Images": "0", "Seat": "15", "Own images": "7"}
    wallets = studio.http.get(f"/customers/{studio.customer}/wallets").json()
    assert [each["credit_balance"] for each in wallets if each["name"] != "Prepaid credits"] == ["40"]


def test_a_price_of_one_subscription_pays_instead_of_the_plans(studio: Studio) -> None:
    subscription = studio.subscribed()["id"]
    studio.uses(100)
    assert studio.lines(subscription)["Images"] == "10"
    own = studio.price(entity_type="SUBSCRIPTION", entity_id=subscription, amount="0.04", meter_id=studio.meter,
                       display_name="Own", start_date=studio.wish()["start_date"])  # fmt: skip
    assert studio.lines(subscription) == {"Base": "20", "Images": "0", "Own": "4"}
    again = studio.http.put(f"/prices/{studio.images}", json={"amount": "0.50"})
    assert again.status_code == 200
    studio.made(f"/plans/{studio.plan}/sync/subscriptions")
    studio.uses(100)
    assert studio.lines(subscription)["Own"] == "8"  # the plan's successor is newer and still not its own
    events = studio.made("/events/query", external_customer_id=studio.name)["events"]
    assert [each["unrated"] for each in events] == [False, False]
    assert studio.http.request("DELETE", f"/prices/{own}", json={}).status_code == 200
    studio.uses(100)
    assert (studio.lines(subscription)["Own"], studio.lines(subscription)["Images"]) == ("8", "50")


def test_what_cannot_go_with_the_subscription_is_refused(studio: Studio) -> None:
    euro = studio.price(amount="1", currency="eur", meter_id=studio.meter)
    yearly = studio.price(amount="1", billing_period="ANNUAL", meter_id=studio.meter)
    entitlement = {"entitlement_id": "ent_nobody", "usage_limit": 5}
    refused = {
        "the plan has no prices in the currency": (studio.refused(currency="gbp"), "currency"),
        "nor in the rhythm": (studio.refused(billing_period="WEEKLY"), "currency"),
        "another currency": (studio.refused(line_items=[{"price_id": euro}]), "line_items.0.currency"),
        "another rhythm": (studio.refused(line_items=[{"price_id": yearly}]), "line_items.0.billing_period"),
        "an unknown price": (studio.refused(include_price_ids=["price_nobody"]), "include_price_ids"),
        "a commitment for an unknown price": (
            studio.refused(line_item_commitments={"price_nobody": {"commitment_amount": 5}}), "line_item_commitments",
        ),
        "a commitment to a fixed price": (
            studio.refused(line_item_commitments={studio.base: {"commitment_amount": 5}}), "commitment_amount",
        ),
        "a factor of no commitment": (studio.refused(overage_factor="2"), "overage_factor"),
        "windows without any": (
            studio.refused(
                line_item_commitments={studio.images: {"commitment_amount": 5, "is_window_commitment": True}}
            ),
            "commitment_windowed",
        ),
        "quantities": (
            studio.refused(line_item_commitments={studio.images: {"commitment_type": "quantity"}}),
            f"line_item_commitments.{studio.images}.commitment_type",
        ),
        "a coupon of an unknown price": (
            studio.refused(line_item_coupons={"price_nobody": ["X"]}), "line_item_coupons",
        ),
        "a tax rate that is not there": (
            studio.refused(tax_rate_overrides=[{"tax_rate_code": "nothing", "currency": "usd"}]), "None",
        ),
        "an entitlement that is not there": (studio.refused(override_entitlements=[entitlement]), "None"),
        "another time zone": (studio.refused(timezone="Asia/Kolkata"), "timezone"),
        "an anchor by the calendar": (
            studio.refused(billing_cycle="calendar", billing_anchor="2026-01-10T00:00:00Z"), "billing_anchor",
        ),
        "somebody else": (studio.refused(external_customer_id="nobody"), "external_customer_id"),
    }  # fmt: skip
    assert {why: found for why, (found, _) in refused.items()} == {why: asked for why, (_, asked) in refused.items()}


def test_what_says_nothing_is_taken(studio: Studio) -> None:
    agreed = studio.subscribed(
        addons=[], phases=None, checkout={}, timezone="UTC", line_item_grouping="per_billing_period",
        external_customer_id=studio.name, include_price_ids=[], enable_true_up=False, coupons=[],
        payment_terms="END_OF_MONTH", collection_method="send_invoice",
    )  # fmt: skip
    assert agreed["line_items"] == []
    studio.made(f"/plans/{studio.plan}/sync/subscriptions")
    assert studio.http.get(f"/subscriptions/{agreed['id']}").json()["line_items"] == []


def test_an_end_that_was_planned_is_called_off(sdk: Flexprice, studio: Studio) -> None:
    subscription = studio.subscribed(end_date="2030-01-01T00:00:00Z")["id"]
    ending = sdk.subscriptions.update_subscription(id=subscription, cancel_at_period_end=True)
    assert (ending.cancel_at_period_end, ending.cancel_at) == (True, ending.current_period_end)
    kept = sdk.subscriptions.update_subscription(id=subscription, cancel_at_period_end=False)
    assert (kept.cancel_at_period_end, kept.cancel_at) == (False, datetime(2030, 1, 1, tzinfo=UTC))
    answer = studio.http.put(f"/subscriptions/{subscription}", json={"status": "cancelled"})
    assert (answer.status_code, answer.json()["details"]["param"]) == (400, "status")


def test_searches_answer_what_is_asked_for(sdk: Flexprice, studio: Studio) -> None:
    made = studio.subscribed()
    (found,) = sdk.subscriptions.query_subscription(customer_id=studio.customer, expand="plan,customer").items or []
    assert (found.plan and found.plan.id, found.customer and found.customer.external_id) == (studio.plan, studio.name)
    bare = studio.made("/subscriptions/search", customer_id=studio.customer, with_line_items=False)["items"][0]
    assert "line_items" not in bare
    usage = sdk.subscriptions.query_subscription_line_items(
        customer_ids=[studio.customer], active_filter=True, filters=[{"field": "kind", "operator": "eq",
        "value": {"string": "USAGE"}}], expand="prices,meters",
    )  # fmt: skip
    said = [
        (line.price_id, line.price and line.price.amount, line.meter and line.meter.id) for line in usage.items or []
    ]
    assert said == [(studio.images, "0.10", studio.meter)]
    prices = sdk.prices.query_price(plan_ids=[studio.plan], expand="meters,plans").items or []
    assert {each.plan.id for each in prices if each.plan} == {studio.plan}
    invoice = sdk.invoices.query_invoice(subscription_id=made["id"], expand="customer,subscription").items or []
    assert None not in (invoice[0].customer, invoice[0].subscription)


def test_an_event_does_not_pass_for_one_of_ours(http: httpx.Client, studio: Studio) -> None:
    event = {"event_name": studio.name, "external_customer_id": studio.name}
    assert http.post("/events", json={**event, "customer_id": studio.customer}).status_code == 202
    assert http.post("/events", json={**event, "customer_id": studio.name}).status_code == 202
    answer = http.post("/events/bulk", json={"events": [event, {**event, "customer_id": "cust_nobody"}]})
    assert (answer.status_code, answer.json()["details"]["param"]) == (400, "events.1.customer_id")
    # a generation of another Farebox, whose mirror this is
    assert http.post("/events", json={**event, "event_id": "gen_01ABC_final"}).status_code == 202


def test_the_event_of_a_generation_here_is_sent_by_nobody_else(
    http: httpx.Client, studio: Studio, billing_server: BillingServer
) -> None:
    row = Generation(
        id="gen_01TAKEN", request_id="req_1", workspace_id="ws_1", origin="api", model_id="model_1", version_id="mv_1",
        modality="image", state="running", params={}, estimate={}, hold_micros=0, created_at=clock.now(),
        updated_at=clock.now(),
    )  # fmt: skip
    plain = create_engine(billing_server.db.url)  # which does not ask what the generation was made with
    with plain.begin() as connection:
        connection.execute(insert(Generation).values(**row.model_dump()))
    plain.dispose()
    said = {"event_name": studio.name, "external_customer_id": studio.name}
    taken, other = {**said, "event_id": "gen_01TAKEN_final"}, {**said, "event_id": f"{studio.name}-other"}
    for path, body in (("/events", taken), ("/events/bulk", {"events": [other, taken]}), ("/events/raw/bulk", [taken])):
        answer = http.post(path, json=body)
        assert (answer.status_code, answer.json()["details"]["code"]) == (409, "event_is_ours"), answer.text
    assert http.post("/events", json=other).json()["status"] == "new", "a batch is taken in whole or not at all"


def test_a_promise_is_made_to_a_subscription_that_there_is(http: httpx.Client, studio: Studio) -> None:
    feature = studio.made("/features", name=f"{studio.name}-own", type="metered", meter_id=studio.meter)["id"]
    promise = {"entity_type": "SUBSCRIPTION", "feature_id": feature, "feature_type": "metered", "usage_limit": 5}
    subscription = studio.subscribed()["id"]
    studio.made("/entitlements", entity_id=subscription, **promise)
    nobody = {"items": [{**promise, "entity_id": "subs_nobody"}]}
    for answer in (http.post("/entitlements", json=nobody["items"][0]), http.post("/entitlements/bulk", json=nobody)):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.text
    over = studio.subscribed()["id"]
    studio.made(f"/subscriptions/{over}/cancel", cancellation_type="immediate")
    assert http.post("/entitlements", json={**promise, "entity_id": over}).status_code == 400


def test_a_tax_is_on_a_subscription_that_there_is(http: httpx.Client, studio: Studio) -> None:
    rate = studio.made("/taxes/rates", name=studio.name, code=studio.name, percentage_value="19")["code"]
    link = {"tax_rate_code": rate, "entity_type": "subscription"}
    assert http.post("/taxes/associations", json={**link, "entity_id": "subs_nobody"}).status_code == 404
    assert http.post("/taxes/associations", json={**link, "entity_id": studio.subscribed()["id"]}).is_success


def test_what_waits_is_listed_and_called_off(sdk: Flexprice, studio: Studio) -> None:
    subscription = studio.subscribed()["id"]
    other = studio.made("/plans", name="Other")["id"]
    studio.price(type="FIXED", amount="30", invoice_cadence="ADVANCE", entity_id=other)
    later = sdk.subscriptions.execute_subscription_change(
        id=subscription, target_plan_id=other, billing_period="MONTHLY", billing_cadence="RECURRING",
        billing_cycle="anniversary", proration_behavior="none", change_at="end_of_period", metadata={"why": "growth"},
    )  # fmt: skip
    assert later.is_scheduled
    assert sdk.subscriptions.get_subscription(id=subscription).metadata == {"why": "growth"}
    sdk.subscriptions.update_subscription(id=subscription, cancel_at_period_end=True)
    waits = sdk.subscriptions.list_subscription_schedules(id=subscription).schedules or []
    assert [each.schedule_type for each in waits] == ["plan_change", "cancellation"]
    details = waits[0].model_dump()["configuration_details"]
    assert details["plan_change"]["target_plan_id"] == other
    every = sdk.subscriptions.list_all_subscription_schedules(
        subscription_ids=[subscription], schedule_type=["cancellation"]
    )
    assert [each.id for each in every.schedules or []] == [waits[1].id]
    for each in waits:
        assert sdk.subscriptions.get_subscription_schedule(schedule_id=each.id or "").status == "pending"
        done = sdk.subscriptions.cancel_subscription_schedule(schedule_id_param=each.id or "")
        assert done.status == "cancelled"
    assert sdk.subscriptions.list_subscription_schedules(id=subscription).count == 0
    assert studio.http.get(f"/subscriptions/schedules/{waits[0].id}").status_code == 404


def test_a_line_goes_on_at_other_terms(sdk: Flexprice, studio: Studio) -> None:
    agreed = studio.subscribed()
    line = agreed["line_items"][1]["id"]
    studio.uses(100)
    noted = sdk.subscriptions.update_subscription_line_item(id=line, metadata={"note": "kept"})
    assert (noted.id, noted.metadata) == (line, {"note": "kept"})
    changed = sdk.subscriptions.update_subscription_line_item(id=line, amount="0.01", commitment_amount=3)
    assert (changed.id != line, changed.commitment_amount, changed.metadata) == (True, "3.0", {"note": "kept"})
    studio.uses(500)
    preview = studio.made("/invoices/preview", subscription_id=agreed["id"])["line_items"]
    assert [each["amount"] for each in preview if each["display_name"] == "Images"] == ["10", "5"]
    refused = studio.http.put(f"/subscriptions/lineitems/{line}", json={"amount": "1"})
    assert refused.status_code == 400


def test_usage_tells_what_it_costs(sdk: Flexprice, studio: Studio) -> None:
    studio.subscribed(line_item_commitments={studio.images: {"commitment_amount": 500, "enable_true_up": True}})
    studio.uses(100)
    found = sdk.events.get_usage_analytics(external_customer_id=studio.name)
    assert (found.total_cost, found.currency) == ("10", "usd")
    assert [(each.meter_id, each.total_cost) for each in found.items or [] if each.total_usage == "100"] == [
        (studio.meter, "10")
    ]
    grouped = sdk.events.get_usage_analytics(external_customer_id=studio.name, group_by=["source"])
    assert grouped.total_cost is None  # a tier cannot be divided among those who shared it


def test_a_moment_after_all_others_is_an_answer_or_a_refusal(http: httpx.Client, studio: Studio) -> None:
    studio.uses(100)
    for_ever = "9999-12-31T23:59:59+14:00"
    asked = {"event_name": studio.name, "aggregation_type": "SUM", "property_name": "images", "end_time": for_ever}
    answer = http.post("/events/usage", json={**asked, "start_time": "2026-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["value"]) == (200, 100)
    draft = studio.subscribed(subscription_status="draft")["id"]
    answer = http.post(f"/subscriptions/{draft}/activate", json={"start_date": for_ever})
    assert (answer.status_code, answer.json()["details"]["param"]) == (400, "start_date")
