"""Whose turn a chore is: one row each, taken by one process at a time, for a while that must be renewed.

A killed process keeps its lease until it runs out; a stopped one gives it back. A process that slept through its own
lease may still be working while the next one starts: chores are safe to do twice, the lease only saves the work.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Update, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.jobs.tables import chore
from app.kernel.db import Database

LEASE = timedelta(seconds=30)
LONGEST_ERROR = 500


class Turn(NamedTuple):
    """How a chore stands, for an operator: `failures` in a row, `error` of the last turn that failed."""

    name: str
    owner: str | None
    lease_until: datetime | None
    next_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    failures: int
    error: str | None


class Leases:
    """The rows of this process's chores. `owner` must be unlike that of every other process."""

    def __init__(self, db: Database, owner: str) -> None:
        self._db, self._owner = db, owner

    def register(self, first: Iterable[tuple[str, datetime]]) -> None:
        """Make the rows that are missing; each with the moment of its first turn."""
        rows = [{"name": name, "next_at": at, "failures": 0} for name, at in first]
        insert = sqlite.insert if self._db.is_sqlite else postgresql.insert
        with self._db.write() as connection:
            for row in rows:
                connection.execute(insert(chore).values(row).on_conflict_do_nothing(index_elements=["name"]))

    def find(self, name: str) -> Turn | None:
        with self._db.read() as connection:
            row = connection.execute(select(chore).where(chore.c.name == name)).first()
        return None if row is None else Turn(**row._mapping)

    def all(self) -> list[Turn]:
        with self._db.read() as connection:
            return [Turn(**row._mapping) for row in connection.execute(select(chore).order_by(chore.c.name))]

    def is_free(self, turn: Turn, now: datetime) -> bool:
        """Whether asking for it makes sense."""
        return turn.owner == self._owner or turn.lease_until is None or turn.lease_until <= now

    def take(self, name: str, now: datetime, *, period: timedelta | None, finished_at: datetime | None = None) -> bool:
        """Take it, or keep it; False while another process has it, or when it is not due. Without a `period` it is
        always due; with one, a next turn further away than that means that the clock was put back."""
        free = or_(chore.c.owner == self._owner, chore.c.lease_until.is_(None), chore.c.lease_until <= now)
        query = update(chore).where(chore.c.name == name, free)
        if period is not None:
            query = query.where(or_(chore.c.next_at <= now, chore.c.next_at > now + period))
        with self._db.write() as connection:
            taken = query.values(owner=self._owner, lease_until=now + LEASE, started_at=now)
            taken = taken.values(finished_at=finished_at) if finished_at else taken
            return connection.execute(taken).rowcount == 1

    def renew(self, name: str, now: datetime) -> None:
        """Keep it a while longer."""
        with self._db.write() as connection:
            connection.execute(self._mine(name).values(lease_until=now + LEASE))

    def finish(self, name: str, now: datetime, *, next_at: datetime, failures: int, error: str | None) -> None:
        """Write down how the turn went and give the lease back, unless somebody took it over meanwhile."""
        told = {"finished_at": now, "next_at": next_at, "failures": failures, "lease_until": None}
        with self._db.write() as connection:
            connection.execute(self._mine(name).values(**told, error=error[:LONGEST_ERROR] if error else None))

    def let_go(self) -> None:
        """Give back whatever this process has."""
        with self._db.write() as connection:
            connection.execute(update(chore).where(chore.c.owner == self._owner).values(lease_until=None))

    def _mine(self, name: str) -> Update:
        return update(chore).where(chore.c.name == name, chore.c.owner == self._owner)
