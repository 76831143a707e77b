"""What the live subscriptions of a customer promise of each feature, and how much of it is used."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select

from app.billing import tables
from app.billing.allowances import addons_of, in_force, turn
from app.billing.collect import quantity_of
from app.billing.facts import meters_of
from app.billing.lifecycle import State
from app.kernel.errors import Rejected
from app.metering.aggregate import Span
from app.plans import tables as plans
from app.plans.entitlements import Promise, Source, aggregate
from app.plans.tables import PUBLISHED

LIVE: Final = (State.TRIALING, State.ACTIVE, State.INCOMPLETE, State.PAUSED)
_subscription = tables.subscription


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one promise: what its meter counted since its period began, and when the next one begins."""

    promise: Promise
    used: Fraction
    resets_at: datetime | None


def live_of(connection: Connection, customer_id: str) -> list[Row[Any]]:
    """The subscriptions of a customer that have begun and not ended."""
    c = _subscription.c
    query = select(_subscription).where(c.customer_id == customer_id, c.state.in_(LIVE)).order_by(c.id)
    return list(connection.execute(query))


def free_of_subscriptions(connection: Connection, column: str, thing_id: str, noun: str) -> None:
    """`Rejected` "has_subscriptions" while a plan (column `plan_id`) or a customer (`customer_id`) has a live one."""
    c = _subscription.c
    still = select(c.id).where(c[column] == thing_id, c.state != State.CANCELLED)
    if connection.execute(still).first() is not None:
        raise Rejected(f"This {noun} has subscriptions: cancel them first.", code="has_subscriptions")


def free_addon(connection: Connection, addon_id: str, now: datetime) -> None:
    """`Rejected` "has_subscriptions" while a subscription has this addon."""
    kept = tables.subscription_addon.c
    still = select(kept.id).where(kept.addon_id == addon_id, or_(kept.end_at.is_(None), kept.end_at > now))
    if connection.execute(still.limit(1)).first() is not None:
        raise Rejected("This addon has subscriptions: remove it from them first.", code="has_subscriptions")


def promises_of(connection: Connection, subscriptions: Sequence[Row[Any]], now: datetime) -> list[Promise]:
    """What they come to, a promise for each feature. An entitlement that a subscription changed counts as changed, one
    of an addon as often as the subscription has it."""
    c = plans.entitlement.c
    moment = Span(now, now + timedelta(microseconds=1))
    addons = {row.id: addons_of(connection, row.id, moment) for row in subscriptions}
    had = {addon_id for many in addons.values() for addon_id in many}
    holders = sorted({row.plan_id for row in subscriptions} | {row.id for row in subscriptions} | had)
    theirs = c.entity_type.in_(("PLAN", "SUBSCRIPTION", "ADDON")) & c.entity_id.in_(holders)
    query = select(plans.entitlement).where(theirs, c.status == PUBLISHED).order_by(c.id)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    sources = list[Source]()
    for subscription in subscriptions:
        many = addons[subscription.id]
        mine = [row for row in rows if row["entity_id"] in (subscription.plan_id, subscription.id, *many)]
        sources += [Source(row, subscription.id, many.get(row["entity_id"], 1)) for row in in_force(mine, subscription)]
    return aggregate(sources)


def usage_of(
    connection: Connection, external_id: str, promises: Iterable[Promise], subscriptions: Sequence[Row[Any]],
    now: datetime,
) -> list[Usage]:  # fmt: skip
    """The metered promises of these subscriptions with what is used of them, as of now. Where several promise the same,
    it counts since the first of their periods began."""
    by_id = {row.id: row for row in subscriptions}
    metered = [promise for promise in promises if promise.feature_type == "metered"]
    ids = [promise.feature_id for promise in metered]
    c = plans.feature.c
    meters = {row.id: row.meter_id for row in connection.execute(select(c.id, c.meter_id).where(c.id.in_(ids)))}
    known = meters_of(connection, [meter_id for meter_id in meters.values() if meter_id])
    found = []
    for promise in metered:
        turns = [turn(promise.reset_period, by_id[source.subscription_id], now) for source in promise.sources]
        began, anew = min(turns, key=lambda each: each[0])
        meter = known.get(meters.get(promise.feature_id) or "")
        used = quantity_of(connection, external_id, Span(began, now), meter) if meter else Fraction(0)
        found.append(Usage(promise, used, anew))
    return found
