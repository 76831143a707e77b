"""Buttons. One solid button a view; a label is verb + object, with the amount when money moves."""

from typing import Any, Literal

import reflex as rx

from app.ui.components.base import Child, classes, icon, keys, plain_link, route_link, shortcut

Kind = Literal["solid", "outline", "soft", "ghost"]
Size = Literal["control", "small", "primary"]


def button(
    label: Child,
    *,
    kind: Kind = "outline",
    size: Size = "control",
    icon_name: str | None = None,
    busy: Any = None,
    key: str | None = None,
    show_key: bool = False,
    **props: Any,
) -> rx.Component:
    """A button. While `busy` its icon becomes a spinner and its width stays.

    `key` ("r", "mod+enter") presses it from the keyboard; `show_key` prints that at its right.
    A disabled button says why beside it.
    """
    attrs = {**(shortcut(key) if key else {}), **props.pop("custom_attrs", {})}
    if busy is not None:
        attrs["data-busy"] = rx.cond(busy, "true", "false")
        attrs["aria-busy"] = rx.cond(busy, "true", "false")
    props.setdefault("type", "button")
    return rx.el.button(
        *_inside(label, icon_name, has_spinner=busy is not None, key=key if show_key else None),
        class_name=classes("fb-button", f"fb-{kind}", f"fb-size-{size}", props.pop("class_name", None)),
        custom_attrs=attrs,
        **props,
    )


def link_button(
    label: Child,
    *,
    href: Any,
    kind: Kind = "outline",
    size: Size = "control",
    icon_name: str | None = None,
    native: bool = False,
    **props: Any,
) -> rx.Component:
    """A link that looks like a button. `native` for what is not a page of the app: a download, the API's own pages."""
    name = classes("fb-button", f"fb-{kind}", f"fb-size-{size}", props.pop("class_name", None))
    inside = _inside(label, icon_name, has_spinner=False, key=None)
    link = plain_link if native else route_link
    return link(*inside, href=href, class_name=name, **props)


def icon_button(name: str, label: str, *, size: int = 16, **props: Any) -> rx.Component:
    """A square button that shows only an icon; `label` is its name for those who cannot see it, and its tooltip."""
    props.setdefault("type", "button")
    return rx.el.button(
        icon(name, size),
        class_name=classes("fb-icon-button", props.pop("class_name", None)),
        title=label,
        custom_attrs={"aria-label": label, **props.pop("custom_attrs", {})},
        **props,
    )


def _inside(label: Child, icon_name: str | None, *, has_spinner: bool, key: str | None) -> list[Child]:
    parts: list[Child] = []
    if icon_name or has_spinner:
        parts.append(
            rx.el.span(
                icon(icon_name, 15) if icon_name else None,
                rx.el.span(class_name="fb-spinner", custom_attrs={"aria-hidden": "true"}) if has_spinner else None,
                class_name=classes("fb-button-icon", None if icon_name else "fb-only-busy"),
            )
        )
    parts.append(rx.el.span(label))
    if key:
        parts.append(keys(*key.split("+")))
    return parts
