"""A PostgreSQL database that is put back to the state it was copied in, for the next test.

Copying the template costs twenty times what wiping costs. Nothing is taken on trust: a database in which anything but
rows has changed (a trigger dropped, a table made) is not lent again, and the rows that the template itself holds are
compared and, where they differ, put back.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

#: A database is thrown away after so many uses: deleted rows leave holes.
MOST_USES = 150
#: Every object that is not PostgreSQL's own, by the version of its catalogue row: any DDL makes a new version.
OURS = (
    ("pg_namespace", "oid", "nspname NOT LIKE 'pg\\_%'"),
    ("pg_class", "oid", "oid >= 16384"),
    ("pg_attribute", "(attrelid::text || '.' || attnum::text)", "attrelid >= 16384"),
    ("pg_attrdef", "oid", "oid >= 16384"),
    ("pg_constraint", "oid", "oid >= 16384"),
    ("pg_trigger", "oid", "oid >= 16384"),
    ("pg_index", "indexrelid", "indexrelid >= 16384"),
    ("pg_proc", "oid", "oid >= 16384"),
    ("pg_type", "oid", "oid >= 16384"),
    ("pg_rewrite", "oid", "oid >= 16384"),
    ("pg_extension", "oid", "true"),
    ("pg_db_role_setting", "(setdatabase::text || '.' || setrole::text)", "true"),
)
VERSIONS = "SELECT '{}', count(*), sum(hashtextextended({}::text || ':' || xmin::text, 0)) FROM {} WHERE {}"
SHAPE = " UNION ALL ".join(VERSIONS.format(table, key, table, which) for table, key, which in OURS)
TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384 AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1, 2
"""
SEQUENCES = "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2"
OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
#: A session that was closed just now is listed for a moment longer.
LEAVING_SECONDS = 0.3

Row = tuple[Any, ...]


@dataclass
class Reusable:
    """One database at `url`, and what was in it when it was new."""

    name: str
    url: str
    uses: int = 0
    shape: list[Row] = field(init=False)
    sequences: list[Row] = field(init=False)
    filled: dict[Row, tuple[object, bytes]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._connection = psycopg.connect(self.url, autocommit=True)
        self.shape = self._rows(SHAPE)
        self.sequences = self._rows(SEQUENCES)
        self._tables = self._rows(TABLES)
        one = sql.SQL("(SELECT count(*)::text || ':' || sum(hashtextextended(t::text, 0))::text FROM {} t)")
        each = sql.SQL(", ").join(one.format(sql.Identifier(*table)) for table in self._tables)
        self._content = sql.SQL("SELECT {}").format(each)
        for table, mark in self._marks():
            if mark is not None:
                self.filled[table] = (mark, self._copy_out(table))

    def wipe(self) -> bool:
        """Put the rows back; False if this database must not be lent again, as when somebody is still in it."""
        self.uses += 1
        try:
            fit = not self._connection.closed and self._is_fit()
        except psycopg.OperationalError:  # a test cut every session of its database, ours too
            fit = False
        if not fit:
            self.close()
            return False
        with self._connection.transaction():
            self._connection.execute("SET LOCAL session_replication_role = replica")  # no guard, no reference
            for table, mark in self._marks():
                before, rows = self.filled.get(table, (None, b""))
                if mark != before:
                    self._put_back(table, rows)
            self._rewind()
        return True

    def close(self) -> None:
        """From now on nobody of ours is in it, and so it cannot be wiped."""
        self._connection.close()

    def _is_fit(self) -> bool:
        return self.uses < MOST_USES and self._left_alone() and self._rows(SHAPE) == self.shape

    def _left_alone(self) -> bool:
        patience = time.monotonic() + LEAVING_SECONDS
        while self._rows(OTHERS):
            if time.monotonic() > patience:
                return False
            time.sleep(0.005)
        return True

    def _marks(self) -> list[tuple[Row, object]]:
        """With each table None if it is empty, else what tells its present content from any other."""
        marks = self._connection.execute(self._content, prepare=True).fetchone()
        return list(zip(self._tables, marks or (), strict=True))

    def _put_back(self, table: Row, rows: bytes) -> None:
        name = sql.Identifier(*table)
        self._connection.execute(sql.SQL("DELETE FROM {}").format(name))
        if rows:
            command = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(name)
            with self._connection.cursor().copy(command) as into:
                into.write(rows)

    def _copy_out(self, table: Row) -> bytes:
        command = sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(*table))
        with self._connection.cursor().copy(command) as out:
            return b"".join(bytes(part) for part in out)

    def _rewind(self) -> None:
        for now, (schema, name, last) in zip(self._rows(SEQUENCES), self.sequences, strict=True):
            if now[2] != last:
                sequence = sql.Identifier(schema, name).as_string(self._connection)
                self._connection.execute("SELECT setval(%s::regclass, %s, %s)", (sequence, last or 1, last is not None))

    def _rows(self, statement: str) -> list[Row]:
        return self._connection.execute(statement.encode(), prepare=True).fetchall()
