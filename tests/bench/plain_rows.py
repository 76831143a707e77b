"""Rows written by the driver alone: what a machine and a database can do, which taking in events is held against."""

import sqlite3
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import psycopg

from tests.bench.filling import event
from tests.bench.spending import spent

_TABLE = """CREATE TABLE plain (id {key} PRIMARY KEY, event_id text NOT NULL, customer text NOT NULL, shape_id bigint,
at text, properties text, source text, digest bigint, received_at text)"""
_INDEX = "CREATE INDEX plain_by_customer ON plain (customer, at)"
ROWS, BATCHES = 1_000, 20


def _rows(number: int) -> list[tuple[Any, ...]]:
    return [
        (
            number * ROWS + each + 1, str(uuid.uuid4()), one["external_customer_id"], 1, one["timestamp"],
            orjson.dumps(one["properties"]).decode(), one["source"], number, one["timestamp"],
        )
        for each in range(ROWS)
        for one in (event(""),)
    ]  # fmt: skip


def rows_sqlite(folder: Path) -> tuple[float, float]:
    """Rows a second of a usage event's size into a file of its own, and µs of processor for one: no unique ids, no
    sums, no HTTP."""
    batches = [_rows(number) for number in range(BATCHES)]
    with closing(sqlite3.connect(folder / "plain.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("DROP TABLE IF EXISTS plain")
        connection.execute(_TABLE.format(key="integer"))
        connection.execute(_INDEX)
        begun, before = time.perf_counter(), time.process_time()
        for batch in batches:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO plain VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", batch)
            connection.execute("COMMIT")
        return _rate(begun, before)


def _rate(begun: float, before: float) -> tuple[float, float]:
    rows = BATCHES * ROWS
    return rows / (time.perf_counter() - begun), (time.process_time() - before) * 1e6 / rows


def rows_postgres(url: str) -> tuple[float, float]:
    """The same by COPY, with what the server spends on it."""
    batches = [_rows(number) for number in range(BATCHES)]
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS plain")
        cursor.execute(_TABLE.format(key="bigint").encode())
        cursor.execute(_INDEX)
        server = connection.info.backend_pid
        begun, before = time.perf_counter(), time.process_time() + spent([server]).seconds
        for batch in batches:
            with cursor.copy("COPY plain FROM STDIN") as copy:
                for row in batch:
                    copy.write_row(row)
        return _rate(begun, before - spent([server]).seconds)
