"""The dialog for a route, new or known."""

from typing import Any

import reflex as rx

from app.catalogue.routes import BILLABLE_UNITS
from app.kernel.text import t
from app.ui.components import decision, dialog, field, icon, notice, select, switch_row
from app.ui.components.code import code_editor
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.routing.route_state import ANY_UNITS, RouteState, on
from app.ui.pages.model_editor.routing.state import RoutesState


def route_dialog() -> rx.Component:
    is_new = RouteState.route_id == ""
    return dialog(
        _served_by(is_new),
        _chosen_by(),
        switch_row(
            t("model_editor.routing.enabled"),
            checked=RouteState.route_enabled,
            on_change=RouteState.set_route_enabled,
        ),
        field(
            t("model_editor.routing.mapping"),
            rx.el.div(
                rx.foreach(RouteState.route_mapping, _mapping),
                class_name="fb-mapping fb-scroll",
            ),
            hint=t("model_editor.routing.mapping_hint"),
        ),
        *_settings(),
        rx.cond(RouteState.route_problem != "", notice(RouteState.route_problem)),
        title=rx.cond(is_new, t("model_editor.routing.add"), t("model_editor.routing.edit_title")),
        is_open=RouteState.route_open,
        on_open_change=RouteState.set_route_open,
        footnote=t("model_editor.routing.at_once"),
        footer=decision(
            rx.cond(is_new, t("model_editor.routing.add"), t("model_editor.routing.save")),
            RouteState.save_route,
            test_id="save-route",
        ),
    )


def _served_by(is_new: Any) -> rx.Component:
    """The provider, which stays, and what the model is called there."""
    return rx.el.div(
        field(
            t("model_editor.details.provider"),
            select(
                RoutesState.providers,
                value=RouteState.route_provider,
                on_change=lambda chosen: on.set_route("provider", chosen),
                label=t("model_editor.details.provider"),
                disabled=~is_new,
            ),
            hint=rx.cond(is_new, "", t("model_editor.routing.stays")),
        ),
        field(t("model_editor.details.upstream"), _typed("upstream", RouteState.route_upstream, mono=True)),
        class_name="fb-form-pair",
    )


def _chosen_by() -> rx.Component:
    return rx.el.div(
        field(
            t("model_editor.routing.priority"),
            _typed("priority", RouteState.route_priority, mode="numeric"),
            hint=t("model_editor.routing.priority_hint"),
        ),
        field(
            t("model_editor.routing.weight"),
            _typed("weight", RouteState.route_weight, mode="numeric"),
            hint=t("model_editor.routing.weight_hint"),
        ),
        class_name="fb-form-pair",
    )


def _settings() -> list[rx.Component]:
    """What the provider's translation wants to know: its units, and the rest as JSON."""
    return [
        field(
            t("model_editor.routing.units"),
            select(
                [(ANY_UNITS, t("model_editor.routing.units_none")), *[(unit, unit) for unit in BILLABLE_UNITS]],
                value=RouteState.route_units,
                on_change=lambda chosen: on.set_route("units", chosen),
                label=t("model_editor.routing.units"),
            ),
            hint=t("model_editor.routing.units_hint"),
        ),
        field(
            t("model_editor.routing.rest"),
            rx.el.div(
                code_editor(
                    value=RouteState.route_rest,
                    name="route-settings",
                    label=t("model_editor.routing.rest"),
                    on_change=lambda text, _before, _count: on.set_route("rest", text),
                ),
                class_name="fb-code-box",
            ),
            hint=t("model_editor.routing.rest_hint"),
        ),
    ]


def _typed(name: str, value: Any, *, mono: bool = False, mode: str = "text") -> rx.Component:
    return typed_input(
        value=value,
        on_change=lambda text: on.set_route(name, text),
        label=t(f"model_editor.routing.{name}"),
        mono=mono,
        input_mode=mode,
        delay=120,
    )


def _mapping(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(one["name"], class_name="fb-mono fb-cut", title=one["name"]),
        icon("arrow-right", 13, class_name="fb-text-3"),
        rx.cond(
            one["left_out"],
            rx.el.span(t("model_editor.routing.not_sent"), class_name="fb-small"),
            typed_input(
                value=one["sent_as"],
                on_change=lambda text: on.set_mapping(one["name"], text),
                label=one["name"],
                placeholder=one["name"],
                mono=True,
                delay=120,
            ),
        ),
        rx.el.label(
            rx.checkbox(checked=one["left_out"], on_change=lambda is_on: on.leave_out(one["name"], is_on), size="1"),
            rx.el.span(t("model_editor.routing.leave_out"), class_name="fb-small"),
            class_name="fb-cond-check",
        ),
        class_name="fb-mapping-row",
    )
