"""How every provider did over the last 24 hours, from our own attempts: half-hour buckets, success, median time."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from statistics import median
from typing import NamedTuple

from sqlalchemy import Connection, case, func, select

from app.catalogue.tables import Model, ProviderRow, Route
from app.generation import rows
from app.generation.earnings import slot, slot_of
from app.kernel.db import metadata
from app.kernel.ids import earliest_id

PROVIDER = metadata.tables[str(ProviderRow.__tablename__)]
ROUTE = metadata.tables[str(Route.__tablename__)]
MODEL = metadata.tables[str(Model.__tablename__)]

WINDOW = timedelta(hours=24)
BUCKET = 1_800
BUCKETS = 48
DEGRADED_BELOW = Fraction(95, 100)
SAMPLE = 500  # how many of the latest deliveries the median looks at
GOOD = ("delivered",)
BAD = ("failed", "refused", "unknown")


class Health(StrEnum):
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    PAUSED = "paused"  # switched off, or without a key
    IDLE = "idle"  # no attempt ended


class Bucket(NamedTuple):
    good: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """`buckets`: 48 half hours, the oldest first. `seconds`: the median from submission to delivery."""

    provider_id: str
    kind: str
    name: str
    is_on: bool
    has_key: bool
    models: int
    buckets: tuple[Bucket, ...]
    seconds: Fraction | None

    @property
    def success(self) -> Fraction | None:
        """The share of ended attempts that delivered; None when none ended."""
        good, bad = sum(one.good for one in self.buckets), sum(one.bad for one in self.buckets)
        return Fraction(good, good + bad) if good + bad else None

    @property
    def health(self) -> Health:
        if not (self.is_on and self.has_key):
            return Health.PAUSED
        if self.success is None:
            return Health.IDLE
        return Health.DEGRADED if self.success < DEGRADED_BELOW else Health.HEALTHY


def provider_health(connection: Connection, at: datetime) -> list[ProviderHealth]:
    """Every provider, by name."""
    p = PROVIDER.c
    providers = connection.execute(
        select(p.id, p.kind, p.name, p.enabled, p.api_key_sealed).order_by(func.lower(p.name))
    ).all()
    buckets = _buckets(connection, at)
    models = models_served(connection)
    nothing = (Bucket(),) * BUCKETS
    return [
        ProviderHealth(
            provider_id=one.id,
            kind=one.kind,
            name=one.name,
            is_on=bool(one.enabled),
            has_key=one.api_key_sealed is not None,
            models=len(models.get(one.id, ())),
            buckets=buckets.get(one.id, nothing),
            seconds=_median(connection, one.id, at) if one.id in buckets else None,
        )
        for one in providers
    ]


def models_served(connection: Connection) -> dict[str, list[str]]:
    """The aliases of the enabled models that each provider has an enabled route for, in alphabetical order."""
    query = (
        select(ROUTE.c.provider_id, MODEL.c.alias)
        .join(MODEL, MODEL.c.id == ROUTE.c.model_id)
        .where(ROUTE.c.enabled, MODEL.c.enabled)
        .distinct()
        .order_by(ROUTE.c.provider_id, MODEL.c.alias)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for provider_id, alias in connection.execute(query).tuples():
        found[provider_id].append(alias)
    return dict(found)


def _buckets(connection: Connection, at: datetime) -> dict[str, tuple[Bucket, ...]]:
    a = rows.ATTEMPT.c
    when = slot(a.updated_at, BUCKET)
    good = func.sum(case((a.state.in_(GOOD), 1), else_=0)).label("good")
    query = (
        select(a.provider_id, when.label("slot"), good, func.count().label("ended"))
        # An attempt may end long after it began: look at what began a day before the window as well.
        .where(a.id >= earliest_id("att", at - 2 * WINDOW), a.updated_at >= at - WINDOW, a.state.in_((*GOOD, *BAD)))
        .group_by(a.provider_id, when)
    )
    last = slot_of(at, BUCKET)
    found: dict[str, list[Bucket]] = defaultdict(lambda: [Bucket()] * BUCKETS)
    for row in connection.execute(query):
        index = BUCKETS - 1 - (last - int(row.slot))
        if 0 <= index < BUCKETS:
            found[row.provider_id][index] = Bucket(int(row.good), int(row.ended) - int(row.good))
    return {provider_id: tuple(buckets) for provider_id, buckets in found.items()}


def _median(connection: Connection, provider_id: str, at: datetime) -> Fraction | None:
    a = rows.ATTEMPT.c
    query = (
        select(a.sent_at, a.updated_at)
        .where(
            a.id >= earliest_id("att", at - 2 * WINDOW),
            a.provider_id == provider_id,
            a.updated_at >= at - WINDOW,
            a.state.in_(GOOD),
            a.sent_at.is_not(None),
        )
        .order_by(a.id.desc())
        .limit(SAMPLE)
    )
    took = [Fraction((end - start) // timedelta(milliseconds=1), 1000) for start, end in connection.execute(query)]
    return median(took) if took else None
