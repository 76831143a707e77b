"""Addons on a subscription: their prices are lines of it, from the day they are taken to the day they are dropped.

A plan may change under them. What was paid ahead for days that are left comes back, as it does for a plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, insert, select, update

from app.billing import agreeing, closing, invoices, joining, prorating, subscriptions, tables
from app.billing.agreeing import Rhythm
from app.billing.lifecycle import State
from app.billing.periods import Unit
from app.billing.prorating import NewPlan
from app.billing.rating import RatedLine
from app.billing.subscriptions import Line
from app.billing.wanted import Wanted
from app.kernel import versions
from app.kernel.errors import Conflict, NotFound
from app.kernel.given import Given
from app.kernel.ids import new_id
from app.metering.aggregate import Span
from app.plans import tables as plans

ADDON = tables.subscription_addon
RECURRING, ONE_TIME = "recurring", "onetime"
NOW, LATER = "immediate", "end_of_period"


class Done(NamedTuple):
    """An addon after the act; the invoice it made, and what was charged or given back by days."""

    kept: Row[Any]
    invoice: Row[Any] | None
    lines: Sequence[RatedLine] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """An addon that is asked for: its prices as lines. `start_at` None is with the subscription, or now."""

    addon_id: str
    name: str
    lines: tuple[Line, ...]
    start_at: datetime | None
    at_period_end: bool
    is_once: bool  # for the period in which it begins, and no longer
    prorate: bool
    meta: Mapping[str, str]


def read(connection: Connection, given: Given, terms: Rhythm, at: datetime) -> Wish:
    """An addon as the wire asks for it, with its prices in the subscription's currency and rhythm."""
    row = _addon(connection, given.text("addon_id"))
    start_at = given.maybe_moment("start_date")
    at_period_end = given.maybe_choice("change_at", (NOW, LATER)) == LATER
    if start_at is not None and at_period_end:
        raise given.wrong("start_date", "and change_at say the same thing: give one of them.")
    when = max(start_at or at, at)
    prices = agreeing.prices_that_fit(connection, {"id": row.id, "name": row.name}, terms, when, entity="ADDON")
    lines = agreeing.lines_of_prices(connection, given, prices, terms)
    return Wish(
        row.id,
        row.name,
        tuple(lines),
        start_at,
        at_period_end,
        given.choice("cadence", (RECURRING, ONE_TIME), RECURRING) == ONE_TIME,
        given.maybe("proration_behavior") != "none",
        given.labels(),
    )


def _addon(connection: Connection, addon_id: str) -> Row[Any]:
    table = plans.addon
    query = select(table).where(table.c.id == addon_id, table.c.status == plans.PUBLISHED)
    found = connection.execute(query).one_or_none()
    if found is None:
        raise NotFound(f"There is no addon {addon_id[:100]}.", code="addon_not_found")
    return found


def begin_with(
    connection: Connection, subscription_id: str, wishes: Sequence[Wish], *, actor: str, now: datetime
) -> None:
    """Those that a new subscription is agreed with; its first invoice has their prices."""
    row = subscriptions.find(connection, subscription_id, lock=True)
    for wish in wishes:
        _keep(connection, row, wish, _start(row, wish, row.start_at), actor, now)


def add(connection: Connection, subscription_id: str, wish: Wish, *, actor: str, now: datetime) -> Done:
    """One more addon, and the invoice of what it costs for the days that are left of the period."""
    row = closing.catch_up(connection, subscription_id, now=now, actor=actor)
    if row.state == State.CANCELLED:
        raise Conflict("A cancelled subscription takes no addon.", code="invalid_operation")
    if row.next_plan and (row.next_plan["unit"], row.next_plan["count"]) != (
        row.billing_period,
        row.billing_period_count,
    ):
        raise Conflict("The next plan has another billing period: add it afterwards.", code="invalid_operation")
    at = _start(row, wish, now)
    prorating.hold(connection, row, now)
    kept, line_ids = _keep(connection, row, wish, at, actor, now)
    lines: Sequence[RatedLine] = ()
    if wish.prorate and row.state in (State.ACTIVE, State.INCOMPLETE) and at < row.period_end:
        plan = NewPlan(row.plan_id, wish.name, wish.lines, Unit(row.billing_period), row.billing_period_count)
        lines = prorating.charge(row, plan, at, line_ids)
    if wish.prorate and row.state == State.PAUSED and line_ids:
        joining.wait(connection, row, line_ids, now)
    return Done(kept, _invoice(connection, row, kept.id, lines, actor, now), lines)


def remove(
    connection: Connection,
    association_id: str,
    *,
    at: datetime | None,
    at_period_end: bool,
    prorate: bool,
    reason: str,
    actor: str,
    now: datetime,
) -> Done:
    """It ends then; what was paid ahead and is not used comes back as credit. Again, it changes nothing."""
    row = closing.catch_up(connection, find(connection, association_id).subscription_id, now=now, actor=actor)
    kept = find(connection, association_id)
    if kept.cancelled_at is not None:
        return Done(kept, None)
    end = row.period_end if at_period_end else max(at or now, now, kept.start_at)
    if kept.end_at is not None and kept.end_at < end:
        end = kept.end_at
    prorating.hold(connection, row, now)
    credits_: list[RatedLine] = []
    if prorate and end < row.period_end and row.state in (State.ACTIVE, State.PAUSED, State.INCOMPLETE):
        credits_ = prorating.credit(connection, row, end, association=association_id)
    mine = subscriptions.LINE.c.association_id == association_id
    still = mine & ((subscriptions.LINE.c.end_at.is_(None)) | (subscriptions.LINE.c.end_at > end))
    ended = update(subscriptions.LINE).where(still)
    connection.execute(ended.values(end_at=end, updated_at=now))
    values = {"end_at": end, "cancelled_at": now, "cancel_reason": reason or None, "updated_at": now}
    connection.execute(update(ADDON).where(ADDON.c.id == association_id).values(**values))
    versions.bump(connection, versions.ENTITLEMENTS)
    made = _invoice(connection, row, association_id, credits_, actor, now)
    return Done(find(connection, association_id), made, credits_)


def find(connection: Connection, association_id: str) -> Row[Any]:
    """The addon on its subscription, or `NotFound`."""
    found = connection.execute(select(ADDON).where(ADDON.c.id == association_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no addon association {association_id[:100]}.", code="addon_association_not_found")
    return found


def of_subscription(connection: Connection, subscription_id: str) -> list[Row[Any]]:
    """Every addon it ever had, the oldest first."""
    query = select(ADDON).where(ADDON.c.subscription_id == subscription_id)
    return list(connection.execute(query.order_by(ADDON.c.start_at, ADDON.c.id)))


def status_of(kept: Row[Any], now: datetime) -> str:
    """As the wire says it."""
    if kept.end_at is not None and kept.end_at <= now:
        return "cancelled"
    return "pending" if kept.start_at > now else "active"


def _start(row: Row[Any], wish: Wish, usual: datetime) -> datetime:
    at = row.period_end if wish.at_period_end else wish.start_at or usual
    if at < usual:
        raise Conflict("An addon begins now or later, and not before its subscription.", code="invalid_operation")
    if row.cancel_at is not None and at >= row.cancel_at:
        raise Conflict("The subscription has ended by then.", code="invalid_operation")
    return at


def _keep(
    connection: Connection, row: Row[Any], wish: Wish, at: datetime, actor: str, now: datetime
) -> tuple[Row[Any], list[str]]:
    association_id = new_id("addon_assoc")
    end = None
    if wish.is_once:
        end = row.period_end if at < row.period_end else subscriptions.cycle_of(row).containing(at).end
    connection.execute(
        insert(ADDON).values(
            id=association_id,
            subscription_id=row.id,
            addon_id=wish.addon_id,
            name=wish.name,
            start_at=at,
            end_at=end,
            meta=dict(wish.meta),
            created_at=now,
            created_by=actor,
            updated_at=now,
        )
    )
    line_ids = subscriptions.add_lines(
        connection, row.id, wish.addon_id, wish.name, wish.lines, at, now, end_at=end, association=association_id
    )
    versions.bump(connection, versions.ENTITLEMENTS)
    return find(connection, association_id), line_ids


def _invoice(
    connection: Connection, row: Row[Any], association_id: str, lines: Sequence[RatedLine], actor: str, now: datetime
) -> Row[Any] | None:
    if not lines:
        return None
    wanted = Wanted(Span(row.period_start, row.period_end), others=tuple(lines))
    what = f"addon:{association_id}:{now.isoformat()}"
    return invoices.draw_up(connection, row, what, "SUBSCRIPTION_UPDATE", wanted, actor=actor, now=now)
