"""`/admin/orders/[order]` drawn: the figures, the money that came, what happened; papers and approvals beside them."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    column,
    copyable,
    definition,
    empty_state,
    icon,
    icon_button,
    kpi,
    kpi_strip,
    link_button,
    notice,
    panel,
    plain_link,
    row,
    skeleton,
    text_link,
    trace,
    trace_step,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_orders.detail_state import APPROVE, RECORD, REJECT, TAKE_OUT, OrderState
from app.ui.pages.admin_orders.dialogs import order_dialog
from app.ui.pages.admin_orders.returns_state import ReturnsState
from app.ui.pages.admin_orders.returns_view import returns_dialog, returns_panel
from app.ui.roles import Role


@page(
    "/admin/orders/[order]",
    title=t("admin_orders.one"),
    role=Role.OPERATOR,
    on_load=[OrderState.load, ReturnsState.load],
)
def admin_order() -> rx.Component:
    nobody = empty_state(
        "clipboard-x",
        t("admin_orders.missing.title"),
        t("admin_orders.missing.sentence"),
        link_button(t("admin_orders.missing.action"), href="/admin/orders"),
    )
    return shell(
        rx.cond(OrderState.missing, nobody, _whole()),
        order_dialog(),
        returns_dialog(),
        here="orders",
        title=rx.cond(OrderState.order["reference"] != "", OrderState.order["reference"], t("admin_orders.one")),
        area=Role.OPERATOR,
        crumbs=[(t("admin_orders.title"), "/admin/orders")],
    )


def _whole() -> rx.Component:
    one = OrderState.order
    return column(
        _head(),
        rx.cond(one["failure"] != "", notice(one["failure"], title=t("admin_orders.failure"))),
        rx.cond(OrderState.hint != "", notice(OrderState.hint, tone="neutral")),
        kpi_strip(
            kpi(t("admin_orders.kpi.total"), one["total"], one["tax_words"]),
            kpi(t("admin_orders.kpi.received"), one["received"], one["received_words"]),
            kpi(t("admin_orders.kpi.credits"), one["credits"], one["credits_words"], with_token=True),
            ready=OrderState.ready,
            label=t("admin_orders.one"),
        ),
        rx.el.div(
            column(_money(), returns_panel(), _log(), class_name="gap-[14px]"),
            column(_facts(), _papers(), rx.cond(one["is_transfer"], _people()), class_name="gap-[14px]"),
            class_name="fb-today",
        ),
        class_name="gap-[14px]",
    )


def _head() -> rx.Component:
    one = OrderState.order
    return row(
        rx.cond(OrderState.ready, chip(one["state"], tone=one["tone"], custom_attrs={"data-testid": "order-state"})),
        rx.cond(one["is_test"], chip(t("admin_orders.test"), tone="outline")),
        rx.cond(one["id"] != "", copyable(one["id"], primary=True)),
        rx.el.span(class_name="flex-1"),
        rx.cond(
            OrderState.can_reject,
            button(
                t("admin_orders.reject.verb"),
                kind="ghost",
                icon_name="ban",
                on_click=var(OrderState.begin)(REJECT, ""),
                custom_attrs={"data-testid": "reject"},
            ),
        ),
        rx.cond(
            OrderState.can_record,
            button(
                t("admin_orders.record.verb"),
                icon_name="banknote",
                kind="outline",
                on_click=var(OrderState.begin)(RECORD, ""),
                custom_attrs={"data-testid": "record"},
            ),
        ),
        rx.cond(
            OrderState.can_approve,
            button(
                t("admin_orders.approve.verb"),
                kind="solid",
                icon_name="check",
                on_click=var(OrderState.begin)(APPROVE, ""),
                custom_attrs={"data-testid": "approve"},
            ),
        ),
        class_name="flex-wrap",
    )


# ---- money ----


def _money() -> rx.Component:
    nothing = rx.el.p(t("admin_orders.money.none"), class_name="fb-text-2 p-4")
    filled = rx.el.ul(rx.foreach(OrderState.money, _receipt), class_name="fb-entries")
    return panel(
        t("admin_orders.money.title"),
        rx.cond(OrderState.ready, rx.cond(var(OrderState.money).length() > 0, filled, nothing), _waiting(1)),
        flush=True,
    )


def _receipt(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                rx.el.span(one["title"], class_name="fb-medium fb-cut", title=one["title"]),
                rx.el.span(one["detail"], class_name="fb-small fb-cut", title=one["time"]),
                class_name="flex-1",
            ),
            rx.el.b(one["amount"], class_name="fb-num"),
            rx.cond(
                one["can_take_out"],
                icon_button(
                    "undo-2", t("admin_orders.take_out.verb"), on_click=var(OrderState.begin)(TAKE_OUT, one["id"])
                ),
            ),
            class_name="fb-entry",
        ),
        key=one["id"],
    )


# ---- what happened ----


def _log() -> rx.Component:
    return panel(
        t("admin_orders.log.title"),
        rx.cond(OrderState.ready, trace(rx.foreach(OrderState.events, _event)), _waiting(4)),
        detail=t("admin_orders.log.order"),
    )


def _event(one: Any) -> rx.Component:
    mark = rx.match(
        one["tone"], ("good", icon("check", 14)), ("loss", icon("triangle-alert", 14)), icon("circle-dot", 14)
    )
    return trace_step(
        mark,
        one["title"],
        rx.el.span(one["who"]),
        rx.cond(one["detail"] != "", rx.el.span(" · ", one["detail"])),
        at=rx.el.span(one["time"], title=one["full_time"]),
        tone=one["tone"],
    )


# ---- beside it ----


def _facts() -> rx.Component:
    one = OrderState.order
    return panel(
        t("admin_orders.facts.title"),
        rx.cond(
            OrderState.ready,
            column(
                definition(
                    t("admin_orders.facts.customer"),
                    text_link(one["customer"], href=one["customer_href"], class_name="fb-cut"),
                ),
                definition(t("admin_orders.facts.ordered_by"), rx.el.span(one["ordered_by"], class_name="fb-cut")),
                definition(t("admin_orders.facts.created"), one["created"]),
                rx.cond(one["paid"] != "", definition(t("admin_orders.facts.paid"), one["paid"])),
                definition(t("admin_orders.facts.method"), one["method"]),
                definition(t("admin_orders.facts.package"), one["title"]),
                definition(t("admin_orders.facts.expires"), one["expires"]),
                definition(t("admin_orders.facts.net"), one["net"]),
                definition(t("admin_orders.facts.tax"), one["tax"]),
                definition(t("admin_orders.facts.terms"), one["terms"]),
            ),
            _waiting(5),
        ),
    )


def _papers() -> rx.Component:
    """Invoices, and what the customer sent; files are downloads of unknown type, never shown here."""
    either = (var(OrderState.documents).length() > 0) | (var(OrderState.files).length() > 0)
    filled = rx.el.ul(
        rx.foreach(OrderState.documents, _document), rx.foreach(OrderState.files, _file), class_name="fb-entries"
    )
    nothing = rx.el.p(t("admin_orders.papers.none"), class_name="fb-text-2 p-4")
    return panel(
        t("admin_orders.papers.title"),
        rx.cond(OrderState.ready, rx.cond(either, filled, nothing), _waiting(1)),
        flush=True,
    )


def _document(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                rx.el.span(one["number"], class_name="fb-mono fb-medium"),
                rx.el.span(one["kind"], " · ", one["day"], class_name="fb-small"),
                class_name="flex-1",
            ),
            rx.el.b(one["total"], class_name="fb-num"),
            plain_link(
                icon("download", 14),
                t("admin_orders.papers.pdf"),
                href=one["href"],
                download=True,
                class_name="fb-link fb-row-file",
                custom_attrs={"data-testid": "invoice-pdf"},
            ),
            class_name="fb-entry",
        ),
        key=one["number"],
    )


def _file(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            icon("paperclip", 15),
            column(
                rx.el.span(one["name"], class_name="fb-medium fb-cut", title=one["name"]),
                rx.el.span(one["detail"], class_name="fb-small fb-cut"),
                class_name="flex-1",
            ),
            plain_link(
                icon("download", 14),
                t("admin_orders.papers.download"),
                href=one["href"],
                download=True,
                class_name="fb-link fb-row-file",
                custom_attrs={"data-testid": "proof"},
            ),
            class_name="fb-entry",
        ),
        key=one["href"],
    )


def _people() -> rx.Component:
    """Who has approved, and how many have to."""
    nothing = rx.el.p(t("admin_orders.approvals.none"), class_name="fb-text-2 p-4")
    return panel(
        t("admin_orders.approvals.title"),
        rx.cond(
            var(OrderState.approvals).length() > 0,
            rx.el.ul(rx.foreach(OrderState.approvals, _approval), class_name="fb-entries"),
            nothing,
        ),
        detail=OrderState.order["approvals"],
        flush=True,
        custom_attrs={"data-testid": "approvals"},
    )


def _approval(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            icon("check", 15),
            column(
                rx.el.span(one["who"], class_name="fb-medium fb-cut"),
                rx.cond(one["note"] != "", rx.el.span(one["note"], class_name="fb-small fb-cut")),
                class_name="flex-1",
            ),
            rx.el.time(one["time"], class_name="fb-small fb-num"),
            class_name="fb-entry",
        )
    )


def _waiting(lines: int) -> rx.Component:
    return column(*[skeleton("100%", "20px") for _ in range(lines)], class_name="gap-3 p-4")
