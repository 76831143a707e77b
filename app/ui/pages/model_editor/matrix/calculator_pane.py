"""The test calculator: a control for every parameter that matters, and the request's price as a slip."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    amount,
    icon,
    live_region,
    row,
    slip_reason,
)
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.matrix.state import on
from app.ui.pages.model_editor.state import EditorState


def calculator_pane() -> rx.Component:
    return rx.el.section(
        row(
            rx.el.h2(t("model_editor.calc.title"), class_name="fb-strong"),
            rx.el.span(t("model_editor.calc.hint"), class_name="fb-small flex-1 text-right"),
        ),
        rx.el.div(rx.foreach(EditorState.calc_rows, _control), class_name="fb-calc-controls"),
        rx.el.section(
            rx.cond(
                EditorState.answer.problem != "",
                rx.el.div(
                    icon("circle-alert", 14),
                    rx.el.span(EditorState.answer.problem),
                    class_name="fb-slip-above fb-calc-problem",
                ),
                rx.fragment(
                    rx.el.div(
                        rx.el.div(
                            rx.el.span(EditorState.answer.line, class_name="fb-slip-label"),
                            amount(EditorState.answer.credits, class_name="fb-strong"),
                            class_name="fb-slip-line",
                        ),
                        slip_reason(EditorState.answer.reason, EditorState.answer.most),
                        class_name="fb-slip-above",
                    ),
                    rx.el.div(class_name="fb-slip-perforation", custom_attrs={"aria-hidden": "true"}),
                    rx.el.div(
                        rx.el.span(_live(), class_name="fb-num"),
                        rx.el.span(t("model_editor.calc.cost"), " ", EditorState.answer.cost, class_name="fb-num"),
                        rx.el.span(
                            t("model_editor.calc.margin"),
                            " ",
                            EditorState.answer.margin,
                            class_name="fb-num fb-strong",
                            custom_attrs={"data-tone": EditorState.answer.tone},
                        ),
                        class_name="fb-slip-below fb-calc-foot",
                    ),
                ),
            ),
            class_name="fb-slip",
            custom_attrs={
                "data-status": rx.cond(EditorState.answer.problem != "", "cannot", "priced"),
                "data-testid": "calculator",
            },
        ),
        live_region(EditorState.answer.line + ", " + EditorState.answer.credits),
        class_name="fb-right-section fb-calc",
    )


def _live() -> Any:
    return rx.cond(
        EditorState.live_number > 0,
        t("model_editor.calc.live") + EditorState.live_number.to(str) + ": " + EditorState.answer.live,  # type: ignore[attr-defined]
        t("model_editor.not_live"),
    )


def _control(one: Any) -> rx.Component:
    return rx.el.label(
        rx.el.span(one["name"], class_name="fb-calc-name"),
        rx.cond(
            one["kind"] == "choices",
            rx.el.select(
                rx.foreach(one["options"], lambda each: rx.el.option(each["label"], value=each["value"])),
                value=one["value"],
                on_change=lambda value: on.set_calc(one["name"], value),
                class_name="fb-calc-select",
            ),
            typed_input(
                value=one["value"],
                on_change=lambda value: on.set_calc(one["name"], value),
                label=one["name"],
                input_mode="decimal",
                quiet=True,
            ),
        ),
        rx.cond(one["hint"] != "", rx.el.span(one["hint"], class_name="fb-small")),
        class_name="fb-calc-control",
        custom_attrs={"data-testid": "calc-control"},
    )
