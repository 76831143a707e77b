"""Dialogs and popovers on Radix: they trap the focus, return it, and close on Esc."""

from typing import Any, Literal

import reflex as rx

from app.kernel.text import t
from app.ui.components.base import Child, classes, icon, row
from app.ui.components.buttons import button


def dialog(
    *body: Child,
    title: Child,
    trigger: rx.Component | None = None,
    detail: Child = None,
    footer: list[Child] | None = None,
    footnote: Child = None,
    size: Literal["narrow", "wide"] = "narrow",
    is_open: Any = None,
    on_open_change: Any = None,
) -> rx.Component:
    """A dialog, 480 px (narrow) or 880 px (wide). Its title is the act and the primary button repeats it.

    Either give a `trigger` and leave it to the browser (`on_open_change` then hears of it), or drive it by `is_open`
    and `on_open_change`. Buttons that close it go into `closes(…)`; Esc and the cross keep whatever draft there is.
    The focus goes to the first field, and Enter in a line of text presses the solid button of the footer.
    """
    state = {} if is_open is None else {"open": is_open}
    if on_open_change is not None:
        state["on_open_change"] = on_open_change
    return rx.dialog.root(
        rx.dialog.trigger(trigger) if trigger is not None else None,
        rx.dialog.content(
            rx.el.header(
                rx.dialog.title(title, class_name="fb-title", size="4", margin="0"),
                rx.dialog.description(detail, class_name="fb-text-2", size="2") if detail is not None else None,
                class_name="fb-dialog-head",
            ),
            rx.el.div(*body, class_name="fb-dialog-body fb-scroll"),
            row(
                rx.el.span(footnote, class_name="fb-small flex-1")
                if footnote is not None
                else rx.el.span(class_name="flex-1"),
                *footer,
                class_name="fb-dialog-foot",
            )
            if footer
            else None,
            _cross(),  # last, so that the first field has the focus
            class_name=classes("fb-dialog", f"fb-dialog-{size}"),
            **({} if detail is not None else {"aria_describedby": ""}),
        ),
        **state,
    )


def _cross() -> rx.Component:
    return rx.dialog.close(
        rx.el.button(
            icon("x", 16),
            type="button",
            class_name="fb-icon-button fb-dialog-close",
            custom_attrs={"aria-label": t("common.close")},
        )
    )


def closes(control: rx.Component) -> rx.Component:
    """A control that also closes the dialog it stands in."""
    return rx.dialog.close(control)


def decision(
    act: Child,
    on_click: Any,
    *,
    leave: Child | None = None,
    test_id: str = "",
    **props: Any,
) -> list[Child]:
    """The footer of a dialog that asks: the way out, then `act`, which repeats the title and does it.

    The way out says "Cancel" unless `leave` names what stays as it is; where "cancel" could be the act itself it must.
    Enter in a line of text and Ctrl or ⌘ with Enter press the act. `props` are a button's: `busy`, `icon_name`.
    """
    if test_id:
        props["custom_attrs"] = {"data-testid": test_id}
    return [
        closes(button(t("common.cancel") if leave is None else leave)),
        button(act, kind="solid", key="mod+enter", on_click=on_click, **props),
    ]


def popover(
    trigger: rx.Component, *body: Child, width: str = "320px", align: str = "start", **state: Any
) -> rx.Component:
    """A floating panel under its trigger. `state`: `open` and `on_open_change` to drive it."""
    return rx.popover.root(
        rx.popover.trigger(trigger),
        rx.popover.content(*body, align=align, width=width, class_name="fb-popover"),
        **state,
    )


def tip(content: str | Any, control: rx.Component) -> rx.Component:
    """A tooltip: the whole of something cut, a full date. Never the only place of a fact."""
    return rx.tooltip(control, content=content, delay_duration=300)
