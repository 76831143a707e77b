"""The three pages, a card each like the one to sign in with: native POSTs, so that no password passes a state."""

from typing import Any

import reflex as rx

from app.accounts.passwords import LONGEST, SHORTEST
from app.kernel.text import t
from app.ui.brand import theme_toggle, wordmark
from app.ui.components import (
    button,
    field,
    hidden,
    icon_button,
    link_button,
    native_form,
    notice,
    route_link,
    text_input,
    text_link,
)
from app.ui.page import page
from app.ui.pages.passwords.state import LinkState, PasswordState
from app.ui.roles import Role


@page("/password", title=t("passwords.change.title"), role=Role.SIGNED_IN, on_load=PasswordState.load)
def change_password() -> rx.Component:
    form = native_form(
        _account(PasswordState.email),
        _secret("current", t("passwords.change.current"), "current-password", auto_focus=True),
        _new_password(),
        _submit(t("passwords.change.submit")),
        action="/session/password",
        class_name="fb-sign-in-form",
    )
    done = rx.fragment(
        notice(t("passwords.change.done"), tone="good"),
        link_button(t("passwords.change.on"), href=PasswordState.home, kind="solid", size="primary"),
    )
    return _card(
        t("passwords.change.title"),
        PasswordState.email,
        rx.cond(PasswordState.error != "", notice(PasswordState.error)),
        rx.cond(
            PasswordState.done,
            done,
            rx.fragment(form, _below(t("passwords.change.keep"), PasswordState.home)),
        ),
    )


@page("/choose-password", title=t("passwords.choose.title"), role=Role.ANYONE, on_load=LinkState.load)
def choose_password() -> rx.Component:
    form = native_form(
        _account(LinkState.email),
        hidden("link", LinkState.link),
        _new_password(auto_focus=True),
        _submit(t("passwords.choose.submit")),
        action="/session/choose-password",
        class_name="fb-sign-in-form",
    )
    ended = rx.fragment(
        link_button(t("passwords.forgot.submit"), href="/forgot-password", kind="solid", size="primary"),
        _below(t("passwords.forgot.back"), "/login"),
    )
    return _card(
        t("passwords.choose.title"),
        LinkState.email,
        rx.cond(LinkState.error != "", notice(LinkState.error)),
        rx.cond(LinkState.ready, rx.cond(LinkState.link != "", form, ended)),
    )


@page("/forgot-password", title=t("passwords.forgot.title"), role=Role.ANYONE, on_load=LinkState.load_forgot)
def forgot_password() -> rx.Component:
    email = field(
        t("login.email"),
        text_input(id="email", name="email", type="email", auto_complete="username", required=True, auto_focus=True),
        for_id="email",
    )
    form = native_form(
        email, _submit(t("passwords.forgot.submit")), action="/session/forgot-password", class_name="fb-sign-in-form"
    )
    return _card(
        t("passwords.forgot.title"),
        t("passwords.forgot.detail"),
        rx.cond(LinkState.error != "", notice(LinkState.error)),
        rx.cond(LinkState.done, notice(t("passwords.forgot.done"), tone="good"), form),
        _below(t("passwords.forgot.back"), LinkState.home),
    )


def _card(title: str, detail: Any, *body: rx.Component) -> rx.Component:
    return rx.el.div(
        rx.el.header(
            route_link(wordmark(), href="/", class_name="fb-home-link", custom_attrs={"aria-label": t("login.back")}),
            theme_toggle(),
            class_name="fb-front-top",
        ),
        rx.el.main(
            rx.el.section(
                rx.el.h1(title, class_name="fb-title"),
                rx.el.p(detail, class_name="fb-small fb-sign-in-host"),
                *body,
                class_name="fb-sign-in",
                custom_attrs={"data-testid": "password-card"},
            ),
            class_name="fb-login",
        ),
        class_name="fb-front",
    )


def _account(email: Any) -> rx.Component:
    """Whose password it is, for the browser that keeps passwords."""
    return rx.el.input(type="text", name="username", value=email, auto_complete="username", read_only=True, hidden=True)


def _new_password(**props: Any) -> rx.Component:
    return _secret(
        "password",
        t("passwords.new"),
        "new-password",
        hint=t("passwords.hint", shortest=SHORTEST),
        min_length=SHORTEST,
        max_length=LONGEST,
        **props,
    )


def _secret(name: str, label: str, auto_complete: str, hint: str | None = None, **props: Any) -> rx.Component:
    reveal = icon_button("eye", t("login.show_password"), class_name="fb-reveal", custom_attrs={"data-fb-reveal": name})
    control = text_input(
        id=name, name=name, type="password", auto_complete=auto_complete, required=True, after=reveal, **props
    )
    return field(label, control, hint=hint, for_id=name)


def _submit(label: str) -> rx.Component:
    return button(label, kind="solid", size="primary", type="submit", class_name="fb-sign-in-submit")


def _below(label: str, href: Any) -> rx.Component:
    return rx.el.p(text_link(label, href=href), class_name="fb-small mt-3 text-center")
