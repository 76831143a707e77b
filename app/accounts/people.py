"""People and workspaces: creating, naming, joining, suspending. Every change leaves an audit note beside it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, or_
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from app.accounts.audit import record
from app.accounts.identity import Role
from app.accounts.links import ended
from app.accounts.passwords import Passwords, is_unusable
from app.accounts.tables import Member, SignIn, User, Workspace
from app.kernel import mail_address, outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput, NotFound
from app.kernel.ids import new_id

LONGEST_EMAIL = 254
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    email: str
    name: str
    is_operator: bool
    is_disabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class WorkspaceInfo:
    id: str
    name: str
    is_suspended: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class MemberInfo:
    user_id: str
    email: str
    name: str
    role: Role
    is_disabled: bool = False
    is_invited: bool = False  # they have not chosen a password yet


class People:
    """`opened` runs in the transaction that makes a workspace (its wallet is opened there); `changed` after a change
    that cached identities must not outlive."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        passwords: Passwords,
        *,
        opened: Callable[[Connection, str], None],
        changed: Callable[[], None],
    ) -> None:
        self._db = db
        self._clock = clock
        self._passwords = passwords
        self._opened = opened
        self._changed = changed

    def create_user(
        self, email: str, name: str, password: str, *, is_operator: bool = False, actor: str | None = None
    ) -> Person:
        """A person who can sign in; `Conflict` "email_taken" when the address is known."""
        user = self._new_user(email, name, password, is_operator)
        with unique_email(), self._db.writing() as session:
            self._add_user(session, user, actor)
        return _person(user)

    def create_operator(self, email: str, name: str, password: str, *, actor: str | None = None) -> Person:
        """A person who runs the installation."""
        return self.create_user(email, name, password, is_operator=True, actor=actor)

    def create_workspace(self, name: str, *, owner_id: str, actor: str | None = None) -> WorkspaceInfo:
        """A customer account with its first owner."""
        with self._db.writing() as session:
            return self._add_workspace(session, name, _user(session, owner_id).id, actor)

    def create_customer(
        self, email: str, name: str, password: str, workspace: str, *, actor: str | None = None
    ) -> tuple[Person, WorkspaceInfo]:
        """A person and a workspace of their own, both or neither."""
        called = name_of(workspace, param="workspace")
        user = self._new_user(email, name, password, False)
        with unique_email(), self._db.writing() as session:
            self._add_user(session, user, actor)
            made = self._add_workspace(session, called, user.id, actor)
        return _person(user), made

    def add_member(self, workspace_id: str, user_id: str, role: Role, *, actor: str | None = None) -> None:
        """Let a person into a workspace; `Conflict` when they are in it."""
        with self._db.writing() as session:
            _workspace(session, workspace_id)
            _user(session, user_id)
            if session.get(Member, (workspace_id, user_id)) is not None:
                raise Conflict("This person is already a member of the workspace.", code="already_member")
            self._add_member(session, workspace_id, user_id, role, actor)

    def members(self, workspace_id: str) -> list[MemberInfo]:
        """Everyone in a workspace, owners first."""
        query = (
            select(User, Member)
            .join(Member, col(Member.user_id) == col(User.id))
            .where(Member.workspace_id == workspace_id)
            .order_by(col(Member.role).desc(), col(User.email))
        )
        with self._db.reading() as session:
            return [
                MemberInfo(
                    user.id,
                    user.email,
                    user.name,
                    Role(member.role),
                    is_disabled=user.disabled_at is not None,
                    is_invited=is_unusable(user.password_hash),
                )
                for user, member in session.exec(query)
            ]

    def workspaces_of(self, user_id: str) -> list[WorkspaceInfo]:
        """The workspaces a person may switch between, the first joined first."""
        query = (
            select(Workspace)
            .join(Member, col(Member.workspace_id) == col(Workspace.id))
            .where(Member.user_id == user_id)
            .order_by(col(Member.created_at), col(Workspace.id))
        )
        with self._db.reading() as session:
            return [_info(workspace) for workspace in session.exec(query)]

    def workspaces(self, search: str = "", *, limit: int = 200, offset: int = 0) -> list[WorkspaceInfo]:
        """All customers, newest first; `search` finds a part of a name, an id, or a member's e-mail."""
        query = select(Workspace).order_by(col(Workspace.created_at).desc(), col(Workspace.id).desc())
        if sought := search.strip().lower():
            by_member = (
                select(Member.workspace_id)
                .join(User, col(User.id) == col(Member.user_id))
                .where(col(User.email).contains(sought, autoescape=True))
            )
            query = query.where(
                or_(
                    func.lower(col(Workspace.name)).contains(sought, autoescape=True),
                    func.lower(col(Workspace.id)) == sought,
                    col(Workspace.id).in_(by_member),
                )
            )
        with self._db.reading() as session:
            return [_info(workspace) for workspace in session.exec(query.limit(limit).offset(offset))]

    def workspace(self, workspace_id: str) -> WorkspaceInfo:
        """One workspace; `NotFound` when there is none."""
        with self._db.reading() as session:
            return _info(_workspace(session, workspace_id))

    def by_email(self, email: str) -> Person | None:
        with self._db.reading() as session:
            user = session.exec(select(User).where(User.email == normal_email(email))).first()
            return None if user is None else _person(user)

    def named(self, email: str) -> Person:
        """The person with this e-mail address; `NotFound` when there is none."""
        person = self.by_email(email)
        if person is None:
            raise NotFound(f"Nobody has the e-mail address {email}.", code="user_not_found")
        return person

    def operators(self) -> list[Person]:
        """Everyone who runs the installation."""
        query = select(User).where(col(User.is_operator).is_(True)).order_by(col(User.email))
        with self._db.reading() as session:
            return [_person(user) for user in session.exec(query)]

    def rename_user(self, user_id: str, name: str, *, actor: str | None = None) -> None:
        """What a person is called from now on."""
        with self._db.writing() as session:
            user = _user(session, user_id)
            user.name = name_of(name)
            record(session, actor, "user.renamed", user_id, user.name, at=self._clock())
        self._changed()

    def rename_workspace(self, workspace_id: str, name: str, *, actor: str | None = None) -> None:
        """What a workspace is called from now on. Who its invoices are made out to is its billing profile's matter."""
        with self._db.writing() as session:
            workspace = _workspace(session, workspace_id)
            workspace.name = name_of(name, param="workspace")
            record(session, actor, "workspace.renamed", workspace_id, workspace.name, at=self._clock())
        self._changed()

    def suspend(self, workspace_id: str, *, actor: str | None = None, reason: str = "") -> None:
        """Its keys are refused and nothing new may be generated; what runs ends and is settled."""
        self._set_suspended(workspace_id, self._clock(), "workspace.suspended", actor, reason)

    def resume(self, workspace_id: str, *, actor: str | None = None) -> None:
        """Lift a suspension."""
        self._set_suspended(workspace_id, None, "workspace.resumed", actor, "")

    def set_password(
        self, user_id: str, password: str, *, actor: str | None = None, instead_of: str | None = None
    ) -> None:
        """Store a new password, end the person's sessions and promise them a mail that says so, all at once.

        With `instead_of`, a stored hash, only in place of that one: `NotAllowed` "link_ended" if another came first.
        """
        hashed, now = self._passwords.hash(password), self._clock()
        with self._db.writing() as session:
            user, connection = _user(session, user_id, locked=True), session.connection()
            if instead_of is not None and user.password_hash != instead_of:
                raise ended()
            is_first = is_unusable(user.password_hash)
            user.password_hash = hashed
            connection.execute(delete(SignIn).where(col(SignIn.user_id) == user_id))
            record(session, actor, "user.password_set", user_id, at=now)
            if not is_first:
                told = {"email": user.email, "changed_at": now}
                outbox.mail(connection, "password_changed", key=f"password:{new_id('evt')}", to=user.email, params=told)
        self._changed()

    def disable_user(self, user_id: str, *, actor: str | None = None) -> None:
        """The person can no longer sign in. Ending their sessions is `Accounts.disable`'s part."""
        self._set_disabled(user_id, self._clock(), "user.disabled", actor)

    def enable_user(self, user_id: str, *, actor: str | None = None) -> None:
        """Let a disabled person in again."""
        self._set_disabled(user_id, None, "user.enabled", actor)

    def _set_suspended(self, workspace_id: str, at: datetime | None, action: str, actor: str | None, why: str) -> None:
        with self._db.writing() as session:
            _workspace(session, workspace_id).suspended_at = at
            record(session, actor, action, workspace_id, why, at=self._clock())
        self._changed()

    def _set_disabled(self, user_id: str, at: datetime | None, action: str, actor: str | None) -> None:
        with self._db.writing() as session:
            user = _user(session, user_id)
            user.disabled_at = at
            record(session, actor, action, user_id, user.email, at=self._clock())
        self._changed()

    def _new_user(self, email: str, name: str, password: str, is_operator: bool) -> User:
        # Hashing is slow by design: it happens before the write transaction opens.
        return User(
            id=new_id("usr"),
            email=email_of(email),
            name=name_of(name),
            password_hash=self._passwords.hash(password),
            is_operator=is_operator,
            created_at=self._clock(),
        )

    def _add_user(self, session: Session, user: User, actor: str | None) -> None:
        session.add(user)
        session.flush()
        action = "operator.created" if user.is_operator else "user.created"
        record(session, actor, action, user.id, user.email, at=self._clock())

    def _add_workspace(self, session: Session, name: str, owner_id: str, actor: str | None) -> WorkspaceInfo:
        workspace = Workspace(id=new_id("ws"), name=name_of(name), created_at=self._clock())
        session.add(workspace)
        session.flush()
        self._opened(session.connection(), workspace.id)
        record(session, actor, "workspace.created", workspace.id, workspace.name, at=self._clock())
        self._add_member(session, workspace.id, owner_id, Role.OWNER, actor)
        return _info(workspace)

    def _add_member(self, session: Session, workspace_id: str, user_id: str, role: Role, actor: str | None) -> None:
        session.add(Member(workspace_id=workspace_id, user_id=user_id, role=role.value, created_at=self._clock()))
        record(session, actor, "member.added", workspace_id, f"{user_id} as {role}", at=self._clock())


def normal_email(email: str) -> str:
    """How an address is stored and compared."""
    return email.strip().lower()


def email_of(email: str) -> str:
    """The address as it is stored; `InvalidInput` for what is none."""
    address = normal_email(email)
    domain = address.partition("@")[2]
    known = "." in domain or domain == "localhost"
    if not known or not mail_address.is_one(address) or len(address) > LONGEST_EMAIL:
        raise InvalidInput(f"{email!r} is not an e-mail address.", param="email")
    return address


def name_of(name: str, *, param: str = "name") -> str:
    """The name without needless spaces; `InvalidInput` for what is none."""
    tidy = " ".join(name.split())
    if not tidy or len(tidy) > LONGEST_NAME or not tidy.isprintable():
        raise InvalidInput(f"A name has between 1 and {LONGEST_NAME} visible characters.", param=param)
    return tidy


def _user(session: Session, user_id: str, *, locked: bool = False) -> User:
    user = session.get(User, user_id, with_for_update=locked or None)
    if user is None:
        raise NotFound(f"There is no user {user_id}.", code="user_not_found")
    return user


def _workspace(session: Session, workspace_id: str) -> Workspace:
    workspace = session.get(Workspace, workspace_id)
    if workspace is None:
        raise NotFound(f"There is no workspace {workspace_id}.", code="workspace_not_found")
    return workspace


def _person(user: User) -> Person:
    return Person(user.id, user.email, user.name, user.is_operator, user.disabled_at is not None, user.created_at)


def _info(workspace: Workspace) -> WorkspaceInfo:
    return WorkspaceInfo(workspace.id, workspace.name, workspace.suspended_at is not None, workspace.created_at)


@contextmanager
def unique_email() -> Iterator[None]:
    """Turns the database's unique constraint on the address into a refusal the caller can show."""
    try:
        yield
    except IntegrityError as error:
        if "email" not in str(error.orig):
            raise
        raise Conflict("Somebody already has this e-mail address.", param="email", code="email_taken") from error
