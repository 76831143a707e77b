"""Usage events: taken in over HTTP in batches of a thousand, one in ten known already; sums of ten million of them.

The API runs in a process of its own, as it is served; the events' ids are random, the worst an index can meet. How much
is stored beforehand is `FAREBOX_BENCH_EVENTS` (ten million in a long run); what the small default shows is that the way
it is stored does not get slower, not how a full disk behaves.
"""

import asyncio
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
from sqlalchemy import func, select

from app.kernel import clock
from app.kernel.db import Database
from app.metering import known, tables
from app.metering.aggregate import Aggregation, Span
from app.metering.analytics import Asked, count
from app.metering.cells import Wanted
from app.metering.events import read_event
from app.metering.ingest import Ingest
from app.metering.meters import Meter
from app.plans.keys import BillingKeys
from tests.bench.row import Row
from tests.support.api_server import running_api
from tests.support.postgres import running_postgres
from tests.support.schema import prepare

BATCH: Final = 1_000
BATCHES: Final = 60
SENDERS: Final = 6
CUSTOMERS: Final = 500
REPEATED: Final = 0.1
STORED: Final = int(os.environ.get("FAREBOX_BENCH_EVENTS", "300000"))
NOWHERE: Final = "http://127.0.0.1:9"
MONTH: Final = Span(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
MODELS: Final = ("dall-e-3", "gpt-image-1", "veo-3.1", "kling-v2-6", "seedance-1-5", "flux")
LEAST_SQLITE, LEAST_POSTGRES, KEPT = 20_000, 10_000, 0.8
MOST_MS: Final = 200.0
SECONDS = Meter("meter_video_seconds", "Seconds", "", Aggregation.SUM, ("video_seconds", "duration_seconds"))
IMAGES = Meter("meter_img_count", "Images", "", Aggregation.SUM, ("image_count",), counts_one=True)


def run() -> list[Row]:
    """The rows of `make bench`."""
    folder = Path(tempfile.mkdtemp(prefix="farebox-bench-"))
    try:
        return [*_sqlite(folder), *_postgres(folder)]
    finally:
        shutil.rmtree(folder)


def _sqlite(folder: Path) -> Iterator[Row]:
    db = Database(f"sqlite:///{folder / 'farebox.sqlite'}")
    prepare(db)
    with Sender(folder / "sqlite", db) as sender:
        sender.rate(BATCHES // 3)  # warm
        little = sender.rate(BATCHES)
        yield _row("events a second over HTTP, SQLite", little, "events/s", LEAST_SQLITE)
        yield _cpu_row("SQLite", sender, LEAST_SQLITE)
        fill(db, STORED)
        sender.rate(BATCHES // 3)
        much = sender.rate(BATCHES)
        again = sender.rate(BATCHES)
        kept = max(much, again) / little
        yield {
            "name": f"the same with {STORED:,} stored", "value": max(much, again), "unit": "events/s",
            "yardstick": f"{little:,.0f} with few", "ratio": kept, "target": f"≥ {KEPT}", "ok": kept >= KEPT,
        }  # fmt: skip
    yield from _analytics(db)
    db.dispose()


def _postgres(folder: Path) -> Iterator[Row]:
    with running_postgres(durable=True) as server:
        server.execute("CREATE DATABASE bench")
        db = Database(server.url("bench"))
        prepare(db)
        with Sender(folder / "postgres", db) as sender:
            sender.rate(BATCHES // 3)
            yield _row("events a second over HTTP, PostgreSQL", sender.rate(BATCHES), "events/s", LEAST_POSTGRES)
            yield _cpu_row("PostgreSQL", sender, LEAST_POSTGRES)
        db.dispose()


def _row(name: str, value: float, unit: str, least: float) -> Row:
    return {
        "name": name, "value": value, "unit": unit, "yardstick": None, "ratio": None,
        "target": f"≥ {least:,.0f}", "ok": value >= least,
    }  # fmt: skip


def _cpu_row(engine: str, sender: "Sender", least: float) -> Row:
    """The API's own work for an event, which a busy machine stretches but does not multiply."""
    most, found = 1e6 / least, sender.cpu * 1e6
    return {
        "name": f"the API's processor time for one, {engine}", "value": found, "unit": "µs", "yardstick": None,
        "ratio": None, "target": f"≤ {most:.0f}", "ok": found <= most,
    }  # fmt: skip


# --- over HTTP


class Sender:
    """An API process over a database, and clients that send it events."""

    def __init__(self, home: Path, db: Database) -> None:
        self._secret = BillingKeys(db, clock.now).issue("bench", actor="bench").secret
        self._running = running_api(home, db.url, NOWHERE)
        self._sent: list[str] = []

    def __enter__(self) -> "Sender":
        running = self._running.__enter__()
        self._url, self._process = running.url + "/billing/v1/events/bulk", running.process.pid
        return self

    def __exit__(self, *raised: Any) -> None:
        self._running.__exit__(*raised)

    def rate(self, batches: int) -> float:
        """Events a second, every one answered for; the bodies are written beforehand."""
        bodies = [self._body() for _ in range(batches)]
        before = _cpu_seconds(self._process)
        rate = asyncio.run(self._send(bodies))
        self.cpu = (_cpu_seconds(self._process) - before) / (batches * BATCH)
        return rate

    async def _send(self, bodies: list[bytes]) -> float:
        waiting = list(bodies)
        headers = {"x-api-key": self._secret, "content-type": "application/json"}
        async with httpx.AsyncClient(trust_env=False, headers=headers, timeout=120) as client:

            async def work() -> None:
                while waiting:
                    answer = await client.post(self._url, content=waiting.pop())
                    answer.raise_for_status()

            started = time.perf_counter()
            await asyncio.gather(*(work() for _ in range(SENDERS)))
            return len(bodies) * BATCH / (time.perf_counter() - started)

    def _body(self) -> bytes:
        events = [event(str(uuid.uuid4())) for _ in range(BATCH)]
        for place in range(int(BATCH * REPEATED)):
            if self._sent:
                events[place] = {**events[place], "event_id": random.choice(self._sent)}
        self._sent = (self._sent + [str(each["event_id"]) for each in events])[-50_000:]
        return orjson.dumps({"events": events})


def _cpu_seconds(process: int) -> float:
    """What a process has spent so far: other work on the machine takes time, and not this."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def event(event_id: str) -> dict[str, Any]:
    """An event as integrators send them."""
    model = random.choice(MODELS)
    figures: dict[str, Any] = (
        {"image_count": 1} if random.random() < 0.5 else {"duration_seconds": random.randrange(4, 12)}
    )
    return {
        "event_name": "video_generated", "external_customer_id": f"cust_{random.randrange(CUSTOMERS):04}",
        "event_id": event_id, "source": "gateway", "timestamp": "2026-04-30T12:00:00Z",
        "properties": {"provider": "somebody", "model": model, "quality": "standard", "resolution": "720p", **figures},
    }  # fmt: skip


# --- what is there already


def fill(db: Database, events: int) -> None:
    """Put so many events of a month into a SQLite file, with their ids and sums, the quick way."""
    ingest = Ingest(db, clock.now)
    few = [read_event(event(str(uuid.uuid4())), MONTH.start, "") for _ in range(200)]
    ingest.accept(few)
    ingest.catch_up()
    with db.write() as connection:
        connection.exec_driver_sql("DELETE FROM usage_mark")
        first = connection.execute(select(func.max(tables.event.c.id))).scalar_one()
        step = 100_000
        for begun in range(0, events, step):
            connection.exec_driver_sql(_FILL, (begun, min(step, events - begun), len(few)))
        last = connection.execute(select(func.max(tables.event.c.id))).scalar_one()
        for begun in range(0, last, step * 10):
            rows = connection.exec_driver_sql(_IDS, (begun, begun + step * 10))
            known.append(connection, ((event_id, number) for number, event_id in rows))
        for statement in _ROLL:
            connection.exec_driver_sql(statement)
        for name in ("known", "old", "rolled"):
            connection.exec_driver_sql("INSERT INTO usage_mark (name, event) VALUES (?, ?)", (name, last))
    print(f"  {events:,} events stored after {first:,}", file=sys.stderr)


_IDS = "SELECT id, event_id FROM usage_event WHERE id > ? AND id <= ?"
#: Copies of events that are there, under random ids and at moments of the month in their order.
_FILL = """
WITH RECURSIVE number (n) AS (SELECT ?1 UNION ALL SELECT n + 1 FROM number WHERE n + 1 < ?1 + ?2)
INSERT INTO usage_event (event_id, customer, shape_id, at, properties, source, digest, received_at)
SELECT lower(hex(randomblob(16))), e.customer, e.shape_id,
       strftime('%Y-%m-%d %H:%M:%f', '2026-04-01', ((n * 7) % 2591000) || ' seconds') || '000',
       e.properties, e.source, e.digest, e.received_at
FROM number CROSS JOIN usage_event e ON e.id = 1 + (n * 2654435761) % ?3
"""
_FIGURE = """
SELECT customer, substr(at, 1, 10) AS day, shape_id, f.figure, count(*), sum(f.amount), 0
FROM usage_event JOIN (
    SELECT '' AS figure, 0 AS amount, NULL AS name UNION ALL SELECT 'image_count', 1, 'image_count'
    UNION ALL SELECT 'duration_seconds', 7, 'duration_seconds'
) f ON f.name IS NULL OR json_extract(properties, '$.' || f.name) IS NOT NULL
GROUP BY 1, 2, 3, 4
"""
_ROLL = (
    "DELETE FROM usage_rollup", "DELETE FROM usage_daily", "DELETE FROM usage_monthly",
    f"INSERT INTO usage_rollup (customer, day, shape_id, figure, events, whole, billionths) {_FIGURE}",
    """INSERT INTO usage_daily (day, shape_id, figure, events, whole, billionths)
    SELECT day, shape_id, figure, sum(events), sum(whole), 0 FROM usage_rollup GROUP BY 1, 2, 3""",
    """INSERT INTO usage_monthly (month, customer, shape_id, figure, events, whole, billionths)
    SELECT substr(day, 1, 7) || '-01', customer, shape_id, figure, sum(events), sum(whole), 0
    FROM usage_rollup GROUP BY 1, 2, 3, 4""",
)  # fmt: skip


# --- looked at


def _analytics(db: Database) -> Iterator[Row]:
    Ingest(db, clock.now).catch_up()
    with db.read() as connection:
        stored = connection.execute(select(func.sum(tables.daily.c.events)).where(tables.daily.c.figure == "")).scalar()
    for name, asked in (
        ("by model and day, everybody", Asked(Wanted(MONTH, window="DAY"), ("model",))),
        ("by customer, everybody", Asked(Wanted(MONTH, by_customer=True), ("customer",))),
        ("by model and day, one customer", Asked(Wanted(MONTH, ["cust_0001"], "DAY"), ("model",))),
    ):
        taken = []
        for _ in range(5):
            with db.read() as connection:
                started = time.perf_counter()
                found = count(connection, [SECONDS, IMAGES], asked)
                taken.append((time.perf_counter() - started) * 1_000)
        assert found[IMAGES.id].totals
        value = statistics.median(taken)
        yield {
            "name": f"usage of {stored:,} events {name}", "value": value, "unit": "ms", "yardstick": None,
            "ratio": None, "target": f"≤ {MOST_MS:.0f}", "ok": value <= MOST_MS,
        }  # fmt: skip
