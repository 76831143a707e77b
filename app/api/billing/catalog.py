"""`/groups`, `/addons` and `/costs`: what else a price list is made of."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from app.api.billing import show, wire
from app.api.billing.common import Billing, Body, OptionalBody
from app.api.billing.routes import Writes
from app.billing import promised
from app.kernel.errors import NotFound
from app.kernel.given import Given
from app.plans import catalog
from app.plans.keys import BillingKey

Wire = dict[str, Any]


def groups(billing: Billing) -> APIRouter:
    api = APIRouter(prefix="/groups", tags=["groups"])
    Key = Annotated[BillingKey, billing.key("catalog")]
    db, make = billing.db, Writes(billing)

    @api.post("", status_code=201)
    def create(key: Key, body: Body) -> Wire:
        return make(key, lambda c, who: catalog.create_group(c, body, **who), show.group)

    @api.post("/search")
    def search(_key: Key, body: OptionalBody) -> Wire:
        fields = {"group_ids": "id", "lookup_key": "lookup_key", "name": "name", "entity_type": "entity_type"}
        with db.read() as connection:
            found = catalog.search(connection, catalog.groups, body, **fields)
            return wire.page(found, lambda row: show.group(connection, row))

    @api.get("/{group_id}")
    def get(_key: Key, group_id: str) -> Wire:
        with db.read() as connection:
            return show.group(connection, catalog.groups.get(connection, group_id))

    @api.delete("/{group_id}", status_code=204)
    def delete(key: Key, group_id: str) -> Response:
        return make.silently(key, lambda c, who: catalog.groups.remove(c, group_id, **who))

    return api


def addons(billing: Billing) -> APIRouter:
    api = APIRouter(prefix="/addons", tags=["addons"])
    Key = Annotated[BillingKey, billing.key("catalog")]
    db, make = billing.db, Writes(billing)

    @api.post("", status_code=201)
    def create(key: Key, body: Body) -> Wire:
        return make(key, lambda c, who: catalog.create_addon(c, body, **who), show.addon_in_full)

    @api.post("/search")
    def search(_key: Key, body: OptionalBody) -> Wire:
        with db.read() as connection:
            found = catalog.search(connection, catalog.addons, body, addon_ids="id", lookup_keys="lookup_key")
            return wire.page(found, lambda row: show.addon_in_full(connection, row))

    @api.get("/lookup/{lookup_key}")
    def by_lookup_key(_key: Key, lookup_key: str) -> Wire:
        with db.read() as connection:
            return show.addon_in_full(connection, catalog.addons.get_by(connection, "lookup_key", lookup_key))

    @api.get("/{addon_id}")
    def get(_key: Key, addon_id: str) -> Wire:
        with db.read() as connection:
            return show.addon_in_full(connection, catalog.addons.get(connection, addon_id))

    @api.put("/{addon_id}")
    def update(key: Key, addon_id: str, body: Body) -> Wire:
        return make(key, lambda c, who: catalog.change_addon(c, addon_id, body, **who), show.addon_in_full)

    @api.delete("/{addon_id}")
    def delete(key: Key, addon_id: str) -> Wire:
        def gone(connection: Connection, who: dict[str, Any]) -> None:
            promised.free_addon(connection, addon_id, billing.clock())
            catalog.addons.remove(connection, addon_id, **who)

        return make.gone(key, gone, "The addon is deleted.")

    @api.get("/{addon_id}/entitlements")
    def entitlements(_key: Key, addon_id: str) -> Wire:
        with db.read() as connection:
            catalog.addons.get(connection, addon_id)
            found = catalog.entitlements_of(connection, "ADDON", [addon_id])
            return wire.listed([show.entitlement(connection, row) for row in found], len(found), max(len(found), 1), 0)

    return api


def costs(billing: Billing) -> APIRouter:
    """Cost sheets: what things cost us, priced like plans."""
    api = APIRouter(prefix="/costs", tags=["costs"])
    Key = Annotated[BillingKey, billing.key("catalog")]
    db, make = billing.db, Writes(billing)

    @api.post("", status_code=201)
    def create(key: Key, body: Body) -> Wire:
        return {"costsheet": make(key, lambda c, who: catalog.create_cost_sheet(c, body, **who), show.cost_sheet)}

    @api.post("/search")
    def search(_key: Key, body: OptionalBody) -> Wire:
        asked = _in_our_words(body)
        with db.read() as connection:
            found = catalog.search(
                connection, catalog.cost_sheets, asked, costsheet_ids="id", lookup_key="lookup_key", name="name"
            )
            return wire.page(found, lambda row: show.cost_sheet(connection, row))

    @api.get("/active")
    def active(_key: Key) -> Wire:
        with db.read() as connection:
            found = catalog.active_cost_sheet(connection)
            if found is None:
                raise NotFound("There is no cost sheet yet.", code="cost_sheet_not_found")
            return show.cost_sheet(connection, found)

    @api.get("/{sheet_id}")
    def get(_key: Key, sheet_id: str) -> Wire:
        with db.read() as connection:
            return {"costsheet": show.cost_sheet(connection, catalog.cost_sheets.get(connection, sheet_id))}

    @api.put("/{sheet_id}")
    def update(key: Key, sheet_id: str, body: Body) -> Wire:
        changed = make(key, lambda c, who: catalog.change_cost_sheet(c, sheet_id, body, **who), show.cost_sheet)
        return {"costsheet": changed}

    @api.delete("/{sheet_id}")
    def delete(key: Key, sheet_id: str) -> Wire:
        said = make.gone(key, lambda c, who: catalog.cost_sheets.remove(c, sheet_id, **who), "The sheet is deleted.")
        return said | {"id": sheet_id}

    return api


def _in_our_words(body: Given) -> Given:
    """This one search writes its fields in camel case, and its page and order inside."""
    inner, times = body.maybe_object("queryFilter"), body.maybe_object("timeRangeFilter")
    own: dict[str, Any] = {}
    if ids := body.texts("costsheetIDs"):
        own["costsheet_ids"] = list(ids)
    if lookup := body.maybe("lookupKey"):
        own["lookup_key"] = lookup
    return Given({**(inner.raw if inner else {}), **(times.raw if times else {}), **body.raw, **own})
