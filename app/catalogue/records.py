"""What every change to the catalogue shares: the row it locks, its time stamp, and the line it leaves in the audit."""

from datetime import datetime, timedelta

from sqlalchemy import insert
from sqlmodel import Session

from app.catalogue.tables import Model
from app.kernel.db import metadata
from app.kernel.errors import NotFound
from app.kernel.ids import new_id


def record(session: Session, actor: str, action: str, subject: str, detail: str, moment: datetime) -> None:
    """Leave an audit line in the same transaction. The table belongs to `accounts`, hence by name."""
    values = {
        "id": new_id("evt"),
        "actor_id": actor,
        "action": action,
        "subject": subject,
        "detail": detail,
        "created_at": moment,
    }
    session.connection().execute(insert(metadata.tables["audit_event"]), values)


def stamp(before: datetime, moment: datetime) -> datetime:
    """`moment`, or just after the last change where the clock has not moved on: a row's stamp always grows."""
    return max(moment, before + timedelta(microseconds=1))


def locked_model(session: Session, model_id: str) -> Model:
    """The model, locked until the transaction ends; NotFound when there is none."""
    model = session.get(Model, model_id, with_for_update=True, populate_existing=True)
    if model is None:
        raise NotFound(f"There is no model {model_id}.", code="model_not_found")
    return model


def touch(session: Session, model: Model, moment: datetime) -> None:
    """Mark the model, or anything that hangs on it, as changed: this is what every process's cache looks at."""
    model.updated_at = stamp(model.updated_at, moment)
    session.add(model)
