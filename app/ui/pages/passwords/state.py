"""What the three pages say. The passwords themselves never come here: the browser posts them to `/session/…`."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.accounts.passwords import SHORTEST
from app.kernel.errors import NotAllowed
from app.kernel.text import t
from app.ui.front_state import local_path
from app.ui.guard import PageState, visitor, who
from app.ui.roles import Role, home_of

#: What `?error=` may say; anything else gets a general sentence and is never echoed.
ERRORS = frozenset(
    {
        "wrong_credentials",
        "too_many_attempts",
        "account_disabled",
        "password_too_short",
        "password_too_long",
        "same_password",
        "link_ended",
        "cross_origin",
    }
)
LONGEST_LINK = 200


class PasswordState(PageState):
    """The page of somebody who is signed in."""

    REQUIRED_ROLE: ClassVar[Role] = Role.SIGNED_IN

    email: str = ""
    home: str = "/"
    error: str = ""
    done: bool = False

    @rx.event
    def load(self):
        """Whose password, and what became of the last attempt."""
        person, query = who(), self.router.url.query_parameters
        self.email, self.home = person.email, local_path(home_of(person))
        self.error, self.done = error_words(query.get("error", "")), query.get("done", "") == "1"


class LinkState(PageState):
    """The pages of somebody who cannot sign in yet: it says nothing but what they brought along."""

    REQUIRED_ROLE: ClassVar[Role] = Role.ANYONE

    ready: bool = False
    email: str = ""
    link: str = ""
    error: str = ""
    done: bool = False
    home: str = "/login"

    @rx.event
    async def load(self):
        """Whose link it is, and whether it still works."""
        query = self.router.url.query_parameters
        self.link, self.email = query.get("link", "")[:LONGEST_LINK], ""
        self.error = error_words(query.get("error", ""))
        try:
            user = await asyncio.to_thread(services.current().accounts.links.open, self.link)
        except NotAllowed:
            self.link, self.error = "", error_words("link_ended")
        else:
            self.email = user.email
        self.ready = True

    @rx.event
    def load_forgot(self):
        """What became of the wish."""
        query, person = self.router.url.query_parameters, visitor()
        self.error, self.done = error_words(query.get("error", "")), query.get("done", "") == "1"
        self.home, self.ready = home_of(person), True


def error_words(code: str) -> str:
    """The sentence for `?error=code`, or nothing."""
    if not code:
        return ""
    return t(f"passwords.error.{code if code in ERRORS else 'other'}", shortest=SHORTEST)
