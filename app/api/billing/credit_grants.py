"""`/creditgrants`: credits that come with a plan or a subscription, and those that are still to come."""

from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import Connection, select

from app.api.billing import show, wire
from app.api.billing.common import Billing, Body, OptionalBody
from app.billing import credit_grants, subscriptions, tables
from app.plans import catalog, customers
from app.plans.keys import BillingKey
from app.plans.search import USUAL


def router(billing: Billing) -> APIRouter:
    api = APIRouter(tags=["credit grants"])
    Key = Annotated[BillingKey, billing.key("wallets")]
    _grant_routes(api, billing, Key)
    _coming_routes(api, billing, Key)
    return api


def _grant_routes(api: APIRouter, billing: Billing, Key: Any) -> None:
    """Grants by themselves, of a plan, of an addon."""
    db, clock = billing.db, billing.clock

    @api.post("/creditgrants", status_code=201)
    def create(key: Key, body: Body) -> dict[str, Any]:
        with db.write() as connection:
            made = credit_grants.create(connection, body, actor=key.id, now=clock())
            _give(connection, made)
            return show.credit_grant(made)

    def _give(connection: Connection, grant: Any) -> None:
        """To the one subscription at once; to those of a plan by the chore."""
        if grant["subscription_id"] is not None:
            credit_grants.apply_due(connection, str(grant["subscription_id"]), clock)

    @api.get("/creditgrants/{grant_id}")
    def get(_key: Key, grant_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return show.credit_grant(credit_grants.shelf.get(connection, grant_id))

    @api.put("/creditgrants/{grant_id}")
    def change(key: Key, grant_id: str, body: Body) -> dict[str, Any]:
        with db.write() as connection:
            return show.credit_grant(credit_grants.change(connection, grant_id, body, actor=key.id, now=clock()))

    @api.delete("/creditgrants/{grant_id}")
    def delete(key: Key, grant_id: str, body: OptionalBody) -> dict[str, Any]:
        with db.write() as connection:
            credit_grants.delete(connection, grant_id, body, actor=key.id, now=clock())
        return {"message": "The credit grant is deleted."}

    @api.get("/plans/{plan_id}/creditgrants")
    def of_plan(_key: Key, plan_id: str) -> dict[str, Any]:
        with db.read() as connection:
            catalog.plans.get(connection, plan_id)
            return _listed([show.credit_grant(one) for one in credit_grants.of_plan(connection, plan_id)])

    @api.get("/addons/{addon_id}/creditgrants")
    def of_addon(_key: Key, addon_id: str) -> dict[str, Any]:
        with db.read() as connection:
            catalog.addons.get(connection, addon_id)
            return _listed(
                [show.credit_grant(one) for one in credit_grants.shelf.of(connection, "addon_id", [addon_id])]
            )


def _coming_routes(api: APIRouter, billing: Billing, Key: Any) -> None:
    """What is still to come of them."""
    db, clock = billing.db, billing.clock

    @api.get("/subscriptions/{subscription_id}/grants/upcoming")
    def of_subscription(_key: Key, subscription_id: str) -> dict[str, Any]:
        with db.read() as connection:
            rows = [subscriptions.find(connection, subscription_id)]
            return _listed([_pending(one) for one in credit_grants.upcoming(connection, rows, clock())])

    @api.get("/customers/{customer_id}/grants/upcoming")
    def of_customer(_key: Key, customer_id: str) -> dict[str, Any]:
        with db.read() as connection:
            found = customers.get(connection, customer_id)
            query = select(tables.subscription).where(tables.subscription.c.customer_id == found.id)
            rows = list(connection.execute(query))
            return _listed([_pending(one) for one in credit_grants.upcoming(connection, rows, clock())])


def _pending(one: dict[str, Any]) -> dict[str, Any]:
    start = wire.moment(one["period_start"])
    return {**one, "period_start": start, "period_end": wire.moment(one["period_end"]), "scheduled_for": start,
            "status": "published", "subscription_status_at_application": "active"}  # fmt: skip


def _listed(items: list[dict[str, Any]]) -> dict[str, Any]:
    return wire.listed(items, len(items), max(USUAL, len(items)), 0)
