"""Which failures of the database pass by themselves, so that the same transaction may simply be tried again."""

from sqlalchemy.exc import DBAPIError

#: PostgreSQL: serialization, deadlock, lock and statement timeouts, too many connections, shutdown and start-up.
SQLSTATES = frozenset({"40001", "40P01", "55P03", "57014", "53300", "57P01", "57P02", "57P03", "25P03"})
CONNECTION_CLASS = "08"
SQLITE_CODES = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_RECOVERY"})


def is_transient(error: BaseException) -> bool:
    """Whether trying again later may help; a lost connection counts."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    sqlstate = getattr(error.orig, "sqlstate", None)
    if isinstance(sqlstate, str):
        return sqlstate in SQLSTATES or sqlstate.startswith(CONNECTION_CLASS)
    return getattr(error.orig, "sqlite_errorname", None) in SQLITE_CODES
