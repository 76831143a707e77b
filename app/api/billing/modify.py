"""`/subscriptions/{id}/modify`: a subscription that runs goes on otherwise, tried or done."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import Connection

from app.api.billing import modifying, wire
from app.api.billing import subscription_wire as show
from app.api.billing.common import Billing, Body
from app.billing import subscriptions
from app.billing.trying import tried
from app.plans.keys import BillingKey

Wire = dict[str, Any]


def router(billing: Billing) -> APIRouter:
    api = APIRouter(tags=["subscriptions"])
    Key = Annotated[BillingKey, billing.key("subscriptions")]
    db, clock = billing.db, billing.clock

    def doing(key: BillingKey, subscription_id: str, body: Body, state: str) -> Callable[[Connection], Wire]:
        def do(connection: Connection) -> Wire:
            act = modifying.Act(connection, subscription_id, key.id, clock(), state)
            changed = modifying.KINDS[modifying.kind_of(body)](act, body)
            row = subscriptions.find(connection, subscription_id)
            mine = {
                "id": row.id,
                "action": "updated",
                "status": row.state,
                "current_period_end": wire.moment(row.period_end),
                "trial_end": wire.moment(row.trial_end),
            }
            return {
                "subscription": show.shown(connection, row),
                "changed_resources": changed | {"subscriptions": [mine]},
            }

        return do

    @api.post("/subscriptions/{subscription_id}/modify/preview")
    def preview(key: Key, subscription_id: str, body: Body) -> Wire:
        return tried(db, doing(key, subscription_id, body, "preview"))

    @api.post("/subscriptions/{subscription_id}/modify/execute")
    def execute(key: Key, subscription_id: str, body: Body) -> Wire:
        with db.write() as connection:
            return doing(key, subscription_id, body, "issued")(connection)

    return api
