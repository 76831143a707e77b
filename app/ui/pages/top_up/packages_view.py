"""The cards one chooses a package by."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    amount,
    button,
    chip,
    row,
    skeleton,
    var,
)
from app.ui.pages.top_up.extras_state import EnquiryState
from app.ui.pages.top_up.shop_state import ShopState

SHOP = var(ShopState)
ENQUIRY = var(EnquiryState)


def packages() -> rx.Component:
    """What is for sale, one card each; the agreed ones ask to be talked about."""
    return rx.el.div(
        rx.foreach(SHOP.cards, lambda item: rx.cond(item["is_enquiry"] != "", _enquiry(item), _package(item))),
        class_name="fb-packages",
        role="radiogroup",
        custom_attrs={"aria-label": t("top_up.package.choose"), "data-testid": "packages"},
    )


def _package(item: Any) -> rx.Component:
    return rx.el.label(
        row(
            rx.el.span(item["title"], class_name="fb-strong fb-cut flex-1", title=item["title"]),
            rx.cond(item["saving"] != "", chip(item["saving"], tone="good")),
        ),
        rx.el.span(
            amount(item["credits"], size="large", class_name="fb-figure"),
            rx.el.span(t("common.credits"), " ", item["bonus"], class_name="fb-small fb-num"),
            class_name="fb-package-credits",
        ),
        rx.el.span(
            rx.el.span(item["total"], class_name="fb-title fb-num"),
            rx.el.span(item["net_and_tax"], class_name="fb-small fb-num"),
            rx.el.span(item["rate"], class_name="fb-small fb-num"),
            rx.el.span(item["lasts"], class_name="fb-small fb-num"),
            class_name="fb-package-price",
        ),
        row(
            rx.el.input(
                type="radio",
                name="package",
                value=item["id"],
                checked=SHOP.chosen == item["id"],
                on_change=SHOP.choose,
                class_name="fb-radio",
                custom_attrs={"data-testid": "package"},
            ),
            rx.el.span(
                rx.cond(SHOP.chosen == item["id"], t("top_up.package.selected"), t("top_up.package.select")),
                class_name="fb-medium",
            ),
            class_name="fb-package-pick",
        ),
        class_name="fb-package",
        custom_attrs={"data-chosen": rx.cond(SHOP.chosen == item["id"], "true", "false")},
    )


def _enquiry(item: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(item["title"], class_name="fb-strong fb-cut"),
        rx.el.span(item["summary"], class_name="fb-text-2 fb-package-credits"),
        rx.el.span(
            rx.el.span(t("top_up.package.agreed"), class_name="fb-medium"),
            rx.el.span(t("top_up.package.agreed_detail"), class_name="fb-small"),
            class_name="fb-package-price",
        ),
        button(t("top_up.enquiry.open"), on_click=ENQUIRY.open_for(item["package_id"])),
        class_name="fb-package fb-package-agreed",
    )


def package_shapes() -> rx.Component:
    """The page's shape until it is read."""
    return rx.el.div(
        *[rx.el.div(skeleton("100%", "214px"), class_name="fb-package-shape") for _ in range(4)],
        class_name="fb-packages",
        custom_attrs={"aria-busy": "true", "aria-label": t("common.loading")},
    )
