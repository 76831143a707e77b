"""Statements of a transaction that go to PostgreSQL in one message, and are answered in one.

Each message is a wait, and in a busy process a wait for the turn to go on besides. So what does not depend on the
answer of the one before it travels with it (the driver's pipeline), the BEGIN too; the server does one after the other
all the same. SQLite is in this process, where sending costs nothing: there each statement is done at once.

    with Together(connection) as sent:
        wallets = sent.read(WALLETS, {"ids": ids})
        closed = sent.write(CLOSE_HOLD, rows)
    wallets.rows, closed.count                      # not before
"""

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Executable, Select
from sqlalchemy.exc import DBAPIError

from app.kernel.bulk import Row, Statement

if TYPE_CHECKING:
    import psycopg  # whoever is on SQLite never loads it

Params = Mapping[str, Any]
POSTGRES: Final = "postgresql"


class Query:
    """A selection, compiled once."""

    def __init__(self, select: Select[Any]) -> None:
        self.select = select
        self._sql = ""
        self._converted: list[tuple[int, Callable[[Any], Any]]] = []

    def ready(self, connection: Connection) -> str:
        """Its words for PostgreSQL."""
        if not self._sql:
            dialect = connection.dialect
            kinds = [column.type.dialect_impl(dialect) for column in self.select.selected_columns]
            found = [(place, kind.result_processor(dialect, None)) for place, kind in enumerate(kinds)]
            self._converted = [(place, convert) for place, convert in found if convert is not None]
            self._sql = str(self.select.compile(dialect=dialect))
        return self._sql

    def converted(self, rows: Sequence[tuple[Any, ...]]) -> Sequence[Sequence[Any]]:
        """Rows as the driver gives them, in the types of their columns."""
        if not self._converted:
            return rows
        found = [list(row) for row in rows]
        for place, convert in self._converted:
            for row in found:
                row[place] = convert(row[place])
        return found


class Sent:
    """What will have come of a statement."""

    __slots__ = ("count", "cursor", "query", "rows", "sql")

    def __init__(self) -> None:
        self.count = -1
        self.rows: Sequence[Sequence[Any]] = ()
        self.cursor: psycopg.Cursor[Any] | None = None
        self.query: Query | None = None
        self.sql = ""

    def hear(self) -> None:
        """The answer is here."""
        if self.cursor is None:
            return
        self.count = self.cursor.rowcount
        if self.query is not None:
            self.rows = self.query.converted(self.cursor.fetchall())


#: Of a statement that there was no need for.
NOTHING: Final = Sent()


class Together:
    """Raises SQLAlchemy's errors, wherever in the block the server's answer happens to be heard."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._travels = connection.dialect.name == POSTGRES
        self._driver: Any = None
        self._trouble: type[Exception] = connection.dialect.loaded_dbapi.Error
        self._pipeline: Any = None
        self._sent: list[Sent] = []

    def __enter__(self) -> "Together":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hear(error)

    def read(self, query: Query, params: Params) -> Sent:
        sent = Sent()
        if self._travels:
            sent.query = query
            self._send(sent, query.ready(self._connection), params)
        else:
            sent.rows = self._connection.execute(query.select, params).all()
        return sent

    def write(self, statement: Statement, rows: Sequence[Row]) -> Sent:
        sent = Sent()
        if self._travels:
            self._send(sent, *statement.document(self._connection, rows))
        else:
            sent.count = statement.run(self._connection, rows)
        return sent

    def execute(self, statement: Executable, rows: Sequence[Params]) -> Sent:
        """Any statement; those before it are answered first."""
        self.hear()
        sent = Sent()
        options = {"preserve_rowcount": True}
        sent.count = self._connection.execute(statement, rows, execution_options=options).rowcount
        return sent

    def hear(self, error: BaseException | None = None) -> None:
        """Wait for the answers of everything that was sent."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is None:
            return
        try:
            pipeline.__exit__(None, None, None)
            if error is None:
                for sent in self._sent:
                    sent.hear()
        except self._trouble as trouble:
            if error is None:
                raise self._told(trouble) from trouble
        finally:
            self._sent.clear()

    def _send(self, sent: Sent, sql: str, params: Params) -> None:
        try:
            if self._pipeline is None:
                self._driver = self._connection.connection.driver_connection
                pipeline = self._driver.pipeline()
                pipeline.__enter__()
                self._pipeline = pipeline
            sent.sql, sent.cursor = sql, self._driver.cursor()
            self._sent.append(sent)
            for listener in self._connection.dispatch.before_cursor_execute:
                listener(self._connection, sent.cursor, sql, params, None, False)
            sent.cursor.execute(sql, params)
        except self._trouble as trouble:
            raise self._told(trouble) from trouble

    def _told(self, trouble: Exception) -> Exception:
        """As SQLAlchemy tells it. A connection that is gone is let go, as it does."""
        connection = self._connection
        dialect = connection.dialect
        is_gone = dialect.is_disconnect(trouble, self._driver, None)  # type: ignore[arg-type]
        told = DBAPIError.instance(
            self._culprit(),
            None,
            trouble,
            self._trouble,
            hide_parameters=True,
            connection_invalidated=is_gone,
            dialect=dialect,
        )
        if is_gone and not connection.invalidated:
            connection.invalidate(trouble)
        return told

    def _culprit(self) -> str:
        """The first that was not answered well."""
        for sent in self._sent:
            if sent.cursor is None or sent.cursor.pgresult is None:
                return sent.sql
        return ""
