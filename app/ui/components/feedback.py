"""What a page says when there is nothing, not yet, or something went wrong; and toasts for what is done."""

from typing import Any

import reflex as rx
from reflex_base.event import EventSpec

from app.kernel.text import t
from app.ui.components.base import Child, classes, column, icon, row
from app.ui.components.buttons import button
from app.ui.components.tiles import icon_tile


def skeleton(width: str = "100%", height: str = "0.9em", **props: Any) -> rx.Component:
    """A grey bar of the size of what will stand there."""
    return rx.el.span(
        class_name=classes("fb-skeleton", props.pop("class_name", None)),
        style={"width": width, "height": height},
        custom_attrs={"aria-hidden": "true"},
        **props,
    )


def loaded(ready: Any, content: Child, *, width: str = "4em", height: str = "0.9em") -> rx.Component:
    """The content once `ready`, until then a skeleton that keeps its place."""
    return rx.cond(ready, content, skeleton(width, height))


def empty_state(icon_name: str, title: Child, sentence: Child, *actions: rx.Component, compact: bool = False):
    """Icon tile, title, one sentence, one action (at most two)."""
    return column(
        icon_tile(icon_name, tone="accent", size="large"),
        rx.el.h2(title, class_name="fb-title"),
        rx.el.p(sentence, class_name="fb-text-2 fb-empty-sentence"),
        row(*actions, class_name="flex-wrap justify-center mt-3") if actions else None,
        class_name=classes("fb-empty items-center justify-center text-center", "fb-empty-compact" if compact else None),
    )


def error_state(message: Child, on_retry: Any = None, *, title: Child = None) -> rx.Component:
    """An error that stands where the content would: what happened, what to do, and a way to try again."""
    return column(
        icon_tile("triangle-alert", tone="loss", size="large"),
        rx.el.h2(title or t("common.error.title"), class_name="fb-title"),
        rx.el.p(message, class_name="fb-text-2 fb-empty-sentence"),
        row(button(t("common.retry"), icon_name="rotate-cw", on_click=on_retry), class_name="mt-3")
        if on_retry is not None
        else None,
        class_name="fb-empty items-center justify-center text-center",
        role="alert",
    )


def notice(message: Child, *actions: rx.Component, tone: Any = "loss", title: Child = None) -> rx.Component:
    """A boxed note inside a page or a form: loss for errors, thin for warnings, neutral for information."""
    mark = {"loss": "triangle-alert", "thin": "triangle-alert", "good": "check"}
    drawn = (
        icon(mark.get(tone, "info"), 15)
        if isinstance(tone, str)
        else rx.match(tone, *[(name, icon(shape, 15)) for name, shape in mark.items()], icon("info", 15))
    )
    is_error = tone == "loss"
    role = ("alert" if is_error else "status") if isinstance(tone, str) else rx.cond(is_error, "alert", "status")
    return rx.el.div(
        drawn,
        column(
            rx.el.p(title, class_name="fb-strong") if title is not None else None,
            rx.el.p(message),
            row(*actions, class_name="mt-2 flex-wrap") if actions else None,
            class_name="flex-1",
        ),
        class_name="fb-notice",
        custom_attrs={"data-tone": tone},
        role=role,
    )


def live_region(text: Child) -> rx.Component:
    """A sentence screen readers hear when it changes: a price, a job's state. Change it at most once a second."""
    return rx.el.p(text, class_name="fb-sr", role="status", custom_attrs={"aria-live": "polite", "aria-atomic": "true"})


def toast_done(message: str, *, undo: Any = None, about: str | None = None) -> EventSpec:
    """Return this from a handler when an act is done; `undo` is an event that reverses it. Errors stay inline.

    A later toast about the same thing takes the place of the one before.
    """
    same: dict[str, Any] = {} if about is None else {"id": about}
    if undo is None:
        return rx.toast(message, duration=4000, **same)
    return rx.toast(message, duration=8000, action={"label": t("common.undo"), "on_click": undo}, **same)
