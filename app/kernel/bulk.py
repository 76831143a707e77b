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
from typing import Any, Protocol

from sqlalchemy import JSON as AnyJSON
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
from sqlalchemy import Update as UpdateExpression
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.types import TypeEngine

Row = Mapping[str, Any]
Types = Mapping[str, TypeEngine[Any]]
Given = Mapping[str, ColumnElement[Any]]
NEW = "new_"  # the prefix of a value to set, which keeps it apart from the value to find the row by


class Statement(Protocol):
    table: Table

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Write `rows`; how many were written."""
        ...

    def document(self, connection: Connection, rows: Sequence[Row]) -> tuple[str, Row]:
        """The same for PostgreSQL's driver: the words, and the values they are given."""
        ...


class Insert:
    """Insert rows that give every column of the table but `without`."""

    def __init__(self, table: Table, *, without: Sequence[str] = ()) -> None:
        self.table = table
        given = {col.name: col.type for col in table.columns if col.name not in without}
        self._one = _Prepared(insert(table), given)
        self._many = insert(table).from_select(list(given), select(*_document(given).values()))
        self._text = _Text(given)
        self._driven = _Driven(self._many, self._text)

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        if connection.dialect.name == "postgresql":
            connection.execute(self._many, {"rows": self._text(rows)})
        else:
            self._one.run(connection, rows)
        return len(rows)

    def document(self, connection: Connection, rows: Sequence[Row]) -> tuple[str, Row]:
        return self._driven(connection, rows)


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
        self._text = _Text(given)
        self._driven = _Driven(self._many, self._text)

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        if connection.dialect.name == "postgresql":
            return connection.execute(self._many, {"rows": self._text(rows)}).rowcount
        return self._one.run_at_once(connection, rows)

    def document(self, connection: Connection, rows: Sequence[Row]) -> tuple[str, Row]:
        return self._driven(connection, rows)


class Change:
    """An update whose rows and values are given row by row: `build` makes it of what is given, by name."""

    def __init__(self, table: Table, build: Callable[[Given], UpdateExpression], types: Types) -> None:
        self.table = table
        self._one = _Prepared(build({name: bindparam(name, type_=kind) for name, kind in types.items()}), types)
        self._many = build(_document(types))
        self._text = _Text(types)
        self._driven = _Driven(self._many, self._text)

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        if connection.dialect.name == "postgresql":
            return connection.execute(self._many, {"rows": self._text(rows)}).rowcount
        return self._one.run(connection, rows)

    def document(self, connection: Connection, rows: Sequence[Row]) -> tuple[str, Row]:
        return self._driven(connection, rows)


class Update(Change):
    """Set `new_…` values in the rows found by equality of `where` (the row's key → the table's column)."""

    def __init__(self, table: Table, *, sets: Sequence[str], where: Mapping[str, ColumnElement[Any]]) -> None:
        def build(given: Given) -> UpdateExpression:
            found = update(table).where(*(col == given[name] for name, col in where.items()))
            return found.values({name: given[NEW + name] for name in sets})

        types = {name: col.type for name, col in where.items()} | {NEW + name: table.c[name].type for name in sets}
        super().__init__(table, build, types)


class _Prepared:
    """A statement compiled once, for rows given one by one."""

    def __init__(self, statement: UpdateBase, types: Mapping[str, TypeEngine[Any]]) -> None:
        self._statement, self._types = statement, types
        self._sql = ""
        self._names: Sequence[str] = ()
        self._fixed: Row = {}  # what the statement says itself
        self._order: list[tuple[str, Callable[[Any], Any] | None]] = []  # how its values stand, and what makes them

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        if not self._sql:
            self._compile(connection.dialect)
        return connection.exec_driver_sql(self._sql, [tuple(self._values(row)) for row in rows]).rowcount

    def run_at_once(self, connection: Connection, rows: Sequence[Row]) -> int:
        """An insert of all rows in one execution, thousands of values at most."""
        if not self._sql:
            self._compile(connection.dialect)
        one = f"({', '.join('?' * len(self._names))})"
        sql = self._sql.replace(one, ", ".join([one] * len(rows)), 1)
        given = tuple(chain.from_iterable(map(self._values, rows)))
        return connection.exec_driver_sql(sql, given).rowcount

    def _compile(self, dialect: Dialect) -> None:
        compiled = self._statement.compile(dialect=dialect, column_keys=list(self._types))
        self._names = compiled.positiontup or ()
        self._fixed = {name: compiled.params[name] for name in self._names if name not in self._types}
        converted = {name: kind.dialect_impl(dialect).bind_processor(dialect) for name, kind in self._types.items()}
        self._order = [(name, converted.get(name)) for name in self._names]
        self._sql = str(compiled)

    def _values(self, row: Row) -> list[Any]:
        given = {**self._fixed, **row} if self._fixed else row
        return [given[name] if convert is None else convert(given[name]) for name, convert in self._order]


class _Driven:
    """A statement of PostgreSQL compiled once, and the document it is given."""

    def __init__(self, statement: UpdateBase, text: "_Text") -> None:
        self._statement, self._text = statement, text
        self._compiled: tuple[str, Row] | None = None

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> tuple[str, Row]:
        if self._compiled is None:
            compiled = self._statement.compile(dialect=connection.dialect)
            self._compiled = str(compiled), compiled.params
        sql, fixed = self._compiled
        return sql, {**fixed, "rows": self._text(rows)}


def _document(types: Types) -> Given:
    """The columns of `json_to_recordset(:rows) AS given(name type, …)`."""
    rows = cast(bindparam("rows", type_=Text), JSON)
    columns = [column(name, Text() if _is_json(kind) else kind) for name, kind in types.items()]
    given = func.json_to_recordset(rows).table_valued(*columns, name="given").render_derived(with_types=True)
    return {name: cast(given.c[name], JSON) if _is_json(kind) else given.c[name] for name, kind in types.items()}


def _is_json(kind: TypeEngine[Any]) -> bool:
    return isinstance(kind, AnyJSON)


class _Text:
    """The document. JSON travels in it as text: read as a part of it, an escape that PostgreSQL does not know, such as
    a zero in somebody's prompt, would be refused."""

    def __init__(self, types: Types) -> None:
        self._json = [name for name, kind in types.items() if _is_json(kind)]

    def __call__(self, rows: Sequence[Row]) -> str:
        if self._json:
            rows = [{**row, **{name: _inner(row[name]) for name in self._json}} for row in rows]
        return json.dumps(rows, default=_moment)


def _inner(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} does not travel to the database")
