"""Promises that the gateway understands (see `allowed`), written down as features and entitlements: a model, a limit, a
quota. The feature of one is made when it is first promised."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.kernel.given import Given
from app.metering import meter_book
from app.plans import entitlements, features
from app.plans.allowed import LIMIT, MODEL, QUOTA, read_limit
from app.plans.shelf import Record


def promise_model(connection: Connection, plan_id: str, alias: str, *, actor: str, now: datetime) -> Record:
    """The plan may use this model; with the first of them, only those that are promised."""
    feature = _feature(connection, MODEL + alias, {"name": alias, "type": "boolean"}, actor, now)
    return entitlements.create(connection, _of(plan_id, feature, is_enabled=True), actor=actor, now=now)


def promise_limit(
    connection: Connection, plan_id: str, role: str, most: str, otherwise: str, *, actor: str, now: datetime
) -> Record:
    """No more than `most` of a role; asked for more, it is refused or made less. `InvalidInput` as `read_limit`."""
    said = {"most": most.strip(), "otherwise": otherwise}
    read_limit(LIMIT + role, None, said, "")
    feature = _feature(connection, LIMIT + role, {"name": f"Most {role}", "type": "config"}, actor, now)
    return entitlements.create(connection, _of(plan_id, feature, config_value=said), actor=actor, now=now)


def promise_quota(
    connection: Connection, plan_id: str, meter_id: str, given: dict[str, Any], *, actor: str, now: datetime
) -> Record:
    """So much of what a meter counts; `given` has `usage_limit`, `usage_reset_period`, `is_soft_limit`."""
    meter = meter_book.get(connection, meter_id)
    named = {"name": f"Quota of {meter['name']}", "type": "metered", "meter_id": meter_id}
    feature = _feature(connection, QUOTA + meter["name"], named, actor, now)
    return entitlements.create(connection, _of(plan_id, feature, **given), actor=actor, now=now)


def _feature(connection: Connection, lookup_key: str, named: dict[str, str], actor: str, now: datetime) -> Record:
    known = features.shelf.by(connection, "lookup_key", lookup_key)
    if known is not None:
        return known
    return features.create(connection, Given({**named, "lookup_key": lookup_key}), actor=actor, now=now)


def _of(plan_id: str, feature: Record, **more: Any) -> Given:
    return Given({"plan_id": plan_id, "feature_id": feature["id"], "feature_type": feature["type"], **more})
