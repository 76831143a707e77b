"""Ids stay known when they leave the memory, whoever wrote them, and sums stay those of the events (SQLite)."""

import random
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from sqlalchemy import Connection, func, select

from app.kernel.db import Database
from app.metering import known, reading, tables
from app.metering.aggregate import Aggregation, Span
from app.metering.analytics import Asked, count
from app.metering.cells import Wanted, cells
from app.metering.ingest import Ingest
from app.metering.meters import Meter
from app.metering.reading import Search, Seen
from app.metering.usage import alike, readings
from app.metering.writing import Sqlite
from tests.metering.test_ingest import APART, APRIL, NOON, made

IMAGES = Meter("meter_images", "Images", "", Aggregation.SUM, ("image_count",))


@pytest.fixture
def database(sqlite_url: str) -> Database:
    return Database(sqlite_url)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory for a few ids, pages that are soon old, a sieve from the start, and sums that are written soon."""
    monkeypatch.setattr(known, "MOST_RECENT", 40)
    monkeypatch.setattr(known, "FEWEST_YOUNG", 90)
    monkeypatch.setattr(known, "SIEVE_AFTER", 30)
    monkeypatch.setattr(Sqlite, "roll_at", 25)


def sums(db: Database) -> Fraction:
    with db.read() as connection:
        kinds = [kind for each in range(3) for kind in alike(connection, f"cust_{each}", APRIL, APART.figures)]
        everybody = count(connection, [IMAGES], Asked(Wanted(APRIL)))[IMAGES.id].totals[()]
        by_customer = count(connection, [IMAGES], Asked(Wanted(APRIL, by_customer=True), ("customer",)))[IMAGES.id]
    found = sum((kind.sums["image_count"] for kind in kinds), Fraction(0))
    assert found == everybody.amount == sum(total.amount for total in by_customer.totals.values())
    assert sum(kind.events for kind in kinds) == everybody.events
    return found


def alike_hashes(event_id: str) -> tuple[int, bytes]:
    """Many ids under few pages, and many of them with the same hash."""
    prefix, rest = _hashed(event_id)
    return prefix % 3, bytes([rest[0] % 4, 0, rest[0] % 4, 0])


_hashed = known.hashed


def few_pages(event_id: str) -> tuple[int, bytes]:
    prefix, rest = _hashed(event_id)
    return prefix % 3, rest


@pytest.mark.parametrize(
    ("alone", "hashed"),
    [(True, few_pages), (False, _hashed), (False, alike_hashes)],
    ids=["alone, few pages", "several", "hashes that collide"],
)
def test_ids_stay_known_whoever_wrote_them(
    database: Database, monkeypatch: pytest.MonkeyPatch, alone: bool, hashed: Callable[[str], tuple[int, bytes]]
) -> None:
    """Two processes take turns, each with a memory of its own; a third comes late; what is rolled back never was. Or
    one process, which remembers all the while."""
    monkeypatch.setattr(known, "hashed", hashed)
    chance = random.Random(11)
    doors = [Ingest(database, lambda: NOON) for _ in range(1 if alone else 2)]
    sent: dict[str, int] = {}
    for turn in range(90):
        if turn == 40 and not alone:
            doors.append(Ingest(database, lambda: NOON))
        batch = {f"evt_{chance.randrange(900)}": chance.randrange(1, 9) for _ in range(chance.randrange(1, 25))}
        events = [
            made(each, customer=f"cust_{len(each) % 3}", at=NOON - timedelta(days=turn % 9), image_count=number)
            for each, number in batch.items()
        ]
        door = chance.choice(doors)
        if turn % 7 == 3 and not alone:
            with pytest.raises(ValueError, match="no"):
                door.accept(events, also=fail)
        accepted = door.accept(events)
        assert accepted.new == len(batch.keys() - sent.keys())
        assert set(accepted.conflicts) == {each for each in batch if each in sent and sent[each] != batch[each]}
        sent = batch | sent
        assert sums(database) == sum(sent.values())
    with database.read() as connection:
        pages = [row.prefix for row in connection.execute(select(tables.page))]
        assert min(pages) < known.YOUNG <= max(pages), "some ids have become old, and some are young"
        for each, number in sent.items():
            found = reading.find(connection, each)
            assert found is not None
            assert found.properties["image_count"] == number
        assert reading.find(connection, "evt_never") is None


def fail(_connection: object) -> None:
    raise ValueError("no")


def test_a_batch_that_fails_leaves_nothing_behind_and_takes_no_other_with_it(database: Database) -> None:
    door = Ingest(database, lambda: NOON)
    failures: list[BaseException] = []
    answers: list[int] = []

    def send(number: int) -> None:
        try:
            batch = [made(f"evt_{number}_{each}") for each in range(12)]
            answers.append(door.accept(batch, also=fail if number % 3 == 0 else None).new)
        except ValueError as failed:
            failures.append(failed)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(failures), answers) == (3, [12] * 6)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.event)).scalar_one() == 72
    assert door.accept([made(f"evt_0_{each}") for each in range(12)]).new == 12
    assert door.catch_up() <= 84


def test_everybodys_events_are_turned_over_in_the_order_they_came(database: Database) -> None:
    door = Ingest(database, lambda: NOON)
    for number in range(7):
        door.accept([made(f"evt_{number}", customer=f"cust_{number % 2}", at=NOON - timedelta(hours=number))])
    seen: list[str] = []
    after: str | None = None
    with database.read() as connection:
        for _ in range(3):
            page = reading.search(connection, Search(size=3, after=after))
            seen += [each.event_id for each in page.events]
            after = page.last_key
    assert seen == [f"evt_{number}" for number in reversed(range(7))]


def test_a_customers_events_are_found_before_and_after_they_are_put_in_order(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of them are in their places and some are not; pages go through both, forward and back."""
    monkeypatch.setattr(Sqlite, "roll_at", 10_000)
    chance, sent = random.Random(5), dict[str, list[tuple[datetime, int, str]]]()
    first, second = (Ingest(database, lambda: NOON) for _ in range(2))
    for number in range(60):
        if number == 40:
            assert second.catch_up() == 40
        customer, at = f"cust_{number % 2}", NOON - timedelta(hours=chance.randrange(30))
        (first, second)[number % 2].accept([made(f"evt_{number}", customer=customer, at=at, image_count=number)])
        sent.setdefault(customer, []).append((at, number, f"evt_{number}"))
    largest = replace(IMAGES, aggregation=Aggregation.MAX)
    span = Span(NOON - timedelta(hours=20), NOON - timedelta(hours=3))
    with database.read() as connection:
        for customer, events in sent.items():
            assert pages(connection, customer) == [each for *_, each in sorted(events, reverse=True)]
            inside = [number for at, number, _ in sorted(events) if span.start <= at < span.end]
            assert [int(each.figure) for _, each in readings(connection, customer, span, largest)] == inside
            hours = Wanted(span, [customer], "HOUR")
            assert sum(cell.events for cell in cells(connection, hours) if not cell.figure) == len(inside)
            assert sum(kind.events for kind in alike(connection, customer, span, ())) == len(inside)


def pages(connection: Connection, customer: str) -> list[str]:
    """All of them, by pages of seven; and each page is the one before the next."""
    seen: list[Seen] = []
    after: str | None = None
    while True:
        page = reading.search(connection, Search([customer], size=7, after=after))
        if seen:
            back = reading.search(connection, Search([customer], size=7, before=page.events[0].key))
            assert list(back.events) == seen[-7:]
        seen += page.events
        if not page.has_more:
            return [each.event_id for each in seen]
        after = page.last_key
