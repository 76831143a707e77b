"""The schema in a fresh test database: whatever the migrations make."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from app.kernel.db import Database, metadata

ROOT = Path(__file__).resolve().parents[2]


def prepare(database: Database) -> None:
    """Bring an empty database to the present schema."""
    if find_spec("app.kernel.migrate"):
        import_module("app.kernel.migrate").upgrade(database)
        return
    for tables in sorted(ROOT.glob("app/*/tables.py")):
        import_module(f"app.{tables.parent.name}.tables")
    metadata.create_all(database.engine)
