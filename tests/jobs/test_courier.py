"""The courier: every promise reaches the handler of its topic, whatever happens on the way. On both databases."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.jobs.courier import GIVE_UP_AFTER, HIDE, Courier
from app.kernel import outbox
from app.kernel.db import Database
from app.kernel.errors import Undeliverable
from app.kernel.outbox import Message
from app.kernel.tables import outbox as table

START = datetime(2050, 11, 21, 12, 0, tzinfo=UTC)


class Desk:
    """A handler that remembers, and fails as it is told to."""

    def __init__(self) -> None:
        self.now, self.seen = START, list[str]()
        self.error: BaseException | None = None

    async def handle(self, message: Message) -> None:
        self.seen.append(message.payload["name"])
        if self.error is not None:
            raise self.error

    def courier(self, database: Database) -> Courier:
        return Courier(database, {"greet": self.handle}, lambda: self.now)


def promise(database: Database, *names: str, topic: str = "greet") -> None:
    with database.write() as connection:
        for name in names:
            outbox.put(connection, topic, {"name": name}, key=f"{topic}:{name}")


def states(database: Database) -> list[tuple[str, str | None]]:
    with database.read() as connection:
        return list(connection.execute(select(table.c.state, table.c.error).order_by(table.c.id)).tuples())


def test_more_than_a_batch_is_delivered_in_order_and_once(database: Database) -> None:
    desk = Desk()
    names = [f"{number:02}" for number in range(45)]
    promise(database, *names)
    assert asyncio.run(desk.courier(database).run()) == 45
    assert asyncio.run(desk.courier(database).run()) == 0
    assert desk.seen == names


def test_a_failure_is_tried_again_later(database: Database) -> None:
    desk = Desk()
    desk.error = ConnectionError("server away")
    promise(database, "ada")
    asyncio.run(desk.courier(database).run())
    assert states(database) == [("waiting", "ConnectionError: server away")]
    desk.error = None
    desk.now += timedelta(minutes=1)
    asyncio.run(desk.courier(database).run())
    assert (desk.seen, states(database)) == (["ada", "ada"], [("done", None)])


@pytest.mark.one_engine
def test_what_can_never_be_delivered_is_given_up_at_once(database: Database) -> None:
    desk = Desk()
    desk.error = Undeliverable("there is nobody of that name")
    promise(database, "ada")
    asyncio.run(desk.courier(database).run())
    assert states(database) == [("failed", "there is nobody of that name")]


@pytest.mark.one_engine
def test_what_fails_for_weeks_is_given_up(database: Database) -> None:
    desk = Desk()
    desk.error = ConnectionError("server away")
    promise(database, "ada")
    for _ in range(GIVE_UP_AFTER + 3):
        asyncio.run(desk.courier(database).run())
        desk.now += timedelta(days=1)
    assert len(desk.seen) == GIVE_UP_AFTER
    assert states(database) == [("failed", "ConnectionError: server away")]


def test_a_process_that_dies_while_delivering_loses_nothing(database: Database) -> None:
    desk = Desk()
    promise(database, "ada")
    desk.error = KeyboardInterrupt()
    try:
        asyncio.run(desk.courier(database).run())
    except KeyboardInterrupt:
        desk.error = None
    asyncio.run(desk.courier(database).run())
    assert desk.seen == ["ada"]
    desk.now += HIDE
    asyncio.run(desk.courier(database).run())
    assert desk.seen == ["ada", "ada"]


@pytest.mark.one_engine
def test_a_topic_without_a_handler_waits(database: Database) -> None:
    promise(database, "ada", topic="later")
    assert asyncio.run(Desk().courier(database).run()) == 0
    assert states(database) == [("waiting", None)]
