"""`/`: what Farebox is, a real price with its matrix, and the way in."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.brand import theme_toggle, wordmark
from app.ui.components import (
    amount,
    button,
    chip,
    column,
    fare_slip,
    icon,
    link_button,
    model_tile,
    native_form,
    plain_link,
    row,
    skeleton,
    slip_line,
    state_dot,
)
from app.ui.front_state import FrontState
from app.ui.page import page
from app.ui.roles import Role
from app.ui.sign_in_card import demo_doors, sign_in_card


@page("/", title=t("landing.title"), role=Role.ANYONE, on_load=[FrontState.load_card, FrontState.load_showcase])
def landing() -> rx.Component:
    return rx.el.div(
        _top(),
        rx.el.main(
            rx.el.div(_words(), _showcase()),
            rx.el.div(
                rx.cond(FrontState.is_signed_in, _welcome_back(), sign_in_card()),
                demo_doors(),
                class_name="fb-landing-right",
            ),
            class_name="fb-landing",
        ),
        _foot(),
        class_name="fb-front",
    )


def _top() -> rx.Component:
    return rx.el.header(
        wordmark(),
        row(
            plain_link(t("landing.api"), href="/v1/docs", class_name="fb-front-link"),
            theme_toggle(),
            class_name="gap-5",
        ),
        class_name="fb-front-top",
    )


def _words() -> rx.Component:
    claims = (t("landing.one_process"), FrontState.priced, t("landing.explained"))
    return rx.fragment(
        rx.el.h1(t("landing.headline_first"), rx.el.br(), t("landing.headline_second"), class_name="fb-landing-title"),
        rx.el.p(t("landing.lead"), class_name="fb-landing-lead"),
        rx.el.ul(
            *[
                rx.el.li(
                    icon("check", 15),
                    rx.cond(claim != "", claim, skeleton("8em")) if claim is FrontState.priced else claim,
                )
                for claim in claims
            ],
            class_name="fb-claims",
        ),
    )


def _welcome_back() -> rx.Component:
    nowhere = rx.fragment(
        rx.el.p(t("landing.no_workspace"), class_name="fb-text-2 mb-3", custom_attrs={"data-testid": "no-workspace"}),
        native_form(button(t("shell.sign_out"), type="submit", size="primary"), action="/session/end"),
    )
    return rx.el.section(
        rx.el.h2(FrontState.host, class_name="fb-title"),
        rx.cond(
            FrontState.home == "/",
            nowhere,
            link_button(t("landing.open_app"), href=FrontState.home, kind="solid", size="primary"),
        ),
        class_name="fb-sign-in",
    )


def _showcase() -> rx.Component:
    return rx.cond(
        FrontState.has_showcase,
        rx.el.div(_slip(), _matrix(), class_name="fb-showcase"),
        rx.cond(FrontState.priced == "", rx.el.div(_waiting(), class_name="fb-showcase"), rx.fragment()),
    )


def _waiting() -> rx.Component:
    """The slip's place while the catalogue is being priced."""
    return fare_slip(
        skeleton("40%"),
        row(
            skeleton("34px", "34px"), column(skeleton("9em"), skeleton("12em"), class_name="gap-2"), class_name="gap-3"
        ),
        below=[skeleton("100%"), skeleton("60%"), skeleton("100%", "1.4em")],
        floating=True,
        class_name="fb-landing-slip fb-slip-waiting",
    )


def _slip() -> rx.Component:
    return fare_slip(
        row(
            rx.el.span(
                rx.cond(FrontState.generation_id != "", t("landing.slip.generation"), t("landing.slip.example")),
                class_name="fb-text-2 flex-1",
            ),
            rx.el.span(FrontState.generation_id, class_name="fb-mono fb-small"),
        ),
        row(
            model_tile(FrontState.model[0], size="large"),
            rx.el.div(
                rx.el.p(FrontState.model, class_name="fb-strong fb-cut"),
                rx.el.p(FrontState.request, class_name="fb-small"),
                rx.cond(FrontState.done != "", rx.el.p(state_dot("done", FrontState.done), class_name="fb-small")),
                class_name="min-w-0",
            ),
            class_name="gap-3 mt-2",
        ),
        below=[
            slip_line(FrontState.line, FrontState.amount),
            rx.el.p(FrontState.reason, class_name="fb-small"),
            rx.cond(FrontState.done != "", slip_line(t("landing.slip.estimate"), FrontState.amount)),
            rx.el.div(
                rx.el.span(
                    rx.cond(FrontState.done != "", t("landing.slip.charged"), t("landing.slip.price")),
                    class_name="fb-total",
                ),
                amount(FrontState.amount, unit=t("common.credits"), class_name="fb-slip-figure"),
                class_name="fb-slip-total",
            ),
            rx.cond(
                FrontState.shows_margin,
                rx.el.dl(
                    _money(t("landing.slip.price"), FrontState.price_usd),
                    _money(FrontState.bills, FrontState.cost_usd),
                    _money(t("landing.slip.margin"), FrontState.margin, tone="good"),
                    class_name="fb-slip-money",
                ),
            ),
        ],
        floating=True,
        class_name="fb-landing-slip",
    )


def _money(label: Any, figure: Any, tone: str = "neutral") -> rx.Component:
    return rx.el.div(
        rx.el.dt(label, class_name="fb-small"),
        rx.el.dd(figure, class_name="fb-num fb-strong", custom_attrs={"data-tone": tone}),
    )


def _matrix() -> rx.Component:
    return rx.el.section(
        row(
            rx.el.h2(t("landing.matrix.title"), class_name="fb-panel-title flex-1"),
            rx.cond(FrontState.losses != "", chip(FrontState.losses, tone="loss")),
        ),
        rx.el.p(
            rx.cond(FrontState.shows_margin, t("landing.matrix.margin_line"), t("landing.matrix.price_line")),
            class_name="fb-small",
        ),
        rx.el.table(
            rx.el.thead(
                rx.el.tr(
                    rx.el.td(),
                    rx.foreach(FrontState.column_names, lambda name: rx.el.th(name, scope="col", class_name="fb-mono")),
                )
            ),
            rx.el.tbody(
                rx.foreach(
                    FrontState.matrix,
                    lambda line: rx.el.tr(
                        rx.el.th(line["name"], scope="row", class_name="fb-mono"),
                        rx.foreach(line["cells"], _cell),
                    ),
                )
            ),
            class_name="fb-small-matrix",
        ),
        class_name="fb-landing-matrix",
    )


def _cell(cell: Any) -> rx.Component:
    return rx.el.td(
        rx.el.span(
            rx.el.span(cell["price"], class_name="fb-strong"),
            rx.cond(cell["margin"] != "", rx.el.span(cell["margin"], class_name="fb-cell-margin")),
            class_name="fb-small-cell fb-num",
            custom_attrs={"data-status": cell["status"]},
        )
    )


def _foot() -> rx.Component:
    return rx.el.footer(
        rx.el.span(FrontState.version),
        rx.cond(FrontState.is_sandbox, state_dot("done", t("landing.sandbox"))),
        class_name="fb-front-foot fb-small",
    )
