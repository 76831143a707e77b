"""Sums wait to be added up, and nobody who reads them can tell (PostgreSQL)."""

import random
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from app.kernel.db import Database
from app.kernel.migrate import downgrade
from app.metering import tables
from app.metering.aggregate import Aggregation, Span
from app.metering.analytics import Asked, count
from app.metering.cells import Wanted, cells
from app.metering.ingest import Ingest
from app.metering.meters import Meter
from app.metering.usage import alike
from app.metering.writing import Postgres
from tests.metering.test_ingest import APART, APRIL, NOON, made
from tests.support.threads import at_once

IMAGES = Meter("meter_images", "Images", "", Aggregation.SUM, ("image_count",))


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    db = Database(postgres_url)
    yield db
    db.dispose()


def waiting(db: Database) -> int:
    with db.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.waiting)).scalar_one()


def everybody(connection: Connection, span: Span = APRIL, **wanted: Any) -> Any:
    return count(connection, [IMAGES], Asked(Wanted(span, **wanted)))[IMAGES.id]


def test_sums_are_the_same_before_and_after_they_are_added_up(database: Database) -> None:
    """Two processes take turns and add up at odd moments; every way of asking is held against the events sent."""
    chance = random.Random(19)
    doors = [Ingest(database, lambda: NOON) for _ in range(2)]
    sent: dict[tuple[str, int, str], int] = {}
    added = 0
    for turn in range(30):
        batch = []
        for number in range(chance.randrange(1, 30)):
            customer, day, model = (
                f'cust "{chance.randrange(3)}\\',
                chance.randrange(30),
                chance.choice(["veo", "flux"]),
            )
            pictures = chance.randrange(-3, 9)
            sent[customer, day, model] = sent.get((customer, day, model), 0) + pictures
            at = APRIL.start + timedelta(days=day, hours=5)
            batch.append(made(f"{turn} {number}", customer=customer, at=at, model=model, image_count=pictures))
        doors[turn % 2].accept(batch)
        if turn % 4 == 2:
            added += doors[chance.randrange(2)].catch_up()
            assert waiting(database) == 0
        held_against(database, sent)
    assert added > 0
    assert waiting(database) > 0, "the last look was at both"


def held_against(database: Database, sent: dict[tuple[str, int, str], int]) -> None:
    with database.read() as connection:
        by_day = everybody(connection, window="DAY")
        assert by_day.totals[()].amount == sum(sent.values())
        days = {day for _, day, _ in sent}
        for day in days:
            point = by_day.points[()][APRIL.start + timedelta(days=day)]
            assert point.amount == sum(each for (_, on, _), each in sent.items() if on == day)
        by_customer = count(connection, [IMAGES], Asked(Wanted(APRIL, by_customer=True), ("customer",)))[IMAGES.id]
        half = Span(APRIL.start, APRIL.start + timedelta(days=15))
        for customer in {customer for customer, _, _ in sent}:
            theirs = sum(each for (name, _, _), each in sent.items() if name == customer)
            assert by_customer.totals[customer,].amount == theirs
            assert sum(kind.sums["image_count"] for kind in alike(connection, customer, APRIL, APART.figures)) == theirs
            early = sum(each for (name, day, _), each in sent.items() if name == customer and day < 15)
            found = cells(connection, Wanted(half, by_customer=True))
            of_them = (cell for cell in found if cell.customer == customer and cell.figure == "image_count")
            assert sum(cell.billionths for cell in of_them) == early * 10**9


def test_who_reads_while_others_write_and_add_up_sees_every_event_once(database: Database) -> None:
    """What was answered for before a look is in it, and nothing is in it twice."""
    door, batches, size = Ingest(database, lambda: NOON), 40, 5
    begun = [0, 0]
    answered = [0, 0]

    def send(who: int) -> None:
        for number in range(batches):
            begun[who] += size
            door.accept([made(f"{who} {number} {each}", customer=f"cust_{each}") for each in range(size)])
            answered[who] += size

    def add_up() -> None:
        while sum(answered) < 2 * batches * size:
            door.catch_up()

    def look() -> None:
        while sum(answered) < 2 * batches * size:
            least = sum(answered)
            with database.read() as connection:
                seen = everybody(connection).totals
            most = sum(begun)
            assert least <= (seen[()].events if seen else 0) <= most

    at_once(partial(send, 0), partial(send, 1), add_up, look)
    door.catch_up()
    assert waiting(database) == 0
    with database.read() as connection:
        assert everybody(connection).totals[()].events == 2 * batches * size


def test_what_waits_is_added_up_when_it_is_much(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Postgres, "roll_at", 10)
    door = Ingest(database, lambda: NOON)
    door.accept([made(f"evt_{number}", customer=f"cust_{number}") for number in range(9)])
    assert waiting(database) == 18
    door.accept([made("evt_9")])
    assert waiting(database) == 0


def test_a_customer_waits_for_nobody_who_adds_up(database: Database) -> None:
    """While one adds up, others take events in, and whoever would add up too leaves it to them."""
    door = Ingest(database, lambda: NOON)
    door.accept([made("evt_1")])
    other = Ingest(database, lambda: NOON)
    with database.write() as connection:
        assert Postgres().catch_up(connection) == 1
        assert other.catch_up() == 0
        other.accept([made("evt_2")])
        with database.read() as reading:
            assert everybody(reading).totals[()].events == 2
    assert other.catch_up() == 1
    with database.read() as reading:
        assert everybody(reading).totals[()].events == 2


def test_an_older_version_finds_in_the_sums_what_waited(database: Database) -> None:
    door = Ingest(database, lambda: NOON)
    door.accept([made("evt_1", image_count=4)])
    door.catch_up()
    door.accept([made("evt_2", image_count=3), made("evt_3", customer="cust_002")])
    downgrade(database, "0025_usage_places")
    with database.read() as connection:
        for table in (tables.rollup, tables.daily, tables.monthly):
            rows = connection.execute(
                select(table.c.events, table.c.whole).where(table.c.figure == "image_count")
            ).all()
            assert (sum(row.events for row in rows), sum(row.whole for row in rows)) == (3, 8)
