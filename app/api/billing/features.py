"""`/features`: what plans can promise, metered ones with their meters."""

from typing import Annotated, Any

from fastapi import APIRouter

from app.api.billing import show, wire
from app.api.billing.common import Billing, Body, OptionalBody
from app.api.billing.routes import Writes
from app.api.billing.unserved import expands
from app.plans import features
from app.plans.keys import BillingKey

Wire = dict[str, Any]


def router(billing: Billing) -> APIRouter:
    api = APIRouter(prefix="/features", tags=["features"])
    Key = Annotated[BillingKey, billing.key("catalog")]
    db, make = billing.db, Writes(billing)

    @api.post("", status_code=201)
    def create(key: Key, body: Body) -> Wire:
        return make(key, lambda c, who: features.create(c, body, **who), show.feature)

    @api.post("/search")
    def search(_key: Key, body: OptionalBody) -> Wire:
        with db.read() as connection:
            found, wish = features.search(connection, body), expands(body.raw)
            return wire.page(found, lambda row: show.linked(connection, show.feature(connection, row), wish))

    @api.get("/{feature_id}")
    def get(_key: Key, feature_id: str) -> Wire:
        with db.read() as connection:
            return show.feature(connection, features.get(connection, feature_id))

    @api.put("/{feature_id}")
    def update(key: Key, feature_id: str, body: Body) -> Wire:
        return make(key, lambda c, who: features.change(c, feature_id, body, **who), show.feature)

    @api.delete("/{feature_id}")
    def delete(key: Key, feature_id: str) -> Wire:
        return make.gone(key, lambda c, who: features.delete(c, feature_id, **who), "The feature is deleted.")

    @api.post("/{feature_id}/clone", status_code=201)
    def clone(key: Key, feature_id: str, body: OptionalBody) -> Wire:
        return make(key, lambda c, who: features.clone(c, feature_id, body, **who), show.feature)

    return api
