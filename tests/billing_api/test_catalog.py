"""Meters, features, plans, prices, entitlements and the rest of the catalogue, through the official SDK."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.late import Late

sdk_errors = Late("flexprice.models.errors")

if TYPE_CHECKING:
    from flexprice import Flexprice

#: The SDK has two errors for a 404, by operation: one shows the message, the other the body.
NOTHING = "There is no"
METER = {
    "name": "Clips", "event_name": "clip", "reset_usage": "BILLING_PERIOD",
    "aggregation": {"type": "SUM", "field": "clips"}, "filters": [{"key": "model", "values": ["veo"]}],
}  # fmt: skip
USAGE: dict[str, Any] = {
    "entity_type": "PLAN", "type_": "USAGE", "billing_model": "FLAT_FEE", "billing_period": "MONTHLY",
    "invoice_cadence": "ARREAR", "currency": "usd", "price_unit_type": "FIAT", "meter_id": "meter_img_count",
}  # fmt: skip
FIXED: dict[str, Any] = USAGE | {"type_": "FIXED", "meter_id": None}


def wire(body: dict[str, Any]) -> dict[str, Any]:
    """As raw HTTP writes it."""
    return {name.rstrip("_"): value for name, value in body.items() if value is not None}


@pytest.fixture(scope="module")
def plan_id(sdk: Flexprice) -> str:
    return sdk.plans.create_plan(name="Pro", lookup_key="catalog_pro", metadata={"a": "b"}).id or ""


# --- meters and features


def test_the_documented_meters_are_there(http: httpx.Client) -> None:
    found = {each["id"]: each for each in http.get("/meters", params={"limit": 1000}).json()["items"]}
    names = {
        "meter_img_count": "image_count", "meter_gpt_image_input_tokens": "input_tokens",
        "meter_gpt_image_output_tokens": "output_tokens", "meter_video_seconds": "video_seconds",
        "meter_seedance_tokens": "video_tokens", "meter_video_jobs": "video_jobs",
        "meter_world_count": "world_count", "meter_request_count": "request_count",
        "meter_output_count": "output_count",
    }  # fmt: skip
    assert {key: found[key]["name"] for key in names} == names
    assert found["meter_video_seconds"]["aggregation"]["fields"] == ["video_seconds", "duration_seconds"]


def test_a_meter_by_itself(http: httpx.Client) -> None:
    made = http.post("/meters", json=METER)
    assert made.status_code == 201
    meter = made.json()
    assert (meter["aggregation"], meter["filters"]) == (
        {"type": "SUM", "field": "clips", "fields": ["clips"], "counts_one": False},
        METER["filters"],
    )
    narrower = http.put(f"/meters/{meter['id']}", json={"filters": [{"key": "audio", "values": [False]}]})
    assert narrower.json()["filters"] == [{"key": "audio", "values": ["false"]}]
    assert http.post(f"/meters/{meter['id']}/disable").status_code == 200
    assert http.get(f"/meters/{meter['id']}").json()["status"] == "archived"
    assert http.delete(f"/meters/{meter['id']}").status_code == 200
    assert http.get(f"/meters/{meter['id']}").status_code == 404


@pytest.mark.parametrize(
    ("aggregation", "field"),
    [
        pytest.param({"type": "SUM"}, "aggregation.field", id="a sum of nothing"),
        pytest.param({"type": "MEDIAN", "field": "x"}, "aggregation.type", id="an unknown way"),
        pytest.param({"type": "SUM", "field": "x", "expression": "x * 2"}, "aggregation.expression", id="both"),
        pytest.param({"type": "COUNT_UNIQUE", "expression": "x"}, "aggregation.expression", id="a name computed"),
        pytest.param({"type": "AVG", "field": "x", "bucket_size": "DAY"}, "aggregation.bucket_size", id="bucketed AVG"),
        pytest.param(
            {"type": "MAX", "field": "x", "bucket_size": "DAY", "group_by": "y"}, "aggregation.group_by", id="grouped"
        ),
        pytest.param({"type": "SUM_WITH_MULTIPLIER", "field": "x"}, "aggregation.multiplier", id="no multiplier"),
        pytest.param(
            {"type": "SUM_WITH_MULTIPLIER", "field": "x", "multiplier": "0"}, "aggregation.multiplier", id="times zero"
        ),
    ],
)
def test_a_meter_that_cannot_be(http: httpx.Client, aggregation: dict[str, Any], field: str) -> None:
    answer = http.post("/meters", json={**METER, "aggregation": aggregation})
    assert (answer.status_code, answer.json()["code"], answer.json()["details"]["param"]) == (
        400, "validation_error", field,
    )  # fmt: skip


def test_a_meter_that_is_switched_off_counts_for_nothing_new(http: httpx.Client, plan_id: str) -> None:
    meter = http.post("/meters", json=METER).json()["id"]
    price = {**wire(USAGE), "entity_id": plan_id, "amount": "1", "meter_id": meter}
    feature = {"name": "Off", "type": "metered", "meter_id": meter}
    assert http.post("/prices", json=price).status_code == 201
    http.post(f"/meters/{meter}/disable")
    for path, body in (("/prices", price), ("/features", feature)):
        assert http.post(path, json=body).json()["details"] == {"param": "meter_id", "code": "meter_disabled"}
    assert http.post("/meters", json={**METER, "reset_usage": "NEVER"}).json()["details"]["param"] == "reset_usage"


def test_nothing_but_a_wallet_is_watched(http: httpx.Client) -> None:
    config = {"alert_enabled": True, "critical": {"threshold": "1", "condition": "below"}}
    feature = {"name": "Watched", "type": "boolean", "alert_settings": config}
    assert http.post("/features", json=feature).json()["details"]["param"] == "alert_settings"
    setting = {"entity_type": "subscription", "entity_id": "sub_1", "config": config}
    assert http.post("/alerts/setting", json=setting).json()["details"]["param"] == "entity_type"


def test_features(sdk: Flexprice, http: httpx.Client) -> None:
    made = sdk.features.create_feature(
        name="Clips", type_="metered", lookup_key="clips", meter=METER, unit_singular="clip", unit_plural="clips",
        reporting_unit={"unit_singular": "minute", "unit_plural": "minutes", "conversion_rate": "0.5"},
    )  # fmt: skip
    assert made.meter is not None
    assert made.meter.id == made.meter_id
    assert made.meter.aggregation is not None
    assert made.meter.aggregation.field == "clips"
    on_off = sdk.features.create_feature(name="Priority", type_="boolean", lookup_key="priority")
    assert on_off.meter_id is None
    found = sdk.features.query_feature(lookup_keys=["clips", "priority"], sort=[{"field": "name", "direction": "asc"}])
    assert [each.id for each in found.items or []] == [made.id, on_off.id]
    assert [each.id for each in sdk.features.query_feature(name_contains="PRIOR").items or []] == [on_off.id]
    changed = sdk.features.update_feature(
        id=made.id or "", name="Short clips", filters=[{"key": "model", "values": ["kling"]}]
    )
    assert changed.name == "Short clips"
    assert changed.meter is not None
    assert [each.values for each in changed.meter.filters or []] == [["kling"]]
    copy = sdk.features.clone_feature(id=made.id or "", name="Long clips", lookup_key="long")
    assert (copy.meter_id, copy.name) == (made.meter_id, "Long clips")
    assert sdk.features.delete_feature(id=copy.id or "").message
    refused = http.delete(f"/meters/{made.meter_id}")
    assert (refused.status_code, refused.json()["details"]["code"]) == (400, "meter_in_use")


# --- plans and prices


def test_plans(sdk: Flexprice) -> None:
    made = sdk.plans.create_plan(name="Basic", lookup_key="basic", description="To begin", display_order=3)
    plan_id = made.id or ""
    sdk.prices.create_price(entity_id=plan_id, amount="0.10", lookup_key="basic_img", **USAGE)
    feature = sdk.features.create_feature(name="Basic images", type_="metered", meter_id="meter_img_count")
    sdk.entitlements.create_entitlement(
        plan_id=plan_id, feature_id=feature.id or "", feature_type="metered", usage_limit=100
    )
    read = sdk.plans.get_plan(id=plan_id)
    assert [each.amount for each in read.prices or []] == ["0.10"]
    assert [each.usage_limit for each in read.entitlements or []] == [100]
    changed = sdk.plans.update_plan(id=plan_id, name="Basic 2", metadata={"x": "y"})
    assert (changed.name, changed.description, changed.metadata) == ("Basic 2", "To begin", {"x": "y"})
    copy = sdk.plans.clone_plan(id=plan_id, name="Basic copy", lookup_key="basic_copy")
    assert copy.id != plan_id
    assert [each.amount for each in copy.prices or []] == ["0.10"]
    assert [each.usage_limit for each in copy.entitlements or []] == [100]
    assert [each.id for each in sdk.plans.query_plan(lookup_key="basic").items or []] == [plan_id]
    assert [each.usage_limit for each in sdk.entitlements.get_plan_entitlements(id=plan_id).items or []] == [100]
    assert sdk.plans.delete_plan(id=copy.id or "").message
    with pytest.raises((sdk_errors.ErrorResponse, sdk_errors.FlexpriceDefaultError), match=NOTHING):
        sdk.plans.get_plan(id=copy.id or "")


TIERS = [{"up_to": 10, "unit_amount": "0.50"}, {"unit_amount": "0.40", "flat_amount": "1"}]


@pytest.mark.parametrize(
    "price",
    [
        pytest.param({**USAGE, "amount": "0.1"}, id="flat usage"),
        pytest.param(
            {**USAGE, "billing_model": "PACKAGE", "amount": "1",
             "transform_quantity": {"divide_by": 100, "round": "up"}},
            id="packages",
        ),
        pytest.param({**USAGE, "billing_model": "TIERED", "tier_mode": "SLAB", "tiers": TIERS}, id="slabs"),
        pytest.param({**USAGE, "billing_model": "TIERED", "tier_mode": "VOLUME", "tiers": TIERS}, id="volume"),
        pytest.param(
            {**FIXED, "amount": "20", "invoice_cadence": "ADVANCE", "trial_period_days": 14, "min_quantity": 1},
            id="fixed, in advance",
        ),
        pytest.param(
            {**USAGE, "price_unit_type": "CUSTOM", "price_unit_config": {"price_unit": "CREDITS", "amount": "3"}},
            id="in a price unit",
        ),
        pytest.param(
            {**USAGE, "billing_model": "TIERED", "price_unit_type": "CUSTOM",
             "price_unit_config": {"price_unit": "CREDITS", "price_unit_tiers": TIERS}},
            id="tiers in a price unit",
        ),
        pytest.param({**FIXED, "amount": "5", "billing_period": "ONETIME", "invoice_cadence": "ADVANCE"}, id="once"),
    ],
)  # fmt: skip
def test_prices_of_every_kind(sdk: Flexprice, plan_id: str, credits: None, price: dict[str, Any]) -> None:
    made = sdk.prices.create_price(entity_id=plan_id, filter_values={"model": ["a", "b"]} if price["meter_id"] else {},
                                   **price)  # fmt: skip
    read = sdk.prices.get_price(id=made.id or "")
    assert (read.type, read.billing_model, read.currency) == (price["type_"], price["billing_model"], "USD")
    packed = price.get("transform_quantity")
    assert (read.transform_quantity and read.transform_quantity.divide_by) == (packed and packed["divide_by"])
    if price["price_unit_type"] == "CUSTOM":
        assert (read.price_unit, read.conversion_rate) == ("CREDITS", "0.01")
    if price["billing_model"] == "TIERED":
        worth = "0.005" if price["price_unit_type"] == "CUSTOM" else "0.50"
        assert [(each.up_to, each.unit_amount) for each in (read.tiers or [])[:1]] == [(10, worth)]


@pytest.fixture(scope="module")
def credits(sdk: Flexprice) -> None:
    sdk.price_units.create_price_unit(
        code="CREDITS", name="Credit", symbol="cr", base_currency="USD", conversion_rate="0.01"
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"currency": "US"}, "currency", id="a currency of two letters"),
        pytest.param({"entity_id": "plan_nobody"}, "entity_id", id="no such plan"),
        pytest.param({"type": "RENT"}, "type", id="no such type"),
        pytest.param({"billing_period_count": 0}, "billing_period_count", id="no period"),
        pytest.param({"meter_id": None}, "meter_id", id="usage of no meter"),
        pytest.param({"meter_id": "meter_nobody"}, "meter_id", id="no such meter"),
        pytest.param({"min_quantity": 1}, "min_quantity", id="least usage"),
        pytest.param({"invoice_cadence": "ADVANCE"}, "invoice_cadence", id="usage in advance"),
        pytest.param({"billing_model": "TIERED"}, "tiers", id="no tiers"),
        pytest.param({"billing_model": "TIERED", "tiers": [{"unit_amount": "1"}, {"unit_amount": "2"}]}, "tiers",
                     id="two tiers without end"),
        pytest.param({"billing_model": "PACKAGE"}, "transform_quantity", id="a package of nothing"),
        pytest.param({"transform_quantity": {"divide_by": 0}}, "transform_quantity.divide_by", id="divided by zero"),
        pytest.param({"transform_quantity": {"divide_by": 0.5}}, "transform_quantity.divide_by", id="half a unit"),
        pytest.param({"price_unit_type": "CUSTOM"}, "amount", id="an amount beside the unit"),
        pytest.param({"price_unit_type": "CUSTOM", "amount": None}, "price_unit_config", id="no unit"),
        pytest.param({"price_unit_config": {"price_unit": "CREDITS"}}, "price_unit_config", id="a unit for money"),
        pytest.param({"amount": "-1"}, "amount", id="negative"),
        pytest.param({"amount": "0.1e400"}, "amount", id="absurd"),
        pytest.param({"amount": None}, "amount", id="no amount"),
        pytest.param({"trial_period_days": 3}, "trial_period_days", id="a trial of usage"),
        pytest.param({"billing_period": "ONETIME"}, "invoice_cadence", id="once, in arrear"),
        pytest.param({"filter_values": {"model": []}}, "filter_values.model", id="a filter nothing passes"),
        pytest.param({"end_date": "2020-01-01T00:00:00Z"}, "end_date", id="ends before it begins"),
    ],
)  # fmt: skip
def test_a_price_that_cannot_be(http: httpx.Client, plan_id: str, credits: None, change: Any, field: str) -> None:
    answer = http.post("/prices", json={**wire(USAGE), "entity_id": plan_id, "amount": "0.1", **change})
    assert (answer.status_code, answer.json()["code"], answer.json()["details"]["param"]) == (
        400, "validation_error", field,
    )  # fmt: skip


def test_a_changed_price_has_a_successor(sdk: Flexprice) -> None:
    plan_id = sdk.plans.create_plan(name="Lineage").id or ""
    old = sdk.prices.create_price(entity_id=plan_id, amount="0.10", lookup_key="line", **USAGE)
    renamed = sdk.prices.update_price(id=old.id or "", display_name="Images", metadata={"a": "b"})
    assert (renamed.id, renamed.display_name, renamed.end_date) == (old.id, "Images", None)
    at = datetime.now(UTC) + timedelta(days=2)
    new = sdk.prices.update_price(id=old.id or "", amount="0.12", effective_from=at.isoformat())
    assert (new.parent_price_id, new.amount, new.start_date, new.lookup_key) == (old.id, "0.12", at, "line")
    assert (new.sequence or 0) > (old.sequence or 0)
    assert sdk.prices.get_price(id=old.id or "").end_date == at
    assert sdk.prices.get_price_by_lookup_key(lookup_key="line").id == old.id  # still in force
    assert [each.id for each in sdk.prices.query_price(parent_price_id=old.id).items or []] == [new.id]
    with pytest.raises(sdk_errors.ErrorResponse) as refused:
        sdk.prices.update_price(id=old.id or "", amount="0.13", effective_from=(at + timedelta(days=1)).isoformat())
    assert refused.value.data.code == "invalid_operation"


def test_an_ended_price_is_found_when_asked_for(sdk: Flexprice) -> None:
    plan_id = sdk.plans.create_plan(name="Ended").id or ""
    price = sdk.prices.create_price(entity_id=plan_id, amount="1", **USAGE)
    assert sdk.prices.delete_price(id=price.id or "").message
    assert sdk.prices.query_price(plan_ids=[plan_id]).items == []
    found = sdk.prices.query_price(plan_ids=[plan_id], allow_expired_prices=True)
    assert [each.id for each in found.items or []] == [price.id]


def test_many_prices_are_made_together_or_not_at_all(sdk: Flexprice, http: httpx.Client) -> None:
    plan_id = sdk.plans.create_plan(name="Many").id or ""
    item = {**wire(USAGE), "entity_id": plan_id, "amount": "1"}
    made = http.post("/prices/bulk", json={"items": [{**item, "lookup_key": f"many_{at}"} for at in range(100)]})
    assert (made.status_code, len(made.json()["items"])) == (201, 100)
    for items in ([], [item] * 101, [item, {**item, "amount": "x"}]):
        assert http.post("/prices/bulk", json={"items": items}).status_code == 400
    twice = http.post("/prices/bulk", json={"items": [{**item, "lookup_key": "twice"}] * 2})
    assert (twice.status_code, twice.json()["code"]) == (409, "already_exists")
    found = sdk.prices.query_price(plan_ids=[plan_id], limit=1)
    assert found.pagination is not None
    assert found.pagination.total == 100


def test_price_units(sdk: Flexprice) -> None:
    made = sdk.price_units.create_price_unit(
        code="A-VERY-LONG-CODE", name="Long", symbol="l", base_currency="eur", conversion_rate="0.50"
    )
    assert (made.base_currency, made.conversion_rate) == ("EUR", "0.50")
    assert sdk.price_units.get_price_unit_by_code(code="A-VERY-LONG-CODE").id == made.id
    changed = sdk.price_units.update_price_unit(id=made.id or "", name="Longer")
    assert (changed.name, changed.conversion_rate) == ("Longer", "0.50")
    listed = sdk.price_units.list_price_units(limit=1000)
    assert made.id in [each.id for each in listed.items or []]
    assert [each.id for each in sdk.price_units.query_price_unit(price_unit_ids=[made.id or ""]).items or []] == [
        made.id
    ]
    assert sdk.price_units.delete_price_unit(id=made.id or "").message
    for rate in ("0", "-1", "much"):
        with pytest.raises(sdk_errors.ErrorResponse):
            sdk.price_units.create_price_unit(code="x", name="x", symbol="x", base_currency="EUR", conversion_rate=rate)


# --- entitlements


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        pytest.param(
            "metered", {"usage_limit": 50, "usage_reset_period": "MONTHLY", "is_soft_limit": True}, id="limit"
        ),
        pytest.param("metered", {"usage_reset_period": "DAILY"}, id="without limit"),
        pytest.param("boolean", {"is_enabled": True}, id="on"),
        pytest.param("static", {"static_value": "1080p"}, id="a value"),
        pytest.param("config", {"config_value": {"models": ["veo", "kling"], "max_seconds": 10}}, id="a configuration"),
    ],
)
def test_entitlements(sdk: Flexprice, kind: str, promise: dict[str, Any]) -> None:
    plan_id = sdk.plans.create_plan(name="Promises").id or ""
    metered = {"meter_id": "meter_img_count"} if kind == "metered" else {}
    feature = sdk.features.create_feature(name=kind, type_=kind, **metered)
    made = sdk.entitlements.create_entitlement(
        entity_type="PLAN", entity_id=plan_id, feature_id=feature.id or "", feature_type=kind, **promise
    )
    read = sdk.entitlements.get_entitlement(id=made.id or "")
    assert {name: getattr(read, name) for name in promise} == promise
    assert (read.plan_id, read.feature is not None and read.feature.type) == (plan_id, kind)
    changed = sdk.entitlements.update_entitlement(id=made.id or "", is_enabled=False)
    assert changed.is_enabled is False
    assert [each.id for each in sdk.entitlements.query_entitlement(plan_ids=[plan_id]).items or []] == [made.id]
    with pytest.raises(sdk_errors.FlexpriceDefaultError, match="already_exists"):
        sdk.entitlements.create_entitlement(plan_id=plan_id, feature_id=feature.id or "", feature_type=kind, **promise)
    assert sdk.entitlements.delete_entitlement(id=made.id or "").message
    assert sdk.entitlements.query_entitlement(plan_ids=[plan_id]).items == []


def test_a_limit_that_nobody_understands_is_not_promised(sdk: Flexprice, http: httpx.Client, plan_id: str) -> None:
    feature = sdk.features.create_feature(name="Sharp", type_="static", lookup_key="limit:resolution").id
    promise = {"plan_id": plan_id, "feature_id": feature, "feature_type": "static"}
    assert http.post("/entitlements", json={**promise, "static_value": "sharp"}).status_code == 400
    made = http.post("/entitlements", json={**promise, "static_value": "720p"}).json()["id"]
    assert http.put(f"/entitlements/{made}", json={"static_value": "sharper"}).status_code == 400


@pytest.mark.parametrize("kind", ["static", "config"])
def test_a_promise_of_nothing(sdk: Flexprice, plan_id: str, kind: str) -> None:
    feature = sdk.features.create_feature(name=kind, type_=kind)
    with pytest.raises(sdk_errors.ErrorResponse) as refused:
        sdk.entitlements.create_entitlement(plan_id=plan_id, feature_id=feature.id or "", feature_type=kind)
    assert refused.value.data.code == "validation_error"


def test_entitlements_together(sdk: Flexprice) -> None:
    plan_id = sdk.plans.create_plan(name="Bulk").id or ""
    ids = [sdk.features.create_feature(name=f"f{at}", type_="boolean").id for at in range(3)]
    items = [{"plan_id": plan_id, "feature_id": each, "feature_type": "boolean", "is_enabled": True} for each in ids]
    made = sdk.entitlements.create_entitlements_bulk(items=items)
    assert [each.feature_id for each in made.items or []] == ids


# --- the rest


def test_groups(sdk: Flexprice, plan_id: str) -> None:
    made = sdk.groups.create_group(name="Images", lookup_key="group_images", entity_type="price")
    price = sdk.prices.create_price(entity_id=plan_id, amount="1", group_id=made.id, **USAGE)
    assert sdk.groups.get_group(id=made.id or "").entity_ids == [price.id]
    assert [each.id for each in sdk.groups.query_group(lookup_key="group_images").items or []] == [made.id]
    sdk.groups.delete_group(id=made.id or "")
    with pytest.raises((sdk_errors.ErrorResponse, sdk_errors.FlexpriceDefaultError), match=NOTHING):
        sdk.groups.get_group(id=made.id or "")


def test_addons(sdk: Flexprice) -> None:
    made = sdk.addons.create_addon(name="More video", lookup_key="more_video", metadata={"n": "1"})
    sdk.prices.create_price(entity_id=made.id or "", amount="9", **FIXED | {"entity_type": "ADDON"})
    feature = sdk.features.create_feature(name="More", type_="boolean")
    sdk.entitlements.create_entitlement(
        entity_type="ADDON", entity_id=made.id, feature_id=feature.id or "", feature_type="boolean"
    )
    read = sdk.addons.get_addon_by_lookup_key(lookup_key="more_video")
    assert (read.id, [each.amount for each in read.prices or []]) == (made.id, ["9"])
    assert len(sdk.entitlements.get_addon_entitlements(id=made.id or "").items or []) == 1
    assert sdk.addons.update_addon(id=made.id or "", name="Much more video").name == "Much more video"
    assert [each.id for each in sdk.addons.query_addon(lookup_keys=["more_video"]).items or []] == [made.id]
    assert sdk.addons.get_addon(id=made.id or "").metadata == {"n": "1"}
    assert sdk.addons.delete_addon(id=made.id or "").message


def test_coupons(sdk: Flexprice) -> None:
    fixed = sdk.coupons.create_coupon(
        name="Ten off", type_="fixed", cadence="once", amount_off="10", currency="usd", coupon_code="TEN",
        max_redemptions=3,
    )  # fmt: skip
    assert (fixed.amount_off, fixed.currency, fixed.total_redemptions) == ("10", "USD", 0)
    half = sdk.coupons.create_coupon(
        name="Half", type_="percentage", cadence="repeated", percentage_off="50", duration_in_periods=3
    )
    assert (half.percentage_off, half.duration_in_periods) == ("50", 3)
    assert sdk.coupons.get_coupon_by_code(code="TEN").id == fixed.id
    assert [each.id for each in sdk.coupons.query_coupon(coupon_codes=["TEN"]).items or []] == [fixed.id]
    assert sdk.coupons.update_coupon(id=half.id or "", name="Half off").name == "Half off"
    assert sdk.coupons.delete_coupon(id=half.id or "")["message"]
    assert sdk.coupons.get_coupon(id=fixed.id or "").name == "Ten off"


@pytest.mark.parametrize(
    "wish",
    [
        pytest.param({"type_": "fixed", "amount_off": "10"}, id="no currency"),
        pytest.param({"type_": "fixed", "amount_off": "0", "currency": "USD"}, id="nothing off"),
        pytest.param({"type_": "percentage", "percentage_off": "101"}, id="more than all"),
        pytest.param({"type_": "percentage"}, id="no percentage"),
        pytest.param({"type_": "percentage", "percentage_off": "5", "cadence": "repeated"}, id="how often?"),
    ],
)
def test_a_coupon_that_cannot_be(sdk: Flexprice, wish: dict[str, Any]) -> None:
    with pytest.raises(sdk_errors.ErrorResponse) as refused:
        sdk.coupons.create_coupon(**{"name": "x", "cadence": "once", **wish})
    assert refused.value.data.code == "validation_error"


def test_taxes(sdk: Flexprice) -> None:
    rate = sdk.tax_rates.create_tax_rate(
        code="VAT19", name="VAT", percentage_value="19", tax_rate_type="percentage", scope="EXTERNAL"
    )
    assert (rate.percentage_value, rate.tax_rate_status, rate.tax_rate_type) == ("19", "ACTIVE", "percentage")
    customer = sdk.customers.create_customer(external_id="taxed", name="Taxed")
    made = sdk.tax_associations.create_tax_association(
        tax_rate_code="VAT19", entity_type="customer", entity_id=customer.id, tax_behavior="exclusive", priority=2
    )
    assert made.tax_rate is not None
    assert made.tax_rate.code == "VAT19"
    listed = sdk.tax_associations.list_tax_associations(external_customer_id="taxed")
    assert [each.id for each in listed.items or []] == [made.id]
    assert sdk.tax_associations.update_tax_association(id=made.id or "", priority=5).priority == 5
    assert sdk.tax_associations.get_tax_association(id=made.id or "").tax_behavior == "exclusive"
    with pytest.raises(sdk_errors.ErrorResponse) as refused:
        sdk.tax_rates.delete_tax_rate(id=rate.id or "")
    assert refused.value.data.code == "invalid_operation"
    assert sdk.tax_associations.delete_tax_association(id=made.id or "").status == "deleted"
    assert sdk.tax_rates.update_tax_rate(id=rate.id or "", tax_rate_status="INACTIVE").tax_rate_status == "INACTIVE"
    found = sdk.tax_rates.get_tax_rates(taxrate_codes=["VAT19", "NONE"])
    assert [each.id for each in found.items or []] == [rate.id]
    assert sdk.tax_rates.get_tax_rate(id=rate.id or "").name == "VAT"
    sdk.tax_rates.delete_tax_rate(id=rate.id or "")


def test_cost_sheets(sdk: Flexprice) -> None:
    made = sdk.costs.create_costsheet(name="Upstream", lookup_key="upstream").costsheet
    assert made is not None
    sheet_id = made.id or ""
    sdk.prices.create_price(entity_id=sheet_id, amount="0.02", **USAGE | {"entity_type": "COSTSHEET"})
    read = sdk.costs.get_costsheet(id=sheet_id).costsheet
    assert read is not None
    assert [each.amount for each in read.prices or []] == ["0.02"]
    assert sdk.costs.get_active_costsheet().id == sheet_id
    changed = sdk.costs.update_costsheet(id=sheet_id, name="Providers").costsheet
    assert changed is not None
    assert changed.name == "Providers"
    found = sdk.costs.query_costsheet(costsheet_i_ds=[sheet_id], query_filter={"limit": 5})
    assert [each.id for each in found.items or []] == [sheet_id]
    assert sdk.costs.delete_costsheet(id=sheet_id).id == sheet_id


GONE: list[tuple[str, Callable[[Flexprice], Any]]] = [
    ("customer", lambda sdk: sdk.customers.get_customer(id="nobody")),
    ("plan", lambda sdk: sdk.plans.get_plan(id="nobody")),
    ("price", lambda sdk: sdk.prices.get_price(id="nobody")),
    ("price unit", lambda sdk: sdk.price_units.get_price_unit(id="nobody")),
    ("entitlement", lambda sdk: sdk.entitlements.get_entitlement(id="nobody")),
    ("coupon", lambda sdk: sdk.coupons.get_coupon_by_code(code="nobody")),
    ("tax rate", lambda sdk: sdk.tax_rates.get_tax_rate(id="nobody")),
    ("tax association", lambda sdk: sdk.tax_associations.get_tax_association(id="nobody")),
    ("cost sheet", lambda sdk: sdk.costs.get_costsheet(id="nobody")),
    ("addon", lambda sdk: sdk.addons.get_addon_by_lookup_key(lookup_key="nobody")),
]


@pytest.mark.parametrize("call", [call for _, call in GONE], ids=[name for name, _ in GONE])
def test_what_is_not_there(sdk: Flexprice, call: Callable[[Flexprice], Any]) -> None:
    with pytest.raises((sdk_errors.ErrorResponse, sdk_errors.FlexpriceDefaultError), match=NOTHING):
        call(sdk)
