"""The sandbox's own book: every job it accepted, what it would bill, and where the job stands.

One SQLite file, written before the answer leaves, so that a test can ask afterwards what was really bought.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from app.sandbox.jobs import OPEN, Failure, Job, Made

_COLUMNS = tuple(field.name for field in fields(Job))
_JSON = {"input", "events", "faults", "outputs", "error"}
_FLAGS = {"billed", "refunded", "called_back"}

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS job (
  {", ".join(f"{name} {'PRIMARY KEY' if name == 'id' else ''}" for name in _COLUMNS)}
);
CREATE INDEX IF NOT EXISTS job_by_time ON job (provider, accepted_at);
CREATE INDEX IF NOT EXISTS job_open ON job (state);
CREATE INDEX IF NOT EXISTS job_by_attempt ON job (attempt);
"""


class Book:
    """Opened by the one event loop that serves; nothing else writes the file."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        # Every commit survives a killed process; only a power cut could lose the last ones.
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)

    def add(self, job: Job) -> Job:
        marks = ", ".join("?" for _ in _COLUMNS)
        values = [_pack(name, getattr(job, name)) for name in _COLUMNS]
        self._db.execute(f"INSERT INTO job ({', '.join(_COLUMNS)}) VALUES ({marks})", values)
        return job

    def update(self, job_id: str, **changes: Any) -> Job:
        """Change a row and give back what it says now."""
        sets = ", ".join(f"{name} = ?" for name in changes)
        values = [_pack(name, value) for name, value in changes.items()]
        self._db.execute(f"UPDATE job SET {sets} WHERE id = ?", [*values, job_id])
        job = self.get(job_id)
        if job is None:
            raise KeyError(job_id)
        return job

    def get(self, job_id: str) -> Job | None:
        row = self._db.execute("SELECT * FROM job WHERE id = ?", [job_id]).fetchone()
        return _unpack(row) if row else None

    def open_jobs(self) -> list[Job]:
        return self._select("state IN (?, ?)", OPEN)

    def uncalled(self) -> list[Job]:
        """Finished jobs whose last callback has not been delivered yet."""
        return self._select("state NOT IN (?, ?) AND callback_url IS NOT NULL AND called_back = 0", OPEN)

    def finished_before(self, moment: float) -> list[Job]:
        return self._select("finished_at < ? AND outputs <> '[]'", [moment])

    def queued_before(self, job: Job) -> int:
        row = self._db.execute(
            "SELECT count(*) FROM job WHERE provider = ? AND state = 'queued' AND accepted_at < ?",
            [job.provider, job.accepted_at],
        ).fetchone()
        return int(row[0])

    def page(
        self, provider: str, *, limit: int, before: float, since: float = 0, until: float = 1e12, after: float = -1
    ) -> list[Job]:
        """Newest first: jobs accepted strictly between `after` and `before`, and within `since`…`until`."""
        return self._select(
            "provider = ? AND accepted_at < ? AND accepted_at > ? AND accepted_at >= ? AND accepted_at <= ?"
            " ORDER BY accepted_at DESC LIMIT ?",
            [provider, before, after, since, until, limit],
        )

    def entries(self, provider: str | None = None, since: float | None = None, attempt: str | None = None) -> list[Job]:
        where: list[str] = ["1 = 1"]
        values: list[Any] = []
        if provider:
            where.append("provider = ?")
            values.append(provider)
        if since is not None:
            where.append("accepted_at >= ?")
            values.append(since)
        if attempt:
            where.append("attempt = ?")
            values.append(attempt)
        return self._select(" AND ".join(where) + " ORDER BY accepted_at", values)

    def spent_micros(self, provider: str) -> int:
        row = self._db.execute(
            "SELECT coalesce(sum(price_micros), 0) FROM job WHERE provider = ? AND billed = 1 AND refunded = 0",
            [provider],
        ).fetchone()
        return int(row[0])

    def clear(self) -> None:
        self._db.execute("DELETE FROM job")

    def close(self) -> None:
        self._db.close()

    def _select(self, where: str, values: Sequence[Any]) -> list[Job]:
        return [_unpack(row) for row in self._db.execute(f"SELECT * FROM job WHERE {where}", values)]


def _pack(name: str, value: Any) -> Any:
    if name == "outputs":
        return json.dumps([asdict(made) for made in value])
    if name == "error":
        return json.dumps(value.to_json()) if value else None
    if name in _JSON:
        return json.dumps(value)
    return int(value) if name in _FLAGS else value


def _unpack(row: sqlite3.Row) -> Job:
    values = {name: row[name] for name in _COLUMNS}
    for name in _JSON - {"error"}:
        values[name] = json.loads(values[name])
    for name in _FLAGS:
        values[name] = bool(values[name])
    values["events"] = tuple(values["events"])
    values["outputs"] = tuple(Made(**made) for made in values["outputs"])
    values["error"] = Failure.from_json(json.loads(row["error"])) if row["error"] else None
    return Job(**values)
