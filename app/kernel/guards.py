"""Triggers that a database keeps whoever writes to it, for SQLite and PostgreSQL, put in place as often as one likes.

A room declares its own in `guards.py` as a `Guards`; the migrations call `ensure` for each of them after every run.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

_REFUSE_CHANGE = """
CREATE OR REPLACE FUNCTION farebox_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: post a new row instead', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


@dataclass(frozen=True, slots=True)
class Guards:
    """Triggers by name for each database, and the functions PostgreSQL needs for them."""

    sqlite: Mapping[str, str]
    postgres: Mapping[str, str]
    functions: tuple[str, ...] = field(default=())

    def __add__(self, other: "Guards") -> "Guards":
        functions = tuple(dict.fromkeys((*self.functions, *other.functions)))
        return Guards({**self.sqlite, **other.sqlite}, {**self.postgres, **other.postgres}, functions)

    def names(self, dialect: str) -> set[str]:
        return set(self.sqlite if dialect == "sqlite" else self.postgres)


def append_only(tables: Iterable[str]) -> Guards:
    """Rows of these tables are written once: no update, no delete, no truncate."""
    sqlite, postgres = {}, {}
    for table in tables:
        for verb in ("UPDATE", "DELETE"):
            name = f"{table}_no_{verb.lower()}"
            sqlite[name] = (
                f"CREATE TRIGGER {name} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: post a new row instead'); END"
            )
        postgres[f"{table}_append_only"] = (
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION farebox_append_only()"
        )
        postgres[f"{table}_no_truncate"] = (
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION farebox_append_only()"
        )
    return Guards(sqlite, postgres, (_REFUSE_CHANGE,))


def ensure(connection: Connection, guards: Guards) -> None:
    """Create the triggers that are missing, in the caller's transaction."""
    if connection.dialect.name == "sqlite":
        present = sqlite_present(connection)
        for name, definition in guards.sqlite.items():
            if present.get(name) != definition:
                connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
                connection.execute(text(definition))
        return
    for function in guards.functions:
        connection.execute(text(function))
    # Creating a trigger locks its table, so a second process that starts beside a busy one must find nothing to do.
    present_names = postgres_present(connection)
    for name, definition in guards.postgres.items():
        if name not in present_names:
            connection.execute(text(definition))


def present(connection: Connection) -> set[str]:
    """The names of the triggers the database has now."""
    if connection.dialect.name == "sqlite":
        return set(sqlite_present(connection))
    return postgres_present(connection)


def sqlite_present(connection: Connection) -> dict[str, str]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    return dict(rows.tuples().all())


def postgres_present(connection: Connection) -> set[str]:
    return set(
        connection.execute(
            text(
                "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
                "WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND c.relnamespace = current_schema()::regnamespace"
            )
        ).scalars()
    )
