"""A tab without a browser: a fresh state tree whose socket carries a cookie, and the guard in front of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import reflex as rx
from reflex.istate.data import RouterData
from reflex.state import State, StateUpdate
from reflex_base.event import Event

from app.accounts.identity import Who
from app.ui.guard import SESSION_COOKIE, Guard
from tests.ui.people import SESSIONS


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class LookUps:
    """The accounts: answers tokens and counts how often it was asked."""

    sessions: dict[str, Who] = field(default_factory=lambda: dict(SESSIONS))
    asked: int = 0

    def __call__(self, token: str) -> Who | None:
        self.asked += 1
        return self.sessions.get(token)


@dataclass
class Tab:
    """One tab's state tree. `session` is its socket's session token, empty for a visitor."""

    guard: Guard
    session: str = ""
    path: str = "/"
    route: str = ""
    tree: Any = field(default_factory=lambda: State(_reflex_internal_init=True))

    def connect(self, session: str | None = None, path: str | None = None, route: str | None = None) -> None:
        """A socket connects, or a page is opened on it."""
        self.session = self.session if session is None else session
        self.path = self.path if path is None else path
        self.route = self.path if route is None else route
        cookie = f"other=1; {SESSION_COOKIE}={self.session}" if self.session else "other=1"
        data = {
            "headers": {"cookie": cookie, "origin": "http://localhost:3000"},
            "pathname": self.route,
            "asPath": self.path,
            "token": "tab",
        }
        self.tree.router_data = data
        self.tree.router = RouterData.from_router_data(data)
        self.tree.rx_router_route_id = self.route

    async def send(self, name: str, **payload: Any) -> StateUpdate | None:
        """What the guard makes of an event: None lets it through."""
        event = Event(name=name, payload=payload)
        return await self.guard.preprocess(app=None, state=self.tree, event=event)  # type: ignore[arg-type]


def new_tab(
    session: str = "", path: str = "/", route: str | None = None, look_up: Callable[[str], Who | None] | None = None
):
    """A connected tab on the page at `path`."""
    tab = Tab(Guard(look_up=look_up or LookUps()))
    tab.connect(session, path, route)
    return tab


def event_name(handler: Any) -> str:
    """The name an event for this handler carries."""
    return rx.utils.format.format_event_handler(handler)


def script_of(update: StateUpdate | None) -> str:
    """The script an update makes the browser run; empty for none."""
    return str(update.events[0].payload) if update and update.events else ""


class Background:
    """A page's state as a background handler has it: changed within `async with self`."""

    def __init__(self, state: Any) -> None:
        object.__setattr__(self, "state", state)

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.state, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.state, name, value)
