"""Every model with its routes as they stand today, for `/admin/routing`: shares, health, breakers."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, case, func, select

from app.catalogue.route_policy import RoutingPolicy, policy_of
from app.generation import rows
from app.generation.provider_health import BAD, GOOD, MODEL, PROVIDER, ROUTE
from app.kernel.ids import earliest_id


class Traffic(NamedTuple):
    """Attempts sent since midnight UTC, and how those that have ended did."""

    sent: int = 0
    good: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True)
class RoutePicture:
    route_id: str
    provider_id: str
    provider_kind: str
    provider_name: str
    upstream_model: str
    priority: int
    weight: int
    enabled: bool
    usable: bool
    traffic: Traffic


@dataclass(frozen=True, slots=True)
class ModelPicture:
    """`routes` by priority; those that cannot be used now are among them."""

    model_id: str
    alias: str
    title: str
    modality: str
    enabled: bool
    version_id: str | None
    policy: RoutingPolicy
    routes: tuple[RoutePicture, ...]

    @property
    def sent(self) -> int:
        return sum(route.traffic.sent for route in self.routes)


def pictures(connection: Connection, now: datetime) -> list[ModelPicture]:
    """Every model that has a route: those with several first, then by alias. Three queries."""
    today = traffic(connection, now)
    routes: dict[str, list[RoutePicture]] = defaultdict(list)
    query = (
        select(
            ROUTE,
            PROVIDER.c.kind,
            PROVIDER.c.name,
            PROVIDER.c.enabled.label("provider_on"),
            PROVIDER.c.api_key_sealed.is_not(None).label("has_key"),
        )
        .join(PROVIDER, PROVIDER.c.id == ROUTE.c.provider_id)
        .order_by(ROUTE.c.priority, ROUTE.c.id)
    )
    for row in connection.execute(query).mappings():
        routes[row["model_id"]].append(
            RoutePicture(
                route_id=row["id"],
                provider_id=row["provider_id"],
                provider_kind=row["kind"],
                provider_name=row["name"],
                upstream_model=row["upstream_model"],
                priority=row["priority"],
                weight=row["weight"],
                enabled=bool(row["enabled"]),
                usable=bool(row["enabled"] and row["provider_on"] and row["has_key"]),
                traffic=today.get(row["id"], Traffic()),
            )
        )
    found = [
        ModelPicture(
            model_id=row["id"],
            alias=row["alias"],
            title=row["title"],
            modality=row["modality"],
            enabled=bool(row["enabled"]),
            version_id=row["live_version_id"],
            policy=policy_of(row["routing_policy"], row["min_margin_bp"]),
            routes=tuple(routes[row["id"]]),
        )
        for row in connection.execute(select(MODEL)).mappings()
        if row["id"] in routes
    ]
    return sorted(found, key=lambda model: (len(model.routes) < 2, -model.sent, model.alias))


def traffic(connection: Connection, now: datetime) -> dict[str, Traffic]:
    """What was sent on each route since midnight UTC."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    a = rows.ATTEMPT.c
    good = func.sum(case((a.state.in_(GOOD), 1), else_=0))
    bad = func.sum(case((a.state.in_(BAD), 1), else_=0))
    query = (
        select(a.route_id, func.count(), good, bad)
        .where(a.id >= earliest_id("att", midnight), a.sent_at.is_not(None))
        .group_by(a.route_id)
    )
    return {
        route_id: Traffic(int(sent), int(went_well), int(went_wrong))
        for route_id, sent, went_well, went_wrong in connection.execute(query).tuples()
    }
