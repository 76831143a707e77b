"""API keys: `fbx_…`, shown once, stored as a hash. A key belongs to its workspace, not to whoever made it."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import or_, update
from sqlmodel import Session, col, select

from app.accounts.audit import record
from app.accounts.cache import ShortCache
from app.accounts.identity import KeyHolder, suspended
from app.accounts.tables import ApiKey, Workspace
from app.kernel import secrets
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import InvalidInput, LimitReached, NotFound, NotSignedIn
from app.kernel.ids import new_id

__all__ = ["KeyHolder", "KeyInfo", "Keys", "NewKey"]

PREFIX = "fbx_"
REMEMBERED_FOR = timedelta(seconds=2)  # how long another process may still accept a revoked key
NOTED_EVERY = timedelta(minutes=1)
LONGEST_NAME = 80
LONGEST_SECRET = 200
MOST_KEYS = 100
#: How long the secret before a rotation may go on working: at once ended, an hour, a day, a week.
GRACES = (timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=7))

log = logging.getLogger(__name__)
Background = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A key as it is listed; the secret is gone for good."""

    id: str
    name: str
    hint: str
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    is_revoked: bool
    expires_at: datetime | None = None
    previous_until: datetime | None = None  # until then the secret before the last rotation still works
    keeps_payloads: bool = False
    manages_webhooks: bool = False


class _Known(NamedTuple):
    """What is remembered of a secret."""

    holder: KeyHolder
    is_suspended: bool
    expires_at: datetime | None  # the key's own end: said to whoever still uses it
    until: datetime | None  # when this answer stops being true


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; `secret` is shown now or never."""

    info: KeyInfo
    secret: str


class Keys:
    """`background` runs a small chore off the request's path; by default on one thread of our own."""

    def __init__(self, db: Database, clock: Clock, background: Background | None = None) -> None:
        self._db = db
        self._clock = clock
        self._pool = ThreadPoolExecutor(1, "key-use") if background is None else None
        self._background = background or self._submit
        self._cache: ShortCache[_Known] = ShortCache(clock, REMEMBERED_FOR)
        self._noted: dict[str, datetime] = {}

    def create(self, workspace_id: str, name: str, *, actor: str) -> NewKey:
        """A new key. `actor` is the user who made it; `LimitReached` when the workspace has too many."""
        secret = PREFIX + secrets.new_token()
        with self._db.writing() as session:
            live = select(ApiKey).where(ApiKey.workspace_id == workspace_id, col(ApiKey.revoked_at).is_(None))
            if len(session.exec(live).all()) >= MOST_KEYS:
                raise LimitReached(f"A workspace may have {MOST_KEYS} keys. Revoke one that is no longer used.")
            key = ApiKey(
                id=new_id("key"),
                workspace_id=workspace_id,
                name=_name(name),
                secret_hash=secrets.digest(secret),
                hint=secret[-4:],
                created_by=actor,
                created_at=self._clock(),
            )
            session.add(key)
            record(session, actor, "key.created", key.id, key.name, at=self._clock())
        return NewKey(_info(key), secret)

    def rename(self, workspace_id: str, key_id: str, name: str, *, actor: str) -> KeyInfo:
        """Call it something else; `NotFound` when the key is not this workspace's."""
        with self._db.writing() as session:
            key = _own(session, workspace_id, key_id)
            key.name = _name(name)
            record(session, actor, "key.renamed", key_id, key.name, at=self._clock())
        self._cache.clear()
        return _info(key)

    def revoke(self, workspace_id: str, key_id: str, *, actor: str) -> None:
        """The key stops working, here at once and elsewhere within two seconds. Revoking twice is fine."""
        with self._db.writing() as session:
            key = _own(session, workspace_id, key_id)
            if key.revoked_at is None:
                key.revoked_at = self._clock()
                record(session, actor, "key.revoked", key_id, key.name, at=self._clock())
        self._cache.clear()  # the secret before a rotation ends with it

    def configure(
        self,
        workspace_id: str,
        key_id: str,
        *,
        expires_at: datetime | None,
        keeps_payloads: bool,
        manages_webhooks: bool | None = None,
        actor: str,
    ) -> KeyInfo:
        """When the key ends by itself, whether what it asks and is answered is kept, and whether it may manage
        webhooks (None: as before).

        `InvalidInput` "expires_at" for a moment that is past, `NotFound` as above.
        """
        now = self._clock()
        with self._db.writing() as session:
            key = _own(session, workspace_id, key_id)
            if expires_at != key.expires_at:
                if expires_at is not None and expires_at <= now:
                    raise InvalidInput("A key ends in the future. To end it now, revoke it.", param="expires_at")
                said = "never" if expires_at is None else f"{expires_at:%Y-%m-%d %H:%M} UTC"
                record(session, actor, "key.expiry", key_id, f"{key.name}: {said}", at=now)
                key.expires_at = expires_at
            switches = {"keeps_payloads": keeps_payloads, "manages_webhooks": manages_webhooks}
            for name, on in switches.items():
                if on is not None and on != bool(getattr(key, name)):
                    action = f"key.{name.partition('_')[2]}"
                    record(session, actor, action, key_id, f"{key.name}: {'on' if on else 'off'}", at=now)
                    setattr(key, name, on)
        self._cache.clear()
        return _info(key)

    def rotate(self, workspace_id: str, key_id: str, grace: timedelta, *, actor: str) -> NewKey:
        """A new secret for the same key; the present one goes on working for `grace`, one of `GRACES`. A secret from
        an earlier rotation ends now. `NotFound` as above, `InvalidInput` for a key that was revoked."""
        if grace not in GRACES:
            raise InvalidInput("Choose for how long the old secret goes on working.", param="grace")
        secret, now = PREFIX + secrets.new_token(), self._clock()
        with self._db.writing() as session:
            key = _own(session, workspace_id, key_id)
            if key.revoked_at is not None:
                raise InvalidInput("A revoked key stays revoked. Create a new one.", param="key")
            key.previous_hash, key.previous_until = (key.secret_hash, now + grace) if grace else (None, None)
            key.secret_hash, key.hint = secrets.digest(secret), secret[-4:]
            hours = int(grace.total_seconds()) // 3600
            record(session, actor, "key.rotated", key_id, f"{key.name}: the old secret for {hours} h", at=now)
        self._cache.clear()
        return NewKey(_info(key), secret)

    def list(self, workspace_id: str, *, with_revoked: bool = False) -> list[KeyInfo]:
        """The workspace's keys, newest first."""
        query = select(ApiKey).where(ApiKey.workspace_id == workspace_id).order_by(col(ApiKey.id).desc())
        if not with_revoked:
            query = query.where(col(ApiKey.revoked_at).is_(None))
        with self._db.reading() as session:
            return [_info(key) for key in session.exec(query)]

    def peek(self, secret: str) -> KeyHolder | None:
        """What is remembered of a key; None says nothing about it, ask `look_up`. Never touches the database."""
        known = self._cache.get(secrets.digest(secret))
        return None if known is None else self._admit(known)

    def look_up(self, secret: str) -> KeyHolder | None:
        """Who holds this key; None when it is unknown or revoked.

        Raises `NotSignedIn` "api_key_expired", `NotAllowed` when its workspace is suspended.
        """
        if not secret.startswith(PREFIX) or len(secret) > LONGEST_SECRET:
            return None
        hashed = secrets.digest(secret)
        known = self._cache.get(hashed)
        if known is None:
            epoch = self._cache.epoch
            known = self._load(hashed)
            if known is None:
                return None
            self._cache.put(hashed, known, epoch, until=known.until)
        return self._admit(known)

    def forget(self) -> None:
        """Drop what is remembered: a workspace was renamed or suspended."""
        self._cache.clear()

    def close(self) -> None:
        """Finish the chores under way and stop."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def _load(self, hashed: str) -> _Known | None:
        is_old = (col(ApiKey.previous_hash) == hashed) & (col(ApiKey.previous_until) > self._clock())
        query = (
            select(ApiKey, Workspace)
            .join(Workspace, col(Workspace.id) == col(ApiKey.workspace_id))
            .where(or_(col(ApiKey.secret_hash) == hashed, is_old), col(ApiKey.revoked_at).is_(None))
        )
        with self._db.reading() as session:
            row = session.exec(query).first()
        if row is None:
            return None
        key, workspace = row
        holder = KeyHolder(
            key.id,
            key.name,
            workspace.id,
            workspace.name,
            key.created_by,
            keeps_payloads=bool(key.keeps_payloads),
            manages_webhooks=bool(key.manages_webhooks),
        )
        until = None if key.secret_hash == hashed else key.previous_until
        return _Known(holder, workspace.suspended_at is not None, key.expires_at, until)

    def _admit(self, known: _Known) -> KeyHolder:
        if known.expires_at is not None and known.expires_at <= self._clock():
            raise NotSignedIn(
                f"This API key expired on {known.expires_at:%d %B %Y}. Use another, or let an owner move its end.",
                code="api_key_expired",
            )
        if known.is_suspended:
            raise suspended()
        self._note_use(known.holder.key_id)
        return known.holder

    def _note_use(self, key_id: str) -> None:
        now = self._clock()
        last = self._noted.get(key_id)
        if last is None or now - last >= NOTED_EVERY:
            self._noted[key_id] = now
            self._background(lambda: self._write_use(key_id, now))

    def _write_use(self, key_id: str, now: datetime) -> None:
        last = col(ApiKey.last_used_at)
        stale = or_(last.is_(None), last <= now - NOTED_EVERY)  # another process may have noted it already
        with self._db.write() as connection:
            connection.execute(update(ApiKey).where(col(ApiKey.id) == key_id, stale).values(last_used_at=now))

    def _submit(self, chore: Callable[[], None]) -> None:
        if self._pool is not None:
            self._pool.submit(chore).add_done_callback(_report)


def _report(done: "Future[None]") -> None:
    # Not knowing when a key was last used harms nobody, but the operator should see why.
    if not done.cancelled() and (error := done.exception()) is not None:
        log.warning("could not note the use of a key", exc_info=error)


def _own(session: Session, workspace_id: str, key_id: str) -> ApiKey:
    key = session.get(ApiKey, key_id)
    if key is None or key.workspace_id != workspace_id:
        raise NotFound(f"There is no key {key_id}.", code="key_not_found")
    return key


def _info(key: ApiKey) -> KeyInfo:
    return KeyInfo(
        key.id,
        key.name,
        key.hint,
        key.created_by,
        key.created_at,
        key.last_used_at,
        key.revoked_at is not None,
        key.expires_at,
        key.previous_until,
        bool(key.keeps_payloads),
        bool(key.manages_webhooks),
    )


def _name(name: str) -> str:
    tidy = " ".join(name.split())
    if not tidy or len(tidy) > LONGEST_NAME or not tidy.isprintable():
        raise InvalidInput(f"A key's name has between 1 and {LONGEST_NAME} visible characters.", param="name")
    return tidy
