"""The Routing & cost tab: ways of serving the model in order of use, and under each what it costs from when on."""

from typing import Any

import reflex as rx

from app.catalogue.routes import BILLABLE_UNITS
from app.kernel.text import t
from app.ui.components import (
    button,
    check,
    chip,
    closes,
    column,
    dialog,
    empty_state,
    field,
    field_error,
    icon,
    notice,
    provider_tile,
    row,
    select,
    switch_row,
    var,
)
from app.ui.components.code import code_editor
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.routing_state import ANY_UNITS, RoutingState

#: For handlers that are given arguments.
on: Any = RoutingState


def routing_tab() -> rx.Component:
    return rx.el.div(
        column(
            row(
                rx.el.div(
                    rx.el.h2(t("model_editor.routing.title"), class_name="fb-strong"),
                    rx.el.p(t("model_editor.routing.hint"), class_name="fb-small"),
                    class_name="flex-1",
                ),
                button(t("model_editor.routing.add"), icon_name="plus", on_click=on.edit_route("")),
            ),
            rx.cond(
                var(RoutingState.routes).length() > 0,
                rx.foreach(RoutingState.routes, _route),
                empty_state(
                    "route", t("model_editor.routing.empty"), t("model_editor.routing.empty_words"), compact=True
                ),
            ),
            class_name="gap-4 fb-routing",
        ),
        _route_dialog(),
        _cost_dialog(),
        class_name="fb-tab-body fb-scroll",
        on_mount=RoutingState.load_routes,
    )


def _route(one: Any) -> rx.Component:
    is_open = RoutingState.opened == one["route_id"]
    return rx.el.section(
        row(
            provider_tile(one["kind"]),
            rx.el.div(
                row(
                    rx.el.span(one["provider"], class_name="fb-strong"),
                    rx.el.span(one["place"], class_name="fb-small"),
                    rx.cond(
                        one["enabled"] & ~one["usable"].to(bool),
                        chip(t("model_editor.routing.not_usable"), tone="thin", icon_name="triangle-alert"),
                    ),
                ),
                rx.el.span(one["upstream"], class_name="fb-mono fb-small fb-cut"),
                class_name="flex-1 min-w-0",
            ),
            rx.el.div(
                rx.el.span(
                    rx.cond(one["cost"] != "", one["cost"], t("model_editor.routing.no_cost")), class_name="fb-medium"
                ),
                rx.cond(
                    (one["cost"] != "") & ~one["verified"].to(bool), chip(t("model_editor.unverified"), tone="outline")
                ),
                class_name="flex items-center gap-2 fb-num",
            ),
            rx.switch(
                checked=one["enabled"],
                on_change=lambda is_on: on.switch_route(one["route_id"], is_on),
                size="1",
                custom_attrs={"aria-label": t("model_editor.routing.enabled")},
            ),
            button(t("model_editor.routing.edit"), size="small", on_click=on.edit_route(one["route_id"])),
            button(
                t("model_editor.routing.new_cost"),
                size="small",
                on_click=on.new_cost(one["route_id"]),
                custom_attrs={"data-testid": "new-cost"},
            ),
            class_name="fb-route-head flex-wrap",
        ),
        rx.cond(
            (one["mapping"] != "") | (one["settings"] != ""),
            rx.el.p(
                rx.cond(one["mapping"] != "", rx.el.span(one["mapping"], class_name="fb-mono")),
                rx.cond(one["settings"] != "", rx.el.span(one["settings"], class_name="fb-mono fb-text-3")),
                class_name="fb-small fb-route-line",
            ),
        ),
        rx.el.button(
            rx.cond(is_open, icon("chevron-down", 14), icon("chevron-right", 14)),
            t("model_editor.routing.costs"),
            rx.el.span(var(one["costs"]).to(list).length(), class_name="fb-tab-count fb-num"),
            type="button",
            class_name="fb-fold fb-route-fold",
            on_click=on.open_costs(one["route_id"]),
            custom_attrs={"aria-expanded": rx.cond(is_open, "true", "false")},
        ),
        rx.cond(is_open, _costs(one)),
        class_name="fb-card",
        custom_attrs={"data-testid": "route"},
    )


def _costs(one: Any) -> rx.Component:
    return rx.cond(
        var(one["costs"]).to(list).length() > 0,
        rx.el.div(
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th(t("model_editor.routing.from"), scope="col"),
                        rx.el.th(t("model_editor.routing.cost"), scope="col"),
                        rx.el.th(t("model_editor.routing.source"), scope="col"),
                        rx.el.th(t("model_editor.routing.observed"), scope="col"),
                        rx.el.th("", scope="col"),
                    )
                ),
                rx.el.tbody(rx.foreach(one["costs"], _cost)),
                class_name="fb-table",
                custom_attrs={"aria-label": t("model_editor.routing.costs")},
            ),
            class_name="fb-table-box",
        ),
        rx.el.p(t("model_editor.routing.no_costs"), class_name="fb-small px-4 pb-3"),
    )


def _cost(one: Any) -> rx.Component:
    return rx.el.tr(
        rx.el.td(one["since"], class_name="fb-num"),
        rx.el.td(rx.el.span(one["words"], title=one["rule"])),
        rx.el.td(rx.el.span(one["source"], class_name="fb-text-2", title=one["source"]), class_name="fb-grow"),
        rx.el.td(one["observed"], class_name="fb-num fb-text-2"),
        rx.el.td(
            row(
                rx.cond(one["is_live"], chip(t("model_editor.routing.now"), tone="good", dot=True)),
                rx.cond(one["is_future"], chip(t("model_editor.routing.future"), tone="accent")),
                rx.cond(
                    one["verified"],
                    chip(t("model_editor.routing.verified")),
                    chip(t("model_editor.unverified"), tone="outline"),
                ),
                class_name="justify-end",
            )
        ),
    )


# ---- dialogs ----


def _route_dialog() -> rx.Component:
    is_new = RoutingState.route_id == ""
    return dialog(
        rx.el.div(
            field(
                t("model_editor.details.provider"),
                select(
                    RoutingState.providers,
                    value=RoutingState.route_provider,
                    on_change=lambda chosen: on.set_route("provider", chosen),
                    label=t("model_editor.details.provider"),
                    disabled=~is_new,
                ),
                hint=rx.cond(is_new, "", t("model_editor.routing.stays")),
            ),
            field(
                t("model_editor.routing.priority"),
                _typed("priority", RoutingState.route_priority, mode="numeric"),
                hint=t("model_editor.routing.priority_hint"),
            ),
            class_name="fb-form-pair",
        ),
        field(t("model_editor.details.upstream"), _typed("upstream", RoutingState.route_upstream, mono=True)),
        switch_row(
            t("model_editor.routing.enabled"),
            checked=RoutingState.route_enabled,
            on_change=RoutingState.set_route_enabled,
        ),
        field(
            t("model_editor.routing.mapping"),
            rx.el.div(
                rx.foreach(RoutingState.route_mapping, _mapping),
                class_name="fb-mapping fb-scroll",
            ),
            hint=t("model_editor.routing.mapping_hint"),
        ),
        field(
            t("model_editor.routing.units"),
            select(
                [(ANY_UNITS, t("model_editor.routing.units_none")), *[(unit, unit) for unit in BILLABLE_UNITS]],
                value=RoutingState.route_units,
                on_change=lambda chosen: on.set_route("units", chosen),
                label=t("model_editor.routing.units"),
            ),
            hint=t("model_editor.routing.units_hint"),
        ),
        field(
            t("model_editor.routing.rest"),
            rx.el.div(
                code_editor(
                    value=RoutingState.route_rest,
                    name="route-settings",
                    label=t("model_editor.routing.rest"),
                    on_change=lambda text: on.set_route("rest", text),
                ),
                class_name="fb-code-box",
            ),
            hint=t("model_editor.routing.rest_hint"),
        ),
        rx.cond(RoutingState.route_problem != "", notice(RoutingState.route_problem)),
        title=rx.cond(is_new, t("model_editor.routing.add"), t("model_editor.routing.edit_title")),
        is_open=RoutingState.route_open,
        on_open_change=RoutingState.set_route_open,
        footnote=t("model_editor.routing.at_once"),
        footer=[
            closes(button(t("common.close"))),
            button(
                rx.cond(is_new, t("model_editor.routing.add"), t("model_editor.routing.save")),
                kind="solid",
                on_click=RoutingState.save_route,
                custom_attrs={"data-testid": "save-route"},
            ),
        ],
    )


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


def _cost_dialog() -> rx.Component:
    return dialog(
        field(
            t("model_editor.routing.rule"),
            rx.el.div(
                code_editor(
                    value=RoutingState.cost_text,
                    problems=RoutingState.cost_problems,
                    name="cost",
                    label=t("model_editor.routing.rule"),
                    on_change=RoutingState.type_cost,
                ),
                class_name="fb-code-box",
            ),
            hint=t("model_editor.routing.rule_hint"),
        ),
        rx.cond(
            RoutingState.cost_said != "",
            rx.el.p(
                icon("check", 14, class_name="fb-good"), rx.el.span(RoutingState.cost_said), class_name="fb-json-note"
            ),
        ),
        rx.el.div(
            field(t("model_editor.routing.from"), _day("from", RoutingState.cost_from)),
            field(t("model_editor.routing.observed"), _day("observed", RoutingState.cost_observed)),
            class_name="fb-form-pair",
        ),
        field(
            t("model_editor.routing.source"),
            typed_input(
                value=RoutingState.cost_source,
                on_change=lambda text: on.set_cost("source", text),
                label=t("model_editor.routing.source"),
                placeholder=t("model_editor.routing.source_example"),
                delay=120,
            ),
        ),
        check(
            t("model_editor.routing.checked"),
            checked=RoutingState.cost_verified,
            on_change=RoutingState.set_cost_verified,
            detail=t("model_editor.routing.checked_hint"),
        ),
        field_error(RoutingState.cost_problem),
        title=t("model_editor.routing.cost_title") + " " + RoutingState.cost_route_name,
        detail=t("model_editor.routing.cost_detail"),
        is_open=RoutingState.cost_open,
        on_open_change=RoutingState.set_cost_open,
        footer=[
            closes(button(t("common.close"))),
            button(
                t("model_editor.routing.cost_add"),
                kind="solid",
                on_click=RoutingState.save_cost,
                custom_attrs={"data-testid": "save-cost"},
            ),
        ],
    )


def _day(name: str, value: Any) -> rx.Component:
    return rx.el.input(
        type="date",
        value=value,
        on_change=lambda text: on.set_cost(name, text),
        class_name="fb-input fb-num",
        custom_attrs={"aria-label": t(f"model_editor.routing.{name}")},
    )
