"""Beside the steps: why, from which credits, and the ids."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    copyable,
    definition,
    fare_slip,
    panel,
    row,
    slip_line,
    slip_total,
    var,
)
from app.ui.pages.request_trace.state import TraceState

FACTS = var(TraceState.facts)


def aside() -> rx.Component:
    return rx.el.aside(_why(), _paid(), _ids(), class_name="fb-trace-aside fb-scroll")


def _why() -> rx.Component:
    return fare_slip(
        rx.el.h3(FACTS["why_title"], class_name="fb-small"),
        rx.el.p(FACTS["why"], class_name="fb-medium", custom_attrs={"data-testid": "why"}),
        below=[
            rx.foreach(
                TraceState.slip,
                lambda item: rx.cond(
                    item["quiet"] != "",
                    slip_line(item["label"], item["figure"], quiet=True),
                    slip_line(item["label"], item["figure"]),
                ),
            ),
            rx.el.div(slip_total(FACTS["why_total_label"], FACTS["why_total"]), class_name="fb-slip-sum"),
        ],
    )


def _paid() -> rx.Component:
    return panel(
        t("trace.paid.title"),
        rx.cond(
            FACTS["paid_note"] != "",
            rx.el.p(FACTS["paid_note"], class_name="fb-small fb-paid"),
            rx.el.ul(rx.foreach(TraceState.paid, _lot), class_name="fb-plain-list"),
        ),
        flush=True,
    )


def _lot(item: Any) -> rx.Component:
    return rx.el.li(
        row(
            rx.el.span(item["label"], class_name="fb-strong fb-cut flex-1", title=item["label"]),
            rx.el.span(item["amount"], class_name="fb-strong fb-num"),
        ),
        row(
            rx.el.span(item["change"], class_name="fb-small fb-num flex-1"),
            rx.el.span(item["note"], class_name="fb-small"),
        ),
        class_name="fb-paid",
    )


def _ids() -> rx.Component:
    return panel(
        t("trace.ids.title"),
        rx.foreach(
            TraceState.ids,
            lambda item, index: definition(
                item["label"],
                rx.cond(
                    index == 0,
                    copyable(item["value"], item["short"], primary=True),
                    copyable(item["value"], item["short"]),
                ),
            ),
        ),
        detail=t("trace.ids.hint"),
    )
