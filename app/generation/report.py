"""What a workspace spent, by day and by model or key. From the ledger's own postings: it agrees with the balance."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Integer, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from app.catalogue.tables import Model
from app.generation import rows
from app.kernel.db import metadata
from app.kernel.money import CREDIT, Money, total
from app.ledger import accounts, reads, tables

MODEL = metadata.tables[str(Model.__tablename__)]


MODEL_OF, KEY_OF = "model", "key"


class Spent(NamedTuple):
    """What went to one model on one UTC day; below zero where more came back than was charged."""

    day: date
    model: str  # its alias; by key, the key's id, empty for the playground
    amount: Money


@dataclass(frozen=True, slots=True)
class Spending:
    """The spending of `days`, oldest first, with the models (or keys) in order of what they took."""

    days: tuple[date, ...]
    models: tuple[str, ...]
    by_day: Mapping[tuple[date, str], Money]
    unit: str = CREDIT

    @property
    def total(self) -> Money:
        return total(self.by_day.values(), self.unit)

    def on(self, day: date, models: Sequence[str]) -> Money:
        """What these models took on that day."""
        return total((self.by_day.get((day, model), Money.zero(self.unit)) for model in models), self.unit)

    def of(self, models: Sequence[str]) -> Money:
        """What these models took over all the days."""
        return total((amount for (_, model), amount in self.by_day.items() if model in models), self.unit)


class _UtcDay(FunctionElement[int]):
    """The whole days since 1970 of a moment, in UTC."""

    inherit_cache = True
    type = Integer()


@compiles(_UtcDay, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST(julianday(date({compiler.process(element.clauses, **kw)})) - 2440587.5 AS INTEGER)"


@compiles(_UtcDay, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST(floor(extract(epoch FROM {compiler.process(element.clauses, **kw)}) / 86400) AS INTEGER)"


def spent(
    connection: Connection,
    workspace_id: str,
    since: datetime,
    until: datetime,
    unit: str = CREDIT,
    by: str = MODEL_OF,
) -> list[Spent]:
    """Per UTC day and model, what moved out of the balance for generations in `[since, until)`, oldest day first."""
    wallet = reads.wallet_of(connection, workspace_id, unit)
    j, e, generation = tables.journal.c, tables.entry.c, rows.GENERATION.c
    own = (accounts.prepaid(workspace_id, unit), accounts.receivable(workspace_id, unit))
    day = _UtcDay(j.created_at)
    group = func.coalesce(generation.api_key_id, "") if by == KEY_OF else MODEL.c.alias
    query = (
        select(day.label("day"), group.label("name"), func.sum(e.amount).label("micros"))
        .select_from(tables.journal)
        .join(tables.entry, e.journal_id == j.id)
        .join(rows.GENERATION, generation.id == j.generation_id)
        .join(MODEL, MODEL.c.id == generation.model_id)
        .where(j.wallet_id == wallet.id, j.created_at >= since, j.created_at < until, e.account.in_(own))
        .group_by(day, group)
        .order_by(day, group)
    )
    epoch = date(1970, 1, 1)
    return [
        Spent(epoch + timedelta(days=row.day), row.name, Money(int(row.micros), unit))
        for row in connection.execute(query)
        if row.micros
    ]


def spending(connection: Connection, workspace_id: str, now: datetime, days: int, by: str = MODEL_OF) -> Spending:
    """The last `days` UTC days, today included."""
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=days - 1)
    since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    found = spent(connection, workspace_id, since, now + timedelta(days=1), by=by)
    by_model: dict[str, int] = defaultdict(int)
    for one in found:
        by_model[one.model] += one.amount.micros
    models = tuple(sorted(by_model, key=lambda model: (-by_model[model], model)))
    every = tuple(first + timedelta(days=index) for index in range(days))
    return Spending(every, models, {(one.day, one.model): one.amount for one in found})
