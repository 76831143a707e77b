"""The fare slip: lines and reason above a perforation, the total below. Every price explanation is one of these."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components.base import Child, classes, icon, row
from app.ui.components.chips import amount
from app.ui.components.feedback import skeleton

#: What a slip can be: skeleton digits, a price, no price (says why), too few credits, or a price that has changed.
STATUSES = ("quoting", "priced", "cannot", "short", "stale")


def fare_slip(*above: Child, below: list[Child], status: Any = "priced", floating: bool = False, **props: Any):
    """Lines `above` the perforation, the total and what follows `below`. `status`: one of `STATUSES`, or a var."""
    return rx.el.section(
        rx.el.div(*above, class_name="fb-slip-above"),
        rx.el.div(class_name="fb-slip-perforation", custom_attrs={"aria-hidden": "true"}),
        rx.el.div(*below, class_name="fb-slip-below"),
        class_name=classes("fb-slip", "fb-slip-floating" if floating else None, props.pop("class_name", None)),
        custom_attrs={"data-status": status, **props.pop("custom_attrs", {})},
        **props,
    )


def slip_line(label: Child, figure: Child, *, quiet: bool = False) -> rx.Component:
    """`2 images × 16 … 32`."""
    return rx.el.div(
        rx.el.span(label, class_name="fb-slip-label"),
        rx.el.span(figure, class_name="fb-num"),
        class_name=classes("fb-slip-line", "fb-slip-quiet" if quiet else None),
    )


def slip_reason(text: Child, aside: Child = None) -> rx.Component:
    """Why: `↳ Tier 1: quality = high`, with a link or nothing at the right."""
    return row(
        icon("corner-down-right", 13),
        rx.el.span(text, class_name="flex-1 min-w-0"),
        aside,
        class_name="fb-slip-reason",
    )


def slip_total(label: Child, figure: Child, *, unit: Child = None, quoting: Any = False) -> rx.Component:
    """`Price … ● 32 credits`. `figure` is the bare number; while `quoting`, a skeleton of its size."""
    value = amount(figure, unit=unit or t("common.credits"), class_name="fb-slip-figure")
    return rx.el.div(
        rx.el.span(label, class_name="fb-total"),
        value if quoting is False else rx.cond(quoting, skeleton("6em", "1.1em"), value),
        class_name="fb-slip-total",
    )
