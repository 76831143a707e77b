"""The money line: Estimate › Held › Charged + Returned, and for operators what it cost us."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import amount, card, icon, row, var
from app.ui.pages.request_trace.state import TraceState

FACTS = var(TraceState.facts)


def money_line() -> rx.Component:
    return card(
        row(
            _figure(t("trace.money.estimate"), FACTS["estimate"]),
            _mark("chevron-right"),
            _figure(t("trace.money.held"), FACTS["held"]),
            _mark("chevron-right"),
            _figure(
                t("trace.money.charged"),
                rx.cond(
                    FACTS["closed"] != "",
                    amount(FACTS["charged"]),
                    rx.el.span(FACTS["charged"], class_name="fb-text-3"),
                ),
                testid="charged",
            ),
            rx.cond(
                FACTS["returned"] != "",
                rx.fragment(_mark("plus"), _figure(t("trace.money.returned"), FACTS["returned"])),
            ),
            class_name="fb-money-steps",
        ),
        rx.cond(
            FACTS["cost"] != "",
            row(
                _figure(t("trace.money.cost"), FACTS["cost"]),
                _figure(
                    t("trace.money.margin"),
                    rx.el.span(FACTS["margin"], custom_attrs={"data-tone": FACTS["margin_tone"]}),
                ),
                class_name="fb-money-cost",
                custom_attrs={"data-testid": "upstream"},
            ),
        ),
        class_name="fb-money-line",
    )


def _figure(label: str, figure: Any, testid: str = "") -> rx.Component:
    attrs = {"data-testid": testid} if testid else {}
    return rx.el.div(
        rx.el.span(label, class_name="fb-small"),
        rx.el.span(figure, class_name="fb-total fb-num", custom_attrs=attrs),
        class_name="flex flex-col",
    )


def _mark(name: str) -> rx.Component:
    return icon(name, 16, class_name="fb-text-3")
