"""`/alerts`: what is to be told when a balance or a spend passes a threshold, and what was told."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from app.api.billing import wire
from app.api.billing.common import Billing, Body, OptionalBody
from app.billing import alert_settings
from app.plans.keys import BillingKey


def router(billing: Billing) -> APIRouter:
    api = APIRouter(tags=["alerts"])
    Key = Annotated[BillingKey, billing.key("wallets")]
    db, clock, house = billing.db, billing.clock, billing.house

    @api.post("/alerts/search")
    def log(_key: Key, body: OptionalBody) -> dict[str, Any]:
        with db.read() as connection:
            return wire.page(alert_settings.search_log(connection, body), _logged)

    @api.post("/alerts/setting", status_code=201)
    def create(key: Key, body: Body) -> dict[str, Any]:
        with db.write() as connection:
            return _shown(alert_settings.create(connection, body, house, actor=key.id, now=clock()))

    @api.post("/alerts/setting/search")
    def search(_key: Key, body: OptionalBody) -> dict[str, Any]:
        with db.read() as connection:
            return wire.page(alert_settings.search(connection, body), _shown)

    @api.get("/alerts/setting/{setting_id}")
    def get(_key: Key, setting_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return _shown(alert_settings.shelf.get(connection, setting_id))

    @api.put("/alerts/setting/{setting_id}")
    def change(key: Key, setting_id: str, body: Body) -> dict[str, Any]:
        with db.write() as connection:
            return _shown(alert_settings.change(connection, setting_id, body, house, actor=key.id, now=clock()))

    @api.delete("/alerts/setting/{setting_id}", status_code=204)
    def delete(key: Key, setting_id: str) -> Response:
        with db.write() as connection:
            alert_settings.delete(connection, setting_id, house, actor=key.id, now=clock())
        return Response(status_code=204)

    return api


def _shown(row: Any) -> dict[str, Any]:
    return wire.shown(row, "entity_type", "entity_id", "parent_entity_type", "parent_entity_id", "config", "enabled")


def _logged(row: Any) -> dict[str, Any]:
    info = {
        "alert_settings": row["settings"],
        "timestamp": wire.moment(row["created_at"]),
        "current_balance": row["value"],
    }
    names = ("id", "customer_id", "entity_type", "entity_id", "alert_type", "alert_status")
    at = wire.moment(row["created_at"])
    return {**{name: row[name] for name in names}, "alert_info": info, "status": "published", "created_at": at,
            "updated_at": at}  # fmt: skip
