"""Who changed what. A note is written in the transaction of the change it describes, so neither exists alone."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection
from sqlmodel import Session, col, select

from app.accounts.tables import AuditEvent
from app.kernel import clock
from app.kernel.ids import new_id

LONGEST_DETAIL = 2_000


def record(
    session: Session, actor: str | None, action: str, subject: str, detail: str = "", *, at: datetime | None = None
) -> None:
    """Note that `actor` (a user id; None is the installation itself) did `action` to `subject` (an id)."""
    session.add(
        AuditEvent(
            id=new_id("evt"),
            actor_id=actor,
            action=action,
            subject=subject,
            detail=detail[:LONGEST_DETAIL],
            created_at=at or clock.now(),
        )
    )


def note(connection: Connection, actor: str | None, action: str, subject: str, detail: str, *, at: datetime) -> None:
    """The same in a transaction that has no session."""
    with Session(connection) as session:
        record(session, actor, action, subject, detail, at=at)
        session.flush()


def recent(
    session: Session, *, subject: str | None = None, also: Collection[str] = (), limit: int = 100
) -> list[AuditEvent]:
    """The latest notes, newest first, of everything or of one subject; `also` are others to be read with it."""
    query = select(AuditEvent).order_by(col(AuditEvent.created_at).desc(), col(AuditEvent.id).desc()).limit(limit)
    return list(session.exec(query if subject is None else query.where(col(AuditEvent.subject).in_([subject, *also]))))
