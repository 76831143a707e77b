"""An account statement of 100,000 charges, as CSV: how long it takes, and that its length costs no memory."""

import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path

from sqlalchemy import Connection, insert, select

from app.generation.account_statement import AccountStatements, Period
from app.kernel.db import Database
from app.kernel.ids import new_id
from app.kernel.migrate import upgrade
from app.kernel.money import CREDIT, MICRO, Money
from app.ledger import accounts, tables
from app.pricing.quote import Quote, QuoteLine
from tests.bench.row import Row
from tests.ledger.support import GENERATION, START, Sold, new_model, new_workspace

LINES = 100_000
FEWER = LINES // 10
BATCH = 5_000
SECONDS = timedelta(seconds=1)
MOST_GROWTH = 1.1
KILOBYTES_A_MEGABYTE = 1024


def run() -> list[Row]:
    """SQLite, one workspace. Each statement is written in a process of its own, whose memory at its highest counts."""
    with _books() as (url, workspace_id):
        (less, _), (most, seconds) = (_written(url, workspace_id, lines) for lines in (FEWER, LINES))
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
            name=f"statement of {LINES:,} lines, the process",
            value=most,
            unit="MB",
            yardstick=f"{less:.0f} MB for {FEWER:,} lines",
            ratio=most / less,
            target=f"≤ {MOST_GROWTH}",
            ok=most / less <= MOST_GROWTH,
        ),
    ]


def _written(url: str, workspace_id: str, lines: int) -> tuple[float, float]:
    """The highest memory in MB and the seconds it took to write that many lines."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        return alone.submit(_write, url, workspace_id, lines).result()


def _write(url: str, workspace_id: str, lines: int) -> tuple[float, float]:
    database = Database(url)
    began = time.perf_counter()
    parts = AccountStatements(database).csv(workspace_id, Period(START, START + lines * SECONDS))
    written = sum(part.count("\r\n") for part in parts)
    seconds = time.perf_counter() - began
    if written != lines + 3:
        raise RuntimeError(f"{written} lines instead of {lines}, a header and two balances")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KILOBYTES_A_MEGABYTE, seconds


@contextmanager
def _books() -> Iterator[tuple[str, str]]:
    """A grant and then a charge every second, written straight into the tables: the lane is measured elsewhere."""
    with tempfile.TemporaryDirectory(prefix="farebox-bench-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'books.sqlite'}")
        upgrade(database)
        workspace_id, sold = new_workspace(database), new_model(database)
        for first in range(0, LINES, BATCH):
            with database.write() as connection:
                _charges(connection, workspace_id, sold, range(first, first + BATCH))
        database.dispose()
        yield database.url, workspace_id


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
        legs = ((accounts.prepaid(workspace_id, CREDIT), 20 * MICRO), (accounts.REVENUE_USAGE, -20 * MICRO))
        entries += [
            {
                "journal_id": journal_id,
                "position": position,
                "account": account,
                "unit": CREDIT,
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
