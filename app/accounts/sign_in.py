"""Signing in and staying signed in. The browser holds a random token, the database only its hash.

A session slides: every use gives it another fortnight, but none lives longer than sixty days. Five failures for one
address and e-mail close the door for a while, whether or not the e-mail is known.
"""

from datetime import datetime, timedelta

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from app.accounts.cache import ShortCache
from app.accounts.identity import Role, Who
from app.accounts.passwords import Checked, Passwords
from app.accounts.people import normal_email
from app.accounts.tables import Member, SignIn, User, Workspace
from app.accounts.throttle import Throttle
from app.kernel import secrets
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotAllowed, NotSignedIn

SLIDES_BY = timedelta(days=14)
LIVES_AT_MOST = timedelta(days=60)
SLIDES_EVERY = timedelta(hours=12)  # a session in use costs two writes a day, not one per click
REMEMBERED_FOR = timedelta(seconds=5)
LONGEST_TOKEN = 200
FAILURES: tuple[RateLimitItem, ...] = (RateLimitItemPerMinute(5, 5), RateLimitItemPerHour(20, 1))
TOO_MANY = "Too many attempts to sign in. Wait a few minutes and try again."


class SignIns:
    """Sessions of people."""

    def __init__(self, db: Database, clock: Clock, passwords: Passwords) -> None:
        self._db = db
        self._clock = clock
        self._passwords = passwords
        self._throttle = Throttle(FAILURES, TOO_MANY, "too_many_attempts")
        self._cache: ShortCache[Who] = ShortCache(clock, REMEMBERED_FOR)

    def sign_in(self, email: str, password: str, *, address: str = "") -> str:
        """The token of a new session. `address` is the client's network address.

        `NotSignedIn` "wrong_credentials" (unknown e-mail and wrong password alike), `NotAllowed` "account_disabled"
        for the right password of a disabled account, `LimitReached` "too_many_attempts".
        """
        user, checked = self._verified(email, password, address)
        return self._begin(user.id, better_hash=checked.better_hash, old_hash=user.password_hash)

    def verify(self, email: str, password: str, *, address: str = "") -> None:
        """Return if this is the person's password, and count the attempt as one to sign in; refuses like `sign_in`."""
        self._verified(email, password, address)

    def begin(self, user_id: str) -> str:
        """A session without a password, for the demo's one-click roles; `NotSignedIn` when there is no such user."""
        with self._db.reading() as session:
            user = session.get(User, user_id)
        if user is None or user.disabled_at is not None:
            raise NotSignedIn("There is no such account.", code="wrong_credentials")
        return self._begin(user_id)

    def peek(self, token: str) -> Who | None:
        """What is remembered of a session; None says nothing about it, ask `look_up`. Never touches the database."""
        return self._cache.get(secrets.digest(token))

    def look_up(self, token: str) -> Who | None:
        """Who holds this token; None when it is unknown, ended or expired, or the person is disabled."""
        if not token or len(token) > LONGEST_TOKEN:
            return None
        key = secrets.digest(token)
        if (known := self._cache.get(key)) is not None:
            return known
        epoch = self._cache.epoch
        with self._db.reading() as session:
            found = _load(session, key, self._clock())
        if found is None:
            return None
        who, row = found
        self._cache.put(key, who, epoch, until=self._slide(row))
        return who

    def epoch(self) -> int:
        """Counts what ended or changed: what was looked up at another count may be wrong by now."""
        return self._cache.epoch

    def sign_out(self, token: str) -> None:
        """End this session. Ending an ended one is fine."""
        key = secrets.digest(token)
        with self._db.write() as connection:
            connection.execute(delete(SignIn).where(col(SignIn.token_hash) == key))
        self._cache.forget(key)

    def sign_out_everywhere(self, user_id: str) -> int:
        """End all of a person's sessions; how many there were."""
        with self._db.write() as connection:
            ended = connection.execute(delete(SignIn).where(col(SignIn.user_id) == user_id)).rowcount
        self._cache.clear()
        return ended

    def forget(self) -> None:
        """Drop what is remembered: a name, a role or a suspension changed."""
        self._cache.clear()

    def _verified(self, email: str, password: str, address: str) -> tuple[User, Checked]:
        email = normal_email(email)
        self._throttle.attempt(email, address)
        with self._db.reading() as session:
            user = session.exec(select(User).where(User.email == email)).first()
        checked = self._passwords.check(None if user is None else user.password_hash, password)
        if user is None or not checked.fits:
            raise NotSignedIn("That e-mail and password do not match.", code="wrong_credentials")
        self._throttle.forgive(email, address)
        if user.disabled_at is not None:
            raise NotAllowed("This account is disabled. Please contact the operator.", code="account_disabled")
        return user, checked

    def _begin(self, user_id: str, *, better_hash: str | None = None, old_hash: str | None = None) -> str:
        token, now = secrets.new_token(), self._clock()
        first = select(Member).where(Member.user_id == user_id).order_by(col(Member.created_at))
        with self._db.writing() as session:
            session.connection().execute(delete(SignIn).where(col(SignIn.expires_at) <= now))
            if old_hash is not None:
                user = session.get_one(User, user_id, with_for_update=True)
                # Checking took a while: who was shut out meanwhile, or has another password, is not let in by this one.
                if user.password_hash != old_hash or user.disabled_at is not None:
                    raise NotSignedIn("That e-mail and password do not match.", code="wrong_credentials")
                user.password_hash = better_hash or old_hash
            member = session.exec(first).first()
            session.add(
                SignIn(
                    token_hash=secrets.digest(token),
                    user_id=user_id,
                    workspace_id=None if member is None else member.workspace_id,
                    created_at=now,
                    expires_at=now + SLIDES_BY,
                )
            )
        return token

    def _slide(self, row: SignIn) -> datetime:
        """Give a session in use its next fortnight; when it now ends."""
        wanted = min(self._clock() + SLIDES_BY, row.created_at + LIVES_AT_MOST)
        if wanted - row.expires_at < SLIDES_EVERY:
            return row.expires_at
        with self._db.write() as connection:
            mine = col(SignIn.token_hash) == row.token_hash
            connection.execute(update(SignIn).where(mine).values(expires_at=wanted))
        return wanted


def _load(session: Session, key: str, now: datetime) -> tuple[Who, SignIn] | None:
    query = (
        select(SignIn, User, Member, Workspace)
        .join(User, col(User.id) == col(SignIn.user_id))
        .outerjoin(
            Member,
            (col(Member.user_id) == col(SignIn.user_id)) & (col(Member.workspace_id) == col(SignIn.workspace_id)),
        )
        .outerjoin(Workspace, col(Workspace.id) == col(Member.workspace_id))
        .where(SignIn.token_hash == key, SignIn.expires_at > now, col(User.disabled_at).is_(None))
    )
    row = session.exec(query).first()
    if row is None:
        return None
    sign_in, user, member, workspace = row
    return _who(user, member, workspace), sign_in


def _who(user: User, member: Member | None, workspace: Workspace | None) -> Who:
    return Who(
        user_id=user.id,
        name=user.name,
        email=user.email,
        is_operator=user.is_operator,
        workspace_id=None if workspace is None else workspace.id,
        workspace_name=None if workspace is None else workspace.name,
        role=None if member is None else Role(member.role),
        is_suspended=workspace is not None and workspace.suspended_at is not None,
    )
