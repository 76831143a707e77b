"""`/subscriptions/schedules`: what waits for the end of a period, and how it is called off."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter

from app.api.billing import wire
from app.api.billing.common import Billing, OptionalBody, Query
from app.billing import schedules, subscriptions
from app.billing.schedules import Schedule
from app.plans.keys import BillingKey
from app.plans.search import bounds

STATES = ("pending", "executing", "executed", "cancelled", "failed")
KINDS = (schedules.PLAN_CHANGE, schedules.CANCELLATION)


def router(billing: Billing) -> APIRouter:
    """Before the subscriptions' own addresses: `schedules` is no id of one."""
    api = APIRouter(tags=["subscriptions"])
    Key = Annotated[BillingKey, billing.key("subscriptions")]
    db, clock = billing.db, billing.clock

    @api.get("/subscriptions/schedules")
    def every(_key: Key, query: Query) -> dict[str, Any]:
        ids = [*query.listed("subscription_ids"), *query.listed("subscription_id")]
        kinds, states = query.listed("schedule_type", KINDS), query.listed("schedule_status", STATES)
        limit, offset = bounds(query)
        with db.read() as connection:
            found = schedules.every(connection, list(dict.fromkeys(ids)) or schedules.waiting(connection))
        mine = [each for each in found if (not kinds or each.kind in kinds) and (not states or "pending" in states)]
        return listed(mine[offset : offset + limit], clock())

    @api.get("/subscriptions/{subscription_id}/schedules")
    def of_subscription(_key: Key, subscription_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return listed(schedules.of_subscription(subscriptions.find(connection, subscription_id)), clock())

    @api.get("/subscriptions/schedules/{schedule_id}")
    def get(_key: Key, schedule_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return shown(schedules.get(connection, schedule_id), clock())

    @api.post("/subscriptions/schedules/{schedule_id}/cancel")
    def cancel(_key: Key, schedule_id: str, _body: OptionalBody) -> dict[str, Any]:
        with db.write() as connection:
            schedules.cancel(connection, schedule_id, now=clock())
        return {"message": "The schedule is cancelled.", "status": "cancelled"}

    return api


def listed(found: list[Schedule], now: datetime) -> dict[str, Any]:
    return {"schedules": [shown(each, now) for each in found], "count": len(found)}


def shown(each: Schedule, now: datetime) -> dict[str, Any]:
    """What waits, on the wire. What happened, or was called off, is not kept as a schedule."""
    details = {"plan_change": {"target_plan_id": each.plan_id}} if each.plan_id else None
    return {
        "id": each.id,
        "subscription_id": each.subscription_id,
        "schedule_type": each.kind,
        "scheduled_at": wire.moment(each.at),
        "status": "pending",
        "can_be_cancelled": each.may_be_called_off,
        "days_until_execution": max((each.at - now).days, 0),
        "configuration_details": details,
        "created_at": wire.moment(each.made_at),
        "updated_at": wire.moment(each.made_at),
    }
