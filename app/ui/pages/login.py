"""`/login`: the sign-in card alone."""

import reflex as rx

from app.kernel.text import t
from app.ui.brand import theme_toggle, wordmark
from app.ui.components import route_link
from app.ui.front_state import FrontState
from app.ui.page import page
from app.ui.roles import Role
from app.ui.sign_in_card import demo_doors, sign_in_card


@page("/login", title=t("login.title"), role=Role.ANYONE, on_load=FrontState.load_card)
def login() -> rx.Component:
    return rx.el.div(
        rx.el.header(
            route_link(wordmark(), href="/", class_name="fb-home-link", custom_attrs={"aria-label": t("login.back")}),
            theme_toggle(),
            class_name="fb-front-top",
        ),
        rx.el.main(sign_in_card(), demo_doors(), class_name="fb-login"),
        class_name="fb-front",
    )
