"""`/plans`: named bundles of prices and entitlements."""

from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import Connection

from app.api.billing import show, wire
from app.api.billing.common import Billing, Body, OptionalBody
from app.api.billing.routes import Writes
from app.api.billing.unserved import expands
from app.billing import promised
from app.plans import catalog
from app.plans.keys import BillingKey

Wire = dict[str, Any]


def router(billing: Billing) -> APIRouter:
    api = APIRouter(prefix="/plans", tags=["plans"])
    Key = Annotated[BillingKey, billing.key("catalog")]
    db, make = billing.db, Writes(billing)

    @api.post("", status_code=201)
    def create(key: Key, body: Body) -> Wire:
        return make(key, lambda c, who: catalog.create_plan(c, body, **who), show.plan_in_full)

    @api.post("/search")
    def search(_key: Key, body: OptionalBody) -> Wire:
        with db.read() as connection:
            found = catalog.search(connection, catalog.plans, body, plan_ids="id", lookup_key="lookup_key")
            wish = expands(body.raw)
            return wire.page(found, lambda row: show.bundle(connection, "PLAN", row, wish))

    @api.get("/{plan_id}")
    def get(_key: Key, plan_id: str) -> Wire:
        with db.read() as connection:
            return show.plan_in_full(connection, catalog.plans.get(connection, plan_id))

    @api.put("/{plan_id}")
    def update(key: Key, plan_id: str, body: Body) -> Wire:
        return make(key, lambda c, who: catalog.change_plan(c, plan_id, body, **who), show.plan_in_full)

    @api.delete("/{plan_id}")
    def delete(key: Key, plan_id: str) -> Wire:
        def gone(connection: Connection, who: dict[str, Any]) -> None:
            promised.free_of_subscriptions(connection, "plan_id", plan_id, "plan")
            catalog.plans.remove(connection, plan_id, **who)

        return make.gone(key, gone, "The plan is deleted.")

    @api.post("/{plan_id}/clone", status_code=201)
    def clone(key: Key, plan_id: str, body: OptionalBody) -> Wire:
        return make(key, lambda c, who: catalog.clone_plan(c, plan_id, body, **who), show.plan_in_full)

    @api.get("/{plan_id}/entitlements")
    def entitlements(_key: Key, plan_id: str) -> Wire:
        with db.read() as connection:
            catalog.plans.get(connection, plan_id)
            found = catalog.entitlements_of(connection, "PLAN", [plan_id])
            return wire.listed([show.entitlement(connection, row) for row in found], len(found), max(len(found), 1), 0)

    return api
