"""What thousands of tests would pay for again and again, paid once or made cheap; no test is about it.

- Reading the public certificate authorities takes 30 ms of a core, and every HTTP client of the suite would do it.
- Tests kill processes and never the machine, so no SQLite file waits for the disk (nor does PostgreSQL, see
  `tests.support.postgres`); `tests/kernel/test_db.py` sees to it that Farebox's own do.
- Hashing a password takes 200 ms on purpose; `tests/accounts/test_passwords.py` sees to it that it does in Farebox.
"""

import functools
import ssl
from pathlib import PurePath
from typing import Any

import argon2

from app.accounts import passwords
from app.kernel import db
from tests.support.effort import LONG

#: The bundles that httpx and Stripe's library read; nobody changes a context made from them.
BUNDLES = ("certifi/cacert.pem", "stripe/data/ca-certificates.crt")
#: What SQLite is told in Farebox.
DURABLE = db.SYNCHRONOUS
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
    passwords.PasswordHasher = functools.partial(argon2.PasswordHasher, **CHEAP)  # type: ignore[misc,assignment]


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
