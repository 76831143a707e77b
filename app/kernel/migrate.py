"""Bring a database to the present schema. The history lives in `alembic/`; its `env.py` also puts the guards back."""

from collections.abc import Callable
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select

from alembic import command
from app.kernel.db import Database

LOCK = 0x6661726562  # any number, the same in every process
ROOT = Path(__file__).resolve().parents[2]


def config() -> Config:
    """Alembic's configuration, wherever the command was started from."""
    found = Config(ROOT / "alembic.ini")
    found.set_main_option("script_location", str(ROOT / "alembic"))
    return found


def upgrade(db: Database, revision: str = "head") -> None:
    """Run every migration the database has not seen, then make sure of the guards; nothing to do is cheap."""
    _run(db, lambda chosen: command.upgrade(chosen, revision))


def downgrade(db: Database, revision: str) -> None:
    """Go back to a revision; `base` leaves an empty database."""
    _run(db, lambda chosen: command.downgrade(chosen, revision))


def current(db: Database) -> str | None:
    """The revision the database is at, None when it has never been migrated."""
    with db.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The newest revision of the history."""
    return ScriptDirectory.from_config(config()).get_current_head()


def _run(db: Database, step: Callable[[Config], None]) -> None:
    chosen = config()
    with db.write() as connection:
        if not db.is_sqlite:  # two processes that start together take turns; SQLite's write lock sees to that itself
            connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        chosen.attributes["connection"] = connection
        step(chosen)
