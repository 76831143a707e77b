"""Find generations that nobody is carrying: left unstarted or half-way by a crash, or overdue for a look."""

from datetime import timedelta

from sqlalchemy import Connection, select

from app.generation import rows
from app.generation.desk import Desk

OVERDUE = timedelta(seconds=5)
BATCH = 100


async def overdue(desk: Desk, by: timedelta = OVERDUE) -> list[str]:
    """Unfinished generations whose next look was due `by` ago, oldest first."""
    before = desk.clock() - by

    def query(connection: Connection) -> list[str]:
        table = rows.GENERATION
        late = (
            select(table.c.id)
            .where(table.c.finished_at.is_(None), table.c.next_check_at <= before)
            .order_by(table.c.next_check_at)
            .limit(BATCH)
        )
        return list(connection.execute(late).scalars())

    return await desk.read(query)
