"""The trace: what happened to a request, step by step, on a rail."""

from typing import Any

import reflex as rx

from app.ui.components.base import Child, icon, row


def trace(*steps: Child) -> rx.Component:
    """A numbered rail of `trace_step`s (or one `rx.foreach` of them)."""
    return rx.el.ol(*steps, class_name="fb-trace")


def trace_step(
    icon_name: Any, name: Child, *detail: Child, at: Child = None, money: Child = None, tone: Any = "neutral"
):
    """One step: icon, name, a money chip, the time at the right, and its detail under it.

    `tone`: good for the settlement, loss for a failure. `icon_name` is fixed, or a component such as an `rx.match`.
    """
    return rx.el.li(
        rx.el.span(
            icon(icon_name, 14) if isinstance(icon_name, str) else icon_name,
            class_name="fb-trace-mark",
            custom_attrs={"data-tone": tone},
        ),
        rx.el.div(
            row(
                rx.el.h3(name, class_name="fb-trace-name"),
                money,
                rx.el.time(at, class_name="fb-small fb-num ml-auto") if at is not None else None,
                class_name="flex-wrap",
            ),
            rx.el.div(*detail, class_name="fb-trace-detail") if detail else None,
            class_name="fb-trace-body",
        ),
        class_name="fb-trace-step",
    )


def param_chip(name: Child, value: Child, note: Child = None) -> rx.Component:
    """A parameter of a request: `quality high`."""
    return rx.el.span(
        rx.el.span(name, class_name="fb-text-2"),
        rx.el.span(value, class_name="fb-mono fb-cut"),
        rx.el.span(note, class_name="fb-text-3") if note is not None else None,
        class_name="fb-param",
    )


def definition(label: Child, *value: Child) -> rx.Component:
    """A line of a side card: label at the left, value at the right."""
    return rx.el.div(
        rx.el.span(label, class_name="fb-text-2 fb-nowrap"),
        rx.el.span(*value, class_name="flex items-center justify-end gap-2 min-w-0"),
        class_name="fb-definition",
    )
