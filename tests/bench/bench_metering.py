"""Usage events: taken in over HTTP in batches of a thousand, one in ten known already, over an empty database and over
a million and ten million that are stored; and sums of ten million of them. On both databases.

The API runs in a process of its own, as it is served; the events' ids are random, the worst an index can meet. The
three are measured in turns, and the driver's own writing with them, so that what else the machine does is the same for
all. The large databases are filled by `filling.py`, without HTTP. How much is in the largest is `FAREBOX_BENCH_EVENTS`;
the middle one has a tenth of it. `FAREBOX_BENCH_ENGINE` (sqlite, postgresql) measures one of them alone.
"""

import asyncio
import os
import random
import shutil
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import orjson
import psycopg
from sqlalchemy.engine import make_url

from app import services as building
from app.billing import unrated, usage_report
from app.billing.usage_report import Ask
from app.kernel import clock
from app.kernel.db import Database
from app.metering.aggregate import Span
from app.metering.analytics import CUSTOMER
from app.metering.ingest import Ingest
from app.plans.keys import BillingKeys
from tests.bench.filling import event, fill
from tests.bench.plain_rows import rows_postgres, rows_sqlite
from tests.bench.quiet import Round, chosen, enough, left_alone, one_round
from tests.bench.row import Row, figure, in_parts
from tests.bench.served import serving
from tests.bench.spending import Spent, family, members, parent, spent
from tests.support.house import settings_for
from tests.support.postgres import Postgres, running_postgres
from tests.support.schema import prepare

BATCH: Final = 1_000
#: So many batches are sent at once to each of the three, so many times: several hundred thousand events, so that what
#: is written for very many at a time is among what is measured.
BATCHES, TURNS, MOST_TURNS = 60, 4, 8
SENDERS: Final = 6
REPEATED: Final = 0.1
#: A process that has seen so many has everything it keeps in memory.
WARM: Final = 30
STORED: Final = int(os.environ.get("FAREBOX_BENCH_EVENTS", "10000000"))
ENGINE: Final = os.environ.get("FAREBOX_BENCH_ENGINE", "")
NOWHERE: Final = "http://127.0.0.1:9"
MONTH: Final = Span(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
CORES: Final = 2  # that the targets are meant for
LEAST_SQLITE, LEAST_POSTGRES, KEPT = 20_000, 10_000, 0.8
MOST_MS: Final = 200.0
#: PostgreSQL as docs/scaling.md says to set it up for many events, and (the third and fourth) so that filling need not
#: write what only a second server would read; everything else as it comes.
SERVER: Final = {"shared_buffers": "2GB", "max_wal_size": "8GB", "wal_level": "minimal", "max_wal_senders": "0"}
#: Of twenty looks the 95th percentile is the slowest one; of three times as many it is one in twenty.
LOOKS, ROUNDS, MOST_ROUNDS = 20, 3, 9


class Bed(NamedTuple):
    """A database engine to measure on: its databases by how many events they have; `processes` are its own."""

    engine: str
    least: float
    folder: Path
    databases: Mapping[int, Database]
    plain: Callable[[], tuple[float, float]]
    processes: Callable[[], list[int]] = list


def run() -> Iterator[Row]:
    """The rows of `make bench`, each as soon as it is known."""
    parts = {"usage events on SQLite": _sqlite, "usage events on PostgreSQL": _postgres}
    yield from in_parts({name: part for name, part in parts.items() if ENGINE.casefold() in name.casefold()})


def _sqlite() -> Iterator[Row]:
    folder = Path(tempfile.mkdtemp(prefix="farebox-bench-"))
    try:
        with ExitStack() as stack:
            databases = {}
            for stored in (0, STORED // 10, STORED):
                databases[stored] = db = Database(f"sqlite:///{folder / str(stored)}.sqlite")
                stack.callback(db.dispose)
                prepare(db)
            yield from _measured(Bed("SQLite", LEAST_SQLITE, folder, databases, lambda: rows_sqlite(folder)))
    finally:
        shutil.rmtree(folder)


def _postgres() -> Iterator[Row]:
    folder = Path(tempfile.mkdtemp(prefix="farebox-bench-"))
    try:
        with running_postgres(durable=True, settings=SERVER) as server, ExitStack() as stack:
            databases = {}
            for stored in (0, STORED // 10, STORED):
                databases[stored] = db = _made(server, f"stored_{stored}")
                stack.callback(db.dispose)
            url = make_url(databases[0].url).set(drivername="postgresql").render_as_string(hide_password=False)
            processes = partial(family, _postmaster(url))
            yield from _measured(
                Bed("PostgreSQL", LEAST_POSTGRES, folder, databases, lambda: rows_postgres(url), processes)
            )
    finally:
        shutil.rmtree(folder)


def _made(server: Postgres, name: str) -> Database:
    server.execute(f"CREATE DATABASE {name}")
    db = Database(server.url(name))
    prepare(db)
    return db


def _measured(bed: Bed) -> Iterator[Row]:
    for stored, db in bed.databases.items():
        if stored:
            filled = fill(db, stored, MONTH)
            yield figure(
                f"{filled.events:,} events on the disk, {bed.engine}", filled.bytes / 1e9, "GB",
                yardstick=f"filled without HTTP in {filled.seconds:.0f} s",
            )  # fmt: skip
    with ExitStack() as stack:
        senders = {
            stored: stack.enter_context(Sender(bed.folder / f"api-{stored}", db, bed.processes))
            for stored, db in bed.databases.items()
        }
        yield from _taken_in(bed, senders)
        yield from _looked_at(bed.engine, bed.databases[STORED], senders[STORED])


# --- taken in


class Turn(NamedTuple):
    """What a thousand batches cost: events a second, µs of processor and bytes written for each event."""

    rate: float
    cpu: float
    bytes: float


def _taken_in(bed: Bed, senders: Mapping[int, "Sender"]) -> Iterator[Row]:
    for sender in senders.values():
        sender.turn(WARM)
    turns: dict[int, list[Round[Turn]]] = {stored: [] for stored in senders}
    plain: list[tuple[float, float]] = []
    while len(plain) < MOST_TURNS and not all(enough(rounds, TURNS) for rounds in turns.values()):
        plain.append(bed.plain())
        for stored, sender in senders.items():
            turns[stored].append(one_round(partial(sender.turn, BATCHES)))
    rows, row_cpu = (statistics.median(column) for column in zip(*plain, strict=True))
    least, engine = bed.least, bed.engine
    rounds = chosen(turns[0], TURNS)
    empty = _middle(rounds.found)
    yield figure(
        f"events a second over HTTP, {engine}", empty.rate, "events/s", empty.rate / rows,
        yardstick="; ".join(
            filter(None, (f"{rows:,.0f} rows written a batch a commit, by the driver alone", rounds.said))
        ),
        target=f"≥ {least:,.0f}", ok=empty.rate >= least,
    )  # fmt: skip
    yield figure(  # work for an event, which a busy machine stretches but does not multiply
        f"processor time for one (API and database), {engine}", empty.cpu, "µs", empty.cpu / row_cpu,
        yardstick=f"{row_cpu:.1f} µs for a row by the driver alone", target=f"≤ {CORES * 1e6 / least:.0f}",
        ok=empty.cpu <= CORES * 1e6 / least,
    )  # fmt: skip
    for stored, each in turns.items():
        if not stored:
            continue
        full = _middle(chosen(each, TURNS).found)
        wall, work = (statistics.median(column) for column in zip(*_kept(turns[0], each), strict=True))
        target, largest = (f"≥ {KEPT}", stored == STORED)
        yield figure(
            f"events a second with {stored:,} stored, {engine}", full.rate, "events/s", wall,
            yardstick=f"{empty.rate:,.0f} with none, in turns", target=target if largest else None,
            ok=wall >= KEPT if largest else None,
        )  # fmt: skip
        yield figure(
            f"processor time for one with {stored:,} stored, {engine}", full.cpu, "µs", work,
            yardstick=f"{empty.cpu:.1f} µs with none", target=target if largest else None,
            ok=work >= KEPT if largest else None,
        )  # fmt: skip
        yield figure(
            f"written to the disk for one with {stored:,} stored, {engine}", full.bytes, "bytes",
            full.bytes / empty.bytes, yardstick=f"{empty.bytes:,.0f} with none",
        )  # fmt: skip


def _middle(turns: list[Turn]) -> Turn:
    return Turn(*(statistics.median(column) for column in zip(*turns, strict=True)))


def _kept(empty: list[Round[Turn]], full: list[Round[Turn]]) -> Iterator[tuple[float, float]]:
    """What is kept of the speed in each turn, by the clock and by the processor."""
    for (one, _), (other, _) in zip(empty, full, strict=True):
        yield other.rate / one.rate, one.cpu / other.cpu


# --- over HTTP


class Sender:
    """An API process over a database, and clients that send it events."""

    def __init__(self, home: Path, db: Database, others: Callable[[], list[int]]) -> None:
        """`others` are the processes that work for it, such as the database's."""
        self._others = others
        self._secret = BillingKeys(db, clock.now).issue("bench", actor="bench").secret
        self._running = serving(settings_for(home, db.url, NOWHERE))
        self._sent: list[str] = []
        #: One for all questions: to make a client takes longer than most answers do.
        self._asking = httpx.Client(trust_env=False, headers={"x-api-key": self._secret}, timeout=120)

    def __enter__(self) -> "Sender":
        running = self._running.__enter__()
        self._url, self._group = running.url + "/billing/v1/events", running.group
        return self

    def __exit__(self, *raised: Any) -> None:
        self._asking.close()
        self._running.__exit__(*raised)

    def spent(self) -> Spent:
        """By the API and the database so far."""
        return spent([*members(self._group), *self._others()])

    def turn(self, batches: int) -> "Turn":
        """Send so many, every one answered for; the bodies are written beforehand."""
        bodies = [self._body() for _ in range(batches)]
        before = self.spent()
        rate = asyncio.run(self._send(bodies))
        cost, events = self.spent().since(before), batches * BATCH
        return Turn(rate, cost.seconds * 1e6 / events, cost.bytes / events)

    def ask(self, **said: Any) -> Any:
        """What the API's analytics answer."""
        answer = self._asking.post(f"{self._url}/analytics", json=said)
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


def _postmaster(url: str) -> int:
    with psycopg.connect(url) as connection:
        return parent(connection.info.backend_pid)


# --- looked at


def _looked_at(engine: str, db: Database, sender: Sender) -> Iterator[Row]:
    Ingest(db, clock.now).catch_up()
    building.prepare_to_serve()  # the pages are asked in this process, which is to answer as one that serves them
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
        looks = Looks(look, lambda: sender.spent().seconds + time.process_time())
        rounds = left_alone(looks.go, wanted=ROUNDS, most=MOST_ROUNDS)
        taken, cpu = [each for round_ in rounds.found for each in round_.taken], _mean(rounds.found)
        value = statistics.quantiles(taken, n=20)[-1]
        said = [f"{statistics.median(taken):.0f} ms at the median, {cpu:.0f} ms of processor", rounds.said]
        yield figure(
            f"a month of {STORED:,} events, {name}, {engine}, p95", value, "ms",
            yardstick="; ".join(filter(None, said)), target=f"≤ {MOST_MS:.0f}", ok=value <= MOST_MS,
        )  # fmt: skip


class Looked(NamedTuple):
    """Milliseconds each look took, and those of processor for all."""

    taken: list[float]
    cpu: float


class Looks:
    """One question, asked again and again."""

    def __init__(self, look: Callable[[], object], spent_: Callable[[], float]) -> None:
        """`spent_` says the seconds of processor of all who answer, so far."""
        self._look, self._spent = look, spent_

    def go(self) -> Looked:
        """Some looks, one after the other; each must find something."""
        taken, before = [], self._spent()
        for _ in range(LOOKS):
            started = time.perf_counter()
            found = self._look()
            taken.append((time.perf_counter() - started) * 1_000)
            if not found:
                raise RuntimeError("nothing was found")
        return Looked(taken, (self._spent() - before) * 1_000)


def _mean(rounds: list[Looked]) -> float:
    """Milliseconds of processor for one look."""
    return statistics.fmean(each.cpu for each in rounds) / LOOKS


def _page(db: Database, ask: Ask) -> object:
    with db.read() as connection:
        return usage_report.report(connection, ask).shares


def _unrated(db: Database, span: Span) -> object:
    with db.read() as connection:
        return unrated.find(connection, span)
