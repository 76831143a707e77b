"""A process that takes usage events in until it is done or is killed at a named point.

The plan has one batch a line, its events as words `id:customer:count`. Each line's number is written to the pipe after
its batch was accepted.
"""

from datetime import UTC, datetime
from multiprocessing.connection import Connection

from app.kernel.db import Database
from app.metering import known
from app.metering.events import Event, read_event
from app.metering.ingest import Ingest
from app.metering.writing import Postgres, Sqlite
from tests.support.forking import die_at, told_by

NOON = datetime(2026, 4, 14, 12, tzinfo=UTC)


def read(word: str) -> Event:
    event_id, customer, count = word.split(":")
    given = {
        "event_name": "image_generated",
        "external_customer_id": customer,
        "event_id": event_id,
        "properties": {"model": "dall-e-3", "image_count": int(count)},
    }
    return read_event(given, NOON, "")


def main(url: str, plan: str, fault: str, pipe: Connection) -> None:
    die_at(fault)
    known.MOST_RECENT, known.FEWEST_YOUNG, known.SIEVE_AFTER = 8, 12, 4  # so that ids leave the memory, and grow old
    Sqlite.roll_at = Postgres.roll_at = 7  # sums are written in between
    db = Database(url)
    ingest = Ingest(db, lambda: NOON)
    for number, line in enumerate(plan.splitlines()):
        ingest.accept([read(word) for word in line.split()])
        pipe.send_bytes(str(number).encode())
    ingest.catch_up()
    db.dispose()


def run(url: str, plan: str, fault: str = "") -> tuple[int, list[str]]:
    """One process over the plan: its exit code (minus the signal that ended it) and the batches it answered for."""
    return told_by(main, url, plan, fault)
