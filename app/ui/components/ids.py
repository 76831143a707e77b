"""Ids: mono, cut in the middle on the screen, whole in the copy."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components.base import Child, classes, icon


def copyable(value: Any, shown: Child = None, *, boxed: bool = False, primary: bool = False) -> rx.Component:
    """An id or a secret with its copy button. `shown` is the cut form (`present.short_id`), `value` what is copied.

    `primary` lets the C key copy it: the one id a page is about.
    """
    attrs = {"data-fb-copy": value, "aria-label": t("common.copy")}
    if primary:
        attrs["data-fb-key"] = "c"
    return rx.el.span(
        rx.el.span(shown if shown is not None else value, class_name="fb-mono fb-cut", title=value),
        rx.el.button(
            icon("copy", 13, class_name="fb-copy-icon"),
            icon("check", 13, class_name="fb-copied-icon"),
            type="button",
            class_name="fb-copy",
            title=t("common.copy"),
            custom_attrs=attrs,
        ),
        class_name=classes("fb-id", "fb-id-boxed" if boxed else None),
    )


def copy_button(value: Any, label: str | None = None, *, small: bool = True) -> rx.Component:
    """A button that copies `value`: a snippet, a key shown once."""
    return rx.el.button(
        rx.el.span(
            icon("copy", 14, class_name="fb-copy-icon"),
            icon("check", 14, class_name="fb-copied-icon"),
            class_name="fb-button-icon",
        ),
        rx.el.span(label or t("common.copy")),
        type="button",
        class_name=classes("fb-button fb-outline", "fb-size-small" if small else "fb-size-control"),
        custom_attrs={"data-fb-copy": value},
    )
