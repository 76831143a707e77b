"""Keys of the billing API: `fbb_…`, issued by an operator, shown once, stored as a hash, and good for what they were
issued for.

A scope is an area and what may be done there: `customers:read`, `events:write`, `*:read`. Writing includes reading.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, insert, or_, select, update
from sqlmodel import Session

from app.accounts.audit import record
from app.accounts.cache import ShortCache
from app.kernel import secrets
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import InvalidInput, NotFound, NotSignedIn
from app.kernel.ids import new_id
from app.plans.tables import key as _key

PREFIX: Final = "fbb_"
#: What the API is divided into, for scopes.
AREAS: Final = ("customers", "catalog", "events", "subscriptions", "invoices", "wallets", "webhooks")
EVERYTHING: Final = ("*:write",)
REMEMBERED_FOR: Final = timedelta(seconds=2)  # how long another process may still accept a revoked key
NOTED_EVERY: Final = timedelta(minutes=1)
LONGEST_NAME: Final = 80
LONGEST_SECRET: Final = 200


@dataclass(frozen=True, slots=True)
class BillingKey:
    """A key as it is listed and as it acts; the secret is gone for good."""

    id: str
    name: str
    hint: str
    scopes: tuple[str, ...]
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    def may(self, area: str, *, write: bool) -> bool:
        """Whether it was issued for this."""
        ways = ("write",) if write else ("write", "read")
        return any(f"{whose}:{way}" in self.scopes for whose in ("*", area) for way in ways)


@dataclass(frozen=True, slots=True)
class NewBillingKey:
    """A key just made; `secret` is shown now or never."""

    info: BillingKey
    secret: str


class BillingKeys:
    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock
        self._cache: ShortCache[BillingKey] = ShortCache(clock, REMEMBERED_FOR)

    def issue(
        self, name: str, scopes: Iterable[str] = EVERYTHING, *, actor: str, expires_at: datetime | None = None
    ) -> NewBillingKey:
        """A new key. `actor` is the operator's user id, or None's word for the installation: "demo"."""
        now, secret = self._clock(), PREFIX + secrets.new_token()
        if expires_at is not None and expires_at <= now:
            raise InvalidInput("A key ends in the future.", param="expires_at")
        row: dict[str, Any] = {
            "id": new_id("bkey"), "name": _name(name), "secret_hash": secrets.digest(secret), "hint": secret[-4:],
            "scopes": list(_scopes(scopes)), "created_by": actor, "created_at": now, "last_used_at": None,
            "expires_at": expires_at, "revoked_at": None,
        }  # fmt: skip
        with self._db.write() as connection:
            connection.execute(insert(_key).values(**row))
            self._note(connection, actor, "billing_key.created", str(row["id"]), f"{name}: {', '.join(row['scopes'])}")
        return NewBillingKey(_info(row), secret)

    def revoke(self, key_id: str, *, actor: str) -> None:
        """The key stops working, here at once and elsewhere within two seconds. Revoking twice is fine."""
        with self._db.write() as connection:
            found = connection.execute(select(_key).where(_key.c.id == key_id)).mappings().first()
            if found is None:
                raise NotFound(f"There is no billing key {key_id[:100]}.", code="billing_key_not_found")
            if found["revoked_at"] is None:
                connection.execute(update(_key).where(_key.c.id == key_id).values(revoked_at=self._clock()))
                self._note(connection, actor, "billing_key.revoked", key_id, found["name"])
        self._cache.clear()

    def list(self, *, with_revoked: bool = False) -> list[BillingKey]:
        """Newest first."""
        query = select(_key).order_by(_key.c.id.desc())
        if not with_revoked:
            query = query.where(_key.c.revoked_at.is_(None))
        with self._db.read() as connection:
            return [_info(row) for row in connection.execute(query).mappings()]

    def peek(self, secret: str) -> BillingKey | None:
        """What is remembered of a key; None says nothing about it, ask `look_up`. Never touches the database."""
        known = self._cache.get(secrets.digest(secret))
        return None if known is None else self._admit(known)

    def look_up(self, secret: str) -> BillingKey | None:
        """Who holds this key; None when it is unknown or revoked. `NotSignedIn` "api_key_expired"."""
        if not secret.startswith(PREFIX) or len(secret) > LONGEST_SECRET:
            return None
        hashed = secrets.digest(secret)
        known = self._cache.get(hashed)
        if known is None:
            epoch = self._cache.epoch
            query = select(_key).where(_key.c.secret_hash == hashed, _key.c.revoked_at.is_(None))
            with self._db.read() as connection:
                row = connection.execute(query).mappings().first()
            if row is None:
                return None
            known = _info(row)
            self._cache.put(hashed, known, epoch)
            self._note_use(known)
        return self._admit(known)

    def _admit(self, known: BillingKey) -> BillingKey:
        if known.expires_at is not None and known.expires_at <= self._clock():
            raise NotSignedIn(f"This billing key expired on {known.expires_at:%d %B %Y}.", code="api_key_expired")
        return known

    def _note_use(self, known: BillingKey) -> None:
        now = self._clock()
        if known.last_used_at is not None and now - known.last_used_at < NOTED_EVERY:
            return
        last = _key.c.last_used_at
        stale = or_(last.is_(None), last <= now - NOTED_EVERY)  # another process may have noted it already
        with self._db.write() as connection:
            connection.execute(update(_key).where(_key.c.id == known.id, stale).values(last_used_at=now))

    def _note(self, connection: Connection, actor: str, action: str, subject: str, detail: str) -> None:
        with Session(connection) as session:
            record(session, actor, action, subject, detail, at=self._clock())
            session.flush()


def _info(row: Any) -> BillingKey:
    kept = {name: row[name] for name in BillingKey.__slots__ if name != "scopes"}
    return BillingKey(**kept, scopes=tuple(row["scopes"]))


def _name(name: str) -> str:
    tidy = " ".join(name.split())
    if not tidy or len(tidy) > LONGEST_NAME or not tidy.isprintable():
        raise InvalidInput(f"A key's name has between 1 and {LONGEST_NAME} visible characters.", param="name")
    return tidy


def _scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(scopes))
    known = {f"{area}:{way}" for area in ("*", *AREAS) for way in ("read", "write")}
    if not found or not set(found) <= known:
        raise InvalidInput(f"A scope is one of {', '.join(sorted(known))}.", param="scopes")
    return found
