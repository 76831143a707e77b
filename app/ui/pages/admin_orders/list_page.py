"""`/admin/orders` drawn: the orders, and the queues beside them."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    card,
    check,
    chip,
    column,
    data_table,
    decision,
    definition,
    dialog,
    empty_state,
    field,
    filter_input,
    link_button,
    notice,
    pagination,
    row,
    segmented,
    select,
    skeleton,
    text_area,
    text_link,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_orders.enquiries_view import enquiries, enquiry_dialog
from app.ui.pages.admin_orders.list_state import METHODS, OrdersState
from app.ui.pages.admin_orders.rows import ALL, GROUPS
from app.ui.pages.admin_orders.sending_view import sending, sending_dialog
from app.ui.roles import Role


@page(
    "/admin/orders",
    title=t("admin_orders.title"),
    role=Role.OPERATOR,
    on_load=OrdersState.load,
)
def admin_orders() -> rx.Component:
    return shell(
        card(
            row(_views(), class_name="fb-admin-bar fb-scroll-x"),
            rx.match(
                OrdersState.view,
                ("send", sending(_queue, OrdersState.owed)),
                ("unmatched", _unmatched()),
                ("enquiries", enquiries(_done_too(), _queue)),
                _orders(),
            ),
        ),
        sending_dialog(),
        _case_dialog(),
        enquiry_dialog(),
        here="orders",
        title=t("admin_orders.title"),
        area=Role.OPERATOR,
        actions=[link_button(t("admin_orders.agree"), href="/admin/orders/new", icon_name="file-plus-2")],
    )


def _views() -> rx.Component:
    return rx.cond(
        var(OrdersState.tabs).length() > 0,
        segmented(
            OrdersState.tabs,
            value=OrdersState.view,
            on_change=var(OrdersState.choose_view),
            label=t("admin_orders.view.label"),
            full=False,
        ),
        skeleton("22rem", "30px"),
    )


# ---- orders ----


def _orders() -> rx.Component:
    return rx.fragment(
        rx.cond(OrdersState.view == "orders", _filters()),
        data_table(
            [
                Column(t("admin_orders.column.order"), _reference, width="9.5rem"),
                Column(t("admin_orders.column.customer"), _customer, grow=True),
                Column(t("admin_orders.column.title"), lambda one: one["title"], wide_only=True),
                Column(t("admin_orders.column.method"), lambda one: one["method"], wide_only=True),
                Column(t("admin_orders.column.state"), _state),
                Column(t("admin_orders.column.total"), lambda one: rx.el.b(one["total"]), numeric=True),
                Column(t("admin_orders.column.time"), _time, numeric=True),
            ],
            OrdersState.rows,
            label=t("admin_orders.title"),
            href=lambda one: one["href"],
            phone=lambda one: two_line(
                one["customer"], rx.el.span(one["reference"], " · ", one["state"]), one["total"], one["time"]
            ),
            loading=~var(OrdersState.ready),
            empty=rx.cond(
                OrdersState.view == "decide", _none_waiting(), rx.cond(OrdersState.filtered, _no_match(), _none())
            ),
            footer=rx.cond(
                OrdersState.has_next | OrdersState.has_previous,
                pagination(
                    shown=OrdersState.shown,
                    has_previous=OrdersState.has_previous,
                    has_next=OrdersState.has_next,
                    on_previous=OrdersState.previous_page,
                    on_next=OrdersState.next_page,
                ),
            ),
        ),
    )


def _filters() -> rx.Component:
    groups = [(ALL, t("admin_orders.group.all")), *[(name, t(f"admin_orders.group.{name}")) for name in GROUPS]]
    methods = [(ALL, t("admin_orders.method.all")), *[(name, t(f"admin_orders.method.{name}")) for name in METHODS]]
    return row(
        filter_input(value=OrdersState.search, on_change=OrdersState.look_for, label=t("admin_orders.search")),
        rx.el.div(
            select(
                groups, value=OrdersState.group, on_change=OrdersState.choose_group, label=t("admin_orders.group.label")
            ),
            class_name="fb-filter-choice",
        ),
        rx.el.div(
            select(
                methods,
                value=OrdersState.method,
                on_change=OrdersState.choose_method,
                label=t("admin_orders.method.label"),
            ),
            class_name="fb-filter-choice",
        ),
        rx.cond(
            OrdersState.filtered,
            button(t("admin_orders.clear"), kind="ghost", icon_name="x", on_click=OrdersState.clear),
        ),
        class_name="fb-filters",
        role="search",
    )


def _reference(one: Any) -> rx.Component:
    return rx.el.span(one["reference"], class_name="fb-mono fb-medium")


def _customer(one: Any) -> rx.Component:
    return rx.el.span(one["customer"], class_name="fb-cut", title=one["customer"])


def _state(one: Any) -> rx.Component:
    return row(
        chip(one["state"], tone=one["tone"]),
        rx.cond(one["progress"] != "", rx.el.span(one["progress"], class_name="fb-small fb-wide-only")),
    )


def _time(one: Any) -> rx.Component:
    return rx.el.time(one["time"], title=one["full_time"])


def _none() -> rx.Component:
    return empty_state("clipboard-check", t("admin_orders.empty.title"), t("admin_orders.empty.sentence"))


def _none_waiting() -> rx.Component:
    return empty_state("check", t("admin_orders.none_waiting.title"), t("admin_orders.none_waiting.sentence"))


def _no_match() -> rx.Component:
    return empty_state(
        "search-x",
        t("admin_orders.no_match.title"),
        t("admin_orders.no_match.sentence"),
        button(t("admin_orders.no_match.action"), on_click=OrdersState.clear),
        compact=True,
    )


# ---- money that belongs to no order ----


def _unmatched() -> rx.Component:
    return rx.fragment(
        _done_too(),
        _queue(
            OrdersState.cases,
            _case,
            empty_state("scale", t("admin_orders.no_cases.title"), t("admin_orders.no_cases.sentence")),
        ),
    )


def _done_too() -> rx.Component:
    return row(
        check(t("admin_orders.done_too"), checked=OrdersState.done_too, on_change=OrdersState.show_done),
        class_name="fb-filters",
    )


def _queue(rows: Any, drawn: Any, nothing: rx.Component) -> rx.Component:
    filled = rx.el.ul(rx.foreach(rows, drawn), class_name="fb-entries")
    waiting = column(*[skeleton("100%", "34px") for _ in range(3)], class_name="gap-4 p-4")
    return rx.cond(OrdersState.ready, rx.cond(var(rows).length() > 0, filled, nothing), waiting)


def _case(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                row(
                    rx.el.span(one["reason"], class_name="fb-strong"),
                    rx.cond(
                        one["order_href"] != "", text_link(one["order"], href=one["order_href"], class_name="fb-mono")
                    ),
                    rx.cond(one["customer"] != "", text_link(one["customer"], href=one["customer_href"])),
                    class_name="flex-wrap",
                ),
                rx.el.span(one["detail"], class_name="fb-small fb-cut", title=one["detail"]),
                rx.cond(one["done"] != "", rx.el.span(one["done"], class_name="fb-small")),
                class_name="flex-1",
            ),
            rx.el.b(one["amount"], class_name="fb-num"),
            rx.el.span(one["age"], class_name="fb-small fb-num fb-queue-age"),
            rx.cond(
                one["is_open"],
                button(
                    t("admin_orders.case.verb"),
                    size="small",
                    on_click=var(OrdersState.open_case)(one["id"]),
                    custom_attrs={"data-testid": "resolve"},
                ),
                chip(t("admin_orders.case.closed")),
            ),
            class_name="fb-queue-row",
        ),
        key=one["id"],
    )


def _case_dialog() -> rx.Component:
    one = OrdersState.case
    return dialog(
        column(
            rx.cond(OrdersState.problem != "", notice(OrdersState.problem)),
            column(
                rx.cond(one["customer"] != "", definition(t("admin_orders.column.customer"), one["customer"])),
                definition(t("admin_orders.case.amount"), rx.el.b(one["amount"])),
                definition(t("admin_orders.case.what"), rx.el.span(one["detail"], class_name="fb-cut")),
            ),
            notice(one["advice"], tone="neutral", title=one["reason"]),
            field(
                t("admin_orders.case.done"),
                text_area(
                    default_value=OrdersState.words, on_change=OrdersState.write, id="case-done", rows=3, max_length=500
                ),
                hint=t("admin_orders.case.kept"),
                for_id="case-done",
            ),
            class_name="gap-[14px]",
        ),
        title=t("admin_orders.case.title"),
        is_open=one["id"] != "",
        on_open_change=OrdersState.case_opened,
        footnote=t("admin_orders.case.moves_nothing"),
        footer=decision(
            t("admin_orders.case.title"),
            OrdersState.resolve,
            leave=t("admin_orders.case.leave"),
            test_id="resolve-case",
        ),
    )
