"""The outbox: a promise is kept if and only if its transaction was."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.kernel import outbox
from app.kernel.clock import now as real_now
from app.kernel.db import Database
from app.kernel.tables import outbox as table

HIDE = timedelta(minutes=2)
LATER = datetime(2050, 1, 1, tzinfo=UTC)


def put(database: Database, key: str, *, topic: str = "greet", at: datetime | None = None) -> bool:
    with database.write() as connection:
        return outbox.put(connection, topic, {"name": key}, key=key, at=at)


def claim(database: Database, now: datetime = LATER, *, limit: int = 50) -> list[outbox.Message]:
    with database.write() as connection:
        return outbox.claim(connection, ["greet"], now, hide=HIDE, limit=limit)


def state(database: Database, key: str) -> tuple[str, str | None]:
    with database.read() as connection:
        row = connection.execute(select(table.c.state, table.c.error).where(table.c.key == key)).one()
        return row.state, row.error


def test_a_promise_lives_and_dies_with_its_transaction(database: Database) -> None:
    def promise_and_fail() -> None:
        with database.write() as connection:
            outbox.put(connection, "greet", {}, key="lost")
            raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError):
        promise_and_fail()
    put(database, "kept")
    assert [message.key for message in claim(database)] == ["kept"]


def test_a_key_is_promised_once(database: Database) -> None:
    assert put(database, "hello") is True
    assert put(database, "hello") is False
    assert len(claim(database)) == 1


def test_a_second_promise_leaves_the_callers_transaction_usable(database: Database) -> None:
    put(database, "hello")
    with database.write() as connection:
        assert outbox.put(connection, "greet", {}, key="hello") is False
        assert outbox.put(connection, "greet", {}, key="other") is True
    assert len(claim(database)) == 2


def test_due_messages_come_oldest_first_and_others_wait(database: Database) -> None:
    start = datetime(2026, 11, 21, tzinfo=UTC)
    for name, minutes in (("second", 2), ("third", 3), ("first", 1)):
        put(database, name, at=start + timedelta(minutes=minutes))
    put(database, "elsewhere", topic="other", at=start)
    assert [message.key for message in claim(database, start + timedelta(minutes=2))] == ["first", "second"]


def test_a_claimed_message_is_hidden_until_its_claim_runs_out(database: Database) -> None:
    put(database, "hello")
    (first,) = claim(database)
    assert claim(database) == []
    (second,) = claim(database, LATER + HIDE)
    assert (first.attempts, second.attempts) == (1, 2)


def test_what_is_done_never_comes_back(database: Database) -> None:
    put(database, "hello")
    (message,) = claim(database)
    with database.write() as connection:
        outbox.done(connection, message.id, LATER)
        outbox.give_up(connection, message.id, LATER, "too late to fail")
    assert claim(database, LATER + timedelta(days=9)) == []
    assert state(database, "hello") == ("done", None)


def test_a_failed_delivery_waits_longer_each_time(database: Database) -> None:
    put(database, "hello")
    moment, waits = LATER, []
    for _ in range(9):
        (message,) = claim(database, moment)
        with database.write() as connection:
            due = outbox.again(connection, message, moment, "server away")
        waits.append(due - moment)
        moment = due
    assert waits[:3] == [timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15)]
    assert waits[-1] == timedelta(days=1)
    assert state(database, "hello") == ("waiting", "server away")


def test_what_was_given_up_stays_to_be_seen(database: Database) -> None:
    put(database, "hello")
    (message,) = claim(database)
    with database.write() as connection:
        outbox.give_up(connection, message.id, LATER, "x" * 2_000)
        assert outbox.forget(connection, LATER + timedelta(days=400)) == 0
    assert state(database, "hello") == ("failed", "x" * 500)


def test_only_old_finished_messages_are_forgotten(database: Database) -> None:
    for key in ("old", "waiting"):
        put(database, key)
    (message,) = [found for found in claim(database) if found.key == "old"]
    with database.write() as connection:
        outbox.done(connection, message.id, LATER)
        assert outbox.forget(connection, LATER) == 0
        assert outbox.forget(connection, LATER + timedelta(seconds=1)) == 1


def test_without_a_moment_a_message_is_due_at_once(database: Database) -> None:
    put(database, "hello")
    assert claim(database, real_now())


def test_a_mail_has_one_audience(database: Database) -> None:
    with database.write() as connection:
        with pytest.raises(ValueError, match="one audience"):
            outbox.mail(connection, "invoice", key="a", params={})
        with pytest.raises(ValueError, match="one audience"):
            outbox.mail(connection, "invoice", key="a", params={}, to="a@example.com", operators=True)
        assert outbox.mail(connection, "invoice", key="a", params={"number": "1"}, workspace_id="ws_1")
