"""`/meters`: how events become quantities. The SDK makes them inside features; raw HTTP has them by themselves."""

from typing import Annotated, Any

from fastapi import APIRouter

from app.api.billing import show, wire
from app.api.billing.common import Billing, Body, OptionalBody, Query
from app.api.billing.routes import Writes, plainly
from app.kernel.given import Given
from app.metering import meter_book
from app.plans import meters
from app.plans.keys import BillingKey

Wire = dict[str, Any]


def router(billing: Billing) -> APIRouter:
    api = APIRouter(prefix="/meters", tags=["meters"])
    Key = Annotated[BillingKey, billing.key("catalog")]
    db, make = billing.db, Writes(billing)
    shown = plainly(show.meter)

    def listed(given: Given) -> Wire:
        with db.read() as connection:
            return wire.page(meters.search(connection, given), show.meter)

    @api.post("", status_code=201)
    def create(key: Key, body: Body) -> Wire:
        return make(key, lambda c, who: meter_book.create(c, body, now=who["now"]), shown)

    @api.get("")
    def every(_key: Key, query: Query) -> Wire:
        return listed(query)

    @api.post("/search")
    def search(_key: Key, body: OptionalBody) -> Wire:
        return listed(body)

    @api.get("/{meter_id}")
    def get(_key: Key, meter_id: str) -> Wire:
        with db.read() as connection:
            return show.meter(meter_book.get(connection, meter_id))

    @api.put("/{meter_id}")
    def update(key: Key, meter_id: str, body: Body) -> Wire:
        return make(key, lambda c, who: meter_book.change(c, meter_id, body, now=who["now"]), shown)

    @api.post("/{meter_id}/disable")
    def disable(key: Key, meter_id: str) -> Wire:
        return make.gone(key, lambda c, who: meter_book.disable(c, meter_id, now=who["now"]), "The meter is disabled.")

    @api.delete("/{meter_id}")
    def delete(key: Key, meter_id: str) -> Wire:
        return make.gone(key, lambda c, _who: meters.delete(c, meter_id), "The meter is deleted.")

    return api
