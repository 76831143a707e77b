"""The database door: one engine, a read transaction, a write transaction, and the column types both databases agree on.

SQLite runs in WAL with `synchronous=FULL`; writers start with `BEGIN IMMEDIATE` so that a busy database is noticed
before anything was read. PostgreSQL runs at READ COMMITTED. Everything above this file is portable SQL.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, create_engine, event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session, SQLModel

from app.kernel.clock import as_utc

BUSY_TIMEOUT_MS = 30_000
SYNCHRONOUS = "FULL"  # what was committed outlives a power cut
TURN_SECONDS = 5.0
_LAST: Final = "farebox_last"
metadata = SQLModel.metadata

#: An autoincrementing 64-bit key; on SQLite only INTEGER is the rowid.
BigKey = BigInteger().with_variant(Integer(), "sqlite")
#: JSON whose None is SQL NULL on both databases.
Json = JSON(none_as_null=True)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in and out; SQLite, which forgets zones, keeps the UTC wall clock."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = as_utc(value)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """One database, by URL: `sqlite:///path` or `postgresql://…`."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = _with_driver(url)
        self.engine: Engine = (
            _sqlite(self.url)
            if self.is_sqlite
            else create_engine(self.url, pool_size=pool_size, max_overflow=10, pool_pre_ping=True)
        )

        self._same = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        #: SQLite's driver keeps every statement by itself, unless somebody says BEGIN.
        self._alone = {"farebox_alone": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """For reading; nothing is kept. On PostgreSQL each statement sees what was committed before it."""
        with self._reading() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """`read` in which all statements see the same moment: for figures that are worked out of several. On SQLite
        each `read` is that."""
        with self._reading(**self._same) as connection:
            yield connection

    @contextmanager
    def _reading(self, **options: Any) -> Iterator[Connection]:
        with self.engine.connect() as fresh:
            connection = fresh.execution_options(farebox_read=True, **options)
            with connection.begin() as transaction:
                yield connection
                transaction.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction: commits when the block ends, rolls back when it raises."""
        with self.engine.connect() as connection, connection.begin():
            connection.info[_LAST] = last = _Last()
            try:
                yield connection
                for _, do in sorted(last.deeds.items()):
                    do(connection)
            finally:
                last.is_open = False

    @contextmanager
    def at_once(self) -> Iterator[Connection]:
        """For ONE statement that is a write transaction by itself: kept when it is done, with nothing sent before or
        after it. Each message to a database is a wait, and in a busy process a wait for the turn to go on besides."""
        with self.engine.connect() as fresh:
            connection = fresh.execution_options(**self._alone)
            with connection.begin():
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """`read` for SQLModel objects."""
        with self.read() as connection, Session(connection, autoflush=False, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """`write` for SQLModel objects; flushes before the commit."""
        with self.write() as connection, Session(connection, expire_on_commit=False) as session:
            yield session
            session.flush()

    def dispose(self) -> None:
        self.engine.dispose()


def _with_driver(url: str) -> str:
    parsed = make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ValueError(f"DATABASE_URL must be sqlite:///… or postgresql://…, not {parsed.drivername}")
    return parsed.render_as_string(hide_password=False)


@dataclass(slots=True)
class _Last:
    """What a write transaction does before it commits."""

    deeds: dict[str, Callable[[Connection], object]] = field(default_factory=dict)
    is_open: bool = True


def at_the_end(connection: Connection, name: str, do: Callable[[Connection], object]) -> None:
    """Do it once, as the last thing of the caller's `write` transaction: for a row that everybody changes, which must
    not be locked while others are still to be. In a transaction of another kind it is done now."""
    last = connection.info.get(_LAST)
    if isinstance(last, _Last) and last.is_open:
        last.deeds[name] = do
    else:
        do(connection)


class Turnstile:
    """Lets this process's writers to a SQLite file in one after the other, in the order they came.

    SQLite lets in whoever happens to ask at the right moment: the others sleep for a tenth of a second at a time, and
    with many writers some of them for seconds. It stays the one that guarantees that there is only one writer: whoever
    has waited too long here goes on to ask it, and once SQLite lets somebody in, nobody before them is inside.
    """

    def __init__(self) -> None:
        self._line: deque[tuple[object, threading.Event]] = deque()  # the first one is inside
        self._lock = threading.Lock()

    def enter(self, who: object) -> bool:
        """Wait for our turn, and no longer than `TURN_SECONDS`: False when it did not come."""
        mine = threading.Event()
        with self._lock:
            self._line.append((who, mine))
            if self._line[0][1] is mine:
                return True
        came = False
        try:
            came = mine.wait(TURN_SECONDS)
        finally:
            if not came and not mine.is_set():
                self.leave(who)
        return mine.is_set()

    def inside(self, who: object) -> None:
        """SQLite let somebody in without a turn: whoever the line took to be inside is not, and never left."""
        with self._lock:
            if self._line:
                self._line.popleft()
            self._line.appendleft((who, threading.Event()))

    def leave(self, who: object) -> None:
        """Let the next one in; leaving without being in the line does no harm."""
        with self._lock:
            gone = next((place for place, (one, _) in enumerate(self._line) if one is who), None)
            if gone is None:
                return
            del self._line[gone]
            if gone == 0 and self._line:
                self._line[0][1].set()


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False})
    turnstile = Turnstile()

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        waits = (f"synchronous={SYNCHRONOUS}", f"busy_timeout={BUSY_TIMEOUT_MS}")
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", *waits):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("farebox_read"):
            connection.exec_driver_sql("BEGIN")
            return
        who = connection.connection.dbapi_connection
        in_turn = turnstile.enter(who)
        if in_turn and connection.get_execution_options().get("farebox_alone"):
            return
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        if not in_turn:
            turnstile.inside(who)

    _leave_after(engine, turnstile)
    return engine


def _leave_after(engine: Engine, turnstile: Turnstile) -> None:
    """A transaction is over when the driver says so, and not when it was asked to."""
    commit, rollback = engine.dialect.do_commit, engine.dialect.do_rollback

    def leaving(connection: Any, *_: object) -> None:
        turnstile.leave(getattr(connection, "dbapi_connection", connection))

    def do_commit(connection: Any) -> None:
        try:
            commit(connection)
        finally:
            leaving(connection)

    def do_rollback(connection: Any) -> None:
        try:
            rollback(connection)
        finally:
            leaving(connection)

    engine.dialect.do_commit = do_commit  # type: ignore[assignment,method-assign]
    engine.dialect.do_rollback = do_rollback  # type: ignore[assignment,method-assign]
    for name in ("invalidate", "close"):
        event.listen(engine, name, leaving)
