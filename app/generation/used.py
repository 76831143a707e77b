"""Which models a workspace has ever used: what its filters offer."""

from sqlalchemy import Connection, select

from app.catalogue.tables import Model
from app.generation.rows import GENERATION
from app.kernel.db import metadata

MODEL = metadata.tables[str(Model.__tablename__)]


def models_used(connection: Connection, workspace_id: str) -> list[str]:
    """Aliases in alphabetical order; of every workspace's models, those with a request of this one."""
    asked = (
        select(GENERATION.c.id)
        .where(GENERATION.c.model_id == MODEL.c.id, GENERATION.c.workspace_id == workspace_id)
        .exists()
    )
    return list(connection.execute(select(MODEL.c.alias).where(asked).order_by(MODEL.c.alias)).scalars())
