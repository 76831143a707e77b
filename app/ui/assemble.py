"""Puts the interface together: pages, guard, live news and the front, as one Reflex app."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import reflex as rx
from reflex.constants import Dirs
from reflex.utils.prerequisites import get_web_dir
from reflex_base.event import Event

from app.ui import page, theme, wiring
from app.ui.connection import OVERLAY, connection_lost
from app.ui.front import Front
from app.ui.guard import Guard
from app.ui.live import Live
from app.ui.redact import redact_logs
from app.ui.roles import Role
from app.ui.shell_state import ShellState

#: Nobody waits longer for a tab to deal with what was pushed to it.
LONGEST_SECONDS = 30.0


def built_pages() -> Path:
    """Where the built pages lie, wherever Reflex was told to keep its work."""
    return Path(get_web_dir()) / Dirs.STATIC


def assemble(*, transformers: Sequence[Any] = (), around: Sequence[Any] = ()) -> rx.App:
    """The app with every page that has been imported. `transformers` (the API) stand between the front and Reflex, and
    `around` before everything, sockets included."""
    app = rx.App(
        stylesheets=theme.STYLESHEETS,
        head_components=theme.head(),
        extra_app_wraps={OVERLAY: connection_lost},
        api_transformer=[
            *transformers,
            lambda inner: Front(inner, built=built_pages(), is_private=_is_private(app)),
            *around,
        ],
    )
    page.install(app, before=[ShellState.enter])
    guard = Guard(look_up=lambda token: wiring.current().look_up(token), epoch=lambda: wiring.current().epoch())
    app.add_middleware(guard, index=0)
    redact_logs(guard.cookie_name)
    return app


def live_for(app: rx.App) -> Live:
    """The hub that pushes a page's own events into its open tabs; give it to `Wiring(live=…)`.

    A push is over when the tab's state has dealt with it: a tab's events are handled one after the other, and where
    news comes faster than a busy machine shows it, a click would wait behind all of it.
    """

    async def deliver(token: str, event: Any) -> bool:
        if app.event_namespace is None or token not in app.event_namespace.token_to_sid:
            return False
        with app.set_contexts():
            handled = await app.event_processor.enqueue_many(token, *Event.from_event_type(event))
        if handled:
            await asyncio.wait(handled, timeout=LONGEST_SECONDS)
        return True

    return Live(deliver)


def _is_private(app: rx.App) -> Any:
    def is_private(path: str) -> bool:
        route = app.router(path)
        return route is not None and page.role_of_route(route) is not Role.ANYONE

    return is_private
