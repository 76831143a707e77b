"""Keeping things of one kind: added, found by id or by a key of their own, changed, taken off. What is taken off stays
in the table, because bills refer to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.kernel import events, versions
from app.kernel.errors import Conflict, NotFound
from app.kernel.ids import new_id
from app.plans.tables import DELETED, PUBLISHED

#: A row by its columns' names.
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One table. `noun` is what a refusal calls a thing, `key` the column whose value nobody else may have."""

    table: Table
    prefix: str
    noun: str
    key: str | None = None
    mark: str | None = None  # of `kernel/versions.py`, moved by every change
    told: str | None = None  # as what its changes are announced to the house's webhooks

    def add(self, connection: Connection, values: Record, *, actor: str, now: datetime) -> Record:
        """A new thing; `Conflict` "already_exists" when another has its key."""
        row = {
            "id": new_id(self.prefix), "metadata": {}, **values, "status": PUBLISHED,
            "created_by": actor, "updated_by": actor, "created_at": now, "updated_at": now,
        }  # fmt: skip
        self._unless_taken(connection, insert(self.table).values(**row), row)
        return self._note(connection, "created", self.get(connection, str(row["id"])), now)

    def find(self, connection: Connection, thing_id: str, *, any_status: bool = False) -> Record | None:
        """The thing of this id; one that was taken off only when asked for."""
        wanted = self.table.c.id == thing_id
        if not any_status:
            wanted &= self.table.c.status != DELETED
        row = connection.execute(select(self.table).where(wanted)).mappings().first()
        return None if row is None else dict(row)

    def get(self, connection: Connection, thing_id: str, *, any_status: bool = False) -> Record:
        """`find`, or `NotFound`."""
        return self._found(self.find(connection, thing_id, any_status=any_status), thing_id)

    def by(self, connection: Connection, column: str, value: str) -> Record | None:
        """The newest living thing with this value."""
        query = select(self.table).where(self.table.c[column] == value, self.table.c.status != DELETED)
        row = connection.execute(query.order_by(self.table.c.id.desc())).mappings().first()
        return None if row is None else dict(row)

    def get_by(self, connection: Connection, column: str, value: str) -> Record:
        """`by`, or `NotFound`."""
        return self._found(self.by(connection, column, value), value)

    def of(self, connection: Connection, column: str, values: Iterable[str]) -> Sequence[Record]:
        """Every living thing with one of these values, oldest first."""
        wanted = self.table.c[column].in_(sorted(set(values)))
        return self.all(connection, wanted)

    def all(self, connection: Connection, *wanted: ColumnElement[bool]) -> Sequence[Record]:
        """Every living thing that is wanted, oldest first."""
        query = select(self.table).where(self.table.c.status != DELETED, *wanted).order_by(self.table.c.id)
        return [dict(row) for row in connection.execute(query).mappings()]

    def change(self, connection: Connection, thing_id: str, values: Record, *, actor: str, now: datetime) -> Record:
        """Give it these values; `NotFound`, or `Conflict` as above."""
        changed = {**values, "updated_by": actor, "updated_at": now}
        alive = (self.table.c.id == thing_id) & (self.table.c.status != DELETED)
        self._unless_taken(connection, update(self.table).where(alive).values(**changed), values)
        return self._note(connection, "updated", self.get(connection, thing_id), now)

    def remove(self, connection: Connection, thing_id: str, *, actor: str, now: datetime) -> None:
        """Take it off; `NotFound` when it is not there any more."""
        alive = (self.table.c.id == thing_id) & (self.table.c.status != DELETED)
        gone = update(self.table).where(alive).values(status=DELETED, updated_by=actor, updated_at=now)
        if connection.execute(gone).rowcount != 1:
            self._found(None, thing_id)
        self._note(connection, "deleted", {"id": thing_id}, now)

    def _note(self, connection: Connection, what: str, row: Record, now: datetime) -> Record:
        if self.mark is not None:
            versions.bump(connection, self.mark)
        if self.told is not None:
            key = f"{self.told}.{what}:{row['id']}:{now.isoformat()}"
            events.announce(connection, f"{self.told}.{what}", {self.told: dict(row)}, key=key)
        return row

    def _unless_taken(self, connection: Connection, statement: Any, values: Record) -> None:
        try:
            with connection.begin_nested():
                connection.execute(statement)
        except IntegrityError as error:
            if self.key is None or self.key not in values:
                raise
            raise Conflict(
                f"Another {self.noun} has the {self.key} {values[self.key]!r} already.",
                param=self.key,
                code="already_exists",
            ) from error

    def _found(self, row: Record | None, sought: str) -> Record:
        if row is None:
            code = f"{self.noun.replace(' ', '_')}_not_found"
            raise NotFound(f"There is no {self.noun} {sought[:100]}.", code=code)
        return row
