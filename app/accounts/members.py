"""Who belongs to a workspace: inviting by mail, roles, removing. One address belongs to one workspace.

An invitation makes the person and the membership at once, without a password: only whoever reads the mail can choose
one, so nobody is let in under an address that is not theirs. At least one owner who can sign in stays.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from sqlalchemy import delete
from sqlmodel import Session, col, func, select

from app.accounts.audit import record
from app.accounts.identity import Role
from app.accounts.links import INVITED_FOR, PasswordLinks
from app.accounts.passwords import is_unusable, unusable
from app.accounts.people import email_of, name_of, unique_email
from app.accounts.tables import ApiKey, Member, SignIn, User, Workspace
from app.accounts.throttle import Throttle
from app.kernel import outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, LimitReached, NotFound
from app.kernel.ids import new_id

MOST_MEMBERS = 100
#: Each is a mail to an address that somebody typed.
INVITATIONS: tuple[RateLimitItem, ...] = (RateLimitItemPerMinute(10, 10), RateLimitItemPerDay(50, 1))


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who is to be let in, as what."""

    email: str
    name: str
    role: Role = Role.MEMBER


class Members:
    """`changed` is called after a change that cached identities must not outlive."""

    def __init__(self, db: Database, clock: Clock, links: PasswordLinks, *, changed: Callable[[], None]) -> None:
        self._db, self._clock, self._links, self._changed = db, clock, links, changed
        self._throttle = Throttle(INVITATIONS, "Too many invitations. Wait a while and go on.", "too_many_invitations")

    def invite(self, workspace_id: str, wanted: Invitation, *, actor: str) -> str:
        """Let somebody in and promise them the mail with the link; the id of the person.

        `Conflict` "already_member", "email_taken" (they have an account elsewhere), "too_many_members"; `InvalidInput`
        for what is no address or name; `LimitReached` "too_many_invitations".
        """
        email, name = email_of(wanted.email), name_of(wanted.name)
        self._throttle.attempt(workspace_id)
        with unique_email(), self._db.writing() as session:
            workspace = _locked(session, workspace_id)
            self._refuse_too_many(session, workspace_id)
            user = self._newcomer(session, workspace_id, email, name)
            session.add(
                Member(workspace_id=workspace_id, user_id=user.id, role=wanted.role.value, created_at=self._clock())
            )
            record(session, actor, "member.invited", workspace_id, f"{email} as {wanted.role}", at=self._clock())
            self._write_to(session, user, workspace, actor)
        return user.id

    def invite_again(self, workspace_id: str, user_id: str, *, actor: str) -> str:
        """Another mail with another link, for who has not chosen a password yet; the address it goes to."""
        self._throttle.attempt(workspace_id)
        with self._db.writing() as session:
            workspace, member = _locked(session, workspace_id), _member(session, workspace_id, user_id)
            user = _user_of(session, member)
            if not is_unusable(user.password_hash):
                raise Conflict("They have come in meanwhile.", code="already_member")
            user.password_hash = unusable()  # the link before ends
            self._write_to(session, user, workspace, actor)
        return user.email

    def set_role(self, workspace_id: str, user_id: str, role: Role, *, actor: str) -> None:
        """What a member may do from now on; `Conflict` "last_owner" where nobody would be left to manage it."""
        with self._db.writing() as session:
            _locked(session, workspace_id)
            member = _member(session, workspace_id, user_id)
            if role is not Role.OWNER:
                _refuse_last_owner(session, member)
            member.role = role.value
            record(session, actor, "member.role", workspace_id, f"{user_id} is {role}", at=self._clock())
        self._changed()

    def remove(self, workspace_id: str, user_id: str, *, with_keys: bool = False, actor: str) -> None:
        """The person belongs to the workspace no more, and is signed out of it. API keys are the workspace's: they
        stay, unless `with_keys` says that those which this person made end too.

        `Conflict` "last_owner".
        """
        with self._db.writing() as session:
            _locked(session, workspace_id)
            member = _member(session, workspace_id, user_id)
            _refuse_last_owner(session, member)
            user = _user_of(session, member)
            if is_unusable(user.password_hash):
                user.password_hash = unusable()  # the link of the invitation ends
            session.delete(member)
            here = (col(SignIn.user_id) == user_id) & (col(SignIn.workspace_id) == workspace_id)
            session.connection().execute(delete(SignIn).where(here))
            if with_keys:
                self._revoke_keys(session, member, actor)
            record(session, actor, "member.removed", workspace_id, user.email, at=self._clock())
        self._changed()

    def _revoke_keys(self, session: Session, member: Member, actor: str) -> None:
        of = (ApiKey.workspace_id == member.workspace_id) & (ApiKey.created_by == member.user_id)
        for key in session.exec(select(ApiKey).where(of, col(ApiKey.revoked_at).is_(None))):
            key.revoked_at = self._clock()
            record(session, actor, "key.revoked", key.id, key.name, at=self._clock())

    def _newcomer(self, session: Session, workspace_id: str, email: str, name: str) -> User:
        """The person of this address: a new one, or one who belongs nowhere."""
        user = session.exec(select(User).where(User.email == email)).first()
        if user is None:
            user = User(id=new_id("usr"), email=email, name=name, password_hash=unusable(), created_at=self._clock())
            session.add(user)
            session.flush()
            return user
        of = session.exec(select(Member.workspace_id).where(Member.user_id == user.id)).all()
        if workspace_id in of:
            raise Conflict("This person is already in the workspace.", param="email", code="already_member")
        if of or user.is_operator or user.disabled_at is not None:
            raise Conflict(
                "This address has an account already, and an address belongs to one workspace. Use another one.",
                param="email",
                code="email_taken",
            )
        return user

    def _write_to(self, session: Session, user: User, workspace: Workspace, actor: str) -> None:
        inviter = session.get(User, actor)
        told: dict[str, Any] = {"inviter": inviter.name if inviter else "", "called": workspace.name}
        if is_unusable(user.password_hash):
            told["link"], told["expires_at"] = self._links.make(user, INVITED_FOR)
        else:
            told["link"] = f"{self._links.public_url}/login"
        outbox.mail(session.connection(), "invited", key=f"invited:{new_id('evt')}", to=user.email, params=told)

    def _refuse_too_many(self, session: Session, workspace_id: str) -> None:
        there = session.exec(select(func.count()).where(Member.workspace_id == workspace_id)).one()
        if there >= MOST_MEMBERS:
            raise LimitReached(f"A workspace has up to {MOST_MEMBERS} members.", code="too_many_members")


def _locked(session: Session, workspace_id: str) -> Workspace:
    """The workspace, held until the end: two owners who let each other go at once would leave nobody."""
    workspace = session.get(Workspace, workspace_id, with_for_update=True)
    if workspace is None:
        raise NotFound(f"There is no workspace {workspace_id}.", code="workspace_not_found")
    return workspace


def _member(session: Session, workspace_id: str, user_id: str) -> Member:
    member = session.get(Member, (workspace_id, user_id))
    if member is None:
        raise NotFound("This person is no longer a member of the workspace.", code="user_not_found")
    return member


def _user_of(session: Session, member: Member) -> User:
    return session.get_one(User, member.user_id)


def _refuse_last_owner(session: Session, member: Member) -> None:
    if member.role != Role.OWNER:
        return
    others = (
        select(User)
        .join(Member, col(Member.user_id) == col(User.id))
        .where(
            Member.workspace_id == member.workspace_id,
            Member.role == Role.OWNER,
            User.id != member.user_id,
            col(User.disabled_at).is_(None),
        )
    )
    if all(is_unusable(other.password_hash) for other in session.exec(others)):
        raise Conflict("A workspace needs an owner who can sign in: make somebody else owner first.", code="last_owner")
