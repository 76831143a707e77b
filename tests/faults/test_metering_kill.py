"""kill -9 while events are taken in: what was answered is there, nothing twice, and the sums are the events'."""

import signal
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from sqlalchemy import func, select

from app.kernel.db import Database
from app.metering import reading, tables
from app.metering.aggregate import Span
from app.metering.reading import Search
from app.metering.usage import alike
from tests.faults.metering_process import run

pytestmark = pytest.mark.faults
APRIL = Span(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
#: Five batches of six events, each with two of the batch before.
PLAN = "\n".join(
    " ".join(f"evt_{number}:cust_{number % 3}:{1 + number % 4}" for number in range(4 * line, 4 * line + 6))
    for line in range(5)
)
EVENTS = {word.split(":")[0]: word.split(":")[1:] for word in PLAN.split()}


def stored(db: Database) -> list[str]:
    with db.read() as connection:
        return list(connection.execute(select(tables.event.c.event_id)).scalars())


def used(db: Database) -> dict[str, Fraction]:
    with db.read() as connection:
        return {
            customer: sum(
                (kind.sums["image_count"] for kind in alike(connection, customer, APRIL, ["image_count"])), Fraction(0)
            )
            for customer in {customer for customer, _ in EVENTS.values()}
        }


def summed(db: Database) -> list[tuple[int, int]]:
    """What each table of sums says of everybody's pictures, all of it added up."""
    with db.read() as connection:
        return [
            connection.execute(
                select(func.sum(table.c.events), func.sum(table.c.whole)).where(table.c.figure == "image_count")
            )
            .one()
            ._tuple()
            for table in (tables.rollup, tables.daily, tables.monthly)
        ]


def found_by_customer(db: Database) -> list[str]:
    with db.read() as connection:
        return [
            seen.event_id
            for customer in {customer for customer, _ in EVENTS.values()}
            for seen in reading.search(connection, Search([customer])).events
        ]


@pytest.mark.parametrize("fault", ["metering.after_events:3", "metering.before_commit", "metering.before_commit:4"])
def test_killed_while_events_come_in_and_sent_again(database: Database, database_url: str, fault: str) -> None:
    killed_and_sent_again(database, database_url, fault)


@pytest.mark.parametrize("fault", ["metering.pages_written", "metering.pages_settled", "metering.rolled:2"])
def test_killed_while_ids_leave_the_memory_or_sums_are_written_and_sent_again(sqlite_url: str, fault: str) -> None:
    killed_and_sent_again(Database(sqlite_url), sqlite_url, fault)


@pytest.mark.parametrize("fault", ["metering.added_up", "metering.added_up:2"])
def test_killed_while_what_waits_is_added_up_and_sent_again(postgres_url: str, fault: str) -> None:
    database = Database(postgres_url)
    killed_and_sent_again(database, postgres_url, fault)
    database.dispose()


def killed_and_sent_again(database: Database, database_url: str, fault: str) -> None:
    ended, answered = run(database_url, PLAN, fault)
    assert ended == -signal.SIGKILL, "the point was never reached"
    lines = PLAN.splitlines()
    accepted = {word.split(":")[0] for number in answered for word in lines[int(number)].split()}
    assert sorted(stored(database)) == sorted(accepted)
    assert sum(used(database).values()) == sum(int(EVENTS[each][1]) for each in accepted)

    assert run(database_url, PLAN)[0] == 0
    assert sorted(stored(database)) == sorted(EVENTS)
    expected: dict[str, Fraction] = {}
    for customer, count in EVENTS.values():
        expected[customer] = expected.get(customer, Fraction(0)) + int(count)
    assert used(database) == expected
    assert summed(database) == [(len(EVENTS), sum(expected.values()))] * 3
    assert sorted(found_by_customer(database)) == sorted(EVENTS)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.conflict)).scalar_one() == 0
