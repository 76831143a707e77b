"""How long a model usually takes, from what it took before: the "of about 9 s" beside a running job."""

from datetime import datetime
from fractions import Fraction

from sqlalchemy import Connection, select

from app.generation.lifecycle import State
from app.generation.rows import GENERATION

LOOKED_AT = 25


def usual_seconds(connection: Connection, model_id: str) -> Fraction | None:
    """The median time from request to result over the model's latest results; None before the first."""
    table = GENERATION
    latest = (
        select(table.c.created_at, table.c.finished_at)
        .where(table.c.model_id == model_id, table.c.state == State.SETTLED)
        .order_by(table.c.created_at.desc())
        .limit(LOOKED_AT)
    )
    took = sorted(_seconds(row.created_at, row.finished_at) for row in connection.execute(latest))
    return took[len(took) // 2] if took else None


def _seconds(start: datetime, end: datetime) -> Fraction:
    return Fraction(round((end - start).total_seconds() * 1000), 1000)
