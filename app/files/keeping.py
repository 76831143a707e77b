"""For how long files are kept, and how much of them: the installation's rule and what a workspace has of its own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.files.tables import StoredFile, file_policy
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import InvalidInput

FILE = metadata.tables[str(StoredFile.__tablename__)]
MB = 1024 * 1024
LONGEST_DAYS = 3_650
MOST_QUOTA_MB = 10 * 1024 * 1024
BATCH = 200
AGE, DELETED = "age", "deleted"


@dataclass(frozen=True, slots=True)
class Keeping:
    """`days` None keeps files until somebody deletes them; `uploads_mb` is what a workspace's uploads may take."""

    days: int | None = None
    uploads_mb: int = 5_000


@dataclass(frozen=True, slots=True)
class Own:
    """What a workspace has of its own; None follows the installation."""

    days: int | None = None
    uploads_mb: int | None = None


class Keepings:
    """Reads and writes the rules; the store acts on them."""

    def __init__(self, db: Database, house: Keeping, now: Clock) -> None:
        self._db, self.house, self._now = db, house, now

    def own(self, workspace_id: str) -> Own:
        with self._db.read() as connection:
            return _own(connection, workspace_id)

    def set(self, workspace_id: str, own: Own, *, also: Callable[[Connection], None] | None = None) -> None:
        """`InvalidInput` "days" or "uploads_mb" for what makes no sense; `also` is written with it."""
        for name, value, most in (("days", own.days, LONGEST_DAYS), ("uploads_mb", own.uploads_mb, MOST_QUOTA_MB)):
            if value is not None and not 0 < value <= most:
                raise InvalidInput(f"Between 1 and {most}, or nothing for the usual.", param=name)
        with self._db.write() as connection:
            lock(connection, workspace_id, self._now())
            mine = file_policy.update().where(file_policy.c.workspace_id == workspace_id)
            connection.execute(mine.values(keep_days=own.days, upload_quota_mb=own.uploads_mb, updated_at=self._now()))
            if also is not None:
                also(connection)

    def would_go(self, workspace_id: str, days: int | None) -> int:
        """How many files of the workspace are older than that: they go with the next look. None: the installation's."""
        days = days or self.house.days
        if days is None or not 0 < days <= LONGEST_DAYS:
            return 0
        older = FILE.c.created_at < self._now() - timedelta(days=days)
        mine = select(func.count()).where(FILE.c.workspace_id == workspace_id, FILE.c.expired_at.is_(None), older)
        with self._db.read() as connection:
            return int(connection.execute(mine).scalar_one())

    def for_workspace(self, workspace_id: str) -> Keeping:
        """In force."""
        own = self.own(workspace_id)
        return Keeping(own.days or self.house.days, own.uploads_mb or self.house.uploads_mb)

    def uploads_bytes(self, workspace_id: str) -> int:
        """What the workspace's uploads take at the moment."""
        with self._db.read() as connection:
            return uploaded(connection, workspace_id)

    def due(self) -> list[str]:
        """Files that have been kept long enough, some of them."""
        now = self._now()
        with self._db.read() as connection:
            rules = {
                row.workspace_id: row.keep_days
                for row in connection.execute(select(file_policy).where(file_policy.c.keep_days.is_not(None)))
            }
            found = [] if self.house.days is None else _older(connection, now, self.house.days, _not_in(rules))
            for days in sorted(set(rules.values())):
                mine = [workspace for workspace, own in rules.items() if own == days]
                found += _older(connection, now, days, FILE.c.workspace_id.in_(mine))
        return found


def lock(connection: Connection, workspace_id: str, now: datetime) -> None:
    """Be the only one who adds to this workspace's uploads until the transaction ends."""
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(made(file_policy).values(workspace_id=workspace_id, updated_at=now).on_conflict_do_nothing())
    mine = file_policy.c.workspace_id == workspace_id
    connection.execute(select(file_policy.c.workspace_id).where(mine).with_for_update())


def uploaded(connection: Connection, workspace_id: str) -> int:
    query = select(func.coalesce(func.sum(FILE.c.size_bytes), 0)).where(
        FILE.c.workspace_id == workspace_id, FILE.c.generation_id.is_(None), FILE.c.expired_at.is_(None)
    )
    return int(connection.execute(query).scalar_one())


def quota_bytes(connection: Connection, workspace_id: str, house: Keeping) -> int:
    return (_own(connection, workspace_id).uploads_mb or house.uploads_mb) * MB


def _own(connection: Connection, workspace_id: str) -> Own:
    row = connection.execute(select(file_policy).where(file_policy.c.workspace_id == workspace_id)).first()
    return Own() if row is None else Own(row.keep_days, row.upload_quota_mb)


def _older(connection: Connection, now: datetime, days: int, whose: Any) -> list[str]:
    query = select(FILE.c.id).where(FILE.c.expired_at.is_(None), FILE.c.created_at < now - timedelta(days=days), whose)
    return list(connection.execute(query.order_by(FILE.c.created_at).limit(BATCH)).scalars())


def _not_in(rules: dict[str, int]) -> Any:
    return FILE.c.workspace_id.not_in(list(rules))
