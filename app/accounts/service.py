"""Accounts in one hand: people, their sessions and their keys, sharing what must be forgotten together."""

from collections.abc import Callable

from limits import RateLimitItem, RateLimitItemPerHour
from sqlalchemy import Connection
from sqlmodel import select

from app.accounts.allowances import AllowanceBook
from app.accounts.identity import Who
from app.accounts.keys import Background, Keys
from app.accounts.links import FORGOTTEN_FOR, PasswordLinks
from app.accounts.members import Members
from app.accounts.passwords import Passwords
from app.accounts.people import People, Person, normal_email
from app.accounts.sign_in import SignIns
from app.accounts.tables import User
from app.accounts.throttle import Throttle
from app.kernel import outbox, secrets
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, InvalidInput
from app.kernel.ids import new_id

#: Mails to one address for who forgot a password.
FORGOTTEN: tuple[RateLimitItem, ...] = (RateLimitItemPerHour(5, 1),)


class Accounts:
    """`opened(connection, workspace_id)` runs in the transaction that makes a workspace: open its wallet there.

    `secret_key` signs the links that go out by mail, and `public_url` is where they lead; without a key such a link
    works as long as this process.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        opened: Callable[[Connection, str], None],
        passwords: Passwords | None = None,
        background: Background | None = None,
        secret_key: str | None = None,
        public_url: str = "http://localhost:3000",
    ) -> None:
        self._db = db
        passwords = passwords or Passwords()
        self.sign_ins = SignIns(db, clock, passwords)
        self.keys = Keys(db, clock, background)
        self.allowances = AllowanceBook(db, clock)
        self.people = People(db, clock, passwords, opened=opened, changed=self._forget)
        self.links = PasswordLinks(db, clock, secret_key=secret_key or secrets.new_token(), public_url=public_url)
        self.members = Members(db, clock, self.links, changed=self._forget)
        self._forgotten = Throttle(FORGOTTEN, "Too many mails were asked for. Wait a while.", "too_many_attempts")

    def look_up(self, token: str) -> Who | None:
        """Who holds this session token."""
        return self.sign_ins.look_up(token)

    def reset_password(self, email: str, password: str, *, actor: str | None = None) -> Person:
        """Set a new password and end every session of that person; `NotFound` for an unknown e-mail."""
        person = self.people.named(email)
        self.people.set_password(person.id, password, actor=actor)
        return person

    def change_password(self, who: Who, current: str, password: str, *, address: str = "") -> str:
        """A new password for who knows the present one: every session of theirs ends; the token of a new one.

        `NotSignedIn` "wrong_credentials", `LimitReached` "too_many_attempts" like signing in; `InvalidInput` for a new
        password that is too short, too long, or the present one.
        """
        self.sign_ins.verify(who.email, current, address=address)
        if current == password:
            raise InvalidInput("That is your password already.", param="password", code="same_password")
        self.people.set_password(who.user_id, password, actor=who.user_id)
        return self.sign_ins.begin(who.user_id)

    def choose_password(self, link: str, password: str) -> str:
        """The password of who holds this link, and the token of a new session; every other session of theirs ends.

        `NotAllowed` "link_ended", `InvalidInput` for a password that is too short or too long.
        """
        user = self.links.open(link)
        self.people.set_password(user.id, password, actor=user.id, instead_of=user.password_hash)
        return self.sign_ins.begin(user.id)

    def forgot_password(self, email: str) -> None:
        """Promise a mail with a link, if somebody who may sign in has this address; nobody is told whether.

        `LimitReached` "too_many_attempts".
        """
        email = normal_email(email)
        self._forgotten.attempt(email)
        with self._db.writing() as session:
            user = session.exec(select(User).where(User.email == email)).first()
            if user is None or user.disabled_at is not None:
                return
            link, ends = self.links.make(user, FORGOTTEN_FOR)
            told = {"email": user.email, "link": link, "expires_at": ends}
            key = f"password_link:{new_id('evt')}"
            outbox.mail(session.connection(), "password_link", key=key, to=user.email, params=told)

    def disable(self, user_id: str, *, actor: str | None = None) -> None:
        """End every session of this person and let them begin no other. API keys belong to workspaces: they go on.

        `Conflict` "own_account" for one's own, so that whoever runs the installation cannot lock themselves out.
        """
        if user_id == actor:
            raise Conflict("You cannot disable your own account.", code="own_account")
        self.people.disable_user(user_id, actor=actor)
        self.sign_ins.sign_out_everywhere(user_id)

    def close(self) -> None:
        self.keys.close()

    def _forget(self) -> None:
        self.sign_ins.forget()
        self.keys.forget()
