"""The small things every component is made of."""

from typing import Any

import reflex as rx
from reflex_components_core.react_router import link as _route_link

#: Text, a number or a component; a state's var of any of them.
Child = Any


def var(member: Any) -> Any:
    """A state's var or handler as Reflex makes it: `var(State.rows).length()`, `var(State.search).debounce(120)`.

    On the class the type checker sees only what was written down there.
    """
    return member


def classes(*names: str | None) -> str:
    """One class attribute from the names that are given."""
    return " ".join(name for name in names if name)


def icon(name: str, size: int = 16, **props: Any) -> rx.Component:
    """A lucide icon by its fixed name, drawn as decoration (its words stand beside it)."""
    props["class_name"] = classes("fb-icon", props.get("class_name"))
    props.setdefault("custom_attrs", {"aria-hidden": "true"})
    return rx.icon(name, size=size, **props)


def route_link(*children: Child, href: Any, **props: Any) -> rx.Component:
    """A link inside the app: changes page without loading it anew."""
    return _route_link(*children, to=href, **props)


def plain_link(*children: Child, href: Any, **props: Any) -> rx.Component:
    """A link the browser follows by itself, to what is no page of the app: a file, the API's own pages.

    `rx.el.a` is the router's link: left to itself it would look for a page of that name.
    """
    return rx.el.a(*children, href=href, reload_document=True, **props)


def text_link(*children: Child, href: Any, **props: Any) -> rx.Component:
    """A link in running text."""
    props["class_name"] = classes("fb-link", props.get("class_name"))
    return route_link(*children, href=href, **props)


def row(*children: Child, class_name: str = "", **props: Any) -> rx.Component:
    """Side by side, centred; add Tailwind classes for the rest."""
    return rx.el.div(*children, class_name=classes("flex items-center gap-2 min-w-0", class_name), **props)


def column(*children: Child, class_name: str = "", **props: Any) -> rx.Component:
    """One under the other."""
    return rx.el.div(*children, class_name=classes("flex flex-col min-w-0", class_name), **props)


def keys(*names: str) -> rx.Component:
    """Keyboard keys as small caps: `keys("mod", "K")`; ⌘ becomes Ctrl away from a Mac."""
    shown = {"enter": "↵", "alt": "⌥", "shift": "⇧", "esc": "Esc"}
    caps = [
        rx.el.span(class_name="fb-key-mod") if name == "mod" else rx.el.span(shown.get(name, name.upper()))
        for name in names
    ]
    return rx.el.kbd(*caps, class_name="fb-keys")


def shortcut(key: str) -> dict[str, str]:
    """Custom attributes that make a key press this element: `custom_attrs=shortcut("r")`, `shortcut("mod+enter")`."""
    return {"data-fb-key": key, "aria-keyshortcuts": key.replace("mod", "Meta")}
