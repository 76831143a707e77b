"""The database door: one engine, a read transaction, a write transaction, and the column types both databases agree on.

SQLite runs in WAL with `synchronous=FULL`; writers start with `BEGIN IMMEDIATE` so that a busy database is noticed
before anything was read. PostgreSQL runs at READ COMMITTED. Everything above this file is portable SQL.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, create_engine, event
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session, SQLModel

from app.kernel.clock import as_utc

BUSY_TIMEOUT_MS = 30_000
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

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view for reading; nothing is kept."""
        with self.engine.connect() as fresh:
            connection = fresh.execution_options(farebox_read=True)
            with connection.begin() as transaction:
                yield connection
                transaction.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One write transaction: commits when the block ends, rolls back when it raises."""
        with self.engine.connect() as connection, connection.begin():
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


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("farebox_read")
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
