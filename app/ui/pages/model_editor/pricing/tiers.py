"""The card of tiers: conditions, a price each, the order they are asked in."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    icon,
    icon_button,
    row,
    var,
)
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.pricing.base_price import was
from app.ui.pages.model_editor.pricing.conditions import add_condition, condition, problem_line
from app.ui.pages.model_editor.pricing.tier_state import TierState, on
from app.ui.pages.model_editor.state import EditorState
from app.ui.pages.model_editor.widgets import drag_handle


def tiers() -> rx.Component:
    return rx.el.section(
        row(
            rx.el.h2(t("model_editor.tiers.title"), class_name="fb-label"),
            rx.el.span(t("model_editor.tiers.hint"), class_name="fb-small flex-1"),
            rx.el.button(
                icon("plus", 14),
                t("model_editor.tiers.add"),
                type="button",
                class_name="fb-text-button",
                on_click=TierState.add_tier,
            ),
        ),
        rx.el.div(
            rx.el.div(
                rx.foreach(EditorState.price.tiers, _tier),
                custom_attrs={"data-fb-sortable": ""},
            ),
            rx.el.div(
                rx.el.span("–", class_name="fb-tier-number"),
                rx.el.span(
                    rx.cond(
                        var(EditorState.price.tiers).length() > 0,
                        t("model_editor.tiers.otherwise"),
                        t("model_editor.tiers.none"),
                    ),
                    class_name="flex-1 fb-text-2",
                ),
                rx.el.span(EditorState.price.otherwise, class_name="fb-num fb-medium"),
                class_name="fb-tier fb-tier-rest",
            ),
            class_name="fb-card fb-tiers",
        ),
        class_name="fb-form-section",
        custom_attrs={"aria-label": t("model_editor.tiers.title")},
    )


def _tier(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            drag_handle(
                index=one["index"],
                count=var(EditorState.price.tiers).length(),
                label=t("model_editor.tiers.move"),
                on_move=lambda to: on.move_tier(one["index"], to),
            ),
            rx.el.span(one["number"], class_name="fb-tier-number fb-num"),
            rx.el.span(
                rx.el.span(t("model_editor.tiers.if"), class_name="fb-cond-op"),
                rx.foreach(
                    one["conditions"],
                    lambda each, at: rx.fragment(
                        rx.cond(at > 0, rx.el.span(t("model_editor.tiers.and_word"), class_name="fb-cond-op")),
                        condition(each),
                    ),
                ),
                add_condition(one),
                class_name="fb-tier-when",
            ),
            rx.el.span(rx.foreach(one["prices"], lambda each: _tier_price(one, each)), class_name="fb-tier-prices"),
            icon_button("x", t("model_editor.tiers.remove"), size=14, on_click=on.remove_tier(one["index"])),
            class_name="fb-tier-line",
        ),
        rx.foreach(one["conditions"], problem_line),
        rx.foreach(
            one["prices"],
            lambda each: rx.cond(
                each["problem"] != "",
                rx.el.p(icon("circle-alert", 13), rx.el.span(each["problem"]), class_name="fb-row-problem"),
            ),
        ),
        problem_line(one),
        rx.cond(one["note"] != "", rx.el.p(icon("info", 13), rx.el.span(one["note"]), class_name="fb-row-note")),
        class_name="fb-tier",
        custom_attrs={
            "data-fb-row-at": one["index"],
            "data-testid": "tier",
            "data-changed": rx.cond(one["changed"] & EditorState.rule.has_live, "true", "false"),
            "data-wrong": rx.cond(one["wrong"], "true", "false"),
            "data-idle": rx.cond(one["note"] != "", "true", "false"),
        },
    )


def _tier_price(tier: Any, one: Any) -> rx.Component:
    return rx.el.span(
        was(one["was"]),
        typed_input(
            value=one["value"],
            on_change=lambda text: on.set_tier_price(tier["index"], one["key"], text),
            label=one["name"],
            input_mode="decimal",
            invalid=one["problem"] != "",
            quiet=True,
            test_id="tier-price",
        ),
        rx.el.span(one["label"], class_name="fb-input-after"),
        class_name="fb-input fb-input-box fb-figure-box",
    )
