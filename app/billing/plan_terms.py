"""What the live subscriptions of a workspace allow, read from their plans; and which other plans would allow more."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy import Connection, Row, func, or_, select

from app.billing import tables
from app.billing.allowances import in_force, turn
from app.billing.collect import quantity_of
from app.billing.facts import meters_of
from app.billing.lifecycle import State
from app.generation.untold import untold
from app.kernel.errors import InvalidInput
from app.kernel.text import t
from app.metering.aggregate import Aggregation, Span
from app.plans import allowed
from app.plans import tables as plans
from app.plans.allowed import LIMIT, MODEL, QUOTA, Limit, Quota, Terms

log = logging.getLogger(__name__)

_ADDED: Final = (Aggregation.COUNT, Aggregation.SUM, Aggregation.SUM_WITH_MULTIPLIER)
LIVE: Final = (State.TRIALING, State.ACTIVE, State.INCOMPLETE)
_subscription, _entitlement, _feature, _plan = (
    tables.subscription.c,
    plans.entitlement.c,
    plans.feature.c,
    plans.plan.c,
)
_PROMISES: Final = (
    select(
        _entitlement.id,
        _entitlement.entity_type,
        _entitlement.entity_id,
        _entitlement.is_enabled,
        _entitlement.usage_limit,
        _entitlement.usage_reset_period,
        _entitlement.parent_entitlement_id,
        _entitlement.is_soft_limit,
        _entitlement.static_value,
        _entitlement.config_value,
        _feature.lookup_key,
        _feature.name,
        _feature.meter_id,
    )
    .join(plans.feature, _feature.id == _entitlement.feature_id)
    .where(
        _entitlement.status == plans.PUBLISHED,
        or_(*(_feature.lookup_key.startswith(prefix) for prefix in (MODEL, LIMIT, QUOTA))),
    )
    .order_by(_entitlement.id)
)


def terms_of(connection: Connection, workspace_id: str, now: datetime) -> Terms | None:
    """None for a workspace whose plans restrict nothing, and for one without a plan."""
    query = (
        select(tables.subscription, _plan.name, plans.customer.c.external_id)
        .join(plans.plan, _plan.id == _subscription.plan_id)
        .join(plans.customer, plans.customer.c.id == _subscription.customer_id)
        .where(_subscription.workspace_id == workspace_id, _subscription.state.in_((*LIVE, State.PAUSED)))
        .where(_subscription.start_at <= now)
        .order_by(_subscription.id)
    )
    rows = connection.execute(query).all()
    if not rows:
        return None
    live = [row for row in rows if row.state != State.PAUSED]
    if not live:
        return Terms(tuple(dict.fromkeys(row.name for row in rows)), is_paused=True)
    names = {row.plan_id: row.name for row in live} | {row.id: row.name for row in live}
    addons = _addons(connection, [row.id for row in live], now)
    names |= {addon_id: name for addon_id, (name, _) in addons.items()}
    query_of = _PROMISES.where(_entitlement.entity_id.in_(sorted(names)))
    promises = _in_force(connection.execute(query_of).mappings().all(), live)
    if not promises:
        return None
    more = cache(lambda: list(untold(connection, workspace_id, now)))  # several quotas look at the same

    def used(row: Any) -> tuple[Decimal, str]:
        began, anew = turn(row.usage_reset_period, row.subscription, now)
        said = t("allowance.plan.anew", day=f"{anew:%d %B}") if anew is not None else ""
        return _used(connection, str(live[0].external_id), row, Span(began, now), more), said

    return _terms(promises, names, used, {addon_id: many for addon_id, (_, many) in addons.items()})


def _in_force(rows: Sequence[Mapping[Any, Any]], live: Sequence[Row[Any]]) -> list[SimpleNamespace]:
    """What each subscription is promised, as it changed it. What comes with an addon is counted once."""
    plan_ids = {row.plan_id for row in live}
    own = {row.id for row in live}
    found = []
    for number, subscription in enumerate(live):
        mine = [
            dict(row)
            for row in rows
            if row["entity_id"] in (subscription.plan_id, subscription.id)
            or (not number and row["entity_id"] not in plan_ids | own)
        ]
        found += [SimpleNamespace(**row, subscription=subscription) for row in in_force(mine, subscription)]
    return found


def _addons(connection: Connection, subscription_ids: Sequence[str], now: datetime) -> dict[str, tuple[str, int]]:
    """The addons that these subscriptions have now, by their ids: the name, and how many."""
    kept = tables.subscription_addon.c
    query = (
        select(kept.addon_id, func.max(kept.name), func.count())
        .where(
            kept.subscription_id.in_(subscription_ids),
            kept.start_at <= now,
            or_(kept.end_at.is_(None), kept.end_at > now),
        )
        .group_by(kept.addon_id)
    )
    return {addon_id: (str(name), int(many)) for addon_id, name, many in connection.execute(query)}


def plans_that(connection: Connection, allows: Callable[[Terms], bool]) -> list[str]:
    """The plans on offer under which a request would be covered."""
    on_offer = select(_plan.id, _plan.name).where(_plan.status == plans.PUBLISHED)
    names = {row.id: row.name for row in connection.execute(on_offer)}
    by_plan: dict[str, list[Any]] = {plan_id: [] for plan_id in names}
    for row in connection.execute(_PROMISES.where(_entitlement.entity_type == "PLAN")):
        if row.entity_id in by_plan:
            by_plan[row.entity_id].append(row)
    nothing_used = (Decimal(0), "")
    return [
        names[plan_id]
        for plan_id, promises in by_plan.items()
        if promises and allows(_terms(promises, names, lambda _row: nothing_used))
    ]


def _terms(
    promises: Iterable[Any],
    names: Mapping[str, str],
    used: Callable[[Any], tuple[Decimal, str]],
    many: Mapping[str, int] | None = None,
) -> Terms:
    models: set[str] = set()
    has_models, limits, metered = False, list[Limit](), dict[str, list[Any]]()
    for row in promises:
        plan = names[row.entity_id]
        if row.lookup_key.startswith(MODEL):
            has_models = True
            if row.is_enabled:
                models.add(row.lookup_key.removeprefix(MODEL))
        elif row.lookup_key.startswith(LIMIT) and row.is_enabled:
            try:
                limits.append(allowed.read_limit(row.lookup_key, row.static_value, row.config_value, plan))
            except InvalidInput:
                # Such a promise is refused today; one from before limits nothing, and not in silence.
                log.warning("the limit %s of %s cannot be understood and limits nothing", row.lookup_key, plan)
        elif row.is_enabled and not row.lookup_key.startswith(LIMIT):
            metered.setdefault(row.lookup_key, []).append(row)
    quotas = [found for rows in metered.values() if (found := _quota(rows, names, used, many or {})) is not None]
    shown = tuple(dict.fromkeys(names[row.entity_id] for row in promises))
    return Terms(shown, frozenset(models) if has_models else None, allowed.widest(limits), tuple(quotas))


def _quota(
    rows: Sequence[Any],
    names: Mapping[str, str],
    used: Callable[[Any], tuple[Decimal, str]],
    many: Mapping[str, int],
) -> Quota | None:
    """What several promises of one feature allow together: limits add up; None where one has no end, or is soft."""
    if any(row.usage_limit is None or row.is_soft_limit for row in rows):
        return None
    limit = sum(row.usage_limit * many.get(row.entity_id, 1) for row in rows)
    first = rows[0]
    counted, anew = used(first)
    return Quota(first.name, limit, counted, anew, names[first.entity_id])


def _used(
    connection: Connection,
    customer: str,
    row: Any,
    span: Span,
    untold_: Callable[[], Sequence[tuple[str, Mapping[str, Any]]]],
) -> Decimal:
    """What the feature's meter has counted since its period began, and what a meter that adds up will count of what is
    under way."""
    meter = meters_of(connection, [row.meter_id]).get(row.meter_id) if row.meter_id else None
    if meter is None:
        return Decimal(0)
    counted = quantity_of(connection, customer, span, meter)
    if meter.aggregation in _ADDED and meter.bucket_size is None:
        factor = meter.multiplier if meter.aggregation is Aggregation.SUM_WITH_MULTIPLIER else 1
        for name, properties in untold_():
            counted += (meter.counted(name, properties) or 0) * factor
    return Decimal(counted.numerator) / Decimal(counted.denominator)
