"""Usage events: taken in over HTTP in batches of a thousand, one in ten known already, over few and over ten million
that are stored; and sums of ten million of them.

The API runs in a process of its own, as it is served; the events' ids are random, the worst an index can meet. Two of
them are measured in turns, one over a database with ten thousand events and one over the large one, so that what else
the machine does is the same for both. The large database is filled by `filling.py`, without HTTP. How much is in it are
`FAREBOX_BENCH_EVENTS` (SQLite) and `FAREBOX_BENCH_EVENTS_POSTGRES`.
"""

import asyncio
import os
import random
import shutil
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import psycopg
from sqlalchemy.engine import make_url

from app.billing import unrated, usage_report
from app.billing.usage_report import Ask
from app.kernel import clock
from app.kernel.db import Database
from app.metering.aggregate import Span
from app.metering.analytics import CUSTOMER
from app.metering.ingest import Ingest
from app.plans.keys import BillingKeys
from tests.bench.filling import Filled, event, fill
from tests.bench.row import Row
from tests.support.api_server import running_api
from tests.support.postgres import Postgres, running_postgres
from tests.support.schema import prepare

BATCH: Final = 1_000
#: So many batches are sent at once to each of the two, so many times.
BATCHES, TURNS = 40, 3
SENDERS: Final = 6
REPEATED: Final = 0.1
FEW: Final = 10_000
STORED: Final = int(os.environ.get("FAREBOX_BENCH_EVENTS", "10000000"))
STORED_POSTGRES: Final = int(os.environ.get("FAREBOX_BENCH_EVENTS_POSTGRES", "1000000"))
NOWHERE: Final = "http://127.0.0.1:9"
MONTH: Final = Span(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
LEAST_SQLITE, LEAST_POSTGRES, KEPT = 20_000, 10_000, 0.8
MOST_MS: Final = 200.0
LOOKS: Final = 20


def run() -> list[Row]:
    """The rows of `make bench`."""
    folder = Path(tempfile.mkdtemp(prefix="farebox-bench-"))
    try:
        return [*_sqlite(folder), *_postgres(folder)]
    finally:
        shutil.rmtree(folder)


def _sqlite(folder: Path) -> Iterator[Row]:
    few, many = (Database(f"sqlite:///{folder / name}.sqlite") for name in ("few", "many"))
    for db in (few, many):
        prepare(db)
    filled = fill(many, STORED, MONTH)
    yield from _taken_in("SQLite", LEAST_SQLITE, folder, few, many, filled, lambda: _plain_sqlite(folder))
    with Sender(folder / "looking", many) as sender:
        yield from _looked_at(many, sender, STORED)
    for db in (few, many):
        db.dispose()


def _postgres(folder: Path) -> Iterator[Row]:
    with running_postgres(durable=True) as server:
        few, many = (_made(server, name) for name in ("few", "many"))
        filled = fill(many, STORED_POSTGRES, MONTH)
        url = make_url(few.url).set(drivername="postgresql").render_as_string(hide_password=False)
        yield from _taken_in("PostgreSQL", LEAST_POSTGRES, folder, few, many, filled, lambda: _plain_postgres(url))
        for db in (few, many):
            db.dispose()


def _made(server: Postgres, name: str) -> Database:
    server.execute(f"CREATE DATABASE {name}")
    db = Database(server.url(name))
    prepare(db)
    return db


# --- taken in


def _taken_in(
    engine: str, least: float, folder: Path, few: Database, many: Database, filled: Filled, plain: Callable[[], float]
) -> Iterator[Row]:
    with ExitStack() as stack:
        senders = [
            stack.enter_context(Sender(folder / f"{engine}-{name}", db)) for name, db in (("few", few), ("many", many))
        ]
        senders[0].rate(FEW // BATCH)
        senders[1].rate(2 * FEW // BATCH)  # after which it has a sieve of all that is stored
        rates = [[sender.rate(BATCHES) for sender in senders] for _ in range(TURNS)]
        little, much = (statistics.median(column) for column in zip(*rates, strict=True))
        cpu = [sender.cpu * 1e6 for sender in senders]
    written = plain()
    yield {
        "name": f"events a second over HTTP, {engine}", "value": little, "unit": "events/s",
        "yardstick": f"{written:,.0f} rows written a batch a commit, by the driver alone", "ratio": little / written,
        "target": f"≥ {least:,.0f}", "ok": little >= least,
    }  # fmt: skip
    most = 1e6 / least
    yield {  # the API's own work for an event, which a busy machine stretches but does not multiply
        "name": f"the API's processor time for one, {engine}", "value": cpu[0], "unit": "µs",
        "yardstick": f"{1e6 / written:.1f} µs for a row by the driver alone", "ratio": cpu[0] * written / 1e6,
        "target": f"≤ {most:.0f}", "ok": cpu[0] <= most,
    }  # fmt: skip
    yield {
        "name": f"the same with {filled.events:,} stored, {engine}", "value": much, "unit": "events/s",
        "yardstick": f"{little:,.0f} with ten thousand, in turns", "ratio": much / little, "target": f"≥ {KEPT}",
        "ok": much / little >= KEPT,
    }  # fmt: skip
    yield {
        "name": f"its processor time, {engine}", "value": cpu[1], "unit": "µs",
        "yardstick": f"{cpu[0]:.1f} µs with ten thousand", "ratio": cpu[0] / cpu[1], "target": f"≥ {KEPT}",
        "ok": cpu[0] / cpu[1] >= KEPT,
    }  # fmt: skip
    yield {
        "name": f"{filled.events:,} events on the disk, {engine}", "value": filled.bytes / 1e9, "unit": "GB",
        "yardstick": f"filled without HTTP in {filled.seconds:.0f} s", "ratio": None, "target": None, "ok": None,
    }  # fmt: skip


_TABLE = """CREATE TABLE plain (id {key} PRIMARY KEY, event_id text NOT NULL, customer text NOT NULL, shape_id bigint,
at text, properties text, source text, digest bigint, received_at text)"""
_INDEX = "CREATE INDEX plain_by_customer ON plain (customer, at)"
PLAIN_BATCHES: Final = 20


def _plain_rows(number: int) -> list[tuple[Any, ...]]:
    return [
        (
            number * BATCH + each + 1, str(uuid.uuid4()), one["external_customer_id"], 1, one["timestamp"],
            orjson.dumps(one["properties"]).decode(), one["source"], number, one["timestamp"],
        )
        for each in range(BATCH)
        for one in (event(""),)
    ]  # fmt: skip


def _plain_sqlite(folder: Path) -> float:
    """Rows a second of the same size into a file of its own: no ids that are unique, no sums, no HTTP."""
    batches = [_plain_rows(number) for number in range(PLAIN_BATCHES)]
    with closing(sqlite3.connect(folder / "plain.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(_TABLE.format(key="integer"))
        connection.execute(_INDEX)
        begun = time.perf_counter()
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO plain VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", batch)
            connection.execute("COMMIT")
        return PLAIN_BATCHES * BATCH / (time.perf_counter() - begun)


def _plain_postgres(url: str) -> float:
    """The same by COPY."""
    batches = [_plain_rows(number) for number in range(PLAIN_BATCHES)]
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(_TABLE.format(key="bigint").encode())
        cursor.execute(_INDEX)
        begun = time.perf_counter()
        for batch in batches:
            with cursor.copy("COPY plain FROM STDIN") as copy:
                for row in batch:
                    copy.write_row(row)
        return PLAIN_BATCHES * BATCH / (time.perf_counter() - begun)


# --- over HTTP


class Sender:
    """An API process over a database, and clients that send it events."""

    def __init__(self, home: Path, db: Database) -> None:
        self._secret = BillingKeys(db, clock.now).issue("bench", actor="bench").secret
        self._running = running_api(home, db.url, NOWHERE)
        self._sent: list[str] = []

    def __enter__(self) -> "Sender":
        running = self._running.__enter__()
        self._url, self._process = running.url + "/billing/v1/events", running.process.pid
        return self

    def __exit__(self, *raised: Any) -> None:
        self._running.__exit__(*raised)

    def spent(self) -> float:
        """The seconds of processor that the API took so far."""
        return _cpu_seconds(self._process)

    def rate(self, batches: int) -> float:
        """Events a second, every one answered for; the bodies are written beforehand."""
        bodies = [self._body() for _ in range(batches)]
        before = self.spent()
        rate = asyncio.run(self._send(bodies))
        self.cpu = (self.spent() - before) / (batches * BATCH)
        return rate

    def ask(self, **said: Any) -> Any:
        """What the API's analytics answer."""
        answer = httpx.post(
            f"{self._url}/analytics", json=said, headers={"x-api-key": self._secret}, trust_env=False, timeout=120
        )
        return answer.raise_for_status().json()

    async def _send(self, bodies: list[bytes]) -> float:
        waiting = list(bodies)
        headers = {"x-api-key": self._secret, "content-type": "application/json"}
        async with httpx.AsyncClient(trust_env=False, headers=headers, timeout=120) as client:

            async def work() -> None:
                while waiting:
                    answer = await client.post(f"{self._url}/bulk", content=waiting.pop())
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


# --- looked at


def _looked_at(db: Database, sender: Sender, stored: int) -> Iterator[Row]:
    Ingest(db, clock.now).catch_up()
    span = {"start_time": "2026-04-01T00:00:00Z", "end_time": "2026-05-01T00:00:00Z"}
    month, seconds = "2026-04", "meter_video_seconds"
    for name, look in (
        (
            "the API, everybody by model and day",
            lambda: sender.ask(**span, group_by=["properties.model"], window_size="DAY"),
        ),
        ("the API, everybody by customer", lambda: sender.ask(**span, group_by=["external_customer_id"])),
        (
            "the API, one customer by model and day",
            lambda: sender.ask(
                **span, external_customer_id="cust_0001", group_by=["properties.model"], window_size="DAY"
            ),
        ),
        ("the operator's page by model", lambda: _page(db, Ask(month, seconds, "model"))),
        ("the operator's page by customer", lambda: _page(db, Ask(month, seconds, CUSTOMER))),
        ("what no price pays for", lambda: _unrated(db, Ask(month).span())),
        ("a customer's page", lambda: _page(db, Ask(month, seconds, "model", ["cust_0001"]))),
    ):
        taken, before = [], sender.spent() + time.process_time()
        for _ in range(LOOKS):
            started = time.perf_counter()
            found = look()
            taken.append((time.perf_counter() - started) * 1_000)
        cpu = (sender.spent() + time.process_time() - before) / LOOKS * 1_000
        if not found:
            raise RuntimeError(f"{name}: nothing was found")
        value = statistics.quantiles(taken, n=20)[-1]
        yield {
            "name": f"a month of {stored:,} events, {name}, p95", "value": value, "unit": "ms",
            "yardstick": f"{statistics.median(taken):.0f} ms at the median, {cpu:.0f} ms of processor", "ratio": None,
            "target": f"≤ {MOST_MS:.0f}", "ok": value <= MOST_MS,
        }  # fmt: skip


def _page(db: Database, ask: Ask) -> object:
    with db.read() as connection:
        return usage_report.report(connection, ask).shares


def _unrated(db: Database, span: Span) -> object:
    with db.read() as connection:
        return unrated.find(connection, span)
