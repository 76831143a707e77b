"""What an operator's dialogs ask of the billing engine: a new subscription, its end, another plan. The same doors as
the API's, and what each would come to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, select

from app.accounts.audit import note
from app.billing import addons, agreeing, beginning, closing, finalizing, invoices, joining, subscriptions, turns, undo
from app.billing.periods import Unit
from app.billing.rating import RatedLine
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.given import Given
from app.kernel.text import t
from app.plans import customers
from app.plans import tables as plans
from app.plans.tables import PUBLISHED

#: When a cancellation or a change takes effect.
NOW, LATER = "now", "period_end"
MOST_PLANS: Final = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """A subscription after the act; the invoice it made, and what was taken off and added by days."""

    row: Row[Any]
    invoice: Row[Any] | None = None
    lines: tuple[RatedLine, ...] = ()


def plans_on_offer(connection: Connection) -> list[tuple[str, str]]:
    """Id and name of every plan that can be subscribed to."""
    plan = plans.plan.c
    query = select(plan.id, plan.name).where(plan.status == PUBLISHED).order_by(plan.name).limit(MOST_PLANS)
    return list(connection.execute(query).tuples())


def rhythms_of(connection: Connection, plan_id: str, now: datetime) -> list[tuple[str, str, int]]:
    """In which currency, period and number of periods a plan has prices in force, the usual ones first."""
    price = plans.price.c
    query = (
        select(price.currency, price.billing_period, price.billing_period_count, func.count())
        .where(
            price.entity_type == "PLAN",
            price.entity_id == plan_id,
            price.status == PUBLISHED,
            price.billing_period.in_(tuple(Unit)),
            price.start_date <= now,
            (price.end_date.is_(None)) | (price.end_date > now),
        )
        .group_by(price.currency, price.billing_period, price.billing_period_count)
    )
    found: dict[tuple[str, str, int], int] = {}
    for currency, period, count, many in connection.execute(query).tuples():
        key = (currency.upper(), period, count)
        found[key] = found.get(key, 0) + many
    return sorted(found, key=lambda each: (-found[each], each))


def create(connection: Connection, workspace_id: str, given: Mapping[str, Any], actor: str, now: datetime) -> Outcome:
    """A workspace subscribes; it becomes a billing customer where it is none yet."""
    customer = customers.of_workspace(connection, workspace_id, now=now)
    made = beginning.begin(connection, Given({**given, "customer_id": customer.id}), actor=actor, now=now)
    table = invoices.INVOICE
    first = select(table).where(table.c.subscription_id == made).order_by(table.c.created_at, table.c.id).limit(1)
    return Outcome(subscriptions.find(connection, made), connection.execute(first).one_or_none())


def change_plan(
    connection: Connection,
    subscription_id: str,
    given: Mapping[str, Any],
    *,
    when: str,
    prorate: bool,
    actor: str,
    now: datetime,
) -> Outcome:
    """Another plan, now or from the next period on. `InvalidInput` for the plan and rhythm it has already."""
    row = closing.catch_up(connection, subscription_id, now=now, actor=actor)
    to = agreeing.read_change(connection, Given(given), row, now)
    if (to.plan_id, to.unit, to.count) == (row.plan_id, row.billing_period, row.billing_period_count):
        raise InvalidInput(t("admin_subscriptions.change.same"), param="target_plan_id")
    if when == LATER:
        return Outcome(closing.plan_change_later(connection, subscription_id, to, now=now))
    moved, made, lines = closing.change_plan(connection, subscription_id, to, prorate=prorate, actor=actor, now=now)
    return Outcome(moved, made, tuple(lines))


def cancel(
    connection: Connection,
    subscription_id: str,
    *,
    when: str,
    reason: str,
    prorate: bool,
    invoice: bool,
    actor: str,
    now: datetime,
) -> Outcome:
    """End it now, or with its period."""
    if when == LATER:
        row = closing.catch_up(connection, subscription_id, now=now, actor=actor)
        return Outcome(turns.cancel(connection, row.id, at=row.period_end, reason=reason, now=now))
    row, made, lines = closing.cancel_now(
        connection, subscription_id, reason=reason, prorate=prorate, invoice=invoice, actor=actor, now=now
    )
    return Outcome(row, made, tuple(lines))


def pause(connection: Connection, subscription_id: str, *, reason: str, actor: str, now: datetime) -> Outcome:
    row, _ = closing.pause(connection, subscription_id, reason=reason, meta={}, actor=actor, now=now)
    return Outcome(row)


def resume(connection: Connection, subscription_id: str, *, actor: str, now: datetime) -> Outcome:
    row, _ = joining.resume(connection, subscription_id, actor=actor, now=now)
    return Outcome(row)


def keep(connection: Connection, subscription_id: str, *, now: datetime) -> Outcome:
    """It does not end with its period."""
    return Outcome(undo.keep(connection, subscription_id, now=now))


def keep_plan(connection: Connection, subscription_id: str, *, now: datetime) -> Outcome:
    """It does not move to the other plan."""
    return Outcome(undo.keep_plan(connection, subscription_id, now=now))


def addons_on_offer(connection: Connection, row: Row[Any], now: datetime) -> list[tuple[str, str]]:
    """Id and name of every addon that the subscription could take: its prices fit, or it has none."""
    addon, terms = plans.addon.c, agreeing.rhythm_of(row)
    query = select(addon.id, addon.name).where(addon.status == PUBLISHED).order_by(addon.name).limit(MOST_PLANS)
    found = []
    for addon_id, name in connection.execute(query).tuples():
        try:
            agreeing.prices_that_fit(connection, {"id": addon_id, "name": name}, terms, now, entity="ADDON")
        except InvalidInput:
            continue
        found.append((addon_id, name))
    return found


def add_addon(
    connection: Connection,
    subscription_id: str,
    addon_id: str,
    *,
    when: str,
    once: bool,
    prorate: bool,
    actor: str,
    now: datetime,
) -> Outcome:
    """One more addon, now or from the next period on; `once` is for the period in which it begins."""
    row = closing.catch_up(connection, subscription_id, now=now, actor=actor)
    given = {
        "addon_id": addon_id,
        "change_at": addons.LATER if when == LATER else addons.NOW,
        "cadence": addons.ONE_TIME if once else addons.RECURRING,
        "proration_behavior": "create_prorations" if prorate else "none",
    }
    wish = addons.read(connection, Given(given), agreeing.rhythm_of(row), now)
    done = addons.add(connection, subscription_id, wish, actor=actor, now=now)
    return Outcome(subscriptions.find(connection, subscription_id), done.invoice, tuple(done.lines))


def drop_addon(
    connection: Connection,
    subscription_id: str,
    association_id: str,
    *,
    when: str,
    prorate: bool,
    reason: str,
    actor: str,
    now: datetime,
) -> Outcome:
    """An addon of this subscription ends, now or with the period."""
    if addons.find(connection, association_id).subscription_id != subscription_id:
        raise NotFound(f"There is no addon association {association_id[:100]}.", code="addon_association_not_found")
    later = when == LATER
    done = addons.remove(
        connection, association_id, at=None, at_period_end=later, prorate=prorate, reason=reason, actor=actor, now=now
    )
    return Outcome(subscriptions.find(connection, subscription_id), done.invoice, tuple(done.lines))


def issue(connection: Connection, subscription_id: str, invoice_id: str, *, now: datetime) -> Outcome:
    """A draft of this subscription gets its number without waiting. `SellerNeeded` while nobody is the seller."""
    row = invoices.find(connection, invoice_id)
    if row.subscription_id != subscription_id:
        raise NotFound(f"There is no invoice {invoice_id[:100]}.", code="invoice_not_found")
    done = finalizing.finalize(connection, invoice_id, now=now)
    return Outcome(subscriptions.find(connection, subscription_id), done)


def noted(connection: Connection, done: Outcome, action: str, actor: str, now: datetime) -> None:
    """Who did it, in the audit trail of the customer's workspace."""
    note(connection, actor, action, done.row.workspace_id, done.row.id, at=now)
