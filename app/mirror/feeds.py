"""Usage, told to the remote from its own log: where each feed stands is a number, and an event's id makes a second
telling harmless. Nothing is written while usage comes in.

Events of a customer whom the remote does not take are held, and told once it does. An event that the remote refuses is
written down for the operator, and the others go on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict
from app.metering.tables import event, shape
from app.mirror import book, wire
from app.mirror.book import CUSTOMER, EVENT, WAITING
from app.mirror.remote import Refused, Remote, Unreachable
from app.mirror.tables import mirror_feed, mirror_item
from app.plans import customers
from app.plans.tables import PUBLISHED, customer

LIVE: Final = "live"
RUNNING, HELD, DONE = "running", "held", "done"
#: The SDK takes so many at once.
BATCH: Final = 1_000
#: So many batches of a feed in one turn: then the others have theirs.
BATCHES: Final = 50
#: When so many events of one batch are refused one by one, it is not the events.
MOST_REFUSED: Final = 20
_FEED = mirror_feed.c
_LOG = select(
    event.c.id,
    event.c.event_id,
    shape.c.event_name,
    event.c.customer,
    event.c.at,
    event.c.properties,
    event.c.source,
).join(shape, shape.c.id == event.c.shape_id)


class Told(NamedTuple):
    sent: int
    refused: int


@dataclass(slots=True)
class Feeds:
    """One turn is `run`. `_horizon` and `_candidate` are this process's knowledge of where the log has no gaps."""

    db: Database
    remote: Remote
    clock: Clock
    _horizon: int = 0
    _candidate: tuple[int, int] | None = None

    def run(self) -> int:
        """Tell what there is; answers how many events that were."""
        end = self._certain()
        with self.db.write() as connection:
            self._open_live(connection, end)
            self._release(connection)
        with self.db.read() as connection:
            names = list(connection.execute(_running()).scalars())
        return sum(self._feed(name, end) for name in names)

    def _open_live(self, connection: Connection, end: int) -> None:
        """Usage is told from the moment the mirror is first on; what was before is a backfill's."""
        known = connection.execute(select(_FEED.name).where(_FEED.name == LIVE)).first()
        if known is None and (end or not _last(connection)):
            _open(connection, LIVE, self.clock(), "farebox", after=end)

    def _release(self, connection: Connection) -> None:
        """Customers whom the remote took meanwhile: what was held for them may go."""
        taken = (
            select(customer.c.external_id)
            .join(mirror_item, (mirror_item.c.kind == CUSTOMER) & (mirror_item.c.our_id == customer.c.id))
            .where(mirror_item.c.remote_id.is_not(None), customer.c.status == PUBLISHED)
        )
        held = update(mirror_feed).where(_FEED.state == HELD, _FEED.customer.in_(taken))
        connection.execute(held.values(state=RUNNING))

    def _certain(self) -> int:
        """The last event before which none can turn up any more.

        SQLite has one writer, so that is the last one. On PostgreSQL numbers are given before transactions end: what
        was the last one is certain when everything that was under way then has ended.
        """
        with self.db.read() as connection:
            last = _last(connection)
            if self.db.is_sqlite:
                return last
            snapshot = "SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint"
            xmin, xmax = connection.exec_driver_sql(f"{snapshot} FROM pg_current_snapshot() s").one()
        if self._candidate is not None and xmin >= self._candidate[1]:
            self._horizon, self._candidate = self._candidate[0], None
        if self._candidate is None and last > self._horizon:
            self._candidate = (last, xmax)
            if xmin >= xmax:  # nobody is under way
                self._horizon, self._candidate = last, None
        return self._horizon

    def _feed(self, name: str, end: int) -> int:
        told = 0
        for _ in range(BATCHES):
            with self.db.read() as connection:
                feed = connection.execute(select(mirror_feed).where(_FEED.name == name)).one()
                stop = end if feed.upto is None else min(end, feed.upto)
                rows = connection.execute(_batch(feed, stop)).all()
            if rows:
                ready, waiting = self._sorted(rows)
                sent, refused = self._tell(ready)
                faults.point("mirror.after_events")
                self._move(feed, rows[-1].id, Told(sent, refused), waiting)
                told += sent
            if len(rows) < BATCH:
                self._end(feed, stop)
                return told
        return told

    def _sorted(self, rows: Sequence[Row[Any]]) -> tuple[list[Row[Any]], list[Row[Any]]]:
        """Those whose customers are there (or are nobody's here), and those whose customers are not yet."""
        names = {row.customer for row in rows}
        with self.db.write() as connection:
            missing = names - _known(connection, names)
            for name in missing:  # a workspace that was never billed becomes a customer when its usage is reported
                if customers.has_workspace(connection, name):
                    customers.of_workspace(connection, name, now=self.clock())
            absent = _not_there(connection, names)
        return [row for row in rows if row.customer not in absent], [row for row in rows if row.customer in absent]

    def _tell(self, rows: Sequence[Row[Any]]) -> Told:
        if not rows:
            return Told(0, 0)
        bad = self._tell_apart(rows, [])
        now = self.clock()
        with self.db.write() as connection:
            for row, error in bad:
                book.refused(connection, EVENT, row.event_id, error.message, now, seen_version=row.id, for_good=True)
        return Told(len(rows) - len(bad), len(bad))

    def _tell_apart(
        self, rows: Sequence[Row[Any]], bad: list[tuple[Row[Any], Refused]]
    ) -> list[tuple[Row[Any], Refused]]:
        """Tell them at once; when they are refused, by halves, so that only those are left that cannot be told."""
        try:
            self.remote.tell([said(row) for row in rows])
        except Refused as error:
            if len(rows) == 1:
                bad.append((rows[0], error))
                if len(bad) > MOST_REFUSED:
                    raise Unreachable(f"It refuses all usage: {error.message}") from error
            else:
                half = len(rows) // 2
                self._tell_apart(rows[:half], bad)
                self._tell_apart(rows[half:], bad)
        return bad

    def _move(self, feed: Row[Any], last: int, told: Told, waiting: Sequence[Row[Any]]) -> None:
        """Write down how far it came, and what waits for its customer."""
        now = self.clock()
        with self.db.write() as connection:
            moved = connection.execute(
                update(mirror_feed)
                .where(_FEED.name == feed.name, _FEED.after == feed.after)
                .values(after=last, sent=_FEED.sent + told.sent, refused=_FEED.refused + told.refused)
            )
            if moved.rowcount != 1:
                raise Conflict("Another process tells the same usage.")
            for name in {row.customer for row in waiting}:
                ids = [row.id for row in waiting if row.customer == name]
                _hold(connection, name, ids[0] - 1, ids[-1], now)

    def _end(self, feed: Row[Any], stop: int) -> None:
        if feed.upto is None or stop < feed.upto:
            return
        with self.db.write() as connection:
            done = update(mirror_feed).where(_FEED.name == feed.name, _FEED.upto == feed.upto, _FEED.state == RUNNING)
            connection.execute(done.values(state=DONE, done_at=self.clock()))

    def again(self) -> int:
        """Tell events once more that were refused, one by one."""
        with self.db.read() as connection:
            item = mirror_item.c
            wanted = select(item.our_id).where(item.kind == EVENT, item.state == WAITING, item.next_at <= self.clock())
            rows = connection.execute(_LOG.where(event.c.id.in_(_numbers(wanted))).limit(BATCH)).all()
        for row in rows:
            try:
                self.remote.tell([said(row)])
            except Refused as error:
                with self.db.write() as connection:
                    book.refused(
                        connection, EVENT, row.event_id, error.message, self.clock(), seen_version=row.id, for_good=True
                    )
                continue
            with self.db.write() as connection:
                book.sent(connection, EVENT, row.event_id, row.event_id, self.clock(), seen_version=row.id)
        return len(rows)


def said(row: Any) -> dict[str, Any]:
    """An event of the log as it is told."""
    properties: Mapping[str, Any] = orjson.loads(row.properties)
    return wire.event(row.event_id, row.event_name, row.customer, row.at, properties, row.source)


def backfill(connection: Connection, now: datetime, actor: str, since: datetime | None) -> str:
    """Tell what is in the log already, from a day on or all of it; the feed's name. `Conflict` while one is running."""
    running = select(_FEED.name).where(_FEED.name.startswith("backfill:"), _FEED.state == RUNNING)
    if connection.execute(running).first() is not None:
        raise Conflict("Earlier usage is being sent already.", code="backfill_running")
    name = f"backfill:{now:%Y%m%dT%H%M%S.%f}"
    _open(connection, name, now, actor, after=0, upto=_last(connection), since=since)
    return name


def waiting(connection: Connection, feed: Row[Any]) -> int:
    """How many events of the log a feed has before it, at most: ids are given once and some are never used."""
    end = _last(connection) if feed.upto is None else feed.upto
    if feed.customer is None:
        return max(0, int(end - feed.after))
    query = select(func.count()).select_from(event).where(event.c.id > feed.after, event.c.id <= end)
    return int(connection.execute(query.where(event.c.customer == feed.customer)).scalar_one())


def _batch(feed: Row[Any], stop: int) -> Any:
    query = _LOG.where(event.c.id > feed.after, event.c.id <= stop)
    if feed.customer is not None:
        query = query.where(event.c.customer == feed.customer)
    if feed.since is not None:
        query = query.where(event.c.at >= feed.since)
    return query.order_by(event.c.id).limit(BATCH)


def _running() -> Any:
    return select(_FEED.name).where(_FEED.state == RUNNING).order_by(_FEED.begun_at, _FEED.name)


def _last(connection: Connection) -> int:
    return int(connection.execute(select(func.max(event.c.id))).scalar() or 0)


def _open(connection: Connection, name: str, now: datetime, actor: str, **values: Any) -> None:
    row = {"state": RUNNING, "sent": 0, "refused": 0, "begun_at": now, "actor": actor, **values}
    connection.execute(insert(mirror_feed).values(name=name, **row))


def _hold(connection: Connection, name: str, after: int, upto: int, now: datetime) -> None:
    """Remember from where to where a customer's usage was passed over."""
    made = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {
        "name": f"held:{name}", "state": HELD, "customer": name, "after": after, "upto": upto, "sent": 0, "refused": 0,
        "begun_at": now, "actor": "farebox",
    }  # fmt: skip
    new = made(mirror_feed).values(row)
    known = connection.execute(select(mirror_feed).where(_FEED.name == row["name"])).first()
    earliest = after if known is None or known.state == DONE else min(after, known.after)
    latest = upto if known is None or known.state == DONE else max(upto, known.upto)
    changed = {"state": HELD, "after": earliest, "upto": latest, "done_at": None}
    connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=changed))


def _known(connection: Connection, names: set[str]) -> set[str]:
    query = select(customer.c.external_id).where(customer.c.external_id.in_(names), customer.c.status == PUBLISHED)
    return set(connection.execute(query).scalars())


def _not_there(connection: Connection, names: set[str]) -> set[str]:
    """Customers of ours who do not stand at the remote."""
    item = mirror_item.c
    query = (
        select(customer.c.external_id)
        .outerjoin(mirror_item, (item.kind == CUSTOMER) & (item.our_id == customer.c.id))
        .where(customer.c.external_id.in_(names), customer.c.status == PUBLISHED, item.remote_id.is_(None))
    )
    return set(connection.execute(query).scalars())


def _numbers(wanted: Any) -> Any:
    item = mirror_item.c
    return select(item.seen_version).where(item.kind == EVENT, item.our_id.in_(wanted))
