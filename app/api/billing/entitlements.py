"""`/entitlements`: what plans, addons and subscriptions promise of a feature."""

from typing import Annotated, Any

from fastapi import APIRouter

from app.api.billing import show, wire
from app.api.billing.common import Billing, Body, OptionalBody
from app.api.billing.routes import Writes
from app.api.billing.unserved import expands
from app.billing import own_entitlements
from app.plans import entitlements
from app.plans.keys import BillingKey

Wire = dict[str, Any]


def router(billing: Billing) -> APIRouter:
    api = APIRouter(prefix="/entitlements", tags=["entitlements"])
    Key = Annotated[BillingKey, billing.key("catalog")]
    db, make = billing.db, Writes(billing)

    @api.post("", status_code=201)
    def create(key: Key, body: Body) -> Wire:
        return make(key, lambda c, who: own_entitlements.create(c, body, **who), show.entitlement)

    @api.post("/bulk", status_code=201)
    def bulk(key: Key, body: Body) -> Wire:
        return make.many(key, lambda c, who: own_entitlements.create_many(c, body, **who), show.entitlement)

    @api.post("/search")
    def search(_key: Key, body: OptionalBody) -> Wire:
        with db.read() as connection:
            found = entitlements.search(connection, body)
            wish = expands(body.raw)
            return wire.page(found, lambda row: show.linked(connection, show.entitlement(connection, row), wish))

    @api.get("/{entitlement_id}")
    def get(_key: Key, entitlement_id: str) -> Wire:
        with db.read() as connection:
            return show.entitlement(connection, entitlements.shelf.get(connection, entitlement_id))

    @api.put("/{entitlement_id}")
    def update(key: Key, entitlement_id: str, body: Body) -> Wire:
        return make(key, lambda c, who: entitlements.change(c, entitlement_id, body, **who), show.entitlement)

    @api.delete("/{entitlement_id}")
    def delete(key: Key, entitlement_id: str) -> Wire:
        return make.gone(
            key, lambda c, who: entitlements.shelf.remove(c, entitlement_id, **who), "The entitlement is deleted."
        )

    return api
