"""`/billing/v1`: the billing engine in the wire format that Flexprice's SDK speaks. A group is a file with a `router`,
and a line in `GROUPS`."""

from collections.abc import Callable

from fastapi import APIRouter, Depends, FastAPI
from fastapi_offline import FastAPIOffline

from app.api.addresses import require_storable
from app.api.billing import (
    alerts,
    allowances,
    catalog,
    cost_analytics,
    coupon_associations,
    credit_grants,
    credit_notes,
    customers,
    entitlements,
    errors,
    events,
    features,
    invoices,
    meters,
    modify,
    payments,
    plan_change,
    plans,
    postpaid,
    prices,
    reductions,
    schedules,
    subscriptions,
    wallets,
    webhook_endpoints,
)
from app.api.billing.common import Billing
from app.api.observe import NOT_THE_FRAMEWORKS
from app.services import Services

PREFIX = "/billing/v1"
DESCRIPTION = """
Customers, plans, prices, subscriptions, usage, invoices and wallets. Send a key that an operator issued as
`x-api-key: fbb_…`. The official `flexprice` SDK works with only its `server_url` changed.
"""
#: Every group. The first route that fits a path answers it: fixed words before ids.
GROUPS: tuple[Callable[[Billing], APIRouter], ...] = (
    meters.router,
    features.router,
    plans.router,
    prices.router,
    entitlements.router,
    catalog.groups,
    catalog.addons,
    cost_analytics.router,
    catalog.costs,
    coupon_associations.router,
    reductions.coupons,
    reductions.tax_rates,
    reductions.tax_associations,
    wallets.of_customers,
    wallets.router,
    wallets.moves,
    allowances.router,
    customers.router,
    events.router,
    schedules.router,
    modify.router,
    plan_change.router,
    subscriptions.with_addons,
    subscriptions.lines,
    subscriptions.changes,
    subscriptions.deeds,
    subscriptions.router,
    invoices.deeds,
    invoices.making,
    invoices.router,
    payments.router,
    credit_notes.router,
    postpaid.router,
    alerts.router,
    credit_grants.router,
    webhook_endpoints.router,
)


def build_billing(services: Services) -> FastAPI:
    """The application to mount at `PREFIX`."""
    api = FastAPIOffline(
        title="Farebox billing", version="1", description=DESCRIPTION, docs_url="/docs", redoc_url=None,
        openapi_url="/openapi.json", static_url="/docs-assets", telemetry=NOT_THE_FRAMEWORKS,
        dependencies=[Depends(require_storable)],
    )  # fmt: skip
    billing = Billing(services)
    for group in GROUPS:
        api.include_router(group(billing))
    errors.install(api)
    return api
