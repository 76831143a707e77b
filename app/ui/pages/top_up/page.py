"""`/top-up`: the packages, or the order that the address names."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import empty_state, link_button, var
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.billing.state import BillingState
from app.ui.pages.billing.view import profile_dialog
from app.ui.pages.top_up.auto_state import AutoState
from app.ui.pages.top_up.auto_view import auto_dialog
from app.ui.pages.top_up.extras_view import enquiry_dialog, terms_dialog
from app.ui.pages.top_up.order_state import OrderState
from app.ui.pages.top_up.order_view import order_view
from app.ui.pages.top_up.shop_state import ShopState
from app.ui.pages.top_up.shop_view import shop_view
from app.ui.roles import Role

FACTS = var(OrderState.facts)


@page(
    "/top-up",
    title=t("top_up.title"),
    role=Role.CUSTOMER,
    on_load=[OrderState.load, ShopState.load, BillingState.load, AutoState.load],
)
def top_up() -> rx.Component:
    return shell(
        rx.cond(
            OrderState.asked,
            rx.cond(OrderState.missing, _missing(), order_view()),
            shop_view(),
        ),
        profile_dialog(),
        enquiry_dialog(),
        terms_dialog(),
        auto_dialog(),
        here="top_up",
        title=rx.cond(
            OrderState.asked & (FACTS["reference"] != ""),
            t("top_up.order.title") + " " + FACTS["reference"],
            t("top_up.title"),
        ),
        bleed=True,
    )


def _missing() -> rx.Component:
    return empty_state(
        "ticket-x",
        t("top_up.missing.title"),
        t("top_up.missing.sentence"),
        link_button(t("top_up.order.back"), href="/top-up", kind="solid"),
    )
