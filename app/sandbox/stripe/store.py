"""What the sandbox's Stripe remembers, in one SQLite file beside the providers' book.

Objects are kept as the JSON they are answered as. Everything one request does is one transaction, its stored answer
and the webhooks it causes included, so that a killed sandbox never half remembers.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Thing = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS thing (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  created INTEGER NOT NULL,
  body TEXT NOT NULL,
  hidden TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS thing_kind ON thing (kind, number);
CREATE INDEX IF NOT EXISTS thing_customer ON thing (kind, json_extract(body, '$.customer'));
CREATE INDEX IF NOT EXISTS thing_intent ON thing (kind, json_extract(body, '$.payment_intent'));
CREATE INDEX IF NOT EXISTS thing_charge ON thing (kind, json_extract(body, '$.charge'));
CREATE INDEX IF NOT EXISTS thing_type ON thing (kind, json_extract(body, '$.type'));
CREATE TABLE IF NOT EXISTS delivery (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  event TEXT NOT NULL,
  type TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  state TEXT NOT NULL,
  due REAL NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0,
  how TEXT NOT NULL DEFAULT '{}',
  answers TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (state, due);
CREATE INDEX IF NOT EXISTS delivery_event ON delivery (event);
CREATE TABLE IF NOT EXISTS answer (
  key TEXT PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  request TEXT NOT NULL,
  status INTEGER NOT NULL,
  body TEXT NOT NULL,
  at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS request (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL,
  at REAL NOT NULL,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  given TEXT NOT NULL,
  key TEXT,
  status INTEGER,
  replayed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS duty (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  due REAL NOT NULL,
  what TEXT NOT NULL,
  thing TEXT NOT NULL,
  given TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS duty_due ON duty (due);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

#: What can be compared beside the members of the JSON.
_COLUMNS = {
    "created": "created",
    "undelivered": "EXISTS (SELECT 1 FROM delivery WHERE event = thing.id AND state <> 'done')",
}
_ALL = ("thing", "delivery", "answer", "request", "duty")


@dataclass(frozen=True, slots=True)
class Page:
    things: list[Thing]
    has_more: bool


class Store:
    """Opened by the one event loop that serves; nothing else writes the file."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing; it must not await."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part of a transaction that may fail alone."""
        self._db.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO part")
            self._db.execute("RELEASE part")
            raise
        self._db.execute("RELEASE part")

    def run(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self._db.execute(sql, values).fetchall()

    def add(self, kind: str, body: Thing, hidden: Mapping[str, Any] | None = None) -> Thing:
        self._db.execute(
            "INSERT INTO thing (id, kind, created, body, hidden) VALUES (?, ?, ?, ?, ?)",
            [body["id"], kind, body.get("created", 0), json.dumps(body), json.dumps(hidden or {})],
        )
        return body

    def save(self, body: Thing) -> Thing:
        self._db.execute("UPDATE thing SET body = ? WHERE id = ?", [json.dumps(body), body["id"]])
        return body

    def find(self, wanted: str, kind: str | None = None) -> Thing | None:
        row = self._db.execute("SELECT kind, body FROM thing WHERE id = ?", [wanted]).fetchone()
        if row is None or (kind and row["kind"] != kind):
            return None
        return dict(json.loads(row["body"]))

    def hidden(self, wanted: str) -> dict[str, Any]:
        """What is known about an object and never answered: how a card behaves, who refunded."""
        row = self._db.execute("SELECT hidden FROM thing WHERE id = ?", [wanted]).fetchone()
        return dict(json.loads(row["hidden"])) if row else {}

    def hide(self, wanted: str, **facts: Any) -> None:
        self._db.execute(
            "UPDATE thing SET hidden = ? WHERE id = ?", [json.dumps({**self.hidden(wanted), **facts}), wanted]
        )

    def page(
        self,
        kind: str,
        where: Sequence[tuple[str, str, Any]] = (),
        *,
        limit: int = 10,
        after: str | None = None,
        before: str | None = None,
    ) -> Page:
        """Newest first; `where` compares `created` or a member of the JSON. Cursors are ids, as Stripe's are."""
        conditions, values = ["kind = ?"], [kind]
        for name, comparison, value in where:
            column = _COLUMNS.get(name, f"json_extract(body, '$.{name}')")
            marks = f"({', '.join('?' * len(value))})" if isinstance(value, list) else "?"
            conditions.append(f"{column} {comparison} {marks}")
            values += value if isinstance(value, list) else [value]
        for cursor, comparison in ((after, "<"), (before, ">")):
            if cursor:
                conditions.append(f"number {comparison} (SELECT number FROM thing WHERE id = ?)")
                values.append(cursor)
        order = "ASC" if before else "DESC"
        rows = self._db.execute(
            f"SELECT body FROM thing WHERE {' AND '.join(conditions)} ORDER BY number {order} LIMIT ?",
            [*values, limit + 1],
        ).fetchall()
        things = [dict(json.loads(row["body"])) for row in rows[:limit]]
        return Page(things[::-1] if before else things, len(rows) > limit)

    def setting(self, name: str, default: Any = None) -> Any:
        row = self._db.execute("SELECT value FROM setting WHERE name = ?", [name]).fetchone()
        return json.loads(row["value"]) if row else default

    def set(self, name: str, value: Any) -> None:
        self._db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", [name, json.dumps(value)])

    def clear(self, *, keep_kinds: Sequence[str] = ()) -> None:
        for table in _ALL:
            kept = f" WHERE kind NOT IN ({', '.join('?' * len(keep_kinds))})" if table == "thing" else ""
            self._db.execute(f"DELETE FROM {table}{kept}", list(keep_kinds) if kept else [])

    def close(self) -> None:
        self._db.close()
