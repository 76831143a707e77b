"""What a gallery filters by: the models a workspace has results of."""

from sqlalchemy import Connection, select

from app.generation.lifecycle import State
from app.generation.rows import GENERATION
from app.generation.views import MODEL


def models_used(connection: Connection, workspace_id: str) -> list[tuple[str, str]]:
    """Alias and title of every model with a result, by title; also of models that are no longer offered."""
    used = select(GENERATION.c.model_id).where(
        GENERATION.c.workspace_id == workspace_id, GENERATION.c.state == State.SETTLED
    )
    found = select(MODEL.c.alias, MODEL.c.title).where(MODEL.c.id.in_(used)).order_by(MODEL.c.title, MODEL.c.alias)
    return [(row.alias, row.title) for row in connection.execute(found)]
