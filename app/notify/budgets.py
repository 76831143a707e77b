"""Budgets that are nearly or wholly used up: their workspace's owners are told, once a period for each.

A look at what was charged (`generation/spend.py`), off the way of every request. Used up is also a budget of which so
little is left that a request was refused for it: nobody should wait for the last credit to be told.
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.allowances import ALLOWANCE
from app.accounts.tables import ApiKey, Workspace
from app.generation.request_log import REFUSED
from app.generation.spend import Used, spent_by
from app.kernel import events, outbox
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.money import Money
from app.notify.tables import budget_alert

KEY = metadata.tables[str(ApiKey.__tablename__)]
WORKSPACE = metadata.tables[str(Workspace.__tablename__)]
FULL = 100


class _Budget(NamedTuple):
    """One budget of one subject in its present period."""

    name: str  # day | month
    period: str
    began: datetime
    resets: datetime
    limit_micros: int
    spent_micros: int
    code: str  # of the refusals it causes

    def reached(self, percent: int) -> bool:
        return self.spent_micros * 100 >= self.limit_micros * percent


class Budgets:
    """The chore."""

    def __init__(self, db: Database, now: Clock) -> None:
        self._db, self._now = db, now

    async def run(self) -> int:
        """Tell of every budget that reached its mark; answers how many mails were promised."""
        return await asyncio.to_thread(self._run)

    def _run(self) -> int:
        now, count = self._now(), 0
        for row in self._watched():
            with self._db.read() as connection:
                used = spent_by(connection, row.workspace_id, now).get(row.subject, Used())
                due = [
                    (budget, percent)
                    for budget in _budgets(row, used, now)
                    if (percent := _percent(connection, row, budget)) is not None
                ]
            for budget, percent in due:
                with self._db.write() as connection:
                    count += _tell(connection, row, budget, percent, now)
        return count

    def _watched(self) -> list[Row[Any]]:
        query = (
            select(ALLOWANCE, KEY.c.name.label("key_name"))
            .join(WORKSPACE, WORKSPACE.c.id == ALLOWANCE.c.workspace_id)
            .outerjoin(KEY, KEY.c.id == ALLOWANCE.c.subject)
            .where(ALLOWANCE.c.alert_percent.is_not(None), WORKSPACE.c.suspended_at.is_(None))
            .where(
                or_(ALLOWANCE.c.credits_per_day_micros.is_not(None), ALLOWANCE.c.credits_per_month_micros.is_not(None))
            )
            .where(KEY.c.revoked_at.is_(None))
            .order_by(ALLOWANCE.c.subject)
        )
        with self._db.read() as connection:
            return list(connection.execute(query))


def _budgets(row: Row[Any], used: Used, now: datetime) -> Iterator[_Budget]:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight.replace(day=1)
    if row.credits_per_day_micros is not None:
        resets, limit = midnight + timedelta(days=1), row.credits_per_day_micros
        yield _Budget("day", f"{now:%Y-%m-%d}", midnight, resets, limit, used.day_micros, "daily_limit")
    if row.credits_per_month_micros is not None:
        resets, limit = (first + timedelta(days=32)).replace(day=1), row.credits_per_month_micros
        yield _Budget("month", f"{now:%Y-%m}", first, resets, limit, used.month_micros, "monthly_limit")


def _percent(connection: Connection, row: Row[Any], budget: _Budget) -> int | None:
    """The highest mark that is reached and was not told; None when there is none."""
    told = select(budget_alert.c.percent).where(
        budget_alert.c.subject == row.subject, budget_alert.c.period == budget.period
    )
    highest = max(connection.execute(told).scalars(), default=0)
    if highest < FULL and (budget.reached(FULL) or _turned_away(connection, row, budget)):
        return FULL
    return int(row.alert_percent) if highest < row.alert_percent and budget.reached(row.alert_percent) else None


def _turned_away(connection: Connection, row: Row[Any], budget: _Budget) -> bool:
    """Whether a request was refused because of this budget: half spent at least, or it was simply too big a request."""
    if row.subject == row.workspace_id or not budget.reached(50):
        return False
    query = select(REFUSED.c.id).where(
        REFUSED.c.workspace_id == row.workspace_id,
        REFUSED.c.api_key_id == row.subject,
        REFUSED.c.code == budget.code,
        REFUSED.c.created_at >= budget.began,
    )
    return connection.execute(query.limit(1)).first() is not None


def _tell(connection: Connection, row: Row[Any], budget: _Budget, percent: int, now: datetime) -> bool:
    insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    mark = insert(budget_alert).values(subject=row.subject, period=budget.period, percent=percent, created_at=now)
    if connection.execute(mark.on_conflict_do_nothing().returning(budget_alert.c.subject)).first() is None:
        return False  # another process was quicker
    key = f"budget:{row.subject}:{budget.period}:{percent}"
    limit, spent = Money(int(budget.limit_micros)), Money(int(budget.spent_micros))
    params = {"spent": spent, "budget": limit, "resets_on": budget.resets.date(), "key": row.key_name or ""}
    data = {
        "object": "budget",
        "scope": "key" if row.subject != row.workspace_id else "workspace",
        "subject": row.subject,
        "period": budget.name,
        "percent": percent,
        "budget": limit,
        "spent": spent,
        "resets_at": budget.resets,
    }
    events.tell(connection, row.workspace_id, events.BUDGET_REACHED, data, key=f"event:{key}")
    return outbox.mail(connection, f"budget_{percent}", key=key, workspace_id=row.workspace_id, params=params, at=now)
