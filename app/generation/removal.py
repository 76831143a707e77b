"""Remove what a generation made, at its customer's wish. What it cost and how it went stays in the books."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, update

from app.generation import rows
from app.generation.desk import Desk

REMOVE = (
    update(rows.GENERATION)
    .where(
        rows.GENERATION.c.id == bindparam("b_id"),
        rows.GENERATION.c.finished_at.is_not(None),
        rows.GENERATION.c.deleted_at.is_(None),
    )
    .values(deleted_at=bindparam("b_now"))
)


async def remove_outputs(desk: Desk, generation_id: str) -> bool:
    """Delete the content of a finished generation's files; False when it has not finished. Again is fine."""
    now = desk.clock()
    if not await desk.write(_remove, generation_id, now):
        return False
    for file in await desk.run(desk.files.of_generation, generation_id):
        await desk.run(desk.files.expire, file.id)
    return True


def _remove(connection: Connection, generation_id: str, now: datetime) -> bool:
    if connection.execute(REMOVE, {"b_id": generation_id, "b_now": now}).rowcount == 1:
        rows.record(connection, generation_id, "removed", now)
        return True
    return rows.generation(connection, generation_id)["deleted_at"] is not None
