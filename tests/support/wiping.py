"""A PostgreSQL database that is put back to the state it was copied in, for the next test.

Copying the template costs twenty times what wiping costs. Nothing is taken on trust: PostgreSQL counts the rows that
were ever added, changed and removed in each table, those of its own catalogue as well, and a session that has ended has
handed in its counts. A database whose catalogue has changed (a trigger dropped, a table made) is not lent again; in the
others every table that was written to is filled as it was.
"""

import itertools
import time
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

#: A database is thrown away after so many uses: deleted rows leave holes.
MOST_USES = 150
#: The catalogue, but for what collecting statistics of a table writes; and what every database shares.
CATALOGUE = """
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'pg_catalog' AND c.relkind = 'r' AND NOT c.relisshared
    AND c.relname NOT IN ('pg_statistic', 'pg_statistic_ext_data')
"""
TABLES = """
    SELECT c.oid, n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384 AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 2, 3
"""
WRITTEN = "pg_stat_get_tuples_inserted(oid) + pg_stat_get_tuples_updated(oid) + pg_stat_get_tuples_deleted(oid)"
WRITES = f"SELECT {WRITTEN} FROM unnest(%s::oid[]) WITH ORDINALITY AS each (oid, place) ORDER BY place"
SHAPE = f"""
    SELECT (SELECT sum({WRITTEN}) FROM unnest(%s::oid[]) AS each (oid)),
    (SELECT count(*)::text || ':' || sum(hashtextextended(t::text, 0))::text FROM pg_db_role_setting t)
"""
SEQUENCES = "SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2"
OTHERS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
#: A session that was closed just now is listed for a moment longer.
LEAVING_SECONDS = 1.0

Row = tuple[Any, ...]


@dataclass
class Reusable:
    """One database at `url`, and what was in it when it was new."""

    name: str
    url: str
    uses: int = 0
    shape: list[Row] = field(init=False)
    sequences: list[Row] = field(init=False)
    filled: dict[Row, bytes] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._connection = psycopg.connect(self.url, autocommit=True)
        self._catalogue = [oid for (oid,) in self._rows(CATALOGUE)]
        tables = self._rows(TABLES)
        self._oids, self._tables = [oid for oid, *_ in tables], [(schema, name) for _, schema, name in tables]
        each = (sql.SQL("EXISTS (SELECT FROM {})").format(sql.Identifier(*table)) for table in self._tables)
        (has_rows,) = self._rows(sql.SQL("SELECT {}").format(sql.SQL(", ").join(each)))
        for table in itertools.compress(self._tables, has_rows):
            self.filled[table] = self._copy_out(table)
        self.shape = self._shape()
        self.sequences = self._rows(SEQUENCES)
        self._writes = self._written()

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
        now = self._written()
        touched = [
            table for table, before, after in zip(self._tables, self._writes, now, strict=True) if before != after
        ]
        with self._connection.transaction():
            self._connection.execute("SET LOCAL session_replication_role = replica")  # no guard, no reference
            self._empty(touched)
            for table in touched:
                if table in self.filled:
                    self._copy_in(table, self.filled[table])
            self._rewind()
        self._connection.execute("SELECT pg_stat_force_next_flush()")
        self._writes = self._written()
        return True

    def close(self) -> None:
        """From now on nobody of ours is in it, and so it cannot be wiped."""
        self._connection.close()

    def _is_fit(self) -> bool:
        return self.uses < MOST_USES and self._left_alone() and self._shape() == self.shape

    def _left_alone(self) -> bool:
        patience = time.monotonic() + LEAVING_SECONDS
        while self._rows(OTHERS):
            if time.monotonic() > patience:
                return False
            time.sleep(0.005)
        return True

    def _shape(self) -> list[Row]:
        """Another one after any DDL."""
        return self._rows(SHAPE, self._catalogue)

    def _written(self) -> list[Row]:
        """How many rows were ever written, table by table."""
        return self._rows(WRITES, self._oids)

    def _empty(self, tables: list[Row]) -> None:
        """In one go."""
        if tables:
            each = (sql.SQL("DELETE FROM {}").format(sql.Identifier(*table)) for table in tables)
            self._connection.execute(sql.SQL("; ").join(each))

    def _copy_in(self, table: Row, rows: bytes) -> None:
        command = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(sql.Identifier(*table))
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

    def _rows(self, statement: str | sql.Composed, *given: Any) -> list[Row]:
        query = statement.encode() if isinstance(statement, str) else statement
        return self._connection.execute(query, given or None, prepare=bool(given)).fetchall()
