"""An account statement of 100,000 charges, as CSV: how long it takes, and that its length costs no memory."""

import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import Connection, insert, select

from app.generation.account_statement import AccountStatements, Period
from app.kernel.db import Database
from app.kernel.ids import new_id
from app.kernel.migrate import upgrade
from app.kernel.money import MICRO, Money
from app.ledger import accounts, tables
from app.pricing.quote import Quote, QuoteLine
from tests.bench.row import Row
from tests.ledger.support import GENERATION, START, Sold, new_model, new_workspace

LINES = 100_000
FEWER = LINES // 10
BATCH = 5_000
SECONDS = timedelta(seconds=1)
MOST_MB = 32
MOST_GROWTH = 1.25
MEGABYTE = 2**20


def run() -> list[Row]:
    """SQLite, one workspace; the memory is Python's own, at its highest while the file is written."""
    with _books() as (database, workspace_id):
        statements = AccountStatements(database)
        whole, part = Period(START, START + LINES * SECONDS), Period(START, START + FEWER * SECONDS)
        began = time.perf_counter()
        lines = _drain(statements.csv(workspace_id, whole))
        seconds = time.perf_counter() - began
        assert lines == LINES + 3, f"{lines} lines instead of {LINES}, a header and two balances"
        small, large = (_peak(statements.csv(workspace_id, period)) for period in (part, whole))
    return [
        Row(
            name=f"statement of {LINES:,} lines as CSV",
            value=seconds,
            unit="s",
            yardstick=f"{LINES / seconds:,.0f} lines/s",
            ratio=None,
            target=None,
            ok=None,
        ),
        Row(
            name=f"statement of {LINES:,} lines, memory",
            value=large,
            unit="MB",
            yardstick=f"{small:.1f} MB for {FEWER:,} lines",
            ratio=large / small,
            target=f"≤ {MOST_MB} MB, ≤ {MOST_GROWTH}",
            ok=large <= MOST_MB and large / small <= MOST_GROWTH,
        ),
    ]


def _drain(parts: Iterator[str]) -> int:
    return sum(part.count("\r\n") for part in parts)


def _peak(parts: Iterator[str]) -> float:
    """Megabytes at the highest point, above where it began."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        _drain(parts)
        return (tracemalloc.get_traced_memory()[1] - before) / MEGABYTE
    finally:
        tracemalloc.stop()


@contextmanager
def _books() -> Iterator[tuple[Database, str]]:
    """A grant and then a charge every second, written straight into the tables: the lane is measured elsewhere."""
    with tempfile.TemporaryDirectory(prefix="farebox-bench-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'books.sqlite'}")
        upgrade(database)
        workspace_id, sold = new_workspace(database), new_model(database)
        for first in range(0, LINES, BATCH):
            with database.write() as connection:
                _charges(connection, workspace_id, sold, range(first, first + BATCH))
        yield database, workspace_id
        database.dispose()


def _charges(connection: Connection, workspace_id: str, sold: Sold, numbers: range) -> None:
    wallet_id = connection.execute(
        select(tables.wallet.c.id).where(tables.wallet.c.workspace_id == workspace_id)
    ).scalar_one()
    quote = _quote().to_json()
    generations, journals, entries = [], [], []
    for number in numbers:
        at, generation_id, journal_id = START + number * SECONDS, new_id("gen"), new_id("jrn")
        generations.append(
            {
                "id": generation_id,
                "request_id": new_id("req"),
                "workspace_id": workspace_id,
                "origin": "api",
                "model_id": sold.model_id,
                "version_id": sold.version_id,
                "modality": "image",
                "state": "settled",
                "params": {"prompt": "A red tram on a viaduct", "num_images": 2},
                "estimate": quote,
                "final": quote,
                "hold_micros": 20 * MICRO,
                "charged_micros": 20 * MICRO,
                "created_at": at,
                "updated_at": at,
                "finished_at": at,
            }
        )
        journals.append(
            {
                "id": journal_id,
                "kind": "capture",
                "ref": generation_id,
                "wallet_id": wallet_id,
                "generation_id": generation_id,
                "actor": "system",
                "created_at": at,
            }
        )
        legs = ((accounts.prepaid(workspace_id), 20 * MICRO), (accounts.REVENUE_USAGE, -20 * MICRO))
        entries += [
            {
                "journal_id": journal_id,
                "position": position,
                "account": account,
                "unit": "credit",
                "amount": micros,
                "balance_after": -20 * MICRO * (number + 1) if micros > 0 else None,
                "wallet_version": number if micros > 0 else None,
            }
            for position, (account, micros) in enumerate(legs)
        ]
    connection.execute(insert(GENERATION), generations)
    connection.execute(insert(tables.journal), journals)
    connection.execute(insert(tables.entry), entries)


def _quote() -> Quote:
    line = QuoteLine("usage", "image_count", Decimal(2), Decimal(2), Decimal(10), Money(20 * MICRO), "2 images × 10")
    return Quote((line,), Money(20 * MICRO), Money(20 * MICRO), "2 images at 10 credits")
