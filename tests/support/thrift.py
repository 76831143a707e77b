"""What thousands of tests would pay for again and again, paid once or made cheap; no test is about it.

- Reading the public certificate authorities takes 30 ms of a core, and every HTTP client of the suite would do it.
- Tests kill processes and never the machine, so no SQLite file waits for the disk (nor does PostgreSQL, see
  `tests.support.postgres`); `tests/kernel/test_db.py` sees to it that Farebox's own do.
- Putting a statement into SQL takes longer than SQLite takes to answer it, and every database of a test would do it
  again, as it would ask its server what it is: they share what they have put into SQL and what they were told.
- Hashing a password takes 200 ms on purpose; `tests/accounts/test_passwords.py` sees to it that it does in Farebox.
"""

import functools
import gc
import ssl
from pathlib import PurePath
from typing import Any

import argon2
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.util import LRUCache

from app.accounts import passwords
from app.kernel import db
from tests.support.effort import LONG

#: The bundles that httpx and Stripe's library read; nobody changes a context made from them.
BUNDLES = ("certifi/cacert.pem", "stripe/data/ca-certificates.crt")
#: What SQLite is told in Farebox.
DURABLE = db.SYNCHRONOUS
#: As many statements as Farebox has, and more.
STATEMENTS = 20_000
MEMOS = "_type_memos"  # a cache
#: As often as Python looks for garbage, it takes a tenth of the time of the tests.
GARBAGE = (100_000, 20, 50)
_on = False
CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}


def is_thrifty() -> bool:
    """Whether this process is a test's; a benchmark's pays for everything."""
    return _on


def be_thrifty() -> None:
    """For this process, from now on."""
    global _on
    _on = True
    ssl.create_default_context = _sharing(ssl.create_default_context)  # type: ignore[assignment]
    db.SYNCHRONOUS = "OFF"
    db.create_engine = _sharing_statements(db.create_engine)  # type: ignore[assignment]
    for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):
        dialect.initialize = _sharing_what_was_told(dialect.initialize)  # type: ignore[method-assign]
    passwords.PasswordHasher = functools.partial(argon2.PasswordHasher, **CHEAP)  # type: ignore[misc,assignment]


def seek_garbage_seldom() -> None:
    """From now on, and only in what is made from now on: of all that was imported nothing is garbage."""
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    gc.enable()


def make_hypothesis_patient() -> None:
    """A busy machine is slow, not wrong; and the usual run reads no thousand source files for constants to try."""
    from hypothesis import HealthCheck, settings
    from hypothesis.internal.conjecture import providers

    patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("patient", patient)
    settings.load_profile("patient")
    if not LONG:
        providers._get_local_constants = lambda: providers._local_constants


def _sharing(make: Any) -> Any:
    shared = functools.cache(make)

    @functools.wraps(make)
    def create(*purpose: Any, **given: Any) -> ssl.SSLContext:
        cafile = given.get("cafile")
        public = cafile and PurePath(cafile).as_posix().endswith(BUNDLES)
        return shared(*purpose, **given) if public else make(*purpose, **given)

    return create


class Statements(LRUCache[Any, Any]):
    """What statements are in SQL, for all databases of a kind: all of them are spoken to in the same way."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(_of_kind(key), default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(_of_kind(key), value)


def _of_kind(key: Any) -> Any:
    dialect, *statement = key
    return (dialect.name, *statement)


def _sharing_statements(make: Any) -> Any:
    shared = Statements(STATEMENTS)

    @functools.wraps(make)
    def create(*given: Any, **more: Any) -> Engine:
        engine: Engine = make(*given, **more)
        engine._compiled_cache = shared
        return engine

    return create


def _sharing_what_was_told(initialize: Any) -> Any:
    """All databases of a kind are at one server, or in one library."""
    told: dict[str, Any] = {}

    @functools.wraps(initialize)
    def initialize_once(dialect: Dialect, connection: Any) -> None:
        if told:
            vars(dialect).update(told)
            return
        before = dict(vars(dialect))
        initialize(dialect, connection)
        told.update({name: value for name, value in vars(dialect).items() if name not in before and name != MEMOS})

    return initialize_once
