"""One history for SQLite and PostgreSQL, run on the connection it is given or, from a shell, on DATABASE_URL."""

import os
import pkgutil
from importlib import import_module
from pathlib import Path

from sqlalchemy import JSON, Connection
from sqlmodel.sql.sqltypes import AutoString

import app
from alembic import context
from app.kernel.db import Database, UtcDateTime, metadata
from app.kernel.guards import Guards, ensure


def know_every_table() -> None:
    """Import each package's `tables` and `…_tables`, so that `metadata` is whole."""
    for package in pkgutil.iter_modules(app.__path__):
        if not package.ispkg:
            continue
        names = {module.name for module in pkgutil.iter_modules([f"{app.__path__[0]}/{package.name}"])}
        for name in sorted(names):
            if name == "tables" or name.endswith("_tables"):
                import_module(f"app.{package.name}.{name}")


def every_guard() -> list[Guards]:
    """The triggers that each package declares in its `guards.GUARDS`."""
    rooms = [package.name for package in pkgutil.iter_modules(app.__path__) if package.ispkg]
    named = [room for room in rooms if Path(app.__path__[0], room, "guards.py").exists()]
    found = [getattr(import_module(f"app.{room}.guards"), "GUARDS", None) for room in named]
    return [guards for guards in found if isinstance(guards, Guards)]


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """How our own column types are written into a migration."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "UtcDateTime()"
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    if kind == "type" and isinstance(item, JSON):
        return "Json"
    return False


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_item=render_item,
    )
    context.run_migrations()
    if context.get_context().get_current_revision() == context.get_head_revision():
        for guards in every_guard():
            ensure(connection, guards)


def main() -> None:
    know_every_table()
    given = context.config.attributes.get("connection")
    if given is not None:
        migrate(given)
        return
    db = Database(os.environ["DATABASE_URL"])
    with db.write() as connection:
        migrate(connection)
    db.dispose()


main()
