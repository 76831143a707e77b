"""Per-attribute prices: every value of every enum with what it does to the price."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    icon,
    row,
    var,
)
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.pricing.effect_state import on
from app.ui.pages.model_editor.state import EditorState


def effects() -> rx.Component:
    return rx.cond(
        var(EditorState.price.groups).length() > 0,
        rx.el.section(
            row(
                rx.el.h2(t("model_editor.effects.title"), class_name="fb-label"),
                rx.el.span(t("model_editor.effects.hint"), class_name="fb-small"),
            ),
            rx.el.div(
                rx.el.table(
                    rx.el.thead(
                        rx.el.tr(
                            rx.el.th(t("model_editor.effects.parameter"), scope="col"),
                            rx.el.th(t("model_editor.effects.value"), scope="col"),
                            rx.el.th(t("model_editor.effects.effect"), scope="col"),
                            rx.el.th(t("model_editor.effects.credits"), scope="col", class_name="fb-right"),
                        )
                    ),
                    rx.foreach(EditorState.price.groups, _group),
                    class_name="fb-effects",
                ),
                rx.cond(
                    EditorState.price.not_priced != "",
                    rx.el.p(EditorState.price.not_priced, class_name="fb-small fb-effects-foot"),
                ),
                class_name="fb-card fb-effects-box",
            ),
            class_name="fb-form-section",
        ),
    )


def _group(group: Any) -> rx.Component:
    return rx.el.tbody(
        rx.foreach(group["rows"], _effect),
        rx.cond(
            group["folded"],
            rx.el.tr(
                rx.el.td(
                    rx.el.button(
                        icon("chevron-down", 14),
                        group["more"],
                        type="button",
                        class_name="fb-fold",
                        on_click=on.unfold(group["param"]),
                    ),
                    col_span=4,
                )
            ),
        ),
    )


def _effect(one: Any) -> rx.Component:
    return rx.el.tr(
        rx.el.th(rx.cond(one["first"], one["param"], ""), scope="row", class_name="fb-mono"),
        rx.el.td(rx.el.span(one["label"], class_name="fb-mono fb-text-2")),
        rx.el.td(
            effect_select(
                one["effect"],
                lambda effect: on.choose_effect(one["param"], one["value"], one["effect"], effect),
            )
        ),
        rx.el.td(
            row(
                rx.foreach(
                    one["figures"],
                    lambda figure: typed_input(
                        value=figure["value"],
                        on_change=lambda text: on.set_effect(
                            one["param"], one["value"], one["effect"], figure["key"], text
                        ),
                        label=one["param"] + " " + one["label"] + " " + figure["name"],
                        placeholder=rx.match(one["effect"], ("multiply", "1"), ("set", "–"), "0"),
                        input_mode="decimal",
                        invalid=one["problem"] != "",
                        test_id="effect-figure",
                    ),
                ),
                class_name="justify-end gap-1",
            ),
            class_name="fb-right",
            title=one["problem"],
        ),
        custom_attrs={
            "data-changed": rx.cond(one["changed"] & EditorState.rule.has_live, "true", "false"),
            "data-wrong": rx.cond(one["problem"] != "", "true", "false"),
            "data-first": rx.cond(one["first"], "true", "false"),
        },
    )


def effect_select(value: Any, on_change: Any) -> rx.Component:
    return rx.el.select(
        *[
            rx.el.option(t(f"model_editor.effect.{effect}"), value=effect)
            for effect in ("add", "multiply", "set", "addFlat")
        ],
        value=value,
        on_change=on_change,
        class_name="fb-mini-select",
        custom_attrs={"aria-label": t("model_editor.effects.effect")},
    )
