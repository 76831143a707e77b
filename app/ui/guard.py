"""The guard: before every event of every socket, who is it, whose tab is it, and may they call this handler?

Any socket can name any handler, and a tab's state is keyed by a token rather than by a person, so neither a page's
`on_load` nor its layout protects anything. This middleware runs before each event, hydration included:

1. the session cookie of the socket's handshake is looked up (and remembered for a few seconds);
2. when the tab's owner is no longer the same person, every state in it starts again from its defaults;
3. the state class that owns the handler says who may call it (`REQUIRED_ROLE`); a class that says nothing is closed;
4. a page that is opened finds nothing of the last visit's dialogs (`ONE_VISIT`, see `visits.py`).

It leans on internals of the pinned Reflex: `tests/ui/test_guard.py` calls every registered handler as a stranger.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlencode

import reflex as rx
from reflex.state import BaseState, FrontendEventExceptionState, OnLoadInternalState, State, StateUpdate
from reflex_base.event import Event
from reflex_base.registry import RegistrationContext

from app.accounts.identity import Who
from app.kernel.errors import NotAllowed, NotSignedIn
from app.ui.page import role_of_route
from app.ui.roles import Role, home_of, identity_of, may
from app.ui.visits import of_one_visit, start_afresh

SESSION_COOKIE = "farebox_session"
REMEMBER_SECONDS = 3.0
MAX_REMEMBERED = 10_000

LookUp = Callable[[str], Who | None]

_acting: ContextVar[Who | None] = ContextVar("acting", default=None)


class PageState(rx.State):
    """Base of every page's state. Set `REQUIRED_ROLE`; until then nobody can call the handlers.

    `ONE_VISIT` names the variables that start again with every visit: what a dialog holds, a secret that is shown once.
    """

    REQUIRED_ROLE: ClassVar[Role] = Role.NOBODY
    ONE_VISIT: ClassVar[tuple[str, ...]] = ()


class TabState(rx.State):
    """Whose tab this is, and what it visits. Only the guard writes here, and nothing of it reaches the browser."""

    REQUIRED_ROLE: ClassVar[Role] = Role.NOBODY
    _claimed: bool = False
    _owner: str = ""
    _path: str = ""  # of the page in view
    _touched: list[str] = []  # states with something of this visit: those whose handlers were called


def who() -> Who:
    """The person whose event is being handled; `NotSignedIn` when there is none."""
    person = _acting.get()
    if person is None:
        raise NotSignedIn("Sign in to continue.")
    return person


def workspace_id() -> str:
    """The workspace of the person whose event is being handled; never taken from an argument."""
    found = who().workspace_id
    if not found:
        raise NotAllowed("You are not a member of a workspace.")
    return found


def visitor() -> Who | None:
    """The person whose event is being handled, or None: for pages that are open to everyone."""
    return _acting.get()


@contextmanager
def acting_as(person: Who | None) -> Iterator[None]:
    """Run a block as this person, as the guard does around an event (for tests and scripts)."""
    token = _acting.set(person)
    try:
        yield
    finally:
        _acting.reset(token)


# The few handlers of Reflex itself that a page cannot start without. None of them reads or returns anything but the
# tab's own state, which belongs to the caller by the time they run. Everything else of Reflex's stays closed,
# `setvar` and `update_vars_internal` above all: they write to any state by name.
_HYDRATION = {(State, "hydrate"), (State, "hydrate_and_load"), (OnLoadInternalState, "on_load_internal")}
_FRAMEWORK: dict[tuple[type[BaseState], str], Role] = {
    **dict.fromkeys(_HYDRATION, Role.ANYONE),
    (State, "set_is_hydrated"): Role.ANYONE,
    (OnLoadInternalState, "set_is_hydrated"): Role.ANYONE,
    (FrontendEventExceptionState, "handle_frontend_exception"): Role.SIGNED_IN,
}
_NEVER = frozenset({"setvar"})


@dataclass(frozen=True, slots=True)
class _Target:
    """The handler an event names."""

    state: type[BaseState]
    handler: str

    @property
    def role(self) -> Role:
        if self.handler in _NEVER:
            return Role.NOBODY
        if self.state.__module__.startswith("reflex."):
            return _FRAMEWORK.get((self.state, self.handler), Role.NOBODY)
        return Role(getattr(self.state, "REQUIRED_ROLE", Role.NOBODY))

    @property
    def hydrates(self) -> bool:
        return (self.state, self.handler) in _HYDRATION


def required_role(event_name: str) -> Role:
    """Who may send this event; `NOBODY` for a name that is not registered."""
    target = _target(event_name)
    return target.role if target else Role.NOBODY


def _target(event_name: str) -> _Target | None:
    registered = RegistrationContext.get().event_handlers.get(event_name)
    if registered is None or not registered.states:
        return None
    return _Target(registered.states[0], event_name.rpartition(".")[2])


@dataclass
class Guard(rx.Middleware):
    """`look_up` answers a session token with its person; it may block (it runs in a thread). `epoch` is another number
    as soon as what it answered before may be wrong: somebody was disabled, renamed or signed out."""

    look_up: LookUp
    epoch: Callable[[], int] = lambda: 0
    cookie_name: str = SESSION_COOKIE
    remember_seconds: float = REMEMBER_SECONDS
    monotonic: Callable[[], float] = time.monotonic
    _known: dict[str, tuple[float, Who | None]] = field(default_factory=dict)
    _known_at: int = 0

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """Let the event through (None), or swallow it, with a redirect where a page would otherwise stand dead."""
        target = _target(event.name)
        if target is None or not state.router_data:
            return StateUpdate()
        root = state._get_root_state()
        person = await self._person(root.router.headers.cookie)
        _acting.set(person)
        taken_over = await _claim(root, person)
        if not may(person, target.role):
            return _refusal(root, person, expired=taken_over)
        if target.hydrates:
            if not may(person, _role_of_page(root)):
                return _refusal(root, person, expired=False)
            await _arrive(root, new_document=bool(event.payload.get("hashes")))
            return None
        if taken_over:
            return _reload()
        await _arrive(root, new_document=False)  # whoever is quick presses a button before the page has been loaded
        await _touch(root, target.state)
        return None

    async def _person(self, cookies: str) -> Who | None:
        token = cookie_value(cookies, self.cookie_name)
        if not token:
            return None
        epoch = self.epoch()
        if epoch != self._known_at or len(self._known) >= MAX_REMEMBERED:
            self._known, self._known_at = {}, epoch
        known = self._known.get(token)
        if known and known[0] > self.monotonic():
            return known[1]
        person = await asyncio.to_thread(self.look_up, token)
        if epoch == self.epoch() == self._known_at:
            self._known[token] = (self.monotonic() + self.remember_seconds, person)
        return person


def cookie_value(header: str, name: str) -> str:
    """One cookie out of a Cookie header, tolerant of what other programs on the same host put there."""
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value.strip('"')
    return ""


async def _claim(root: BaseState, person: Who | None) -> bool:
    """Make the tab this person's; True when it was somebody else's, in which case its states were emptied."""
    tab = await root.get_state(TabState)
    owner = identity_of(person)
    if tab._claimed and tab._owner == owner:
        return False
    taken_over = tab._claimed
    if taken_over:
        await _start_again(root)
        tab = await root.get_state(TabState)
    tab._claimed, tab._owner = True, owner
    return taken_over


async def _start_again(root: BaseState) -> None:
    for state in list(RegistrationContext.get().base_states.values()):
        await root.get_state(state)  # with Redis, only what was asked for is in the tree
    root.reset()


async def _arrive(root: BaseState, *, new_document: bool) -> None:
    """A page is opened, or its socket connects again, or something of it is pressed: what comes first of a page begins
    the visit, and nothing after that.

    The browser sends the hashes of its states with the first hydration of a document, and never again.
    """
    tab, path = await root.get_state(TabState), root.router.url.path
    if path == tab._path and not new_document:
        return
    known = RegistrationContext.get().base_states
    for name in tab._touched:
        if name in known:  # a tab may be older than this version of the program
            start_afresh(await root.get_state(known[name]))
    tab._path, tab._touched = path, []


async def _touch(root: BaseState, state: type[BaseState]) -> None:
    if of_one_visit(state):
        tab, name = await root.get_state(TabState), state.get_full_name()
        if name not in tab._touched:
            tab._touched.append(name)


def _role_of_page(root: BaseState) -> Role:
    return role_of_route(root.rx_router_route_id)


def _refusal(root: BaseState, person: Who | None, *, expired: bool) -> StateUpdate:
    """Send the browser somewhere useful if the page it is on is not for this person; otherwise say nothing."""
    if may(person, _role_of_page(root)):
        return StateUpdate()
    if person is not None:
        return _go(home_of(person))
    url = root.router.url
    here = url.path + (f"?{url.query}" if url.query else "")
    return _go("/login?" + urlencode({"next": here} | ({"error": "session_ended"} if expired else {})))


def _go(path: str) -> StateUpdate:
    # A full page load, not a client-side route: only a new socket carries a new cookie.
    return _script(f"window.location.replace({json.dumps(path)})")


def _reload() -> StateUpdate:
    return _script("window.location.reload()")


def _script(code: str) -> StateUpdate:
    return StateUpdate(events=Event.from_event_type(rx.call_script(code)))
