"""The trace page: the answer, the money, the seven steps, and beside them why and from which credits."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    copy_button,
    dialog,
    empty_state,
    link_button,
    live_region,
    modality_icon,
    row,
    segmented,
    skeleton,
    state_chip,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.request_trace.aside import aside
from app.ui.pages.request_trace.money import money_line
from app.ui.pages.request_trace.refusal import payloads, refusal
from app.ui.pages.request_trace.state import CUSTOMER, OPERATOR, TraceState
from app.ui.pages.request_trace.steps import steps
from app.ui.roles import Role
from app.ui.shell_state import ShellState

FACTS = var(TraceState.facts)
REFUSED = var(TraceState.refused)


@page("/logs/[id]", title=t("trace.title"), role=Role.SIGNED_IN, on_load=TraceState.load)
def request_trace() -> rx.Component:
    is_operator = var(ShellState.is_operator)
    return shell(
        rx.cond(
            TraceState.missing,
            _missing(),
            rx.cond(REFUSED["id"] != "", refusal(), rx.cond(TraceState.ready, _told(), _waiting())),
        ),
        here="logs",
        title=rx.cond(
            REFUSED["id"] != "",
            REFUSED["short_id"],
            rx.cond(TraceState.ready & ~var(TraceState.missing), FACTS["short_id"], t("trace.title")),
        ),
        area=Role.SIGNED_IN,
        crumbs=[
            (
                rx.cond(is_operator, t("trace.today"), t("trace.logs")),
                rx.cond(is_operator, "/admin", "/logs"),
            )
        ],
        actions=[
            rx.el.span(
                rx.cond(TraceState.missing | (REFUSED["id"] != ""), rx.fragment(), action), class_name="fb-in-page"
            )
            for action in _actions()
        ],
        bleed=True,
    )


def _told() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            _head(),
            rx.el.div(*_actions(), class_name="fb-phone-actions"),
            money_line(),
            steps(),
            payloads(),
            class_name="fb-trace-main fb-scroll",
        ),
        aside(),
        class_name="fb-trace-page",
    )


def _head() -> rx.Component:
    return row(
        rx.cond(
            FACTS["thumb"] != "",
            rx.el.img(src=FACTS["thumb"], alt="", class_name="fb-thumb fb-thumb-large"),
            rx.el.span(modality_icon(FACTS["modality"], 20), class_name="fb-thumb fb-thumb-large"),
        ),
        rx.el.div(
            row(
                rx.el.h2(FACTS["headline"], class_name="fb-title", custom_attrs={"data-testid": "headline"}),
                state_chip(FACTS["state"], FACTS["status"]),
                class_name="flex-wrap",
            ),
            rx.el.p(
                _part(FACTS["model"]),
                _part(FACTS["prompt"]),
                _part(FACTS["customer"]),
                rx.el.time(FACTS["when"], title=FACTS["whole_when"]),
                rx.cond(FACTS["took"] != "", rx.fragment(", ", FACTS["took"])),
                class_name="fb-text-2 fb-trace-sub",
            ),
            live_region(FACTS["headline"]),
            class_name="min-w-0 flex-1",
        ),
        class_name="fb-trace-head",
    )


def _part(text: rx.Var) -> rx.Component:  # type: ignore[type-arg]
    """One part of the line under the headline, with the dot that separates it from the next."""
    return rx.cond(text != "", rx.fragment(rx.el.span(text), rx.el.span(" · ", class_name="fb-text-3")))


def _actions() -> list[rx.Component]:
    return [
        rx.cond(TraceState.may_switch, _switch()),
        _json(),
        rx.cond(ShellState.is_operator, rx.fragment(), _again()),
    ]


def _switch() -> rx.Component:
    return segmented(
        [(OPERATOR, t("trace.as_operator")), (CUSTOMER, t("trace.as_customer"))],
        value=TraceState.seen_as,
        on_change=var(TraceState.look_as),
        label=t("trace.look"),
        small=True,
        full=False,
    )


def _json() -> rx.Component:
    return dialog(
        rx.el.pre(TraceState.api_json, class_name="fb-code fb-scroll", tab_index=0),
        title=t("trace.json_view.title"),
        detail=rx.el.code(f"GET /v1/generations/{FACTS['id']}", class_name="fb-mono"),
        trigger=button(t("trace.json"), icon_name="file-json-2"),
        footer=[copy_button(TraceState.api_json, small=False)],
        size="wide",
        on_open_change=TraceState.show_json,
    )


def _again() -> rx.Component:
    return rx.cond(
        FACTS["id"] != "",
        link_button(t("trace.again"), href=f"/playground?from={FACTS['id']}", icon_name="rotate-cw"),
    )


def _missing() -> rx.Component:
    return empty_state(
        "ticket-x",
        t("trace.missing.title"),
        t("trace.missing.sentence"),
        link_button(t("trace.missing.home"), href=ShellState.home, kind="solid"),
    )


def _waiting() -> rx.Component:
    """The page's shape until it is read."""
    return rx.el.div(
        rx.el.div(
            row(
                skeleton("48px", "48px"),
                rx.el.div(skeleton("16em", "1.2em"), skeleton("26em"), class_name="flex flex-col gap-2"),
                class_name="fb-trace-head gap-3",
            ),
            skeleton("100%", "62px"),
            *[skeleton(f"{width}%", "3.2em") for width in (90, 70, 80, 60)],
            class_name="fb-trace-main flex flex-col gap-5",
        ),
        rx.el.div(skeleton("100%", "170px"), skeleton("100%", "110px"), class_name="fb-trace-aside"),
        class_name="fb-trace-page",
        custom_attrs={"aria-busy": "true", "aria-label": t("common.loading")},
    )
