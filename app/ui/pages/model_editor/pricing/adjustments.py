"""Prices for ranges and files, and for second effects: what the table of enums cannot show."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    icon,
    icon_button,
    popover,
    row,
    var,
)
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.pricing.conditions import condition, problem_line
from app.ui.pages.model_editor.pricing.effect_state import on
from app.ui.pages.model_editor.pricing.effects import effect_select
from app.ui.pages.model_editor.state import EditorState


def adjustments() -> rx.Component:
    return rx.cond(
        (var(EditorState.price.adjustments).length() > 0) | (var(EditorState.price.adjustable).length() > 0),
        rx.el.section(
            row(
                rx.el.h2(t("model_editor.adjust.title"), class_name="fb-label"),
                rx.el.span(t("model_editor.adjust.hint"), class_name="fb-small flex-1"),
                _add_adjustment(),
            ),
            rx.cond(
                var(EditorState.price.adjustments).length() > 0,
                rx.el.div(rx.foreach(EditorState.price.adjustments, _adjustment), class_name="fb-card fb-tiers"),
            ),
            class_name="fb-form-section",
        ),
    )


def _add_adjustment() -> rx.Component:
    return rx.cond(
        var(EditorState.price.adjustable).length() > 0,
        popover(
            rx.el.button(icon("plus", 14), t("model_editor.adjust.add"), type="button", class_name="fb-text-button"),
            rx.foreach(
                EditorState.price.adjustable,
                lambda one: rx.popover.close(
                    rx.el.button(
                        rx.el.span(one["label"], class_name="fb-mono"),
                        type="button",
                        class_name="fb-menu-item",
                        on_click=on.add_adjustment(one["value"]),
                    )
                ),
            ),
            width="220px",
            align="end",
        ),
    )


def _adjustment(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.el.span(
                rx.el.span(t("model_editor.tiers.if"), class_name="fb-cond-op"),
                condition(one["condition"]),
                class_name="fb-tier-when",
            ),
            effect_select(one["effect"], lambda effect: on.choose_adjustment(one["index"], one["effect"], effect)),
            rx.el.span(
                rx.foreach(
                    one["figures"],
                    lambda figure: typed_input(
                        value=figure["value"],
                        on_change=lambda text: on.set_adjustment(one["index"], one["effect"], figure["key"], text),
                        label=figure["name"],
                        input_mode="decimal",
                        invalid=one["problem"] != "",
                    ),
                ),
                class_name="fb-tier-prices fb-narrow-figures",
            ),
            icon_button("x", t("model_editor.adjust.remove"), size=14, on_click=on.remove_adjustment(one["index"])),
            class_name="fb-tier-line",
        ),
        problem_line(one["condition"]),
        rx.cond(
            one["problem"] != "",
            rx.el.p(icon("circle-alert", 13), rx.el.span(one["problem"]), class_name="fb-row-problem"),
        ),
        class_name="fb-tier",
        custom_attrs={
            "data-changed": rx.cond(one["changed"] & EditorState.rule.has_live, "true", "false"),
            "data-wrong": rx.cond(one["wrong"], "true", "false"),
        },
    )
