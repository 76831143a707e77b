"""Accounts in one hand: people, their sessions and their keys, sharing what must be forgotten together."""

from collections.abc import Callable

from sqlalchemy import Connection

from app.accounts.allowances import AllowanceBook
from app.accounts.identity import Who
from app.accounts.keys import Background, Keys
from app.accounts.passwords import Passwords
from app.accounts.people import People, Person
from app.accounts.sign_in import SignIns
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict


class Accounts:
    """`opened(connection, workspace_id)` runs in the transaction that makes a workspace: open its wallet there."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        *,
        opened: Callable[[Connection, str], None],
        passwords: Passwords | None = None,
        background: Background | None = None,
    ) -> None:
        passwords = passwords or Passwords()
        self.sign_ins = SignIns(db, clock, passwords)
        self.keys = Keys(db, clock, background)
        self.allowances = AllowanceBook(db, clock)
        self.people = People(db, clock, passwords, opened=opened, changed=self._forget)

    def look_up(self, token: str) -> Who | None:
        """Who holds this session token."""
        return self.sign_ins.look_up(token)

    def reset_password(self, email: str, password: str, *, actor: str | None = None) -> Person:
        """Set a new password and end every session of that person; `NotFound` for an unknown e-mail."""
        person = self.people.named(email)
        self.people.set_password(person.id, password, actor=actor)
        self.sign_ins.sign_out_everywhere(person.id)
        return person

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
