"""The Routing & cost tab: ways of serving the model in order of use, and under each what it costs from when on."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    column,
    empty_state,
    icon,
    provider_tile,
    row,
    text_link,
    var,
)
from app.ui.pages.model_editor.routing.cost_dialog import cost_dialog
from app.ui.pages.model_editor.routing.cost_state import on as cost_on
from app.ui.pages.model_editor.routing.route_dialog import route_dialog
from app.ui.pages.model_editor.routing.route_state import on as route_on
from app.ui.pages.model_editor.routing.state import RoutesState, on


def routing_tab() -> rx.Component:
    return rx.el.div(
        column(
            row(
                rx.el.div(
                    rx.el.h2(t("model_editor.routing.title"), class_name="fb-strong"),
                    rx.el.p(RoutesState.policy, class_name="fb-small", custom_attrs={"data-testid": "policy"}),
                    class_name="flex-1",
                ),
                text_link(t("model_editor.routing.how"), href=f"/admin/routing?model={RoutesState.model_id}"),
                button(t("model_editor.routing.add"), icon_name="plus", on_click=route_on.edit_route("")),
            ),
            rx.cond(
                var(RoutesState.routes).length() > 0,
                rx.foreach(RoutesState.routes, _route),
                empty_state(
                    "route", t("model_editor.routing.empty"), t("model_editor.routing.empty_words"), compact=True
                ),
            ),
            class_name="gap-4 fb-routing",
        ),
        route_dialog(),
        cost_dialog(),
        class_name="fb-tab-body fb-scroll",
        on_mount=RoutesState.load_routes,
    )


def _route(one: Any) -> rx.Component:
    is_open = RoutesState.opened == one["route_id"]
    return rx.el.section(
        _head(one),
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


def _head(one: Any) -> rx.Component:
    return row(
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
        button(t("model_editor.routing.edit"), size="small", on_click=route_on.edit_route(one["route_id"])),
        button(
            t("model_editor.routing.new_cost"),
            size="small",
            on_click=cost_on.new_cost(one["route_id"]),
            custom_attrs={"data-testid": "new-cost"},
        ),
        class_name="fb-route-head flex-wrap",
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
