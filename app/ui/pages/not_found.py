"""`/404`: no page, or nothing this person may see at it."""

import reflex as rx

from app.kernel.text import t
from app.ui.brand import theme_toggle, wordmark
from app.ui.components import empty_state, link_button, route_link
from app.ui.page import page
from app.ui.roles import Role


@page("/404", title=t("shell.missing.title"), role=Role.ANYONE)
def not_found() -> rx.Component:
    return rx.el.div(
        rx.el.header(
            route_link(
                wordmark(), href="/", class_name="fb-home-link", custom_attrs={"aria-label": t("shell.product")}
            ),
            theme_toggle(),
            class_name="fb-front-top",
        ),
        rx.el.main(
            empty_state(
                "ticket-x",
                t("shell.missing.title"),
                t("shell.missing.sentence"),
                link_button(t("shell.missing.home"), href="/", kind="solid"),
            ),
            class_name="fb-missing",
        ),
        class_name="fb-front",
    )
