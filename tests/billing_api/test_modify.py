"""`modify`: lines, addons, coupons, taxes and trials of a subscription that runs, through the official SDK."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.late import Late

sdk_errors = Late("flexprice.models.errors")

if TYPE_CHECKING:
    from flexprice import Flexprice

pytestmark = pytest.mark.usefixtures("seller")
_numbers = count(1)
FIXED: dict[str, Any] = {
    "currency": "usd", "billing_period": "MONTHLY", "billing_period_count": 1, "price_unit_type": "FIAT",
    "billing_model": "FLAT_FEE", "invoice_cadence": "ADVANCE", "type_": "FIXED",
}  # fmt: skip


@pytest.fixture
def name() -> str:
    return f"modify-{next(_numbers)}"


@pytest.fixture
def plan(sdk: Flexprice, name: str) -> str:
    """10 dollars a month ahead."""
    made = sdk.plans.create_plan(name=name, lookup_key=name)
    sdk.prices.create_price(**FIXED, entity_type="PLAN", entity_id=made.id, amount="10", display_name="Seat")
    return str(made.id)


def subscribed(sdk: Flexprice, name: str, plan: str, **more: Any) -> Any:
    """From this moment on, so that what changes at once changes a whole period."""
    customer = sdk.customers.create_customer(external_id=name, name=name)
    return sdk.subscriptions.create_subscription(
        customer_id=customer.id, plan_id=plan, currency="usd", billing_period="MONTHLY", **more
    )


def modified(sdk: Flexprice, subscription_id: str, type_: str, **params: Any) -> Any:
    """Looked at first, which changes nothing, then done: both say the same but for the ids."""
    before = sdk.subscriptions.get_subscription(id=subscription_id)
    looked = sdk.subscriptions.preview_subscription_modify(id=subscription_id, type_=type_, **params)
    assert sdk.subscriptions.get_subscription(id=subscription_id) == before
    done = sdk.subscriptions.execute_subscription_modify(id=subscription_id, type_=type_, **params)
    totals = [
        [each.invoice.total for each in one.changed_resources.invoices or []] for one in (looked, done)
    ]  # fmt: skip
    assert totals[0] == totals[1]
    return done


def refused(sdk: Flexprice, subscription_id: str, type_: str, **params: Any) -> tuple[str, Any]:
    with pytest.raises(sdk_errors.ErrorResponse) as raised:
        sdk.subscriptions.execute_subscription_modify(id=subscription_id, type_=type_, **params)
    said = json.loads(raised.value.body)
    return said["code"], said["details"].get("param")


def test_a_line_changes_its_amount_its_quantity_and_its_coupons(sdk: Flexprice, name: str, plan: str) -> None:
    sdk.coupons.create_coupon(name=name, coupon_code=name, type_="percentage", percentage_off="50", cadence="forever")
    made = subscribed(sdk, name, plan)
    (line,) = made.line_items
    wish = {"id": line.id, "amount": "25", "quantity": "2", "coupons": [{"coupon_code": name}]}
    done = modified(sdk, made.id, "line_item_change", line_item_change_params={"line_items": [wish]})
    changed = done.changed_resources
    assert [(each.change_action, each.quantity) for each in changed.line_items] == [("ended", "1"), ("created", "2")]
    (invoice,) = [each.invoice for each in changed.invoices]
    # 50 less half of it, less the 10 that were paid ahead
    assert (invoice.subtotal, invoice.total) == ("50", "15")
    (coupon,) = done.subscription.coupon_associations
    assert coupon.subscription_line_item_id == changed.line_items[1].id
    following = sdk.invoices.get_invoice_preview(subscription_id=made.id)
    assert (following.subtotal, following.total) == ("50", "25")
    nothing = {"line_items": [{"id": changed.line_items[1].id}]}
    assert refused(sdk, made.id, "line_item_change", line_item_change_params=nothing)[0] == "validation_error"


def test_the_amount_of_usage_changes_and_its_quantity_does_not(sdk: Flexprice, name: str, plan: str) -> None:
    usage = {**FIXED, "type_": "USAGE", "invoice_cadence": "ARREAR"}
    sdk.prices.create_price(**usage, entity_type="PLAN", entity_id=plan, amount="0.10", meter_id="meter_img_count")
    made = subscribed(sdk, name, plan)
    line = next(each for each in made.line_items if each.price_type == "USAGE")
    done = modified(
        sdk, made.id, "line_item_change", line_item_change_params={"line_items": [{"id": line.id, "amount": "0.25"}]}
    )
    assert not done.changed_resources.invoices
    heir = done.changed_resources.line_items[1].id
    event = {"event_name": "image_generated", "external_customer_id": name, "properties": {"image_count": "4"}}
    sdk.events.ingest_event(**event)
    lines = sdk.invoices.get_invoice_preview(subscription_id=made.id).line_items
    assert [each.amount for each in lines if each.price_type == "USAGE"] == ["0", "1"]
    more = {"line_items": [{"id": heir, "quantity": "3"}]}
    assert refused(sdk, made.id, "line_item_change", line_item_change_params=more) == (
        "validation_error", "line_item_change_params.line_items.0.quantity",
    )  # fmt: skip


def test_many_addons_come_and_go_at_once(sdk: Flexprice, name: str, plan: str) -> None:
    addons = []
    for number in range(3):
        key = f"{name}-{number}"
        addons.append(sdk.addons.create_addon(name=key, lookup_key=key).id)
        sdk.prices.create_price(**FIXED, entity_type="ADDON", entity_id=addons[-1], amount=str(10 ** (number + 1)))
    made = subscribed(sdk, name, plan, addons=[{"addon_id": addons[0]}])
    (first,) = sdk.subscriptions.get_subscription_addon_associations(id=made.id).items
    bulk = {
        "adds": [{"addon_id": each} for each in addons[1:]],
        "removes": [{"addon_association_id": first.id}],
    }
    changed = modified(sdk, made.id, "addon", addon_bulk_params=bulk).changed_resources
    assert [(each.change_action, each.addon_id) for each in changed.addon_associations] == [
        ("ended", addons[0]), ("created", addons[1]), ("created", addons[2]),
    ]  # fmt: skip
    # 10 come back as credit once their invoice is final
    assert [each.invoice.total for each in changed.invoices] == ["0", "100", "1000"]
    assert refused(sdk, made.id, "addon", addon_bulk_params={}) == ("validation_error", "addon_params")


def test_coupons_of_the_whole_and_of_a_line_come_and_go(
    sdk: Flexprice, http: httpx.Client, name: str, plan: str
) -> None:
    for code, percent in ((f"{name}-whole", "10"), (f"{name}-line", "50")):
        sdk.coupons.create_coupon(
            name=code, coupon_code=code, type_="percentage", percentage_off=percent, cadence="forever"
        )
    made = subscribed(sdk, name, plan)
    (line,) = made.line_items
    add: dict[str, Any] = {"action": "add", "coupon_code": f"{name}-whole"}
    for wish in (
        {**add, "subscription_id": made.id},
        {**add, "coupon_code": f"{name}-line", "subscription_line_item_id": line.id},
    ):
        found = modified(sdk, made.id, "coupon", coupon_params=wish).subscription.coupon_associations
    assert sdk.invoices.get_invoice_preview(subscription_id=made.id).total == "4.5"
    assert refused(sdk, made.id, "coupon", coupon_params=add)[0] == "invalid_operation", "it is there already"
    both = {**add, "subscription_id": made.id, "subscription_line_item_id": line.id}
    assert refused(sdk, made.id, "coupon", coupon_params=both) == (
        "validation_error", "coupon_params.subscription_line_item_id",
    )  # fmt: skip
    of_line = next(each for each in found if each.subscription_line_item_id)
    remove = {"action": "remove", "coupon_association_id": of_line.id}
    modified(sdk, made.id, "coupon", coupon_params=remove)
    assert sdk.invoices.get_invoice_preview(subscription_id=made.id).total == "9"
    active = sdk.coupon_associations.list_coupon_associations(subscription_ids=[made.id], active_only=True).items
    assert [each.subscription_line_item_id for each in active] == [None]
    again = sdk.subscriptions.execute_subscription_modify(
        id=made.id, type_="coupon", coupon_params={**add, "coupon_code": f"{name}-line",
        "subscription_line_item_id": line.id},
    )  # fmt: skip
    assert len(again.subscription.coupon_associations) == 3, "what was taken back may be given anew"
    unknown = http.post(
        f"/subscriptions/{made.id}/modify/execute",
        json={"type": "coupon", "coupon_params": {"action": "remove", "coupon_association_id": "nobody"}},
    )
    assert unknown.status_code == 404


def test_a_tax_rate_comes_and_goes(sdk: Flexprice, name: str, plan: str) -> None:
    rate = sdk.tax_rates.create_tax_rate(name=name, code=name, percentage_value="19")
    made, other = subscribed(sdk, name, plan), subscribed(sdk, f"{name}-other", plan)
    modified(sdk, made.id, "tax", tax_params={"action": "add", "tax_rate_id": rate.id})
    totals = [sdk.invoices.get_invoice_preview(subscription_id=each.id).total for each in (made, other)]
    assert totals == ["11.9", "10"]
    (link,) = sdk.tax_associations.list_tax_associations(entity_type="subscription", entity_id=made.id).items
    remove = {"action": "remove", "tax_association_id": link.id}
    assert refused(sdk, other.id, "tax", tax_params=remove) == ("validation_error", "tax_params.tax_association_id")
    modified(sdk, made.id, "tax", tax_params=remove)
    assert sdk.invoices.get_invoice_preview(subscription_id=made.id).total == "10"


def test_a_trial_ends_later_and_then_at_once(sdk: Flexprice, name: str, plan: str) -> None:
    made = subscribed(sdk, name, plan, trial_period_days=7, start_date=datetime.now(UTC) - timedelta(days=2))
    later = datetime.now(UTC) + timedelta(days=20)
    wish = {"action": "scheduled_date", "new_trial_end": later}
    moved = modified(sdk, made.id, "trial_end", trial_end_params=wish)
    assert (moved.subscription.trial_end, moved.subscription.current_period_end) == (later, later)
    assert moved.changed_resources.subscriptions[0].trial_end == later
    done = modified(sdk, made.id, "trial_end", trial_end_params={"action": "immediate"})
    assert done.subscription.subscription_status == "active"
    (invoice,) = [each.invoice for each in done.changed_resources.invoices]
    assert (invoice.total, invoice.billing_reason) == ("10", "SUBSCRIPTION_TRIAL_END")
    assert done.subscription.current_period_start == done.subscription.trial_end
    assert done.subscription.current_period_end - done.subscription.current_period_start >= timedelta(days=28)
    assert refused(sdk, made.id, "trial_end", trial_end_params={"action": "immediate"})[0] == "invalid_operation"
    past = {"action": "scheduled_date", "new_trial_end": datetime(2020, 1, 1, tzinfo=UTC)}
    fresh = subscribed(sdk, f"{name}-fresh", plan, trial_period_days=7)
    assert refused(sdk, fresh.id, "trial_end", trial_end_params=past) == ("validation_error", "new_trial_end")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"type": "inheritance", "inheritance_params": {"action": "add"}}, "inheritance_params"),
        ({"type": "grouped_invoicing"}, "type"),
        ({"type": "nothing"}, "type"),
        ({"type": "trial_end", "trial_end_params": {"action": "scheduled_date"}}, "trial_end_params.new_trial_end"),
        ({"type": "tax", "coupon_params": {"action": "add"}}, "coupon_params"),
        ({"type": "tax", "tax_params": {"action": "add"}}, "tax_params.tax_rate_id"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(
    sdk: Flexprice, http: httpx.Client, name: str, plan: str, body: dict[str, Any], param: str
) -> None:
    made = subscribed(sdk, name, plan, trial_period_days=7)
    answer = http.post(f"/subscriptions/{made.id}/modify/execute", json=body)
    assert (answer.status_code, answer.json()["details"]["param"]) == (400, param)
