"""The sign-in card and the demo's two doors, for `/` and `/login`: native POSTs, which alone can set the cookie."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    field,
    hidden,
    icon,
    icon_button,
    icon_tile,
    native_form,
    notice,
    row,
    text_input,
    text_link,
)
from app.ui.front_state import FrontState

SIGN_IN = "/session"
DEMO = "/session/demo"


def sign_in_card() -> rx.Component:
    """E-mail and password, posted by the browser to `/session`."""
    return rx.el.section(
        rx.el.h2(t("login.title"), class_name="fb-title"),
        rx.el.p(FrontState.host, class_name="fb-small fb-sign-in-host"),
        rx.cond(FrontState.error != "", notice(FrontState.error, tone="loss")),
        native_form(
            hidden("next", FrontState.next_page),
            field(t("login.email"), _email(), for_id="email"),
            field(t("login.password"), _password(), for_id="password"),
            button(t("login.submit"), kind="solid", size="primary", type="submit", class_name="fb-sign-in-submit"),
            action=SIGN_IN,
            class_name="fb-sign-in-form",
        ),
        rx.el.p(text_link(t("passwords.forgot.link"), href="/forgot-password"), class_name="fb-small mt-3 text-center"),
        class_name="fb-sign-in",
        custom_attrs={"data-testid": "sign-in"},
    )


def demo_doors() -> rx.Component:
    """One click into each role; only where demo data is loaded."""
    return rx.cond(
        FrontState.is_demo,
        rx.el.section(
            row(
                icon("flask-conical", 14),
                rx.el.h2(t("login.demo.title"), class_name="fb-panel-title flex-1"),
                rx.el.span(t("login.demo.note"), class_name="fb-small"),
                class_name="fb-demo-head",
            ),
            _door("operator", "gauge", t("login.demo.operator"), t("login.demo.operator_detail")),
            _door("customer", "sparkles", t("login.demo.customer"), FrontState.demo_detail),
            class_name="fb-demo",
        ),
    )


def _email() -> rx.Component:
    return text_input(
        id="email",
        name="email",
        type="email",
        default_value=FrontState.email,
        key=FrontState.email,  # the address that was refused arrives after the first drawing
        auto_complete="username",
        required=True,
        auto_focus=True,
        spell_check=False,
    )


def _password() -> rx.Component:
    reveal = icon_button(
        "eye", t("login.show_password"), class_name="fb-reveal", custom_attrs={"data-fb-reveal": "password"}
    )
    return text_input(
        id="password", name="password", type="password", auto_complete="current-password", required=True, after=reveal
    )


def _door(role: str, icon_name: str, title: str, detail: Any) -> rx.Component:
    return native_form(
        hidden("role", role),
        rx.el.button(
            icon_tile(icon_name),
            rx.el.span(
                rx.el.span(title, class_name="fb-strong"),
                rx.el.span(detail, class_name="fb-small"),
                class_name="flex flex-col flex-1 text-left min-w-0",
            ),
            icon("arrow-right", 16, class_name="fb-text-2"),
            type="submit",
            class_name="fb-door",
            custom_attrs={"data-testid": f"demo-{role}"},
        ),
        action=DEMO,
    )
