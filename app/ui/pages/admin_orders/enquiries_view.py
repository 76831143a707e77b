"""What people asked for outside the price list: the queue on `/admin/orders`, and one of them with its answer."""

from collections.abc import Callable
from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    column,
    definition,
    dialog,
    empty_state,
    field,
    link_button,
    notice,
    plain_link,
    row,
    text_area,
    text_link,
    var,
)
from app.ui.pages.admin_orders.list_state import OrdersState

ENQUIRY = OrdersState.enquiry


def enquiries(before: rx.Component, queue: Callable[..., rx.Component]) -> rx.Component:
    """Those that wait; `before` stands over them, `queue` draws rows as the page does."""
    return rx.fragment(
        before,
        queue(
            OrdersState.asked,
            _enquiry,
            empty_state("inbox", t("admin_orders.no_enquiries.title"), t("admin_orders.no_enquiries.sentence")),
        ),
    )


def _enquiry(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                row(
                    rx.el.span(one["who"], class_name="fb-strong fb-cut"),
                    chip(one["state_words"], tone=one["tone"]),
                    class_name="flex-wrap",
                ),
                rx.el.span(one["message"], class_name="fb-small fb-cut"),
                class_name="flex-1",
            ),
            rx.el.span(one["time"], class_name="fb-small fb-num fb-queue-age"),
            button(
                t("admin_orders.enquiry.verb"),
                size="small",
                on_click=var(OrdersState.open_enquiry)(one["id"]),
                custom_attrs={"data-testid": "read-enquiry"},
            ),
            class_name="fb-queue-row",
        ),
        key=one["id"],
    )


def enquiry_dialog() -> rx.Component:
    """One enquiry: who asks, what for, and what becomes of it."""
    return dialog(
        column(
            rx.cond(OrdersState.problem != "", notice(OrdersState.problem)),
            _who_asks(),
            rx.el.p(ENQUIRY["message"], class_name="fb-message"),
            field(
                t("admin_orders.enquiry.note"),
                text_area(default_value=OrdersState.words, on_change=OrdersState.write, id="enquiry-note", rows=3),
                hint=t("admin_orders.enquiry.note_hint"),
                for_id="enquiry-note",
            ),
            class_name="gap-[14px]",
        ),
        title=ENQUIRY["who"],
        is_open=ENQUIRY["id"] != "",
        on_open_change=OrdersState.enquiry_opened,
        footer=_acts(),
    )


def _who_asks() -> rx.Component:
    one = ENQUIRY
    return column(
        definition(t("admin_orders.enquiry.from"), plain_link(one["email"], href=one["mailto"], class_name="fb-link")),
        rx.cond(one["company"] != "", definition(t("admin_orders.enquiry.company"), one["company"])),
        rx.cond(
            one["customer_href"] != "",
            definition(
                t("admin_orders.enquiry.customer"),
                text_link(t("admin_orders.enquiry.open_customer"), href=one["customer_href"]),
            ),
        ),
        rx.cond(
            one["order_href"] != "",
            definition(
                t("admin_orders.enquiry.order"),
                text_link(t("admin_orders.enquiry.open_order"), href=one["order_href"]),
            ),
        ),
    )


def _acts() -> list[rx.Component]:
    is_open = ENQUIRY["state"] == "open"
    return [
        rx.cond(
            ENQUIRY["order_href"] == "",
            link_button(
                t("admin_orders.enquiry.write_order"),
                href=ENQUIRY["agree_href"],
                icon_name="file-plus-2",
                custom_attrs={"data-testid": "write-order"},
            ),
        ),
        rx.cond(
            is_open,
            button(t("admin_orders.enquiry.close"), on_click=var(OrdersState.handle)("closed")),
            button(t("admin_orders.enquiry.reopen"), on_click=var(OrdersState.handle)("open")),
        ),
        rx.cond(
            is_open,
            button(
                t("admin_orders.enquiry.answer"),
                kind="solid",
                on_click=var(OrdersState.handle)("answered"),
                custom_attrs={"data-testid": "answered"},
            ),
        ),
    ]
