"""What thousands of tests would pay for again and again, paid once or made cheap; no test is about it.

- Reading the public certificate authorities takes 30 ms of a core, and every HTTP client of the suite would do it.
- Hashing a password takes 200 ms on purpose; `tests/accounts/test_passwords.py` sees to it that it does in Farebox.
"""

import functools
import ssl
from pathlib import PurePath
from typing import Any

import argon2

from app.accounts import passwords

#: The bundles that httpx and Stripe's library read; nobody changes a context made from them.
BUNDLES = ("certifi/cacert.pem", "stripe/data/ca-certificates.crt")
CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}


def be_thrifty() -> None:
    """For this process, from now on."""
    ssl.create_default_context = _sharing(ssl.create_default_context)  # type: ignore[assignment]
    passwords.PasswordHasher = functools.partial(argon2.PasswordHasher, **CHEAP)  # type: ignore[misc,assignment]


def _sharing(make: Any) -> Any:
    shared = functools.cache(make)

    @functools.wraps(make)
    def create(*purpose: Any, **given: Any) -> ssl.SSLContext:
        cafile = given.get("cafile")
        public = cafile and PurePath(cafile).as_posix().endswith(BUNDLES)
        return shared(*purpose, **given) if public else make(*purpose, **given)

    return create
