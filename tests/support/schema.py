"""The schema in a fresh test database: whatever the migrations make."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from app.kernel.db import Database, metadata

ROOT = Path(__file__).resolve().parents[2]


def migrate(path: Path) -> None:
    """Make a SQLite file of the present schema, complete in itself."""
    database = Database(f"sqlite:///{path}")
    prepare(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()


def prepare(database: Database) -> None:
    """Bring an empty database to the present schema."""
    if find_spec("app.kernel.migrate"):
        import_module("app.kernel.migrate").upgrade(database)
        return
    for tables in sorted(ROOT.glob("app/*/tables.py")):
        import_module(f"app.{tables.parent.name}.tables")
    metadata.create_all(database.engine)
