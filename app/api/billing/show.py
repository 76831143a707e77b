"""How the catalogue looks on the wire: one function a kind, everything in the SDK's names."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from app.api.billing import wire
from app.billing import credit_grants
from app.metering import meter_book
from app.plans import catalog, features, price_book
from app.plans.customers import Customer
from app.plans.prices import CUSTOM
from app.plans.shelf import Record

SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}
Wire = dict[str, Any]


def meter(row: Record) -> Wire:
    fields = row["fields"]
    how = {
        "type": row["aggregation"],
        "field": fields[0] if fields else None,
        "fields": fields,
        "counts_one": row["counts_one"],
        "expression": row["expression"],
        "multiplier": row["multiplier"] if row["multiplier"] != "1" else None,
        "bucket_size": row["bucket_size"],
        "group_by": row["group_by"],
    }
    return {
        "id": row["id"],
        "name": row["name"],
        "event_name": row["event_name"],
        "aggregation": {name: value for name, value in how.items() if value is not None},
        "filters": [{"key": key, "values": values} for key, values in row["filters"].items()],
        "reset_usage": row["reset_usage"],
        "status": "published" if row["enabled"] else "archived",
        "created_at": wire.moment(row["created_at"]),
        "updated_at": wire.moment(row["updated_at"]),
    }


def feature(connection: Connection, row: Record) -> Wire:
    names = ("name", "lookup_key", "description", "type", "meter_id", "unit_singular", "unit_plural", "group_id")
    unit = row["reporting_unit"]
    found = wire.shown(row, *names, "alert_settings")
    found["reporting_unit"] = unit and {**unit, "conversion_rate": _number(unit["conversion_rate"])}
    counted = meter_book.find(connection, row["meter_id"]) if row["meter_id"] else None
    return found | {"meter": None if counted is None else meter(counted)}


def plan(row: Record) -> Wire:
    return wire.shown(row, "name", "lookup_key", "description", "display_order")


def linked(connection: Connection, said: Wire, wish: Collection[str]) -> Wire:
    """A price, a feature or an entitlement with what it belongs to beside it, as `expand` wishes."""
    found = dict(said)
    if "meters" in wish and "meter" not in said and said.get("meter_id"):
        found["meter"] = meter(meter_book.get(connection, said["meter_id"]))
    if "groups" in wish and said.get("group_id"):
        found["group"] = group(connection, catalog.groups.get(connection, said["group_id"], any_status=True))
    if {"price_units", "priceunit"} & set(wish) and said.get("price_unit_id"):
        found["pricing_unit"] = price_unit(catalog.price_units.get(connection, said["price_unit_id"], any_status=True))
    if "plans" in wish and said.get("entity_type") == "PLAN":
        found["plan"] = plan(catalog.plans.get(connection, said["entity_id"], any_status=True))
    if "addons" in wish and said.get("entity_type") == "ADDON":
        found["addon"] = addon(catalog.addons.get(connection, said["entity_id"], any_status=True))
    return found


def bundle(connection: Connection, kind: str, row: Record, wish: Collection[str]) -> Wire:
    """A plan or an addon with as much of its prices, entitlements and credit grants as is wished for."""
    found = plan(row) if kind == "PLAN" else addon(row)
    if "prices" in wish:
        rows = price_book.rows_of(connection, kind, [row["id"]])
        found["prices"] = [linked(connection, price(each), wish) for each in rows]
    if "entitlements" in wish:
        found["entitlements"] = [
            entitlement(connection, each) for each in catalog.entitlements_of(connection, kind, [row["id"]])
        ]
    if "credit_grants" in wish and kind == "PLAN":
        found["credit_grants"] = [credit_grant(each) for each in credit_grants.of_plan(connection, row["id"])]
    return found


def credit_grant(row: Record) -> Wire:
    return wire.shown(
        row, "name", "scope", "plan_id", "subscription_id", "addon_id", "credits", "cadence", "period", "period_count",
        "expiration_type", "expiration_duration", "expiration_duration_unit", "rollover_limit", "priority",
        "conversion_rate", "topup_conversion_rate", "start_date", "end_date",
    )  # fmt: skip


def plan_in_full(connection: Connection, row: Record) -> Wire:
    """With its prices and entitlements."""
    return plan(row) | _priced(connection, "PLAN", row)


def addon(row: Record) -> Wire:
    return wire.shown(row, "name", "lookup_key", "description")


def addon_in_full(connection: Connection, row: Record) -> Wire:
    return addon(row) | _priced(connection, "ADDON", row)


def cost_sheet(connection: Connection, row: Record) -> Wire:
    rows = price_book.rows_of(connection, "COSTSHEET", [row["id"]])
    return wire.shown(row, "name", "lookup_key", "description") | {"prices": [price(each) for each in rows]}


def group(connection: Connection, row: Record) -> Wire:
    found = wire.shown(row, "name", "lookup_key", "entity_type")
    return found | {"entity_ids": catalog.in_group(connection, row)}


def customer(found: Customer) -> Wire:
    row = asdict(found) | dict(found.address)
    names = ("external_id", "name", "email", "contact", *found.address, "billing_currency", "timezone")
    return wire.shown(row, *names, "tax_treatment", "contact_persons", "workspace_id")


def price_unit(row: Record) -> Wire:
    return wire.shown(row, "code", "name", "symbol", "base_currency", "conversion_rate")


def price(row: Record) -> Wire:
    """A price in a unit shows what it comes to in its currency as well."""
    plainly = (
        "entity_type", "entity_id", "type", "meter_id", "display_name", "description", "lookup_key", "group_id",
        "currency", "billing_model", "billing_period", "billing_period_count", "invoice_cadence",
        "price_unit_type", "tier_mode", "transform_quantity", "price_unit_id", "price_unit", "conversion_rate",
        "price_unit_amount", "price_unit_tiers", "filter_values", "bucket_size", "trial_period_days", "start_date",
        "end_date", "parent_price_id", "sequence",
    )  # fmt: skip
    found = wire.shown(row, *plainly)
    found["min_quantity"] = wire.decimal(row["min_quantity"])
    found["amount"], found["tiers"] = row["amount"], row["tiers"]
    if row["billing_cadence"] == "RECURRING":  # the client knows no other
        found["billing_cadence"] = row["billing_cadence"]
    if row["price_unit_type"] == CUSTOM:
        rate = Decimal(row["conversion_rate"])
        found["amount"] = _times(row["price_unit_amount"], rate)
        found["tiers"] = row["price_unit_tiers"] and [_worth(tier, rate) for tier in row["price_unit_tiers"]]
        if row["price_unit_amount"] is not None:
            found["display_price_unit_amount"] = f"{row['price_unit_amount']} {row['price_unit']}"
    if found["amount"] is not None:
        found["display_amount"] = display(found["amount"], row["currency"])
    return found


def display(amount: str, currency: str) -> str:
    """`$0.04`, or `0.04 CHF` where there is no sign."""
    return f"{SIGNS[currency]}{amount}" if currency in SIGNS else f"{amount} {currency}"


def entitlement(connection: Connection, row: Record) -> Wire:
    names = (
        "entity_type", "entity_id", "feature_id", "feature_type", "is_enabled", "usage_limit", "usage_reset_period",
        "is_soft_limit", "static_value", "config_value", "aggregation_mode", "parent_entitlement_id", "start_date",
        "end_date",
    )  # fmt: skip
    found = wire.shown(row, *names) | dict(row["grant"] or {})
    if row["entity_type"] == "PLAN":
        found["plan_id"] = row["entity_id"]
    promised = features.shelf.find(connection, row["feature_id"], any_status=True)
    return found | {"feature": None if promised is None else feature(connection, promised)}


def coupon(row: Record) -> Wire:
    return wire.shown(
        row, "name", "coupon_code", "type", "cadence", "amount_off", "percentage_off", "currency",
        "duration_in_periods", "max_redemptions", "total_redemptions", "redeem_after", "redeem_before", "rules",
    )  # fmt: skip


def tax_rate(row: Record) -> Wire:
    found = wire.shown(row, "code", "name", "description", "percentage_value", "scope", "tax_rate_status")
    return found | {"tax_rate_type": "percentage"}


def tax_association(row: Record, rate: Record | None) -> Wire:
    found = wire.shown(
        row, "tax_rate_id", "entity_type", "entity_id", "currency", "tax_behavior", "priority", "auto_apply",
        "start_date", "end_date",
    )  # fmt: skip
    return found | {"tax_rate": None if rate is None else tax_rate(rate)}


def _priced(connection: Connection, kind: str, row: Record) -> Wire:
    promises = catalog.entitlements_of(connection, kind, [row["id"]])
    return {
        "prices": [price(each) for each in price_book.rows_of(connection, kind, [row["id"]])],
        "entitlements": [entitlement(connection, each) for each in promises],
    }


def _times(amount: str | None, rate: Decimal) -> str | None:
    return None if amount is None else wire.decimal(Decimal(amount) * rate)


def _worth(tier: Mapping[str, Any], rate: Decimal) -> Wire:
    return {**tier, "unit_amount": _times(tier["unit_amount"], rate), "flat_amount": _times(tier["flat_amount"], rate)}


def _number(text: str | None) -> float | None:
    """The one figure that the client wants as a JSON number."""
    return None if text is None else float(text)
