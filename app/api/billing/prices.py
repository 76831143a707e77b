"""`/prices` and `/prices/units`: what things cost, in a currency or in a unit worth something in one."""

from typing import Annotated, Any

from fastapi import APIRouter

from app.api.billing import show, wire
from app.api.billing.common import Billing, Body, OptionalBody, Query
from app.api.billing.routes import Writes, plainly
from app.api.billing.unserved import expands
from app.billing import own_prices
from app.kernel.given import Given
from app.plans import catalog, price_book
from app.plans.keys import BillingKey

Wire = dict[str, Any]


def router(billing: Billing) -> APIRouter:
    """Units first: their paths are fixed words where a price's has an id."""
    api = APIRouter(prefix="/prices", tags=["prices"])
    _units(api, billing)
    _prices(api, billing)
    return api


def _units(api: APIRouter, billing: Billing) -> None:
    Key = Annotated[BillingKey, billing.key("catalog")]
    db, make, shown = billing.db, Writes(billing), plainly(show.price_unit)

    def listed(given: Given) -> Wire:
        with db.read() as connection:
            found = catalog.search(connection, catalog.price_units, given, price_unit_ids="id", codes="code")
            return wire.page(found, show.price_unit)

    @api.post("/units", status_code=201)
    def create_unit(key: Key, body: Body) -> Wire:
        return make(key, lambda c, who: catalog.create_price_unit(c, body, **who), shown)

    @api.get("/units")
    def units(_key: Key, query: Query) -> Wire:
        return listed(query)

    @api.post("/units/search")
    def search_units(_key: Key, body: OptionalBody) -> Wire:
        return listed(body)

    @api.get("/units/code/{code}")
    def unit_by_code(_key: Key, code: str) -> Wire:
        with db.read() as connection:
            return show.price_unit(catalog.price_units.get_by(connection, "code", code))

    @api.get("/units/{unit_id}")
    def unit(_key: Key, unit_id: str) -> Wire:
        with db.read() as connection:
            return show.price_unit(catalog.price_units.get(connection, unit_id))

    @api.put("/units/{unit_id}")
    def update_unit(key: Key, unit_id: str, body: Body) -> Wire:
        return make(key, lambda c, who: catalog.change_price_unit(c, unit_id, body, **who), shown)

    @api.delete("/units/{unit_id}")
    def delete_unit(key: Key, unit_id: str) -> Wire:
        return make.gone(key, lambda c, who: catalog.delete_price_unit(c, unit_id, **who), "The price unit is deleted.")


def _prices(api: APIRouter, billing: Billing) -> None:
    Key = Annotated[BillingKey, billing.key("catalog")]
    db, clock, make, shown = billing.db, billing.clock, Writes(billing), plainly(show.price)

    @api.post("", status_code=201)
    def create(key: Key, body: Body) -> Wire:
        return make(key, lambda c, who: own_prices.create(c, body, **who), shown)

    @api.post("/bulk", status_code=201)
    def bulk(key: Key, body: Body) -> Wire:
        return make.many(key, lambda c, who: own_prices.create_many(c, body, **who), shown)

    @api.post("/search")
    def search(_key: Key, body: OptionalBody) -> Wire:
        with db.read() as connection:
            found, wish = price_book.search(connection, body, clock()), expands(body.raw)
            return wire.page(found, lambda row: show.linked(connection, show.price(row), wish))

    @api.get("/lookup/{lookup_key}")
    def by_lookup_key(_key: Key, lookup_key: str) -> Wire:
        with db.read() as connection:
            return show.price(price_book.by_lookup_key(connection, lookup_key, clock()))

    @api.get("/{price_id}")
    def get(_key: Key, price_id: str) -> Wire:
        with db.read() as connection:
            return show.price(price_book.get(connection, price_id))

    @api.put("/{price_id}")
    def update(key: Key, price_id: str, body: Body) -> Wire:
        return make(key, lambda c, who: own_prices.change(c, price_id, body, **who), shown)

    @api.delete("/{price_id}")
    def delete(key: Key, price_id: str, body: OptionalBody) -> Wire:
        return make.gone(key, lambda c, who: own_prices.end(c, price_id, body, **who), "The price ends.")
