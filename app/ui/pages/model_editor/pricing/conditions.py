"""A condition as two chips and an operator; the chips open its form."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import Child, button, column, icon, popover, row, select
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.pricing.condition_state import on
from app.ui.pages.model_editor.pricing.rule_state import on as rule_on
from app.ui.pages.model_editor.pricing.tier_state import on as tier_on


def condition(shown: Any) -> rx.Component:
    """The chips of one condition."""
    chips = rx.el.button(
        rx.el.span(shown["param"], class_name="fb-cond-chip fb-mono"),
        rx.el.span(shown["op_words"], class_name="fb-cond-op"),
        rx.cond(
            shown["shown"] != "", rx.el.span(shown["shown"], class_name="fb-cond-chip fb-cond-value fb-mono fb-cut")
        ),
        type="button",
        class_name="fb-cond",
        title=shown["shown"],
        custom_attrs={"data-wrong": rx.cond(shown["problem"] != "", "true", "false"), "data-testid": "condition"},
    )
    return popover(chips, _form(shown), width="290px")


def add_condition(tier: Any) -> rx.Component:
    """A plus that lists the parameters without a condition yet."""
    plus = rx.el.button(
        icon("plus", 12),
        type="button",
        class_name="fb-cond-add",
        title=t("model_editor.tiers.add_condition"),
        custom_attrs={"aria-label": t("model_editor.tiers.add_condition")},
    )
    return popover(
        plus,
        rx.el.p(t("model_editor.tiers.and"), class_name="fb-menu-title"),
        rx.foreach(
            tier["free"],
            lambda one: rx.popover.close(
                rx.el.button(
                    rx.el.span(one["label"], class_name="fb-mono"),
                    type="button",
                    class_name="fb-menu-item",
                    on_click=tier_on.add_condition(tier["index"], one["value"]),
                )
            ),
        ),
        width="220px",
    )


def _form(shown: Any) -> rx.Component:
    place, index, param = shown["place"], shown["index"], shown["param"]
    return column(
        row(
            rx.el.span(param, class_name="fb-mono fb-strong flex-1 fb-cut"),
            rx.cond(
                place == "tiers",
                rx.popover.close(
                    button(
                        t("model_editor.tiers.remove_condition"),
                        kind="ghost",
                        size="small",
                        icon_name="x",
                        on_click=tier_on.remove_condition(index, param),
                    )
                ),
            ),
        ),
        select(
            shown["ops"],
            value=shown["op"],
            on_change=lambda op: on.set_operator(place, index, param, op),
            label=t("model_editor.tiers.operator"),
        ),
        rx.match(
            shown["kind"],
            ("choices", _choices(shown)),
            ("low", _end(shown, "low")),
            ("high", _end(shown, "high")),
            ("ends", row(_end(shown, "low"), rx.el.span("–"), _end(shown, "high"))),
            (
                "text",
                typed_input(
                    value=shown["low"],
                    on_change=lambda text: on.type_value(place, index, param, text),
                    label=t("model_editor.tiers.value"),
                    mono=True,
                ),
            ),
            ("custom", rx.el.p(t("model_editor.tiers.custom"), class_name="fb-small")),
            rx.fragment(),
        ),
        problem_line(shown),
        class_name="fb-cond-form",
    )


def problem_line(shown: Any) -> Child:
    """What is wrong with a row, with its one-click fix."""
    return rx.cond(
        shown["problem"] != "",
        rx.el.p(
            icon("circle-alert", 13),
            rx.el.span(
                shown["problem"],
                " ",
                rx.cond(
                    shown["fix"] != "",
                    rx.el.button(
                        shown["fix"],
                        type="button",
                        class_name="fb-fix-link",
                        on_click=rule_on.fix_problem(shown["fix_id"]),
                    ),
                ),
            ),
            class_name="fb-row-problem",
        ),
    )


def _choices(shown: Any) -> rx.Component:
    place, index, param = shown["place"], shown["index"], shown["param"]
    return rx.cond(
        shown["op"] == "any",
        rx.el.div(
            rx.foreach(
                shown["choices"],
                lambda one: rx.el.label(
                    rx.checkbox(
                        checked=one["on"],
                        on_change=lambda checked: on.toggle_value(place, index, param, one["value"], checked),
                        size="1",
                    ),
                    rx.el.span(one["label"], class_name="fb-mono"),
                    class_name="fb-cond-check",
                ),
            ),
            class_name="fb-cond-list fb-scroll",
            role="group",
            custom_attrs={"aria-label": t("model_editor.tiers.values")},
        ),
        rx.el.div(
            rx.foreach(
                shown["choices"],
                lambda one: rx.el.button(
                    rx.el.span(one["label"], class_name="fb-mono flex-1 text-left"),
                    rx.cond(one["on"], icon("check", 14)),
                    type="button",
                    class_name="fb-menu-item",
                    on_click=on.choose_value(place, index, param, one["value"]),
                    custom_attrs={"aria-pressed": rx.cond(one["on"], "true", "false")},
                ),
            ),
            class_name="fb-cond-list fb-scroll",
        ),
    )


def _end(shown: Any, end: str) -> rx.Component:
    return typed_input(
        value=shown[end],
        on_change=lambda text: on.set_end(shown["place"], shown["index"], shown["param"], end, text),
        label=t(f"model_editor.tiers.{end}"),
        input_mode="decimal",
        mono=True,
    )
