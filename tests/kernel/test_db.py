"""The database door: transactions that end as they should, and values that come back as they went in."""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import BigInteger, Column, MetaData, String, Table, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, PendingRollbackError
from sqlmodel import Session

from app.accounts.tables import Workspace
from app.kernel import db as kernel_db
from app.kernel.clock import as_utc
from app.kernel.db import TURN_SECONDS, BigKey, Database, Json, Turnstile, UtcDateTime
from tests.conftest import ENGINES
from tests.support import thrift
from tests.support.threads import at_once

TABLE = Table(
    "kept",
    MetaData(),
    Column("id", BigKey, primary_key=True),
    Column("name", String),
    Column("at", UtcDateTime),
    Column("data", Json),
    Column("big", BigInteger),
)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module", params=ENGINES)
def with_table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with our table in it: on PostgreSQL none that can be wiped for another test."""
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            db = Database(f"sqlite:///{tmp_path_factory.mktemp('kept') / 'kept.sqlite'}")
        else:
            db = Database(stack.enter_context(request.getfixturevalue("postgres").fresh()))
        stack.callback(db.dispose)
        TABLE.metadata.create_all(db.engine)
        yield db


@pytest.fixture
def kept(with_table: Database) -> Database:
    """With nothing in the table."""
    with with_table.write() as connection:
        connection.execute(TABLE.delete())
    return with_table


def names(db: Database) -> list[str]:
    with db.read() as connection:
        return list(connection.execute(select(TABLE.c.name).order_by(TABLE.c.id)).scalars())


def test_a_write_is_kept_when_the_block_ends(kept: Database) -> None:
    with kept.write() as connection:
        connection.execute(insert(TABLE).values(name="a"))
    assert names(kept) == ["a"]


def test_a_write_is_undone_when_the_block_raises(kept: Database) -> None:
    with pytest.raises(KeyError), kept.write() as connection:  # noqa: PT012
        connection.execute(insert(TABLE).values(name="a"))
        raise KeyError("no")
    assert names(kept) == []


def test_one_statement_at_once_is_kept_whole_or_not_at_all(kept: Database) -> None:
    with kept.at_once() as connection:
        connection.execute(insert(TABLE).values([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]))
        assert names(kept) == ["a", "b"]  # before the block ends: nothing more has to be sent
    with pytest.raises(IntegrityError), kept.at_once() as connection:
        connection.execute(insert(TABLE).values([{"id": 3, "name": "c"}, {"id": 1, "name": "again"}]))
    assert names(kept) == ["a", "b"]


def test_transactions_stay_transactions_after_one_statement_at_once(kept: Database) -> None:
    with kept.at_once() as connection:
        connection.execute(insert(TABLE).values(name="a"))
    with pytest.raises(KeyError), kept.write() as connection:  # noqa: PT012
        connection.execute(insert(TABLE).values(name="b"))
        raise KeyError("no")
    assert names(kept) == ["a"]


def test_a_read_keeps_nothing(kept: Database) -> None:
    with kept.read() as connection:
        connection.execute(insert(TABLE).values(name="a"))
    assert names(kept) == []


def test_all_statements_of_a_snapshot_see_the_same_moment(kept: Database) -> None:
    with kept.snapshot() as connection:
        before = connection.execute(select(TABLE.c.name)).all()
        with kept.write() as other:
            other.execute(insert(TABLE).values(name="later"))
        assert connection.execute(select(TABLE.c.name)).all() == before
    with kept.read() as connection:
        assert len(connection.execute(select(TABLE.c.name)).all()) == len(before) + 1


def test_sessions_read_and_write_like_connections(database: Database) -> None:
    row = Workspace(id="ws_1", name="Halfmoon", created_at=NOON)
    with database.writing() as session:
        session.add(row)
    with database.reading() as session:
        found = session.get(Workspace, "ws_1")
        assert isinstance(session, Session)
    assert found is not None
    assert (found.name, found.created_at) == ("Halfmoon", NOON)
    with pytest.raises(KeyError), database.writing() as session:  # noqa: PT012
        session.add(Workspace(id="ws_2", name="Gone", created_at=NOON))
        raise KeyError("no")
    with database.reading() as session:
        assert session.get(Workspace, "ws_2") is None


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(NOON, id="utc"),
        pytest.param(NOON.astimezone(timezone(timedelta(hours=-7))), id="another zone"),
        pytest.param(NOON.replace(microsecond=1), id="a microsecond"),
        pytest.param(None, id="nothing"),
    ],
)
def test_times_come_back_aware_and_in_utc(kept: Database, moment: datetime | None) -> None:
    with kept.write() as connection:
        connection.execute(insert(TABLE).values(at=moment))
    with kept.read() as connection:
        found = connection.execute(select(TABLE.c.at)).scalar_one()
    assert found == moment
    assert found is None or found.tzinfo is UTC or found.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(kept: Database) -> None:
    with pytest.raises(Exception, match="naive"), kept.write() as connection:
        connection.execute(insert(TABLE).values(at=datetime(2026, 6, 1)))  # noqa: DTZ001
    with pytest.raises(ValueError, match="naive"):
        as_utc(datetime(2026, 6, 1))  # noqa: DTZ001


def test_times_are_compared_as_moments(kept: Database) -> None:
    earlier = NOON.astimezone(timezone(timedelta(hours=9))) - timedelta(microseconds=1)
    with kept.write() as connection:
        connection.execute(insert(TABLE), [{"name": "before", "at": earlier}, {"name": "after", "at": NOON}])
    with kept.read() as connection:
        found = connection.execute(select(TABLE.c.name).where(TABLE.c.at < NOON)).scalars().all()
    assert found == ["before"]


@pytest.mark.parametrize("value", [{"a": [1, "ü", None]}, [], "text", 0, False])
def test_json_comes_back_as_it_went(kept: Database, value: object) -> None:
    with kept.write() as connection:
        connection.execute(insert(TABLE).values(data=value))
    with kept.read() as connection:
        assert connection.execute(select(TABLE.c.data)).scalar_one() == value


def test_no_json_is_null(kept: Database) -> None:
    with kept.write() as connection:
        connection.execute(insert(TABLE).values(data=None))
    with kept.read() as connection:
        assert connection.execute(select(TABLE.c.data.is_(None))).scalar_one() in {True}
        assert connection.execute(text("SELECT count(*) FROM kept WHERE data IS NULL")).scalar_one() == 1


def test_amounts_use_all_64_bits(kept: Database) -> None:
    with kept.write() as connection:
        connection.execute(insert(TABLE).values(big=2**62))
    with kept.read() as connection:
        assert connection.execute(select(TABLE.c.big)).scalar_one() == 2**62


def test_writers_take_turns(kept: Database) -> None:
    """Read, think, write: on SQLite the second writer waits before it reads, on PostgreSQL it locks the row."""
    with kept.write() as connection:
        connection.execute(insert(TABLE).values(id=1, big=0))
    lock = select(TABLE.c.big).where(TABLE.c.id == 1).with_for_update()

    def add() -> None:
        for _ in range(20):
            with kept.write() as connection:
                seen = connection.execute(lock).scalar_one()
                connection.execute(TABLE.update().where(TABLE.c.id == 1).values(big=seen + 1))

    def add_at_once() -> None:
        for _ in range(20):
            with kept.at_once() as connection:
                connection.execute(TABLE.update().where(TABLE.c.id == 1).values(big=TABLE.c.big + 1))

    at_once(*[add] * 4, add_at_once)
    with kept.read() as connection:
        assert connection.execute(select(TABLE.c.big)).scalar_one() == 100


def test_sqlite_is_opened_safely(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_db, "SYNCHRONOUS", thrift.DURABLE)  # the suite itself does without
    db = Database(sqlite_url)
    with db.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    db.dispose()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


@pytest.mark.parametrize("url", ["mysql://localhost/x", "oracle://localhost/x"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="DATABASE_URL must be"):
        Database(url)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_any_way_of_naming_postgresql_gets_our_driver(scheme: str) -> None:
    db = Database(f"{scheme}://someone:secret@localhost/farebox")
    assert db.url == "postgresql+psycopg://someone:secret@localhost/farebox"
    assert not db.is_sqlite
    db.dispose()


# --- writers to SQLite take turns


def test_writers_come_in_the_order_they_asked() -> None:
    turnstile, came, threads = Turnstile(), [], []
    turnstile.enter("first")
    for number in range(8):
        thread = threading.Thread(target=lambda n=number: (turnstile.enter(n), came.append(n), turnstile.leave(n)))
        thread.start()
        threads.append(thread)
        while len(turnstile._line) < number + 2:
            time.sleep(0.001)
    assert came == []
    turnstile.leave("first")
    for thread in threads:
        thread.join()
    assert came == list(range(8))


def test_nobody_waits_for_ever_for_one_that_does_not_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.kernel.db.TURN_SECONDS", 0.05)
    turnstile = Turnstile()
    assert turnstile.enter("stuck")
    assert not turnstile.enter("second")  # goes on without a turn: SQLite itself decides
    turnstile.leave("second")
    turnstile.leave("nobody")
    turnstile.leave("stuck")
    assert turnstile.enter("third")


def test_one_that_never_leaves_holds_up_one_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one that a forked process knows of, and that lives in its parent."""
    monkeypatch.setattr("app.kernel.db.TURN_SECONDS", 0.05)
    turnstile = Turnstile()
    assert turnstile.enter("gone")
    assert not turnstile.enter("second")
    turnstile.inside("second")  # SQLite let it in
    turnstile.leave("gone")  # too late to matter
    assert not turnstile.enter("third")
    turnstile.leave("second")
    assert turnstile.enter("fourth")


def test_a_writer_that_sqlite_did_not_let_in_has_left(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.kernel.db.BUSY_TIMEOUT_MS", 50)
    db = Database(sqlite_url)
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for door in (db.write, db.at_once):
        with pytest.raises(OperationalError, match="locked"), door() as connection:
            connection.execute(text("CREATE TABLE t (x INTEGER)"))
    other.execute("ROLLBACK")
    other.close()
    began = time.monotonic()
    with db.write() as connection:
        connection.execute(text("SELECT 1"))
    assert time.monotonic() - began < TURN_SECONDS
    db.dispose()


@pytest.mark.parametrize("end", ["commit", "raise", "invalidate"])
def test_a_transaction_lets_the_next_one_in_however_it_ends(sqlite_url: str, end: str) -> None:
    db = Database(sqlite_url)
    began = time.monotonic()
    for _ in range(3):
        with contextlib.suppress(ZeroDivisionError, PendingRollbackError), db.write() as connection:
            connection.execute(text("SELECT 1"))
            if end == "raise":
                raise ZeroDivisionError
            if end == "invalidate":
                connection.invalidate()
    with db.write() as connection:
        connection.execute(text("SELECT 1"))
    assert time.monotonic() - began < TURN_SECONDS
    db.dispose()
