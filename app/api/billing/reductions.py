"""`/coupons` and `/taxes`: what changes a bill."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from app.api.billing import show, wire
from app.api.billing.common import Billing, Body, OptionalBody, Query
from app.api.billing.routes import Who, Writes, plainly
from app.billing import subscriptions
from app.plans import reductions
from app.plans.keys import BillingKey
from app.plans.shelf import Record

Wire = dict[str, Any]


def coupons(billing: Billing) -> APIRouter:
    api = APIRouter(prefix="/coupons", tags=["coupons"])
    Key = Annotated[BillingKey, billing.key("catalog")]
    db, make, shown = billing.db, Writes(billing), plainly(show.coupon)

    @api.post("", status_code=201)
    def create(key: Key, body: Body) -> Wire:
        return make(key, lambda c, who: reductions.create_coupon(c, body, **who), shown)

    @api.post("/search")
    def search(_key: Key, body: OptionalBody) -> Wire:
        with db.read() as connection:
            return wire.page(reductions.search_coupons(connection, body), show.coupon)

    @api.get("/code/{code}")
    def by_code(_key: Key, code: str) -> Wire:
        with db.read() as connection:
            return show.coupon(reductions.coupons.get_by(connection, "coupon_code", code))

    @api.get("/{coupon_id}")
    def get(_key: Key, coupon_id: str) -> Wire:
        with db.read() as connection:
            return show.coupon(reductions.coupons.get(connection, coupon_id))

    @api.put("/{coupon_id}")
    def update(key: Key, coupon_id: str, body: Body) -> Wire:
        return make(key, lambda c, who: reductions.change_coupon(c, coupon_id, body, **who), shown)

    @api.delete("/{coupon_id}")
    def delete(key: Key, coupon_id: str) -> Wire:
        return make.gone(key, lambda c, who: reductions.coupons.remove(c, coupon_id, **who), "The coupon is deleted.")

    return api


def tax_rates(billing: Billing) -> APIRouter:
    api = APIRouter(prefix="/taxes/rates", tags=["taxes"])
    Key = Annotated[BillingKey, billing.key("catalog")]
    db, make, shown = billing.db, Writes(billing), plainly(show.tax_rate)

    @api.post("", status_code=201)
    def create(key: Key, body: Body) -> Wire:
        return make(key, lambda c, who: reductions.create_tax_rate(c, body, **who), shown)

    @api.get("")
    def search(_key: Key, query: Query) -> Wire:
        with db.read() as connection:
            return wire.page(reductions.search_tax_rates(connection, query), show.tax_rate)

    @api.get("/{rate_id}")
    def get(_key: Key, rate_id: str) -> Wire:
        with db.read() as connection:
            return show.tax_rate(reductions.tax_rates.get(connection, rate_id))

    @api.put("/{rate_id}")
    def update(key: Key, rate_id: str, body: Body) -> Wire:
        return make(key, lambda c, who: reductions.change_tax_rate(c, rate_id, body, **who), shown)

    @api.delete("/{rate_id}", status_code=204)
    def delete(key: Key, rate_id: str) -> Response:
        return make.silently(key, lambda c, who: reductions.delete_tax_rate(c, rate_id, **who))

    return api


def tax_associations(billing: Billing) -> APIRouter:
    api = APIRouter(prefix="/taxes/associations", tags=["taxes"])
    Key = Annotated[BillingKey, billing.key("catalog")]
    db, make = billing.db, Writes(billing)

    def shown(connection: Connection, row: Record) -> Wire:
        rate = reductions.tax_rates.find(connection, row["tax_rate_id"], any_status=True)
        return show.tax_association(row, rate)

    @api.post("", status_code=200)
    def create(key: Key, body: Body) -> Wire:
        def associate(connection: Connection, who: Who) -> Record:
            if body.raw.get("entity_type") == "subscription":
                subscriptions.find(connection, body.text("entity_id"))  # a tax on nobody's bill would be ignored
            return reductions.associate(connection, body, **who)

        return make(key, associate, shown)

    @api.get("")
    def search(_key: Key, query: Query) -> Wire:
        with db.read() as connection:
            found = reductions.search_associations(connection, query)
            return wire.page(found, lambda row: shown(connection, row))

    @api.get("/{ta_id}")
    def get(_key: Key, ta_id: str) -> Wire:
        with db.read() as connection:
            return shown(connection, reductions.tax_associations.get(connection, ta_id))

    @api.put("/{ta_id}")
    def update(key: Key, ta_id: str, body: Body) -> Wire:
        return make(key, lambda c, who: reductions.change_association(c, ta_id, body, **who), shown)

    @api.delete("/{ta_id}")
    def delete(key: Key, ta_id: str) -> Wire:
        def gone(connection: Connection, who: dict[str, Any]) -> Record:
            reductions.tax_associations.remove(connection, ta_id, **who)
            return reductions.tax_associations.get(connection, ta_id, any_status=True)

        return make(key, gone, shown)

    return api
