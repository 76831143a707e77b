"""Very many usage events in a database, the quick way: what the product writes for events of every customer and kind is
copied by the database itself, under random ids and in the order of a month's moments, without HTTP and without a commit
for every batch; the disk is waited for at the end. Indexes are made last. What stands there then is what taking the
events in would have written: events, known ids, sums. Both cores are used: while SQLite copies, the ids' own pages are
prepared here; PostgreSQL writes events and known ids side by side.
"""

import os
import random
import sqlite3
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from threading import Barrier
from typing import Any, Final, NamedTuple

import psycopg
from sqlalchemy import Connection, func, select
from sqlalchemy.engine import make_url

from app.kernel import clock
from app.kernel.db import Database
from app.metering import known, tables
from app.metering.adding import ADDING
from app.metering.aggregate import Span
from app.metering.events import BILLIONTHS, Event, read_event
from app.metering.ingest import Ingest
from app.metering.known import hashed
from app.metering.writing import Sqlite

MODELS: Final = ("dall-e-3", "gpt-image-1", "veo-3.1", "kling-v2-6", "seedance-1-5", "flux")
CUSTOMERS: Final = 500
#: The n-th copy is of the event at n · STRIDE: a prime, so that as many copies in a row as there are events to copy are
#: one of each.
STRIDE: Final = 2_654_435_761
DAYS, DAY_SECONDS = 30, 86_400
STEP: Final = 250_000
ID_BYTES: Final = 16


def event(event_id: str, customer: int | None = None, model: str | None = None, image: bool | None = None) -> Any:
    """An event as integrators send them; what is not said is left to chance."""
    customer = random.randrange(CUSTOMERS) if customer is None else customer
    image = random.random() < 0.5 if image is None else image
    figures = {"image_count": 1} if image else {"duration_seconds": random.randrange(4, 12)}
    model = model or random.choice(MODELS)
    return {
        "event_name": "video_generated", "external_customer_id": f"cust_{customer:04}",
        "event_id": event_id, "source": "gateway", "timestamp": "2026-04-30T12:00:00Z",
        "properties": {"provider": "somebody", "model": model, "quality": "standard", "resolution": "720p", **figures},
    }  # fmt: skip


class Filled(NamedTuple):
    """How many events are there, how long that took, and what they take of the disk with everything around them."""

    events: int
    seconds: float
    bytes: int


def fill(db: Database, events: int, month: Span) -> Filled:
    """Into an empty database that nobody else uses; `month` is one of 30 days."""
    begun = time.monotonic()
    few = [
        read_event(event(str(uuid.uuid4()), customer, model, image), month.start, "")
        for customer in range(CUSTOMERS)
        for model in MODELS
        for image in (True, False)
    ]
    ingest = Ingest(db, clock.now)
    ingest.accept([one._replace(at=month.start) for one in few])
    ingest.catch_up()
    with db.read() as connection:
        event_ = tables.event.c
        rows = connection.execute(select(event_.event_id, event_.shape_id, event_.id)).all()
    shapes, order = {row.event_id: row.shape_id for row in rows}, {row.event_id: row.id for row in rows}
    few.sort(key=lambda one: order[one.event_id])
    first = order[few[0].event_id]
    (_fill_sqlite if db.is_sqlite else _fill_postgres)(db, events, month, first, len(few))
    with db.write() as connection:
        _sums(connection, few, shapes, events, month.start.date())
    os.sync()
    return Filled(events + len(few), time.monotonic() - begun, _bytes(db))


_COLUMNS = "event_id, customer, shape_id, at, properties, source, digest, received_at"


# --- SQLite


def _fill_sqlite(db: Database, events: int, month: Span, first: int, few: int) -> None:
    copy = f"""WITH RECURSIVE number (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?1 + ?2)
    INSERT INTO usage_event (id, {_COLUMNS})
    SELECT ?5 + n, lower(hex(substr(?4, (n - ?1) * {ID_BYTES} + 1, {ID_BYTES}))), e.customer, e.shape_id,
           datetime(?3 + n * {DAYS * DAY_SECONDS} / {events}, 'unixepoch') || '.000000',
           e.properties, e.source, e.digest, e.received_at
    FROM number CROSS JOIN usage_event e ON e.id = {first} + (n * {STRIDE}) % {few}"""
    db.dispose()
    start, after = int(month.start.timestamp()), first + few
    pages = [bytearray() for _ in range(known.YOUNG)]
    with (
        closing(sqlite3.connect(str(make_url(db.url).database), isolation_level=None)) as connection,
        ThreadPoolExecutor(1) as beside,
    ):
        for pragma in ("journal_mode=DELETE", "journal_mode=OFF", "synchronous=OFF", "cache_size=-200000", "threads=2"):
            connection.execute(f"PRAGMA {pragma}")
        old = connection.execute("SELECT event_id, id FROM usage_event ORDER BY id").fetchall()
        _paged(pages, [each[0] for each in old], first)
        paging = []
        for begun in range(0, events, STEP):
            count = min(STEP, events - begun)
            ids = random.randbytes(count * ID_BYTES)
            paging.append(beside.submit(_paged_bytes, pages, ids, after + begun))
            connection.execute(copy, (begun, count, start, ids, after))
        connection.execute(Sqlite.place, (after - 1, after + events - 1))
        for each in paging:
            each.result()
        _write_pages(connection, pages, after + events - 1)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_mode=WAL")


def _paged_bytes(pages: list[bytearray], ids: bytes, first: int) -> None:
    said = ids.hex()
    _paged(pages, [said[at : at + 2 * ID_BYTES] for at in range(0, len(said), 2 * ID_BYTES)], first)


def _paged(pages: list[bytearray], ids: list[str], first: int) -> None:
    """As `known.append` has them."""
    for number, event_id in enumerate(ids, first):
        prefix, rest = hashed(event_id)
        pages[prefix] += rest + number.to_bytes(known.NUMBERED)


def _write_pages(connection: sqlite3.Connection, pages: list[bytearray], last: int) -> None:
    """What is known is in the old pages, as it is after very many events."""
    rows = ((prefix, bytes(entries)) for prefix, entries in enumerate(pages) if entries)
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO usage_page (prefix, entries) VALUES (?, ?)", rows)
    connection.execute("DELETE FROM usage_mark")
    marks = [(name, last) for name in ("known", "old", "rolled")]
    connection.executemany("INSERT INTO usage_mark (name, event) VALUES (?, ?)", marks)
    connection.execute("COMMIT")


# --- PostgreSQL


def _fill_postgres(db: Database, events: int, month: Span, first: int, few: int) -> None:
    """The events and the keys side by side, each table by one transaction: what a transaction empties and fills is not
    in the server's log where `wal_level` is minimal. An id is the hash of a number, which both know."""
    made_id = "md5(%s || n)::uuid::text"
    events_ = f"""INSERT INTO usage_event (id, {_COLUMNS})
        SELECT %s + n, {made_id}, e.customer, e.shape_id,
               %s::timestamptz + make_interval(secs => n * {DAYS * DAY_SECONDS} / {events}),
               e.properties, e.source, e.digest, e.received_at
        FROM generate_series(0, {events - 1}::bigint) AS n JOIN few e ON e.id = {first} + (n * {STRIDE}) %% {few}"""
    keys = f"""INSERT INTO usage_key (event_id, digest, event) SELECT {made_id}, e.digest, %s + n
        FROM generate_series(0, {events - 1}::bigint) AS n JOIN few e ON e.id = {first} + (n * {STRIDE}) %% {few}"""
    url = make_url(db.url).set(drivername="postgresql").render_as_string(hide_password=False)
    seed, after = uuid.uuid4().hex, first + few

    def do(statements: list[tuple[str, tuple[Any, ...] | None]], table: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET maintenance_work_mem = '512MB'")
            connection.execute("CREATE TEMP TABLE few AS SELECT * FROM usage_event")
            connection.execute("ALTER TABLE few ADD PRIMARY KEY (id)")
            connection.execute("ANALYZE few")
            both.wait()  # before the table is emptied both have read it
            with connection.transaction():
                for statement, values in statements:
                    connection.execute(statement.encode(), values)
            connection.execute(f"VACUUM ANALYZE {table}".encode())

    both = Barrier(2, timeout=60)
    _hurry(url, True)
    try:
        with ThreadPoolExecutor(2) as two:
            parts = [
                two.submit(
                    do,
                    [
                        ("TRUNCATE usage_event", None),
                        ("DROP INDEX usage_event_by_customer", None),
                        ("ALTER TABLE usage_event DROP CONSTRAINT usage_event_pkey", None),
                        (f"INSERT INTO usage_event (id, {_COLUMNS}) SELECT id, {_COLUMNS} FROM few", None),
                        (events_, (after, seed, month.start)),
                        ("ALTER TABLE usage_event ADD PRIMARY KEY (id)", None),
                        ("CREATE INDEX usage_event_by_customer ON usage_event (customer, at)", None),
                        ("SELECT setval(pg_get_serial_sequence('usage_event', 'id'), %s)", (after + events - 1,)),
                    ],
                    "usage_event",
                ),
                two.submit(
                    do,
                    [
                        ("TRUNCATE usage_key", None),
                        ("ALTER TABLE usage_key DROP CONSTRAINT usage_key_pkey", None),
                        ("INSERT INTO usage_key (event_id, digest, event) SELECT event_id, digest, id FROM few", None),
                        (keys, (seed, after)),
                        ("ALTER TABLE usage_key ADD PRIMARY KEY (event_id)", None),
                    ],
                    "usage_key",
                ),
            ]
            for part in parts:
                part.result()
    finally:
        _hurry(url, False)


def _hurry(url: str, on: bool) -> None:
    """Whether the server waits for the disk, and how often it writes everything there."""
    settings = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "max_wal_size": "'16GB'"}
    with psycopg.connect(url, autocommit=True) as connection:
        for name, value in settings.items():
            connection.execute(f"ALTER SYSTEM {f'SET {name} = {value}' if on else f'RESET {name}'}".encode())
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CHECKPOINT")


# --- sums


def _sums(connection: Connection, few: list[Event], shapes: dict[str, int], events: int, start: date) -> None:
    """Those of the copies, added to those that are there (SQLite), or with those."""
    rollup, daily, monthly = _Added(), _Added(), _Added()
    is_sqlite = connection.dialect.name == "sqlite"
    for day in range(DAYS):
        on = start + timedelta(days=day)
        itself = 0 if is_sqlite or day else 1  # PostgreSQL's tables are written anew
        for place, copies in enumerate(_copies(events, day, len(few))):
            if count := copies + itself:
                one = few[place]
                shape = shapes[one.event_id]
                for figure, each in (("", 0), *one.figures):
                    whole = each // BILLIONTHS * count
                    rollup.add((one.customer, on, shape, figure), count, whole)
                    daily.add((on, shape, figure), count, whole)
                    monthly.add((start, one.customer, shape, figure), count, whole)
    for table, sums in (("usage_rollup", rollup), ("usage_daily", daily), ("usage_monthly", monthly)):
        if is_sqlite:
            said = [tuple(str(each) if isinstance(each, date) else each for each in row) for row in sums.rows()]
            connection.exec_driver_sql(ADDING[table], said)
        else:
            connection.exec_driver_sql(f"TRUNCATE {table}")
            driver: Any = connection.connection.driver_connection
            with driver.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
                copy.write("".join("\t".join(map(str, row)) + "\n" for row in sums.rows()))
    counted = select(func.sum(tables.rollup.c.events)).where(tables.rollup.c.figure == "")
    if connection.execute(counted).scalar_one() != events + len(few):
        raise RuntimeError("the sums are not those of the events")


def _copies(events: int, day: int, few: int) -> list[int]:
    """Of each of the few: how many copies fall on this day."""
    begun, ended = (-(-at * DAY_SECONDS * events // (DAYS * DAY_SECONDS)) for at in (day, day + 1))
    whole, rest = divmod(ended - begun, few)
    found = [whole] * few
    for n in range(ended - rest, ended):
        found[n * STRIDE % few] += 1
    return found


class _Added(dict[tuple[Any, ...], list[int]]):
    """Sums by their key."""

    def add(self, key: tuple[Any, ...], events: int, whole: int) -> None:
        found = self.setdefault(key, [0, 0])
        found[0] += events
        found[1] += whole

    def rows(self) -> Iterator[tuple[Any, ...]]:
        for key in sorted(self):
            yield (*key, *self[key], 0)


def _bytes(db: Database) -> int:
    with db.read() as connection:
        if db.is_sqlite:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
