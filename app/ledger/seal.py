"""Tamper evidence: the journals of the past, sealed by a chain of hashes.

A seal covers the journals up to a moment that no transaction still under way can write before. Its root is made of the
root before it and of every journal with its entries and lot uses, so that a row that was changed, added or taken away
behind the ledger's back makes this root and every later one another. Whoever copies the last root elsewhere (it is in
the log and in `python -m app audit`) can tell even when somebody wrote all seals anew.
"""

import asyncio
import hashlib
import json
import logging
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, func, insert, or_, select
from sqlalchemy.exc import IntegrityError

from app.kernel.clock import Clock
from app.kernel.db import Database
from app.ledger import tables

#: A journal is written within seconds of its moment (the lane gives up after less than a minute).
MARGIN = timedelta(minutes=15)
FIRST = "farebox"
BATCH = 1_000

log = logging.getLogger("farebox.seals")
_journal, _entry, _use, _seal = tables.journal.c, tables.entry.c, tables.lot_use.c, tables.seal.c


class Seal(NamedTuple):
    """`until` is where it ends; `root` is what the next one begins with."""

    number: int
    until: datetime
    last_id: str
    journals: int
    root: str
    previous: str


class Damage(NamedTuple):
    """A seal that what it covers does not make any more. `found` is the root it makes now."""

    number: int
    until: datetime
    root: str
    found: str
    journals: int
    counted: int


class Seals:
    """`run` seals every whole day that is over; any number of times, by anybody."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def run(self) -> int:
        """How many seals were made."""
        return await asyncio.to_thread(self.seal_days)

    def seal_days(self) -> int:
        """One for every UTC day from the last seal (or the first journal) to yesterday."""
        count, today = 0, _midnight(self._clock() - MARGIN)
        while True:
            with self._db.read() as connection:
                last = last_seal(connection)
                begins = last.until if last else _first(connection)
            if begins is None or (until := _midnight(begins) + timedelta(days=1)) > today:
                return count
            if not self._add(last, until):
                continue  # another process was quicker: look again
            count += 1

    def _add(self, last: Seal | None, until: datetime) -> bool:
        with self._db.read() as connection:
            root, journals, last_id = _digest(connection, last.until if last else None, until, _before(last))
        number = last.number + 1 if last else 1
        row = Seal(number, until, last_id, journals, root, _before(last))
        try:
            with self._db.write() as connection:
                connection.execute(insert(tables.seal).values(**row._asdict(), sealed_at=self._clock()))
        except IntegrityError:
            return False
        log.info("journals before %s are sealed: number %d, %d journals, %s", until, number, journals, root)
        return True


def last_seal(connection: Connection) -> Seal | None:
    """The newest, whose root is worth keeping elsewhere."""
    query = select(*(_seal[name] for name in Seal._fields)).order_by(_seal.number.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else Seal._make(row)


def check(db: Database) -> list[Damage]:
    """Make every seal again from what it covers: those that come out otherwise, the oldest first."""
    damaged: list[Damage] = []
    begins, chain, number = None, FIRST, 0
    with db.read() as connection:
        for row in connection.execute(select(*(_seal[name] for name in Seal._fields)).order_by(_seal.number)).all():
            seal, number = Seal._make(row), number + 1
            root, counted, _ = _digest(connection, begins, seal.until, chain)
            if (seal.number, seal.previous, seal.root, seal.journals) != (number, chain, root, counted):
                damaged.append(Damage(seal.number, seal.until, seal.root, root, seal.journals, counted))
            # What comes after is judged by what this seal says, so that one change damages one seal.
            begins, chain, number = seal.until, seal.root, seal.number
    return damaged


def _before(last: Seal | None) -> str:
    return last.root if last else FIRST


def _first(connection: Connection) -> datetime | None:
    moment: datetime | None = connection.execute(select(func.min(_journal.created_at))).scalar()
    return moment


def _midnight(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _digest(connection: Connection, since: datetime | None, until: datetime, previous: str) -> tuple[str, int, str]:
    """The root of the journals created in `[since, until)`, how many they are, and the last one's id."""
    hashed, count, last_id = hashlib.sha256(previous.encode()), 0, ""
    for journal, entries, uses in _journals(connection, since, until):
        said = [*journal[:-1], journal[-1].astimezone(UTC).isoformat(), entries, uses]
        hashed.update(json.dumps(said, separators=(",", ":"), sort_keys=True, ensure_ascii=True).encode())
        count, last_id = count + 1, journal[0]
    return hashed.hexdigest(), count, last_id


def _journals(connection: Connection, since: datetime | None, until: datetime) -> Iterator[tuple[Any, Any, Any]]:
    """Journals in their order, each with its legs and what it took from lots, a batch at a time."""
    head = select(
        _journal.id,
        _journal.kind,
        _journal.ref,
        _journal.wallet_id,
        _journal.generation_id,
        _journal.reverses_id,
        _journal.actor,
        _journal.memo,
        _journal.created_at,
    ).where(_journal.created_at < until)
    if since is not None:
        head = head.where(_journal.created_at >= since)
    head = head.order_by(_journal.created_at, _journal.id).limit(BATCH)
    after: tuple[datetime, str] | None = None
    while True:
        query = head
        if after is not None:
            at, last = after
            query = head.where(or_(_journal.created_at > at, and_(_journal.created_at == at, _journal.id > last)))
        rows = [tuple(row) for row in connection.execute(query)]
        if not rows:
            return
        ids = [row[0] for row in rows]
        entries = _of(connection, (_entry.account, _entry.unit, _entry.amount), _entry, ids)
        uses = _of(connection, (_use.lot_id, _use.amount), _use, ids)
        for row in rows:
            yield row, entries[row[0]], uses[row[0]]
        after = (rows[-1][8], rows[-1][0])


def _of(connection: Connection, columns: tuple[Any, ...], table: Any, ids: list[str]) -> dict[str, list[list[Any]]]:
    found: dict[str, list[list[Any]]] = defaultdict(list)
    query = select(table.journal_id, *columns).where(table.journal_id.in_(ids))
    for journal_id, *values in connection.execute(query.order_by(table.journal_id, table.position)):
        found[journal_id].append(values)
    return found
