"""`/admin/routing` drawn: the models, the picture of one of them, its edit, and the simulator."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    card,
    chip,
    decision,
    dialog,
    empty_state,
    error_state,
    field,
    icon,
    link_button,
    notice,
    provider_tile,
    row,
    segmented,
    skeleton,
    typed_input,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_routing.rows import REACH, policy_options
from app.ui.pages.admin_routing.simulator import simulator
from app.ui.pages.admin_routing.state import RoutingState, on
from app.ui.roles import Role


@page("/admin/routing", title=t("admin_routing.title"), role=Role.OPERATOR, on_load=RoutingState.load)
def admin_routing() -> rx.Component:
    nothing = empty_state("route", t("admin_routing.empty.title"), t("admin_routing.empty.sentence"))
    body = rx.el.div(
        _models(),
        rx.el.div(_picture(), simulator(), class_name="fb-route-main"),
        class_name="fb-route-page",
    )
    shown = rx.cond(RoutingState.model_id != "", body, nothing)
    waiting = rx.el.div(
        card(skeleton("100%", "360px"), class_name="p-4"),
        card(skeleton("100%", "360px"), class_name="p-4"),
        class_name="fb-route-page",
    )
    return shell(
        rx.cond(
            RoutingState.error != "",
            error_state(RoutingState.error, on_retry=RoutingState.refresh),
            rx.cond(RoutingState.ready, shown, waiting),
        ),
        _confirm(),
        here="routing",
        title=t("admin_routing.title"),
        area=Role.OPERATOR,
        actions=[button(t("admin_routing.refresh"), icon_name="refresh-cw", key="r", on_click=RoutingState.refresh)],
    )


# ---- the list ----


def _models() -> rx.Component:
    return card(
        row(rx.el.h2(t("admin_routing.models"), class_name="fb-panel-title"), class_name="fb-panel-head"),
        rx.el.div(
            typed_input(
                value=RoutingState.query,
                on_change=RoutingState.search,
                label=t("admin_routing.search"),
                placeholder=t("admin_routing.search"),
            ),
            class_name="px-[14px] py-[10px]",
        ),
        rx.cond(
            var(RoutingState.aliases).length() > 0,
            rx.el.ul(rx.foreach(RoutingState.aliases, _alias), class_name="fb-route-list fb-scroll"),
            rx.el.p(t("admin_routing.empty.none_found"), class_name="fb-small px-[14px] pb-3"),
        ),
        class_name="fb-route-models",
    )


def _alias(one: Any) -> rx.Component:
    is_chosen = RoutingState.model_id == one["model_id"]
    return rx.el.li(
        rx.el.button(
            rx.el.span(class_name="fb-route-dot", custom_attrs={"data-tone": one["tone"], "aria-hidden": "true"}),
            rx.el.span(
                rx.el.span(one["alias"], class_name="fb-medium fb-cut", title=one["alias"]),
                rx.el.span(
                    one["routes"],
                    " · ",
                    rx.cond(one["state"] != "", one["state"], one["policy"]),
                    class_name="fb-small fb-cut",
                ),
                class_name="fb-route-alias",
            ),
            rx.el.span(one["sent"], class_name="fb-num fb-small"),
            type="button",
            class_name="fb-route-item",
            on_click=on.choose(one["model_id"]),
            custom_attrs={"aria-current": rx.cond(is_chosen, "true", "false"), "data-testid": "alias"},
        ),
        key=one["model_id"],
    )


# ---- the picture ----


def _picture() -> rx.Component:
    return card(
        row(
            rx.el.h2(RoutingState.alias, class_name="fb-panel-title fb-cut", custom_attrs={"data-testid": "chosen"}),
            rx.cond(RoutingState.is_off, chip(t("admin_routing.not_offered"), tone="outline")),
            rx.el.span(RoutingState.subtitle, class_name="fb-small fb-cut flex-1"),
            link_button(t("admin_routing.edit_model"), href=f"/admin/models/{RoutingState.model_id}", size="small"),
            class_name="fb-panel-head",
        ),
        _rule(),
        _drawing(),
        _foot(),
        custom_attrs={"data-testid": "picture"},
    )


def _rule() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            field(
                t("admin_routing.policy.label"),
                segmented(
                    policy_options(),
                    value=RoutingState.policy,
                    on_change=on.set_policy,
                    label=t("admin_routing.policy.label"),
                ),
            ),
            rx.el.p(RoutingState.policy_words, class_name="fb-small"),
            class_name="fb-route-policy",
        ),
        rx.el.div(
            field(
                t("admin_routing.guard"),
                typed_input(
                    value=RoutingState.guard,
                    on_change=RoutingState.set_guard,
                    label=t("admin_routing.guard"),
                    placeholder=t("admin_routing.no_guard"),
                    input_mode="decimal",
                    after="%",
                    key=RoutingState.stamp,
                ),
            ),
            rx.el.p(t("admin_routing.guard_hint"), class_name="fb-small"),
            class_name="fb-route-policy",
        ),
        class_name="fb-route-rule",
    )


def _drawing() -> rx.Component:
    """Requests on the left, the ways on the right, and lines as wide as what goes along them."""
    return rx.el.div(
        rx.el.div(
            rx.el.span(icon("box", 15), class_name="fb-icon-tile", custom_attrs={"data-tone": "accent"}),
            rx.el.span(t("admin_routing.requests"), class_name="fb-small"),
            rx.el.span(RoutingState.alias, class_name="fb-strong fb-cut", title=RoutingState.alias),
            class_name="fb-route-source",
        ),
        rx.el.svg(
            rx.foreach(RoutingState.cards, _line),
            view_box=f"0 0 {REACH} {RoutingState.size}",
            preserve_aspect_ratio="none",
            class_name="fb-route-lines",
            custom_attrs={"aria-hidden": "true"},
            style={"height": f"{RoutingState.size}px"},
        ),
        rx.el.ol(rx.foreach(RoutingState.cards, _card), class_name="fb-route-cards"),
        class_name="fb-route-picture",
        role="group",
        custom_attrs={"aria-label": t("admin_routing.picture", alias="") + RoutingState.alias},
    )


def _line(one: Any) -> rx.Component:
    return rx.el.path(
        d=one["d"],
        fill="none",
        stroke_width=one["width"],
        stroke_linecap="round",
        class_name="fb-route-line",
        custom_attrs={"data-tone": one["tone"], "vectorEffect": "non-scaling-stroke"},
    )


def _card(one: Any) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            provider_tile(one["kind"]),
            rx.el.div(
                row(
                    rx.el.span(one["provider"], class_name="fb-strong fb-cut"),
                    chip(one["state"], tone=one["tone"], dot=True),
                    rx.cond(one["place"] != "", rx.el.span(one["place"], class_name="fb-small fb-nowrap")),
                    class_name="fb-route-name",
                ),
                rx.el.span(one["upstream"], class_name="fb-mono fb-small fb-cut fb-block", title=one["upstream"]),
                class_name="flex-1 min-w-0",
            ),
            rx.el.div(
                rx.cond(one["margin"] != "", chip(one["margin"], tone=one["margin_tone"])),
                rx.cond(
                    one["cost"] != "",
                    rx.el.span(t("admin_routing.cost_label"), " ", one["cost"], class_name="fb-small fb-num"),
                ),
                class_name="fb-route-money",
            ),
            class_name="fb-route-top",
        ),
        _use(one),
        class_name="fb-route-card",
        custom_attrs={"data-testid": "route", "data-tone": one["tone"]},
        key=one["route_id"],
    )


def _use(one: Any) -> rx.Component:
    """How much goes this way, why, and where it stands among the others."""
    return rx.el.div(
        rx.el.div(
            rx.el.div(
                rx.el.span(style={"width": one["part"]}, custom_attrs={"data-tone": one["tone"]}),
                class_name="fb-route-bar",
                role="img",
                custom_attrs={"aria-label": t("admin_routing.share_label") + ": " + one["share"]},
            ),
            rx.el.p(
                rx.cond(one["share"] != "", rx.el.span(one["share"], class_name="fb-strong fb-text-1")),
                rx.el.span(one["sent"]),
                rx.cond(one["took"] != "", rx.el.span(one["took"])),
                class_name="fb-small fb-num fb-route-facts",
            ),
            rx.cond(
                one["because"] != "",
                rx.el.p(one["because"], class_name="fb-small fb-cut", title=one["because"]),
            ),
            class_name="flex-1 min-w-0",
        ),
        rx.cond(
            one["is_open"],
            button(
                t("admin_routing.try_now"),
                size="small",
                on_click=on.try_now(one["route_id"]),
                custom_attrs={"data-testid": "try-now"},
            ),
        ),
        _rank(one, "priority"),
        _rank(one, "weight"),
        class_name="fb-route-bottom",
    )


def _rank(one: Any, name: str) -> rx.Component:
    return rx.el.label(
        rx.el.span(t(f"admin_routing.{name}"), class_name="fb-small"),
        typed_input(
            value=one[name],
            on_change=lambda text: on.set_rank(one["route_id"], name, text),
            label=t(f"admin_routing.{name}") + " · " + one["provider"],
            input_mode="numeric",
            key=RoutingState.stamp,
        ),
        class_name="fb-route-rank",
    )


def _foot() -> rx.Component:
    return rx.cond(
        RoutingState.dirty,
        row(
            rx.cond(
                RoutingState.problem != "",
                rx.el.span(RoutingState.problem, class_name="fb-small", custom_attrs={"data-tone": "loss"}),
                rx.el.span(t("admin_routing.dirty"), class_name="fb-small"),
            ),
            rx.el.span(class_name="flex-1"),
            button(t("admin_routing.discard"), on_click=RoutingState.discard),
            button(
                t("admin_routing.save"),
                kind="solid",
                key="mod+s",
                on_click=RoutingState.ask_save,
                custom_attrs={"data-testid": "save-routing"},
            ),
            class_name="fb-route-foot",
        ),
    )


def _confirm() -> rx.Component:
    return dialog(
        rx.el.ul(
            rx.foreach(RoutingState.change_list, lambda line: rx.el.li(line, class_name="fb-num")),
            class_name="fb-route-changes",
        ),
        notice(t("admin_routing.change.words"), tone="neutral"),
        title=t("admin_routing.change.title", alias="") + RoutingState.alias,
        is_open=RoutingState.confirming,
        on_open_change=RoutingState.confirm_opened,
        footer=decision(
            t("admin_routing.change.act"),
            RoutingState.save,
            leave=t("admin_routing.change.keep"),
            test_id="confirm-routing",
        ),
    )
