"""The simulator: what a request would do now, where it would go, and why."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    card,
    chip,
    column,
    fare_slip,
    field,
    live_region,
    notice,
    provider_tile,
    row,
    select,
    slip_line,
    slip_reason,
    slip_total,
)
from app.ui.components.code import code_editor
from app.ui.pages.admin_routing.rule import RuleState, rule_dialog
from app.ui.pages.admin_routing.state import ANYONE, RoutingState, on


def simulator() -> rx.Component:
    return card(
        row(
            rx.el.h2(t("admin_routing.sim.title"), class_name="fb-panel-title"),
            rx.el.span(t("admin_routing.sim.detail"), class_name="fb-small fb-cut flex-1"),
            class_name="fb-panel-head",
        ),
        rx.el.div(_asked(), _answered(), class_name="fb-route-sim"),
        custom_attrs={"data-testid": "simulator"},
    )


def _asked() -> rx.Component:
    return column(
        rx.el.div(
            _choice("workspace", RoutingState.workspaces, RoutingState.sim_workspace),
            _choice("provider", RoutingState.providers, RoutingState.sim_provider),
            class_name="fb-form-grid",
        ),
        rx.cond(
            RoutingState.sim_workspace != ANYONE,
            rx.el.div(
                button(
                    t("admin_routing.rule.edit"),
                    size="small",
                    icon_name="shield-check",
                    on_click=RuleState.edit_rule,
                    custom_attrs={"data-testid": "edit-rule"},
                )
            ),
        ),
        rule_dialog(),
        field(
            t("admin_routing.sim.params"),
            rx.el.div(
                code_editor(
                    value=RoutingState.sim_text,
                    name="simulated",
                    label=t("admin_routing.sim.params"),
                    on_change=lambda text, _before, _count: on.set_sim("text", text),
                ),
                class_name="fb-code-box",
            ),
        ),
        class_name="gap-3 min-w-0",
    )


def _choice(name: str, options: Any, value: Any) -> rx.Component:
    label = t(f"admin_routing.sim.{name}")
    return field(label, select(options, value=value, on_change=lambda chosen: on.set_sim(name, chosen), label=label))


def _answered() -> rx.Component:
    slip = fare_slip(
        slip_line(t("admin_routing.sim.cost"), rx.cond(RoutingState.sim_cost != "", RoutingState.sim_cost, "–")),
        slip_line(
            t("admin_routing.sim.margin"),
            rx.cond(
                RoutingState.sim_margin != "",
                chip(RoutingState.sim_margin, tone=RoutingState.sim_margin_tone),
                rx.el.span("–"),
            ),
        ),
        slip_reason(RoutingState.sim_reason),
        below=[slip_total(t("admin_routing.sim.price"), RoutingState.sim_price)],
    )
    return column(
        rx.cond(
            RoutingState.sim_problem != "",
            notice(RoutingState.sim_problem),
            rx.fragment(
                rx.cond(
                    RoutingState.sim_refusal != "",
                    notice(RoutingState.sim_refusal, title=t("admin_routing.sim.refused")),
                ),
                rx.el.ol(
                    rx.foreach(RoutingState.decisions, _decision),
                    class_name="fb-route-decisions",
                    custom_attrs={"aria-label": t("admin_routing.sim.order")},
                ),
                slip,
            ),
        ),
        live_region(RoutingState.sim_answer),
        class_name="gap-3 min-w-0",
    )


def _decision(one: Any) -> rx.Component:
    return rx.el.li(
        rx.el.span(rx.cond(one["place"] != "", one["place"], "–"), class_name="fb-route-place fb-num"),
        provider_tile(one["kind"], size="small"),
        rx.el.span(
            rx.el.span(one["provider"], class_name="fb-medium fb-text-1"),
            rx.el.span(one["why"], class_name="fb-small"),
            class_name="fb-route-alias",
        ),
        rx.cond(one["margin"] != "", chip(one["margin"], tone=one["margin_tone"])),
        class_name="fb-route-decision",
        custom_attrs={"data-out": rx.cond(one["place"] == "", "true", "false"), "data-testid": "decision"},
    )
