"""What the page shows of the plans: a few reads, in one look at the database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Table, func, select

from app.billing import credit_grants
from app.billing import tables as billing
from app.billing.lifecycle import State
from app.kernel.db import Database
from app.metering import meter_book
from app.plans import catalog, features, price_book, tables
from app.plans.tables import DELETED
from app.ui.pages.admin_plans.rows import (
    Choice,
    GrantRow,
    PlanRow,
    PriceRow,
    PromiseRow,
    grant_row,
    plan_row,
    price_row,
    promise_row,
)

MOST_PLANS = 500


@dataclass(frozen=True, slots=True)
class Opened:
    """One plan in full."""

    plan: PlanRow
    description: str
    prices: list[PriceRow]
    promises: list[PromiseRow]
    grants: list[GrantRow]
    subscribers: int


def plans(db: Database) -> list[PlanRow]:
    """Every plan with how much hangs on it, in the order they are shown to customers."""
    order = tables.plan.c.display_order
    query = select(tables.plan).where(tables.plan.c.status != DELETED)
    with db.read() as connection:
        rows = connection.execute(query.order_by(order.is_(None), order, tables.plan.c.id).limit(MOST_PLANS)).mappings()
        found = [dict(row) for row in rows]
        prices, promises = _counted(connection, tables.price), _counted(connection, tables.entitlement)
    return [plan_row(row, prices.get(row["id"], 0), promises.get(row["id"], 0)) for row in found]


def _counted(connection: Connection, table: Table) -> dict[str, int]:
    """How many of them each plan has."""
    c = table.c
    query = select(c.entity_id, func.count()).where(c.entity_type == "PLAN", c.status != DELETED).group_by(c.entity_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def opened(db: Database, plan_id: str, now: datetime, *, with_ended: bool) -> Opened | None:
    """A plan with its prices (ended ones when asked for) and what it promises; None when it is not there."""
    with db.read() as connection:
        plan = catalog.plans.find(connection, plan_id)
        if plan is None:
            return None
        priced = price_book.rows_of(connection, "PLAN", [plan_id])
        promised = catalog.entitlements_of(connection, "PLAN", [plan_id])
        subscription = billing.subscription.c
        alive = select(func.count()).where(subscription.plan_id == plan_id, subscription.state != State.CANCELLED)
        given = credit_grants.of_plan(connection, plan_id)
        on_it = int(connection.execute(alive).scalar_one())
        meters = {meter.id: meter.name for meter in meter_book.every(connection)}
        known = {row["id"]: row for row in features.shelf.of(connection, "id", [one["feature_id"] for one in promised])}
    prices = [price_row(row, meters, now) for row in priced]
    return Opened(
        plan_row(plan, len(priced), len(promised)),
        plan["description"] or "",
        [row for row in prices if with_ended or not row["is_ended"]],
        [promise_row(row, known.get(row["feature_id"])) for row in promised],
        [grant_row(row) for row in given if row["end_date"] is None or row["end_date"] > now],
        on_it,
    )


def choices(db: Database) -> tuple[list[Choice], list[Choice], dict[str, str]]:
    """The meters and features to choose from, and each feature's type."""
    with db.read() as connection:
        meters = [Choice(value=meter.id, label=meter.name) for meter in meter_book.every(connection)]
        found = features.shelf.all(connection)
    named = [Choice(value=row["id"], label=row["name"]) for row in found]
    return meters, named, {row["id"]: row["type"] for row in found}
