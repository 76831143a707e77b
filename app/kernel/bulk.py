"""Many rows by one statement, declared once for both databases.

On SQLite the rows go through the driver's `executemany`: sending a statement costs nothing there, so what counts is to
compile it once. On PostgreSQL each execution is a message and a turn of the server's executor, so the rows travel as
one JSON document which the server reads as a table.

The driver lets other threads run at each row, and in a busy process each takes a while to give the turn back. Where
somebody waits for the answer (`InsertUnlessKnown`), the rows are one execution on SQLite too.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Table,
    Text,
    UpdateBase,
    bindparam,
    cast,
    column,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.types import TypeEngine

Row = Mapping[str, Any]
NEW = "new_"  # the prefix of a value to set, which keeps it apart from the value to find the row by


class Statement(Protocol):
    table: Table

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Write `rows`; how many were written."""
        ...


class Insert:
    """Insert rows that give every column of the table but `without`."""

    def __init__(self, table: Table, *, without: Sequence[str] = ()) -> None:
        self.table = table
        given = {col.name: col.type for col in table.columns if col.name not in without}
        self._one = _Prepared(insert(table), given)
        self._many = insert(table).from_select(list(given), select(*_document(given).values()))

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        if connection.dialect.name == "postgresql":
            connection.execute(self._many, {"rows": _text(rows)})
        else:
            self._one.run(connection, rows)
        return len(rows)


class InsertUnlessKnown:
    """Insert those rows whose `key`, a unique constraint of the table, is not there yet."""

    def __init__(self, table: Table, key: Sequence[str], *, without: Sequence[str] = ()) -> None:
        self.table = table
        given = {col.name: col.type for col in table.columns if col.name not in without}
        self._one = _Prepared(sqlite.insert(table).on_conflict_do_nothing(index_elements=key), given)
        self._many = (
            postgresql.insert(table)
            .from_select(list(given), select(*_document(given).values()))
            .on_conflict_do_nothing(index_elements=key)
        )

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        if connection.dialect.name == "postgresql":
            return connection.execute(self._many, {"rows": _text(rows)}).rowcount
        return self._one.run_at_once(connection, rows)


class Update:
    """Set `new_…` values in the rows found by equality of `where` (the row's key → the table's column)."""

    def __init__(self, table: Table, *, sets: Sequence[str], where: Mapping[str, ColumnElement[Any]]) -> None:
        self.table = table
        given = {name: col.type for name, col in where.items()} | {NEW + name: table.c[name].type for name in sets}
        source = _document(given)
        self._one = _Prepared(
            update(table)
            .where(*(col == bindparam(name, type_=col.type) for name, col in where.items()))
            .values({name: bindparam(NEW + name, type_=table.c[name].type) for name in sets}),
            given,
        )
        self._many = (
            update(table)
            .where(*(col == source[name] for name, col in where.items()))
            .values({name: source[NEW + name] for name in sets})
        )

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        if connection.dialect.name == "postgresql":
            return connection.execute(self._many, {"rows": _text(rows)}).rowcount
        return self._one.run(connection, rows)


class _Prepared:
    """A statement compiled once, for rows given one by one."""

    def __init__(self, statement: UpdateBase, types: Mapping[str, TypeEngine[Any]]) -> None:
        self._statement, self._types = statement, types
        self._sql = ""
        self._names: Sequence[str] = ()
        self._converted: list[tuple[str, Callable[[Any], Any]]] = []

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        if not self._sql:
            self._compile(connection.dialect)
        values = itemgetter(*self._names)
        return connection.exec_driver_sql(self._sql, [values(self._convert(row)) for row in rows]).rowcount

    def run_at_once(self, connection: Connection, rows: Sequence[Row]) -> int:
        """An insert of all rows in one execution, thousands of values at most."""
        if not self._sql:
            self._compile(connection.dialect)
        values, one = itemgetter(*self._names), f"({', '.join('?' * len(self._names))})"
        sql = self._sql.replace(one, ", ".join([one] * len(rows)), 1)
        given = tuple(chain.from_iterable(values(self._convert(row)) for row in rows))
        return connection.exec_driver_sql(sql, given).rowcount

    def _compile(self, dialect: Dialect) -> None:
        compiled = self._statement.compile(dialect=dialect, column_keys=list(self._types))
        self._names = compiled.positiontup or ()
        for name, kind in self._types.items():
            convert = kind.dialect_impl(dialect).bind_processor(dialect)
            if convert is not None:
                self._converted.append((name, convert))
        self._sql = str(compiled)

    def _convert(self, row: Row) -> Row:
        if not self._converted:
            return row
        return {**row, **{name: convert(row[name]) for name, convert in self._converted}}


def _document(types: Mapping[str, TypeEngine[Any]]) -> dict[str, ColumnElement[Any]]:
    """The columns of `json_to_recordset(:rows) AS given(name type, …)`."""
    rows = cast(bindparam("rows", type_=Text), JSON)
    columns = [column(name, kind) for name, kind in types.items()]
    given = func.json_to_recordset(rows).table_valued(*columns, name="given").render_derived(with_types=True)
    return {name: given.c[name] for name in types}


def _text(rows: Sequence[Row]) -> str:
    return json.dumps(rows, default=_moment)


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} does not travel to the database")
