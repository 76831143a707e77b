"""The day's figures for the operator, beside yesterday's up to the same time of day. Days are UTC days."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, and_, case, func, select

from app.catalogue.tables import Model, ProviderRow
from app.generation import rows
from app.generation.earnings import COST, ENTRY, JOURNAL, Earned, earned, moved, slot, slot_of
from app.generation.lifecycle import State
from app.kernel.db import metadata
from app.kernel.ids import earliest_id
from app.kernel.money import USD, Money
from app.ledger import accounts

MODEL = metadata.tables[str(Model.__tablename__)]
PROVIDER = metadata.tables[str(ProviderRow.__tablename__)]
HOUR = 3_600
HOURS = 24
DAY = timedelta(days=1)
RUNNING = (State.CALLING, State.RUNNING, State.STORING)


class ModelDay(NamedTuple):
    """One model's day."""

    model_id: str
    alias: str
    jobs: int
    earned: Earned


class Jobs(NamedTuple):
    """Requests begun in a stretch of time, and how many of them failed; cancelled ones did not fail."""

    begun: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Today:
    """`hours` and `yesterday` have 24 entries; `before` and `jobs_before` are yesterday's up to this time of day."""

    at: datetime
    now: Earned
    before: Earned
    jobs: Jobs
    jobs_before: Jobs
    running: int
    waiting: int
    hours: tuple[Earned, ...]
    yesterday: tuple[Earned, ...]
    cost_by_provider: tuple[tuple[str, Money], ...]  # the dearest first
    models: tuple[ModelDay, ...]  # by revenue, the highest first

    @property
    def is_quiet(self) -> bool:
        """Nothing happened today or yesterday."""
        nothing = Earned()
        return not (self.jobs.begun or self.jobs_before.begun) and {*self.hours, *self.yesterday} == {nothing}


def today(connection: Connection, at: datetime, credit_value: Decimal, *, models: int = 6) -> Today:
    """Everything of the day that `at` lies in; `credit_value` is USD per credit."""
    start = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    early = JOURNAL.created_at < at - DAY
    hour = slot(JOURNAL.created_at, HOUR)
    query = moved([hour.label("hour"), early.label("early")], start - DAY, start + DAY).group_by(hour, early)
    by_hour: dict[int, Earned] = defaultdict(Earned)
    before = Earned()
    first = slot_of(start - DAY, HOUR)
    for row in connection.execute(query).mappings():
        one = earned(row["revenue"], row["cost"], credit_value)
        by_hour[row["hour"] - first] = by_hour[row["hour"] - first].plus(one)
        if row["early"]:
            before = before.plus(one)
    hours = tuple(by_hour[HOURS + index] for index in range(HOURS))
    jobs, jobs_before = _jobs(connection, start, at)
    running, waiting = _open(connection)
    now = Earned()
    for one in hours:
        now = now.plus(one)
    return Today(
        at=at,
        now=now,
        before=before,
        jobs=jobs,
        jobs_before=jobs_before,
        running=running,
        waiting=waiting,
        hours=hours,
        yesterday=tuple(by_hour[index] for index in range(HOURS)),
        cost_by_provider=_cost_by_provider(connection, start),
        models=_models(connection, start, credit_value, models),
    )


def _jobs(connection: Connection, start: datetime, at: datetime) -> tuple[Jobs, Jobs]:
    g = rows.GENERATION.c
    is_today = g.created_at >= start
    failed = case((and_(g.state == State.RELEASED, g.error_code.is_distinct_from("canceled")), 1), else_=0)
    query = (
        select(is_today.label("today"), func.count().label("begun"), func.sum(failed).label("failed"))
        .where(
            g.id >= earliest_id("gen", start - DAY),
            g.created_at >= start - DAY,
            (g.created_at < at - DAY) | is_today,
        )
        .group_by(is_today)
    )
    found = {bool(row.today): Jobs(int(row.begun), int(row.failed)) for row in connection.execute(query)}
    return found.get(True, Jobs()), found.get(False, Jobs())


def _open(connection: Connection) -> tuple[int, int]:
    """Requests that run, and those that wait to."""
    g = rows.GENERATION.c
    query = select(g.state, func.count()).where(g.finished_at.is_(None)).group_by(g.state)
    found: dict[str, int] = dict(connection.execute(query).tuples().all())
    running = sum(count for state, count in found.items() if state in RUNNING)
    return running, sum(found.values()) - running


def _cost_by_provider(connection: Connection, start: datetime) -> tuple[tuple[str, Money], ...]:
    names = dict(connection.execute(select(PROVIDER.c.id, PROVIDER.c.name)).tuples().all())
    query = (
        moved([ENTRY.account], start, start + DAY)
        .where(ENTRY.account.startswith(accounts.PROVIDER_EXPENSE, autoescape=True))
        .group_by(ENTRY.account)
        .order_by(COST.desc())
    )
    found: list[RowMapping] = list(connection.execute(query).mappings())
    ids = [str(row["account"]).removeprefix(accounts.PROVIDER_EXPENSE) for row in found]
    return tuple((names.get(one, one), Money(int(row["cost"]), USD)) for one, row in zip(ids, found, strict=True))


def _models(connection: Connection, start: datetime, credit_value: Decimal, limit: int) -> tuple[ModelDay, ...]:
    g = rows.GENERATION.c
    counted = func.count(func.distinct(g.id)).label("jobs")
    query = (
        moved([MODEL.c.id, MODEL.c.alias, counted], start, start + DAY)
        .join(MODEL, MODEL.c.id == g.model_id)
        .group_by(MODEL.c.id, MODEL.c.alias)
    )
    found = [
        ModelDay(row["id"], row["alias"], int(row["jobs"]), earned(row["revenue"], row["cost"], credit_value))
        for row in connection.execute(query).mappings()
    ]
    return tuple(sorted(found, key=lambda one: (-one.earned.revenue.micros, -one.jobs, one.alias))[:limit])
