"""Passwords: argon2id, at the library's recommended cost, with the same work whether or not the account exists."""

import threading
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.kernel import secrets
from app.kernel.errors import InvalidInput

SHORTEST = 10
LONGEST = 256
#: What stands where somebody has not chosen a password yet: no hash begins with it, and nothing fits it.
UNUSABLE = "!"
#: One check takes 64 MiB; without a bound a burst of sign-ins could take all the memory there is.
CHECKS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether the password fits, and a fresh hash to store when the old one was made at another cost."""

    fits: bool
    better_hash: str | None = None


class Passwords:
    """Hashes and checks. Tests pass a cheap hasher."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._room = threading.BoundedSemaphore(CHECKS_AT_ONCE)

    def hash(self, password: str) -> str:
        """What is stored; `InvalidInput` when the password is too short or too long."""
        if len(password) < SHORTEST:
            raise InvalidInput(
                f"A password needs at least {SHORTEST} characters.", param="password", code="password_too_short"
            )
        if len(password) > LONGEST:
            raise InvalidInput(
                f"A password may have at most {LONGEST} characters.", param="password", code="password_too_long"
            )
        with self._room:
            return self._hasher.hash(_plain(password))

    def check(self, stored: str | None, password: str) -> Checked:
        """Compare with the stored hash. No account and no password yet cost as much as a wrong one, and never fit."""
        given = _plain(password[:LONGEST])
        if stored is not None and is_unusable(stored):
            stored = None
        with self._room:
            decoy = self._decoy
            fits = self._verify(decoy if stored is None else stored, given)
            if stored is None or not fits or len(password) > LONGEST:
                return Checked(False)
            stale = self._hasher.check_needs_rehash(stored)
            return Checked(True, self._hasher.hash(given) if stale else None)

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    @cached_property
    def _decoy(self) -> str:
        return self._hasher.hash(secrets.new_token())


def unusable() -> str:
    """Instead of a hash, for who has no password yet: another one each time, so that a link made over it is too."""
    return UNUSABLE + secrets.new_token()


def is_unusable(stored: str) -> bool:
    """Whether there is no password yet."""
    return stored.startswith(UNUSABLE)


def _plain(password: str) -> str:
    """The same password from every keyboard: composed and decomposed letters are one."""
    return unicodedata.normalize("NFKC", password)
