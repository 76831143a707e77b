"""`@page`: a page is one file that says its route, its title and who may see it.

`app.py` imports the files and installs what they declared.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from app.ui.roles import Role

TITLE_SUFFIX = " · Farebox"


@dataclass(frozen=True, slots=True)
class Page:
    route: str
    title: str
    role: Role
    render: Callable[[], rx.Component]
    on_load: tuple[Any, ...] = ()


PAGES: dict[str, Page] = {}


def page(
    route: str, *, title: str, role: Role, on_load: Any | Sequence[Any] = ()
) -> Callable[[Callable[[], rx.Component]], Callable[[], rx.Component]]:
    """Register the decorated function as the page at `route`, such as `/admin/models/[id]`.

    `on_load` runs on every visit, after the shell has loaded itself. A second page at the same route raises.
    """
    events = tuple(on_load) if isinstance(on_load, list | tuple) else (on_load,)

    def register(render: Callable[[], rx.Component]) -> Callable[[], rx.Component]:
        if route in PAGES:
            raise ValueError(f"{route} is declared twice, by {PAGES[route].render.__module__} and {render.__module__}")
        PAGES[route] = Page(route, title, role, render, events)
        return render

    return register


def role_of_route(route: str) -> Role:
    """Who may see the page Reflex knows as `route` ("index" is `/`); a route nobody declared is open, being a 404."""
    known = "/" + route.strip("/")
    found = PAGES.get("/" if known == "/index" else known)
    return found.role if found else Role.ANYONE


def install(app: rx.App, *, before: Sequence[Any] = ()) -> None:
    """Add every declared page to the app; `before` are load events of pages that need a signed-in person."""
    for found in PAGES.values():
        first = () if found.role is Role.ANYONE else tuple(before)
        app.add_page(
            found.render,
            route=found.route,
            title=found.title + TITLE_SUFFIX,
            on_load=[*first, *found.on_load] or None,
        )
