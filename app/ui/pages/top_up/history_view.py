"""The orders a workspace has made: those that wait for money, and those of before."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    chip,
    data_table,
    icon,
    link_button,
    pagination,
    panel,
    plain_link,
    route_link,
    row,
    two_line,
    var,
)
from app.ui.pages.top_up.cancel_view import cancel_order
from app.ui.pages.top_up.shop_state import ShopState

SHOP = var(ShopState)


def waiting_orders() -> rx.Component:
    """Orders still to be paid, with what can be done about each."""
    return rx.cond(
        SHOP.waiting.length() > 0,
        panel(
            t("top_up.waiting.title"),
            rx.el.ul(rx.foreach(SHOP.waiting, _waiting), class_name="fb-plain-list"),
            flush=True,
            class_name="fb-topup-later",
            custom_attrs={"data-testid": "open-orders"},
        ),
    )


def _waiting(item: Any) -> rx.Component:
    return rx.el.li(
        row(
            route_link(item["reference"], href=item["href"], class_name="fb-mono fb-reference"),
            chip(item["word"], tone=item["tone"]),
            rx.el.span(item["amount"], class_name="fb-strong fb-num ml-auto"),
        ),
        rx.el.p(item["title"], ", ", item["when"], class_name="fb-small fb-cut"),
        row(
            link_button(
                rx.cond(item["may_pay"] != "", t("top_up.waiting.pay"), t("top_up.waiting.open")),
                href=item["href"],
                size="small",
            ),
            rx.cond(
                item["may_cancel"] != "",
                cancel_order(item["reference"], SHOP.cancel(item["id"]), size="small"),
            ),
        ),
        class_name="fb-lot",
    )


def history() -> rx.Component:
    """Every order, a page at a time."""
    return rx.cond(
        (SHOP.rows.length() > 0) | ~ShopState.ready,
        panel(
            t("top_up.history.title"),
            data_table(
                [
                    Column(t("top_up.history.order"), _reference, width="7.5rem"),
                    Column(t("top_up.history.when"), _when, width="6.5rem"),
                    Column(t("top_up.history.package"), _title, grow=True),
                    Column(t("top_up.history.method"), lambda item: item["method"], width="7rem", wide_only=True),
                    Column(
                        t("top_up.history.state"), lambda item: chip(item["word"], tone=item["tone"]), width="8.5rem"
                    ),
                    Column(t("top_up.history.amount"), _amount, numeric=True, width="6rem"),
                    Column(t("top_up.history.invoice"), _invoice, width="12.5rem", wide_only=True),
                ],
                SHOP.rows,
                label=t("top_up.history.title"),
                href=lambda item: item["href"],
                phone=_phone,
                loading=~var(ShopState.ready),
                footer=rx.cond(
                    SHOP.has_previous | SHOP.has_next,
                    pagination(
                        shown=SHOP.shown,
                        has_previous=SHOP.has_previous,
                        has_next=SHOP.has_next,
                        on_previous=SHOP.previous_page,
                        on_next=SHOP.next_page,
                    ),
                ),
            ),
            flush=True,
            class_name="fb-topup-history fb-topup-later",
        ),
    )


def _reference(item: Any) -> rx.Component:
    return rx.el.span(item["reference"], class_name="fb-mono fb-medium")


def _when(item: Any) -> rx.Component:
    return rx.el.time(item["when"], title=item["whole_when"], class_name="fb-num")


def _title(item: Any) -> rx.Component:
    return rx.el.span(
        item["title"],
        rx.el.span(", ", item["credits"], " ", t("common.credits"), class_name="fb-text-2 fb-num"),
        class_name="fb-cut",
        title=item["title"],
    )


def _amount(item: Any) -> rx.Component:
    return rx.el.span(item["amount"], class_name="fb-medium")


def _invoice(item: Any) -> rx.Component:
    return rx.cond(
        item["invoice_href"] != "",
        plain_link(
            icon("download", 14),
            item["invoice"],
            href=item["invoice_href"],
            download=True,
            class_name="fb-row-file fb-num",
        ),
    )


def _phone(item: Any) -> rx.Component:
    return two_line(item["title"], rx.el.span(item["reference"], " · ", item["word"]), item["amount"], item["when"])
