"""A copy of the SQLite database taken while it is in use, by SQLite's own online backup."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url

from app.kernel.errors import Broken

PAGES_AT_ONCE = 1_000


def back_up(database_url: str, target: Path) -> None:
    """Write a consistent copy to `target`, which must not exist; PostgreSQL has its own tools for this."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise Broken("This installation uses PostgreSQL: back it up with pg_dump.")
    source = Path(url.database)
    if not source.exists():
        raise Broken(f"There is no database at {source}.")
    if target.exists():
        raise Broken(f"{target} exists already: name a new file.")
    draft = target.with_name(target.name + ".part")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(draft)) as copy:
        original.backup(copy, pages=PAGES_AT_ONCE, sleep=0.01)
        found = copy.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise Broken(f"The copy is damaged ({found}); nothing was kept.")
    draft.replace(target)
