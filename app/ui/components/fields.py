"""Form controls. Every input has a visible label; an error stands under its field."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.ui.components.base import Child, classes, icon, row


def field(
    label: Child,
    control: rx.Component,
    *,
    hint: Child = None,
    aside: Child = None,
    error: Any = None,
    for_id: Any = None,
    **props: Any,
) -> rx.Component:
    """A labelled control. `hint` follows the label in grey, `aside` stands at the right, `error` (a var or text) below.

    Give the control the id `for_id` where it is a single input; group controls are labelled by their group.
    """
    heading = [rx.el.span(label, class_name="fb-label")]
    if hint is not None:
        heading.append(rx.el.span(hint, class_name="fb-field-hint"))
    left = (
        rx.el.label(*heading, html_for=for_id, class_name="fb-field-name")
        if for_id is not None
        else rx.el.div(*heading, class_name="fb-field-name")
    )
    return rx.el.div(
        row(
            left,
            rx.el.span(aside, class_name="fb-field-aside") if aside is not None else None,
            class_name="fb-field-head",
        ),
        control,
        field_error(error) if error is not None else None,
        class_name=classes("fb-field", props.pop("class_name", None)),
        role="group" if for_id is None else None,
        **props,
    )


def field_error(error: Any) -> rx.Component:
    """The line under a field; nothing while `error` is empty."""
    line = rx.el.p(icon("circle-alert", 13), rx.el.span(error), class_name="fb-field-error", role="alert")
    return line if isinstance(error, str) else rx.cond(error != "", line)


def text_input(*, mono: bool = False, before: Child = None, after: Child = None, **props: Any) -> rx.Component:
    """A one-line input of control height. `before` and `after` stand inside it: an icon, a unit."""
    name = classes("fb-input", "fb-mono" if mono else None, props.pop("class_name", None))
    if before is None and after is None:
        return rx.el.input(class_name=name, **props)
    return rx.el.span(
        rx.el.span(before, class_name="fb-input-before") if before is not None else None,
        rx.el.input(class_name="fb-input-bare " + ("fb-mono" if mono else ""), **props),
        rx.el.span(after, class_name="fb-input-after") if after is not None else None,
        class_name=classes(name, "fb-input-box"),
    )


def text_area(**props: Any) -> rx.Component:
    """A text of several lines."""
    return rx.el.textarea(class_name=classes("fb-input fb-textarea", props.pop("class_name", None)), **props)


def segmented(
    options: Any,
    *,
    value: Any,
    on_change: Any,
    label: str,
    small: bool = False,
    full: bool = True,
    **props: Any,
) -> rx.Component:
    """Up to five choices side by side.

    `options`: `(value, label)` or `(value, label, price)` tuples, or a var of rows with `value`, `label`, `price`.
    The price stands beside the label, in the accent colour when chosen. `label` names the group for screen readers.
    """
    items = (
        [_segment(*option) for option in options]
        if isinstance(options, list | tuple)
        else [rx.foreach(options, lambda option: _segment(option["value"], option["label"], option["price"]))]
    )
    return rx.segmented_control.root(
        *items,
        value=value,
        on_change=lambda chosen: on_change(chosen.to(str)),  # Radix says `str | list[str]`; one choice is a str
        size="1" if small else "2",
        class_name=classes("fb-segmented", "fb-segmented-full" if full else None, props.pop("class_name", None)),
        custom_attrs={"aria-label": label, **props.pop("custom_attrs", {})},
        **props,
    )


def _segment(value: Any, label: Child, price: Any = "") -> rx.Component:
    shown = rx.el.span(price, class_name="fb-segment-price fb-num")
    beside = (shown if price else None) if isinstance(price, str) else rx.cond(price != "", shown)
    return rx.segmented_control.item(rx.el.span(label), beside, value=value)


def select(
    options: Any, *, value: Any, on_change: Any, label: str, placeholder: str = "", prefix: Child = None, **props: Any
) -> rx.Component:
    """One of many. `options`: `(value, label)` tuples, plain strings, or a var of rows with `value` and `label`."""
    if isinstance(options, list | tuple):
        pairs: Sequence[tuple[str, str]] = [(o, o) if isinstance(o, str) else o for o in options]
        items: list[Any] = [rx.select.item(text, value=key) for key, text in pairs]
    else:
        items = [rx.foreach(options, lambda option: rx.select.item(option["label"], value=option["value"]))]
    return rx.el.span(
        rx.el.span(prefix, class_name="fb-select-prefix") if prefix is not None else None,
        rx.select.root(
            rx.select.trigger(placeholder=placeholder, class_name="fb-select", custom_attrs={"aria-label": label}),
            rx.select.content(*items, position="popper", class_name="fb-popover"),
            value=value,
            on_change=on_change,
            size="2",
            **props,
        ),
        class_name="fb-select-box",
    )


def switch_row(label: Child, *, checked: Any, on_change: Any, detail: Child = None, **props: Any) -> rx.Component:
    """A switch with its words at the left; the whole row is the label."""
    return rx.el.label(
        rx.el.span(
            rx.el.span(label, class_name="fb-medium"),
            rx.el.span(detail, class_name="fb-small") if detail is not None else None,
            class_name="flex flex-col flex-1 min-w-0",
        ),
        rx.switch(checked=checked, on_change=on_change, size="2", **props),
        class_name="fb-switch-row",
    )


def check(label: Child, *, checked: Any, on_change: Any, detail: Child = None, **props: Any) -> rx.Component:
    """A checkbox with its words at the right."""
    return rx.el.label(
        rx.checkbox(checked=checked, on_change=on_change, size="2", **props),
        rx.el.span(
            rx.el.span(label, class_name="fb-medium"),
            rx.el.span(detail, class_name="fb-small") if detail is not None else None,
            class_name="flex flex-col min-w-0",
        ),
        class_name="fb-check",
    )
