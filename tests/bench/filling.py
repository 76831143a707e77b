"""Very many usage events in a database, the quick way: what the product writes for events of every customer and kind is
copied by the database itself, under random ids and at moments of the month in their order, without HTTP and without a
commit for every batch. Indexes are made at the end. What stands there then is what taking the events in would have
written: events, known ids, sums."""

import random
import sqlite3
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from itertools import islice
from typing import Any, Final, NamedTuple

import psycopg
from sqlalchemy import Connection, func, select
from sqlalchemy.engine import make_url

from app.kernel import clock
from app.kernel.db import Database
from app.metering import known, tables
from app.metering.aggregate import Span
from app.metering.events import BILLIONTHS, Event, read_event
from app.metering.ingest import Ingest
from app.metering.writing import ADDING, add_rows

MODELS: Final = ("dall-e-3", "gpt-image-1", "veo-3.1", "kling-v2-6", "seedance-1-5", "flux")
CUSTOMERS: Final = 500
#: The n-th copy is of the event at n · STRIDE, and PACE seconds after the one before.
STRIDE, PACE, SECONDS = 2_654_435_761, 7, 2_590_000
STEP: Final = 500_000
ROWS_AT_ONCE: Final = 20_000


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
    """Into an empty database that nobody else uses."""
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
        if db.is_sqlite:
            _ids(connection)
        _sums(connection, few, shapes, events, month.start.date())
    return Filled(events + len(few), time.monotonic() - begun, _bytes(db))


_COLUMNS = "event_id, customer, shape_id, at, properties, source, digest, received_at"


def _fill_sqlite(db: Database, events: int, month: Span, first: int, few: int) -> None:
    index = "usage_event_by_customer"
    copy = f"""WITH RECURSIVE number (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?1 + ?2)
    INSERT INTO usage_event ({_COLUMNS})
    SELECT lower(hex(randomblob(16))), e.customer, e.shape_id,
           strftime('%Y-%m-%d %H:%M:%S', ?3 + (n * {PACE}) % {SECONDS}, 'unixepoch') || '.000000',
           e.properties, e.source, e.digest, e.received_at
    FROM number CROSS JOIN usage_event e ON e.id = {first} + (n * {STRIDE}) % {few}"""
    db.dispose()
    with closing(sqlite3.connect(str(make_url(db.url).database), isolation_level=None)) as connection:
        for pragma in ("journal_mode=DELETE", "journal_mode=OFF", "synchronous=OFF", "cache_size=-200000"):
            connection.execute(f"PRAGMA {pragma}")
        (made,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (index,)).fetchone()
        connection.execute(f"DROP INDEX {index}")
        for begun in range(0, events, STEP):
            connection.execute(copy, (begun, min(STEP, events - begun), int(month.start.timestamp())))
        connection.execute(made)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_mode=WAL")


def _fill_postgres(db: Database, events: int, month: Span, first: int, few: int) -> None:
    copy = f"""INSERT INTO usage_event ({_COLUMNS})
    SELECT gen_random_uuid()::text, e.customer, e.shape_id,
           %s::timestamptz + make_interval(secs => (n * {PACE}) %% {SECONDS}),
           e.properties, e.source, e.digest, e.received_at
    FROM generate_series(%s::bigint, %s::bigint) AS n JOIN usage_event e ON e.id = {first} + (n * {STRIDE}) %% {few}"""
    url = make_url(db.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP INDEX usage_event_by_customer")
        connection.execute("ALTER TABLE usage_key DROP CONSTRAINT usage_key_pkey")
        for begun in range(0, events, STEP):
            connection.execute(copy.encode(), (month.start, begun, min(begun + STEP, events) - 1))
        connection.execute(
            "INSERT INTO usage_key (event_id, digest, event) SELECT event_id, digest, id FROM usage_event"
            f" WHERE id >= {first + few}"
        )
        connection.execute("CREATE INDEX usage_event_by_customer ON usage_event (customer, at)")
        connection.execute("ALTER TABLE usage_key ADD PRIMARY KEY (event_id)")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _ids(connection: Connection) -> None:
    """What is known is in the old pages, as it is after very many events."""
    connection.exec_driver_sql("DELETE FROM usage_mark WHERE name <> 'rolled'")
    rows = connection.exec_driver_sql("SELECT event_id, id FROM usage_event")
    known.append(connection, ((event_id, number) for event_id, number in rows))
    last = connection.execute(select(func.max(tables.event.c.id))).scalar_one()
    for name in ("known", "old"):
        connection.exec_driver_sql("INSERT INTO usage_mark (name, event) VALUES (?, ?)", (name, last))
    connection.exec_driver_sql("UPDATE usage_mark SET event = ? WHERE name = 'rolled'", (last,))


def _sums(connection: Connection, few: list[Event], shapes: dict[str, int], events: int, start: date) -> None:
    """Those of the copies, added to those that are there."""
    day = 86_400
    copies = Counter((n * STRIDE) % len(few) * 32 + (n * PACE) % SECONDS // day for n in range(events))
    rollup, daily, monthly = Counter[Any](), Counter[Any](), Counter[Any]()
    for place, count in copies.items():
        one, on = few[place // 32], start + timedelta(days=place % 32)
        shape = shapes[one.event_id]
        for figure, each in (("", 0), *one.figures.items()):
            whole = each // BILLIONTHS
            for sums, key in (
                (rollup, (one.customer, on, shape, figure, whole)),
                (daily, (on, shape, figure, whole)),
                (monthly, (start, one.customer, shape, figure, whole)),
            ):
                sums[key] += count
    if connection.dialect.name == "sqlite":
        for table, sums in (("usage_rollup", rollup), ("usage_daily", daily), ("usage_monthly", monthly)):
            said = [tuple(str(each) if isinstance(each, date) else each for each in row) for row in _rows(sums)]
            connection.exec_driver_sql(ADDING[table], said)
    else:
        rows = _rows(rollup)
        while some := list(islice(rows, ROWS_AT_ONCE)):
            add_rows(connection, some)
    counted = select(func.sum(tables.rollup.c.events)).where(tables.rollup.c.figure == "")
    if connection.execute(counted).scalar_one() != events + len(few):
        raise RuntimeError("the sums are not those of the events")


def _rows(sums: Counter[Any]) -> Iterator[tuple[Any, ...]]:
    """Events of one kind that have different figures are added up here."""
    added: dict[Any, list[int]] = {}
    for (*key, whole), count in sums.items():
        found = added.setdefault(tuple(key), [0, 0])
        found[0] += count
        found[1] += whole * count
    for key in sorted(added):
        yield (*key, *added[key], 0)


def _bytes(db: Database) -> int:
    with db.read() as connection:
        if db.is_sqlite:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
