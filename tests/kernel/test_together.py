"""Statements that travel together mean what they mean one by one, and fail as SQLAlchemy has it."""

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, bindparam, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.kernel.bulk import Insert, Update
from app.kernel.db import Database
from app.kernel.tables import webhook_listener
from app.kernel.together import Query, Together
from app.ledger.transient import is_transient

MOMENT = datetime(2026, 11, 22, 1, 2, 3, 4567, tzinfo=UTC)
COME = Insert(webhook_listener)
MOVE = Update(webhook_listener, sets=("since",), where={"who": webhook_listener.c.workspace_id})
ALL = select(webhook_listener.c.workspace_id, webhook_listener.c.since).order_by(webhook_listener.c.workspace_id)
SINCE = Query(ALL.where(webhook_listener.c.since >= bindparam("since")))


def row(name: str) -> dict[str, object]:
    return {"workspace_id": name, "since": MOMENT}


def come(connection: Connection, names: Iterable[str]) -> None:
    with Together(connection) as sent:
        for name in names:
            sent.write(COME, [row(name)])


def test_each_sees_what_the_one_before_it_did(database: Database) -> None:
    later = MOMENT.replace(year=2027)
    with database.write() as connection:
        with Together(connection) as sent:
            came = sent.write(COME, [row("a"), row("b")])
            before = sent.read(SINCE, {"since": MOMENT})
            alone = sent.execute(insert(webhook_listener), [row("c")])  # no statement of ours: those before are done
            moved = sent.write(MOVE, [{"who": who, "new_since": later} for who in ("a", "c", "nobody")])
            after = sent.read(SINCE, {"since": later})
        assert (came.count, alone.count, moved.count) == (2, 1, 2)
        assert [tuple(one) for one in before.rows] == [("a", MOMENT), ("b", MOMENT)]
        assert [tuple(one) for one in after.rows] == [("a", later), ("c", later)]
        assert [one.utcoffset() for _, one in after.rows] == [UTC.utcoffset(None)] * 2
        connection.rollback()


@pytest.mark.parametrize("behind", [0, 40], ids=["the last", "with more behind it"])
def test_a_refusal_of_the_database_undoes_its_savepoint_and_no_more(database: Database, behind: int) -> None:
    with database.write() as connection:
        COME.run(connection, [row("a")])
        savepoint = connection.begin_nested()
        with pytest.raises(IntegrityError):
            come(connection, ["b", "a", *map(str, range(behind))])
        savepoint.rollback()
        come(connection, ["d"])
        assert [one.workspace_id for one in connection.execute(ALL)] == ["a", "d"]
        connection.rollback()


def test_what_goes_wrong_here_is_told_as_it_is_and_leaves_the_connection_usable(database: Database) -> None:
    with database.write() as connection:
        with pytest.raises(ZeroDivisionError):
            come(connection, ("a" * (1 // number) for number in (1, 0)))
        assert [one.workspace_id for one in connection.execute(ALL)] == ["a"]
        connection.rollback()


def test_a_severed_connection_may_be_tried_again(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("only PostgreSQL has this")
    with database.engine.connect() as connection:
        mine = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.at_once() as other:
            other.execute(text("SELECT pg_terminate_backend(:mine, 10000)"), {"mine": mine})
        with pytest.raises(DBAPIError) as told:
            come(connection, ["a", "b"])
    assert is_transient(told.value)
    with database.read() as connection:
        assert connection.execute(ALL).all() == []
