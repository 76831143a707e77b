"""The dialog for a new cost of a route."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import check, decision, dialog, field, field_error, icon
from app.ui.components.code import code_editor
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.routing.cost_state import CostState, on


def cost_dialog() -> rx.Component:
    return dialog(
        field(
            t("model_editor.routing.rule"),
            rx.el.div(
                code_editor(
                    value=CostState.cost_text,
                    problems=CostState.cost_problems,
                    name="cost",
                    label=t("model_editor.routing.rule"),
                    on_change=CostState.type_cost,
                ),
                class_name="fb-code-box",
            ),
            hint=t("model_editor.routing.rule_hint"),
        ),
        rx.cond(
            CostState.cost_said != "",
            rx.el.p(
                icon("check", 14, class_name="fb-good"), rx.el.span(CostState.cost_said), class_name="fb-json-note"
            ),
        ),
        rx.el.div(
            field(t("model_editor.routing.from"), _day("from", CostState.cost_from)),
            field(t("model_editor.routing.observed"), _day("observed", CostState.cost_observed)),
            class_name="fb-form-pair",
        ),
        field(
            t("model_editor.routing.source"),
            typed_input(
                value=CostState.cost_source,
                on_change=lambda text: on.set_cost("source", text),
                label=t("model_editor.routing.source"),
                placeholder=t("model_editor.routing.source_example"),
                delay=120,
            ),
        ),
        check(
            t("model_editor.routing.checked"),
            checked=CostState.cost_verified,
            on_change=CostState.set_cost_verified,
            detail=t("model_editor.routing.checked_hint"),
        ),
        field_error(CostState.cost_problem),
        title=t("model_editor.routing.cost_title") + " " + CostState.cost_route_name,
        detail=t("model_editor.routing.cost_detail"),
        is_open=CostState.cost_open,
        on_open_change=CostState.set_cost_open,
        footer=decision(t("model_editor.routing.cost_add"), CostState.save_cost, test_id="save-cost"),
    )


def _day(name: str, value: Any) -> rx.Component:
    return typed_input(
        kind="date",
        value=value,
        on_change=lambda text: on.set_cost(name, text),
        label=t(f"model_editor.routing.{name}"),
    )
