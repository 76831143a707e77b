"""`/customers`: who is billed."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from app.api.billing import show, wire
from app.api.billing.common import Billing, Body, OptionalBody, Query
from app.billing import promised, wallets
from app.kernel.given import Given
from app.plans import customers, reductions
from app.plans.customers import Customer
from app.plans.keys import BillingKey


def router(billing: Billing) -> APIRouter:
    api = APIRouter(tags=["customers"])
    Key = Annotated[BillingKey, billing.key("customers")]
    db, clock = billing.db, billing.clock

    @api.post("/customers", status_code=201)
    def create(key: Key, body: Body) -> dict[str, Any]:
        with db.write() as connection:
            made, now = customers.create(connection, body, actor=key.id, now=clock()), clock()
            for each in body.objects("tax_rate_overrides", most=20):
                theirs = Given({**each.raw, "entity_type": "customer", "entity_id": made.id}, each.place)
                reductions.associate(connection, theirs, actor=key.id, now=now)
            return show.customer(made)

    @api.put("/customers")
    def update(key: Key, body: Body, query: Query) -> dict[str, Any]:
        with db.write() as connection:
            if query.has("id"):
                found = customers.get(connection, query.text("id"))
            else:
                found = customers.by_external_id(connection, query.text("external_customer_id"))
            return show.customer(customers.change(connection, found.id, body, actor=key.id, now=clock()))

    @api.post("/customers/search")
    def search(_key: Key, body: OptionalBody) -> dict[str, Any]:
        with db.read() as connection:
            return wire.page(customers.search(connection, body), lambda row: show.customer(Customer.of(row)))

    @api.get("/customers/external/{external_id}")
    def by_external_id(_key: Key, external_id: str) -> dict[str, Any]:
        with db.read() as connection:
            found = customers.find_external(connection, external_id)
        if found is None:
            with db.write() as connection:
                found = customers.by_external_id(connection, external_id, now=clock())
        return show.customer(found)

    @api.get("/customers/{customer_id}")
    def get(_key: Key, customer_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return show.customer(customers.get(connection, customer_id))

    @api.delete("/customers/{customer_id}", status_code=204)
    def delete(key: Key, customer_id: str) -> Response:
        with db.write() as connection:
            promised.free_of_subscriptions(connection, "customer_id", customer_id, "customer")
            wallets.none_holds(connection, customers.get(connection, customer_id), billing.house)
            customers.delete(connection, customer_id, actor=key.id, now=clock())
        return Response(status_code=204)

    return api
