"""Generations whose outcome nobody knows, for somebody to look at: still open, or closed at our expense lately."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from app.catalogue.tables import Model, ProviderRow
from app.generation import rows
from app.generation.lifecycle import State
from app.kernel.db import metadata
from app.kernel.money import USD, Money
from app.ledger import accounts, tables

MODEL = metadata.tables[str(Model.__tablename__)]
PROVIDER = metadata.tables[str(ProviderRow.__tablename__)]
LATELY = timedelta(days=7)
MOST = 20


class Undecided(NamedTuple):
    """One request. `expense` is what was booked as probably owed upstream; None while it is still looked for."""

    generation_id: str
    alias: str
    provider: str
    since: datetime
    expense: Money | None


def undecided(connection: Connection, at: datetime, limit: int = MOST) -> list[Undecided]:
    """Open ones first, then what was booked as unknown in the last seven days and has not been explained since."""
    return [*_open(connection, limit), *_booked(connection, at, limit)][:limit]


def _open(connection: Connection, limit: int) -> list[Undecided]:
    g, a = rows.GENERATION.c, rows.ATTEMPT.c
    query = (
        select(g.id, MODEL.c.alias, PROVIDER.c.name, a.updated_at)
        .join(MODEL, MODEL.c.id == g.model_id)
        .join(rows.ATTEMPT, a.generation_id == g.id)
        .join(PROVIDER, PROVIDER.c.id == a.provider_id)
        .where(g.finished_at.is_(None), g.state == State.UNKNOWN, a.state == "unknown")
        .order_by(g.id.desc())
        .limit(limit)
    )
    return [Undecided(row.id, row.alias, row.name, row.updated_at, None) for row in connection.execute(query)]


def _booked(connection: Connection, at: datetime, limit: int) -> list[Undecided]:
    g, j, e = rows.GENERATION.c, tables.journal.c, tables.entry.c
    still = (
        select(j.generation_id, func.sum(e.amount).label("micros"), func.max(j.created_at).label("since"))
        .join(tables.entry, e.journal_id == j.id)
        .where(e.account == accounts.EXPENSE_UNKNOWN_UPSTREAM)
        .group_by(j.generation_id)
        .having(func.sum(e.amount) > 0, func.max(j.created_at) >= at - LATELY)
        .subquery()
    )
    last = (
        select(rows.ATTEMPT.c.generation_id, func.max(rows.ATTEMPT.c.number).label("number"))
        .group_by(rows.ATTEMPT.c.generation_id)
        .where(rows.ATTEMPT.c.generation_id.in_(select(still.c.generation_id)))
        .subquery()
    )
    query = (
        select(g.id, MODEL.c.alias, PROVIDER.c.name, still.c.micros, still.c.since)
        .join(still, still.c.generation_id == g.id)
        .join(MODEL, MODEL.c.id == g.model_id)
        .join(last, last.c.generation_id == g.id)
        .join(
            rows.ATTEMPT,
            (rows.ATTEMPT.c.generation_id == g.id) & (rows.ATTEMPT.c.number == last.c.number),
        )
        .join(PROVIDER, PROVIDER.c.id == rows.ATTEMPT.c.provider_id)
        .order_by(still.c.since.desc())
        .limit(limit)
    )
    return [
        Undecided(row.id, row.alias, row.name, row.since, Money(int(row.micros), USD))
        for row in connection.execute(query)
    ]
