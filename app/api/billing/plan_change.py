"""`/subscriptions/{id}/change/v2`: another plan in place, tried or done, at once or when the period ends."""

from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import Connection

from app.api.billing import modifying, wire
from app.api.billing import subscription_wire as show
from app.api.billing.common import Billing, Body
from app.billing import addons, plan_changes, schedules, subscriptions
from app.billing.plan_changes import Done
from app.billing.trying import tried
from app.kernel.given import Given
from app.plans.keys import BillingKey

Wire = dict[str, Any]


def router(billing: Billing) -> APIRouter:
    api = APIRouter(tags=["subscriptions"])
    Key = Annotated[BillingKey, billing.key("subscriptions")]
    db, clock = billing.db, billing.clock

    def change(connection: Connection, key: BillingKey, subscription_id: str, body: Given, state: str) -> Wire:
        act = modifying.Act(connection, subscription_id, key.id, clock(), state)
        row = act.row()
        done = plan_changes.again(row, body)
        if done is None:
            wish = plan_changes.read(connection, body, row, act.now)
            done = plan_changes.change(connection, row.id, wish, actor=act.actor, now=act.now)
        return _shown(act, done, body.labels())

    @api.post("/subscriptions/{subscription_id}/change/v2/preview")
    def preview(key: Key, subscription_id: str, body: Body) -> Wire:
        return tried(db, lambda connection: change(connection, key, subscription_id, body, "preview"))

    @api.post("/subscriptions/{subscription_id}/change/v2/execute")
    def execute(key: Key, subscription_id: str, body: Body) -> Wire:
        with db.write() as connection:
            return change(connection, key, subscription_id, body, "issued")

    return api


def _shown(act: modifying.Act, done: Done, meta: dict[str, str]) -> Wire:
    row = subscriptions.find(act.connection, act.subscription_id)
    return {
        "subscription": show.shown(act.connection, row),
        "change_type": done.kind,
        "from_plan": show.plan(act.connection, done.from_plan),
        "to_plan": show.plan(act.connection, done.to_plan),
        "effective_at": done.at,
        "is_scheduled": done.is_later,
        "schedule_id": schedules.id_of(row.id, schedules.PLAN_CHANGE) if done.is_later else None,
        "scheduled_at": done.at if done.is_later else None,
        "superseded_schedules": list(done.superseded),
        "billing_period": {
            "behaviour": done.behaviour,
            "billing_anchor": wire.moment(row.anchor),
            "current_period_start": wire.moment(row.period_start),
            "current_period_end": wire.moment(row.period_end),
        },
        "entity_changes": _entities(done),
        "changed_resources": _changed(act, done),
        "metadata": meta,
        "warnings": [],
    }


def _entities(done: Done) -> list[Wire]:
    plans = [(plan_changes.DROP, done.from_plan), ("add", done.to_plan)]
    ends = [(plan_changes.CARRY, done.carried), (plan_changes.DROP, done.dropped)]
    return [{"entity_type": "plan", "entity_id": plan, "behaviour": what} for what, plan in plans] + [
        {"entity_type": "addon_association", "entity_id": each, "reference_id": each, "behaviour": what}
        for what, ids in ends
        for each in ids
    ]


def _changed(act: modifying.Act, done: Done) -> Wire:
    """What is otherwise by now: nothing yet where the change waits."""
    connection, row = act.connection, subscriptions.find(act.connection, act.subscription_id)
    ended, begun = (
        [subscriptions.line_of(connection, each) for each in lines] for lines in (done.ended, done.begun)
    )  # fmt: skip
    gone = [] if done.is_later else [addons.find(connection, each) for each in done.dropped]
    return {
        "line_items": [*modifying.lines(ended, "ended"), *modifying.lines(begun, "created")],
        "addon_associations": [
            modifying.addon_shown(each, "ended", addons.status_of(each, act.now)) for each in gone
        ],
        "invoices": act.invoices(*(act.invoice(each) for each in done.invoices)),
        "subscriptions": [
            {"id": row.id, "action": "updated", "status": row.state, "current_period_end": wire.moment(row.period_end)}
        ],
    }  # fmt: skip
