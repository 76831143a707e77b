"""What customers and subscriptions are entitled to, put together from their plans, and how much of it is used."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import Connection, Row

from app.api.billing import show, wire
from app.api.billing.common import Billing, Query
from app.billing import promised, subscriptions
from app.billing.promised import Usage
from app.kernel.given import Given
from app.plans import catalog, customers, features
from app.plans.customers import Customer
from app.plans.entitlements import Promise, Source
from app.plans.keys import BillingKey

Wire = dict[str, Any]


def router(billing: Billing) -> APIRouter:
    """Before the customers' own routes: `usage` is no customer's id."""
    api = APIRouter(tags=["customers"])
    Key = Annotated[BillingKey, billing.key("customers")]
    Subscriber = Annotated[BillingKey, billing.key("subscriptions")]
    db, clock = billing.db, billing.clock

    @api.get("/customers/usage")
    def usage(_key: Key, query: Query) -> Wire:
        now = clock()
        with db.read() as connection:
            customer = _asked_for(connection, query)
            rows = promised.live_of(connection, customer.id)
            if query.has("subscription_ids"):
                wanted = _listed(query, "subscription_ids")
                rows = [row for row in rows if row.id in wanted]
            promises = _wanted(connection, promised.promises_of(connection, rows, now), query)
            found = promised.usage_of(connection, customer.external_id, promises, rows, now)
            items = [_summary(connection, each) for each in found]
            period = rows[0] if rows else None
        return {
            "customer_id": customer.id,
            "features": items,
            "pagination": {"total": len(items), "limit": max(len(items), 1), "offset": 0},
            "period": period
            and {
                "start_time": wire.moment(period.period_start),
                "end_time": wire.moment(period.period_end),
                "period": period.billing_period,
            },
        }

    @api.get("/customers/external/{external_id}/entitlements")
    def by_external_id(_key: Key, external_id: str, query: Query) -> Wire:
        with db.read() as connection:
            return _of_customer(connection, customers.by_external_id(connection, external_id), query, billing.clock())

    @api.get("/customers/{customer_id}/entitlements")
    def of_customer(_key: Key, customer_id: str, query: Query) -> Wire:
        with db.read() as connection:
            return _of_customer(connection, customers.get(connection, customer_id), query, billing.clock())

    @api.get("/subscriptions/{subscription_id}/entitlements")
    def of_subscription(_key: Subscriber, subscription_id: str, query: Query) -> Wire:
        with db.read() as connection:
            row = subscriptions.find(connection, subscription_id)
            found = _wanted(connection, promised.promises_of(connection, [row], billing.clock()), query)
            return {
                "subscription_id": row.id,
                "plan_id": row.plan_id,
                "features": [_feature(connection, each) for each in found],
            }

    return api


def _of_customer(connection: Connection, customer: Customer, query: Given, now: datetime) -> Wire:
    rows: Sequence[Row[Any]] = promised.live_of(connection, customer.id)
    found = _wanted(connection, promised.promises_of(connection, rows, now), query)
    return {"customer_id": customer.id, "features": [_feature(connection, each) for each in found]}


def _asked_for(connection: Connection, query: Given) -> Customer:
    """By `customer_id`, or by what the SDK calls a lookup key: the external id."""
    if query.has("customer_id"):
        return customers.get(connection, query.text("customer_id"))
    return customers.by_external_id(connection, query.text("customer_lookup_key"))


def _wanted(connection: Connection, promises: Sequence[Promise], query: Given) -> list[Promise]:
    """Those of the features that the query names; all of them when it names none."""
    ids, keys = _listed(query, "feature_ids"), _listed(query, "feature_lookup_keys")
    if keys:
        ids |= {row["id"] for row in features.shelf.of(connection, "lookup_key", keys)}
    return [each for each in promises if not (ids or keys) or each.feature_id in ids]


def _listed(query: Given, name: str) -> set[str]:
    found = query.raw.get(name) or ""
    return set(found if isinstance(found, list) else found.split(",")) - {""}


def _feature(connection: Connection, promise: Promise) -> Wire:
    row = features.shelf.get(connection, promise.feature_id, any_status=True)
    return {
        "feature": show.feature(connection, row),
        "entitlement": {
            "is_enabled": promise.is_enabled,
            "usage_limit": promise.usage_limit,
            "is_soft_limit": promise.is_soft_limit,
            "usage_reset_period": promise.reset_period,
            "static_values": list(promise.static_values),
        },
        "sources": [_source(connection, each) for each in promise.sources],
    }


def _source(connection: Connection, source: Source) -> Wire:
    row = source.row
    found = {
        "subscription_id": source.subscription_id,
        "entity_id": row["entity_id"],
        "entity_type": str(row["entity_type"]).lower(),
        "quantity": source.quantity,
        "entitlement_id": row["id"],
        "is_enabled": row["is_enabled"],
        "usage_limit": row["usage_limit"],
        "static_value": row["static_value"],
        "config_value": row["config_value"],
    }
    if row["entity_type"] == "PLAN":
        found["entity_name"] = catalog.plans.get(connection, row["entity_id"], any_status=True)["name"]
    return found


def _summary(connection: Connection, each: Usage) -> Wire:
    promise = each.promise
    limit = promise.usage_limit
    row = features.shelf.get(connection, promise.feature_id, any_status=True)
    return {
        "feature": show.feature(connection, row),
        "current_usage": wire.decimal(each.used),
        "total_limit": limit,
        "is_unlimited": limit is None,
        "usage_percent": wire.decimal(each.used * 100 / limit, 2) if limit else "0",
        "is_enabled": promise.is_enabled,
        "is_soft_limit": promise.is_soft_limit,
        "next_usage_reset_at": wire.moment(each.resets_at),
        "sources": [_source(connection, source) for source in promise.sources],
    }
