"""Enquiries: somebody wants more than a package says. A queue for the operators, which may end in an order."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from limits import RateLimitItemPerDay
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import Row, func, insert, select, update

from app.kernel import outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput, LimitReached, NotFound
from app.kernel.ids import new_id
from app.payments import packages, tables

LONGEST_LINE = 120
LONGEST_MESSAGE = 4_000
LONGEST_EMAIL = 254
A_DAY = RateLimitItemPerDay(10)


class State(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wrote."""

    name: str
    email: str
    message: str
    company: str = ""
    package_id: str | None = None
    workspace_id: str | None = None


@dataclass(frozen=True, slots=True)
class Enquiry:
    id: str
    workspace_id: str | None
    package_id: str | None
    name: str
    email: str
    company: str
    message: str
    state: State
    note: str
    order_id: str | None
    handled_by: str | None
    handled_at: datetime | None
    created_at: datetime


class Enquiries:
    """Takes enquiries and keeps what became of them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._limit = MovingWindowRateLimiter(MemoryStorage())

    def ask(self, asked: Asked, *, actor: str) -> Enquiry:
        """Put an enquiry into the queue and tell the operators."""
        words = {
            "name": _line(asked.name, "name", required=True),
            "company": _line(asked.company, "company"),
            "email": _email(asked.email),
            "message": _message(asked.message),
        }
        if not self._limit.hit(A_DAY, actor):
            raise LimitReached("You have asked often today; we will answer.", retry_after_seconds=3600)
        row = {
            "id": new_id("enq"),
            "workspace_id": asked.workspace_id,
            "package_id": asked.package_id,
            "state": str(State.OPEN),
            "note": "",
            "created_by": actor,
            "created_at": self._clock(),
            **words,
        }
        with self._db.write() as connection:
            if asked.package_id is not None:
                packages.of_package(connection, asked.package_id)
            connection.execute(insert(tables.enquiry).values(row))
            outbox.mail(connection, "enquiry_received", key=f"enquiry:{row['id']}", operators=True, params=words)
        return self.find(str(row["id"]))

    def find(self, enquiry_id: str) -> Enquiry:
        with self._db.read() as connection:
            row = connection.execute(select(tables.enquiry).where(tables.enquiry.c.id == enquiry_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no enquiry {enquiry_id[:64]}.", code="enquiry_not_found")
        return _enquiry(row)

    def all(self, states: Collection[State] | None = None, limit: int = 200) -> list[Enquiry]:
        """The newest first."""
        kept = tables.enquiry
        query = select(kept).order_by(kept.c.created_at.desc(), kept.c.id.desc()).limit(limit)
        if states is not None:
            query = query.where(kept.c.state.in_([str(state) for state in states]))
        with self._db.read() as connection:
            return [_enquiry(row) for row in connection.execute(query)]

    def count_open(self) -> int:
        kept = tables.enquiry
        with self._db.read() as connection:
            return int(connection.execute(select(func.count()).where(kept.c.state == State.OPEN)).scalar_one())

    def handle(self, enquiry_id: str, state: State, *, note: str, actor: str, order_id: str | None = None) -> Enquiry:
        """Note what was done: answered, closed, opened again, or turned into an order."""
        before = self.find(enquiry_id)
        if before.order_id is not None and order_id not in (None, before.order_id):
            raise Conflict("This enquiry has an order already.", code="enquiry_has_order")
        said = " ".join(note.split())[:LONGEST_MESSAGE]
        with self._db.write() as connection:
            connection.execute(
                update(tables.enquiry)
                .where(tables.enquiry.c.id == enquiry_id)
                .values(
                    state=str(state),
                    note=said or before.note,
                    order_id=order_id or before.order_id,
                    handled_by=actor,
                    handled_at=self._clock(),
                )
            )
        return self.find(enquiry_id)


def _line(text: str, param: str, *, required: bool = False) -> str:
    tidy = " ".join(text.split())
    if required and not tidy:
        raise InvalidInput("This cannot be empty.", param=param)
    if len(tidy) > LONGEST_LINE or not tidy.isprintable():
        raise InvalidInput(f"At most {LONGEST_LINE} visible characters.", param=param)
    return tidy


def _email(text: str) -> str:
    tidy = text.strip()
    name, _, host = tidy.partition("@")
    odd = set(tidy) & set(' <>,;:"\\()[]') or not tidy.isprintable()
    if not name or "." not in host or odd or len(tidy) > LONGEST_EMAIL:
        raise InvalidInput("This is not an e-mail address.", param="email")
    return tidy


def _message(text: str) -> str:
    tidy = text.replace("\r\n", "\n").strip()
    if not tidy:
        raise InvalidInput("Please say what you need.", param="message")
    if len(tidy) > LONGEST_MESSAGE or "\0" in tidy:
        raise InvalidInput(f"At most {LONGEST_MESSAGE} characters, please.", param="message")
    return tidy


def _enquiry(row: Row[Any]) -> Enquiry:
    return Enquiry(
        id=row.id,
        workspace_id=row.workspace_id,
        package_id=row.package_id,
        name=row.name,
        email=row.email,
        company=row.company,
        message=row.message,
        state=State(row.state),
        note=row.note,
        order_id=row.order_id,
        handled_by=row.handled_by,
        handled_at=row.handled_at,
        created_at=row.created_at,
    )
