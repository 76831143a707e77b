"""Rules the database itself keeps, whoever writes to it: what is history stays as it was written.

`ensure_guards` runs after every migration (alembic's table rebuilds drop triggers without a word) and puts back what
is missing or different. It may run any number of times.
"""

from sqlalchemy import Connection, text

#: Tables whose rows are written once.
APPEND_ONLY = ("journal", "entry", "lot_use", "model_version", "cost_profile", "audit_event", "generation_event")

_HOLD_FROZEN = ("generation_id", "wallet_id", "amount", "created_at", "deadline_at")

_PG_FUNCTIONS = (
    """
    CREATE OR REPLACE FUNCTION farebox_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: post a new row instead', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION farebox_hold_closes_once() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'a hold only closes, once, and nothing else of it changes' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE OR REPLACE FUNCTION farebox_journal_balances() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM entry WHERE journal_id = NEW.journal_id GROUP BY unit HAVING sum(amount) <> 0) THEN
            RAISE EXCEPTION 'journal % does not balance', NEW.journal_id
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
)


def _hold_may_change(distinct: str) -> str:
    frozen = " AND ".join(f"NOT (NEW.{column} {distinct} OLD.{column})" for column in _HOLD_FROZEN)
    return f"OLD.state = 0 AND NEW.state IN (1, 2) AND {frozen}"


def sqlite_triggers() -> dict[str, str]:
    """Every trigger on SQLite, by name."""
    found = {}
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            name = f"{table}_no_{verb.lower()}"
            found[name] = (
                f"CREATE TRIGGER {name} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: post a new row instead'); END"
            )
    refuse = "BEGIN SELECT RAISE(ABORT, 'a hold only closes, once, and nothing else of it changes'); END"
    allowed = _hold_may_change("IS NOT")
    found["hold_closes_once"] = f"CREATE TRIGGER hold_closes_once BEFORE UPDATE ON hold WHEN NOT ({allowed}) {refuse}"
    found["hold_no_delete"] = f"CREATE TRIGGER hold_no_delete BEFORE DELETE ON hold {refuse}"
    return found


def postgres_triggers() -> dict[str, str]:
    """Every trigger on PostgreSQL, by name."""
    found = {}
    for table in APPEND_ONLY:
        found[f"{table}_append_only"] = (
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION farebox_append_only()"
        )
        found[f"{table}_no_truncate"] = (
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION farebox_append_only()"
        )
    allowed = _hold_may_change("IS DISTINCT FROM")
    found["hold_closes_once"] = (
        f"CREATE TRIGGER hold_closes_once BEFORE UPDATE ON hold FOR EACH ROW WHEN (NOT ({allowed})) "
        "EXECUTE FUNCTION farebox_hold_closes_once()"
    )
    found["hold_no_delete"] = (
        "CREATE TRIGGER hold_no_delete BEFORE DELETE ON hold FOR EACH ROW EXECUTE FUNCTION farebox_hold_closes_once()"
    )
    found["hold_no_truncate"] = (
        "CREATE TRIGGER hold_no_truncate BEFORE TRUNCATE ON hold "
        "FOR EACH STATEMENT EXECUTE FUNCTION farebox_hold_closes_once()"
    )
    found["entry_balances"] = (
        "CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON entry DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION farebox_journal_balances()"
    )
    return found


def ensure_guards(connection: Connection) -> None:
    """Create the triggers that are missing, in the caller's transaction."""
    if connection.dialect.name == "sqlite":
        _ensure_sqlite(connection)
    else:
        _ensure_postgres(connection)


def present_guards(connection: Connection) -> set[str]:
    """The names of the triggers the database has now."""
    if connection.dialect.name == "sqlite":
        return set(_sqlite_present(connection))
    return _postgres_present(connection)


def _ensure_sqlite(connection: Connection) -> None:
    present = _sqlite_present(connection)
    for name, definition in sqlite_triggers().items():
        if present.get(name) == definition:
            continue
        connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        connection.execute(text(definition))


def _ensure_postgres(connection: Connection) -> None:
    for function in _PG_FUNCTIONS:
        connection.execute(text(function))
    # Creating a trigger locks its table, so a second process that starts beside a busy one must find nothing to do.
    present = _postgres_present(connection)
    for name, definition in postgres_triggers().items():
        if name not in present:
            connection.execute(text(definition))


def _sqlite_present(connection: Connection) -> dict[str, str]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    return dict(rows.tuples().all())


def _postgres_present(connection: Connection) -> set[str]:
    return set(
        connection.execute(
            text(
                "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
                "WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND c.relnamespace = current_schema()::regnamespace"
            )
        ).scalars()
    )
