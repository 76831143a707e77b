"""`/costs/analytics`: what usage costs by the cost sheet in force, beside what the customer pays for it."""

from typing import Annotated, Any

from fastapi import APIRouter

from app.api.billing import show, wire
from app.api.billing.common import Billing, Body
from app.api.billing.unserved import expands
from app.api.billing.usage import span_of
from app.billing.margins import CostLine, Margins, margins
from app.kernel.errors import NotFound
from app.metering import meter_book
from app.plans import catalog, customers, features
from app.plans.keys import BillingKey
from app.plans.search import bounds


def router(billing: Billing) -> APIRouter:
    """Before the sheets' own addresses: `analytics` is no id of one."""
    api = APIRouter(tags=["costs"])
    Key = Annotated[BillingKey, billing.key("events")]
    db, clock, ingest = billing.db, billing.clock, billing.services.ingest

    @api.post("/costs/analytics")
    def analytics(_key: Key, body: Body) -> dict[str, Any]:
        ingest.catch_up()
        span, wish, (limit, offset) = span_of(body, clock()), expands(body.raw), bounds(body)
        with db.read() as connection:
            customer = customers.by_external_id(connection, body.text("external_customer_id"))
            sheet = catalog.active_cost_sheet(connection)
            if sheet is None:
                raise NotFound("There is no cost sheet yet.", code="cost_sheet_not_found")
            meters = None
            if body.has("feature_ids"):
                named = [features.shelf.get(connection, each) for each in body.texts("feature_ids")]
                meters = {str(row["meter_id"]) for row in named if row["meter_id"]}
            found = margins(connection, sheet, customer, span, meters)
            items = []
            for line in found.lines[offset : offset + limit]:
                counted = meter_book.get(connection, line.meter_id)
                more = {"meter": show.meter(counted)} if "meter" in wish else {}
                more |= {"price": show.price(dict(line.price))} if "price" in wish else {}
                items.append(_item(found, line, counted["name"], customer) | more)
        return _summed(found) | {
            "cost_analytics": items,
            "start_time": wire.moment(span.start),
            "end_time": wire.moment(span.end),
        }

    return api


def _item(found: Margins, line: CostLine, name: str, customer: customers.Customer) -> dict[str, Any]:
    return {
        "costsheet_id": found.sheet_id,
        "customer_id": customer.id,
        "external_customer_id": customer.external_id,
        "meter_id": line.meter_id,
        "meter_name": name,
        "price_id": line.price["id"],
        "currency": found.currency.lower(),
        "total_quantity": wire.decimal(line.quantity),
        "total_events": line.events,
        "total_cost": wire.decimal(line.cost),
    }


def _summed(found: Margins) -> dict[str, Any]:
    return {
        "currency": found.currency.lower() or None,
        "total_cost": wire.decimal(found.cost),
        "total_revenue": wire.decimal(found.revenue),
        "margin": wire.decimal(found.margin),
        "margin_percent": wire.decimal(found.of_revenue * 100),
        "roi": wire.decimal(found.of_cost),
        "roi_percent": wire.decimal(found.of_cost * 100),
    }
