"""An invoice's lines, its sums, and the dialog that opens them and what is behind."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    chip,
    closes,
    column,
    data_table,
    dialog,
    fare_slip,
    icon,
    link_button,
    route_link,
    row,
    slip_line,
    two_line,
    var,
)
from app.ui.pages.billed.state import BilledState

STATE = var(BilledState)


def billed_lines(lines: Any, *, on_open: Any = None) -> rx.Component:
    """The lines of an invoice, each with its reason; `on_open(id)` opens those that something is behind."""
    return rx.el.ul(rx.foreach(lines, lambda one: _line(one, on_open)), class_name="fb-billed-lines")


def _line(one: Any, on_open: Any) -> rx.Component:
    told = column(
        row(
            rx.el.span(one["name"], class_name="fb-medium fb-cut fb-billed-name", title=one["name"]),
            rx.cond(one["part"] != "", rx.el.span(one["part"], class_name="fb-small fb-cut")),
        ),
        rx.el.span(one["reason"], class_name="fb-small"),
        class_name="flex-1 gap-[2px] min-w-0",
    )
    figures = column(
        rx.el.b(one["amount"], class_name="fb-num"),
        rx.cond(one["events"] != "", rx.el.span(one["events"], " ", t("billed.events"), class_name="fb-small fb-num")),
        class_name="items-end",
    )
    plain = row(told, figures, class_name="fb-billed-line")
    if on_open is None:
        return rx.el.li(plain, key=one["id"])
    opens = rx.el.button(
        told,
        figures,
        icon("chevron-right", 15, class_name="fb-text-3"),
        type="button",
        class_name="fb-billed-line fb-billed-opens",
        on_click=on_open(one["id"]),
        custom_attrs={"data-testid": "behind-line"},
    )
    return rx.el.li(rx.cond(one["is_open"], opens, plain), key=one["id"])


def billed_slip(lines: Any, sums: Any, total: Any, *, title: Any = None, note: Any = None) -> rx.Component:
    """Lines and sums above the perforation, the total below."""
    return fare_slip(
        billed_lines(lines),
        rx.foreach(sums, lambda one: slip_line(one["name"], one["amount"], quiet=True)),
        note,
        below=[
            rx.el.div(
                rx.el.span(title or t("billed.total"), class_name="fb-total"),
                rx.el.span(total, class_name="fb-slip-figure fb-num", custom_attrs={"data-testid": "billed-total"}),
                class_name="fb-slip-total",
            )
        ],
    )


def invoice_table(rows: Any, *, label: str, ready: Any, empty: rx.Component, on_issue: Any = None) -> rx.Component:
    """A list of invoices; each opens its lines. With `on_issue(id)` a draft can be issued from here."""
    return data_table(
        [
            Column(t("billed.column.number"), _number, width="10rem"),
            Column(t("billed.column.period"), lambda one: one["period"], grow=True),
            Column(t("billed.column.state"), lambda one: chip(one["state"], tone=one["tone"]), width="8.5rem"),
            Column(t("billed.column.due"), lambda one: _due(one, on_issue), numeric=True, wide_only=True),
            Column(t("billed.column.total"), lambda one: rx.el.b(one["total"]), numeric=True),
        ],
        rows,
        label=label,
        phone=lambda one: _phone(one, on_issue),
        loading=~ready,
        empty=empty,
    )


def _due(one: Any, on_issue: Any) -> Any:
    return one["due"] if on_issue is None else rx.cond(one["is_draft"], _issue(one, on_issue), one["due"])


def _issue(one: Any, on_issue: Any) -> rx.Component:
    return button(
        t("billed.issue"), size="small", on_click=on_issue(one["id"]), custom_attrs={"data-testid": "issue-invoice"}
    )


def _phone(one: Any, on_issue: Any) -> rx.Component:
    opens = rx.el.button(
        two_line(one["number"], one["period"], one["total"], one["state"]),
        type="button",
        class_name="fb-phone-link fb-phone-opens",
        on_click=STATE.open_invoice(one["id"]),
    )
    if on_issue is None:
        return opens
    return rx.fragment(
        opens,
        rx.cond(one["is_draft"], rx.el.div(_issue(one, on_issue), class_name="px-[14px] pb-3")),
    )


def _number(one: Any) -> rx.Component:
    return rx.el.button(
        one["number"],
        type="button",
        class_name="fb-link fb-mono fb-link-button",
        on_click=STATE.open_invoice(one["id"]),
        custom_attrs={"data-testid": "open-invoice"},
    )


def billed_dialog() -> rx.Component:
    """The invoice that is open: its lines, or what is behind one of them."""
    invoice = BilledState.invoice
    return dialog(
        rx.cond(BilledState.line != "", _behind(), _whole()),
        title=rx.cond(BilledState.line != "", _titled("billed.behind", BilledState.line_name), invoice["number"]),
        detail=invoice["period"],
        size="wide",
        is_open=invoice["id"] != "",
        on_open_change=STATE.opened,
        footer=[
            rx.cond(
                BilledState.line != "",
                button(t("billed.back"), icon_name="arrow-left", on_click=STATE.close_line),
                rx.cond(
                    invoice["href"] != "",
                    link_button(t("billed.document"), href=invoice["href"], icon_name="file-text"),
                ),
            ),
            closes(button(t("common.close"))),
        ],
    )


def _whole() -> rx.Component:
    invoice = BilledState.invoice
    return column(
        row(
            chip(invoice["state"], tone=invoice["tone"]),
            rx.cond(invoice["left"] != "", rx.el.span(invoice["left"], " ", t("billed.to_pay"), class_name="fb-num")),
            rx.cond(
                invoice["due"] != "",
                rx.el.span(t("billed.column.due"), " ", invoice["due"], class_name="fb-small fb-num"),
            ),
            class_name="flex-wrap",
        ),
        rx.cond(
            STATE.lines.length() > 0,
            billed_lines(BilledState.lines, on_open=STATE.open_line),
            rx.el.p(t("billed.none"), class_name="fb-text-2"),
        ),
        fare_slip(
            rx.foreach(BilledState.sums, lambda one: slip_line(one["name"], one["amount"])),
            below=[
                rx.el.div(
                    rx.el.span(t("billed.total"), class_name="fb-total"),
                    rx.el.span(invoice["total"], class_name="fb-slip-figure fb-num"),
                    class_name="fb-slip-total",
                )
            ],
            class_name="fb-billed-sums",
        ),
        class_name="gap-[14px]",
    )


def _behind() -> rx.Component:
    return column(
        rx.el.h3(t("billed.kinds"), class_name="fb-label"),
        rx.el.ul(rx.foreach(BilledState.kinds, _kind), class_name="fb-billed-kinds"),
        rx.el.h3(t("billed.latest"), class_name="fb-label"),
        rx.cond(
            STATE.events.length() > 0,
            rx.el.ul(rx.foreach(BilledState.events, _event), class_name="fb-billed-lines"),
            rx.el.p(t("billed.no_events"), class_name="fb-text-2"),
        ),
        class_name="gap-[10px]",
    )


def _kind(one: Any) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            column(
                rx.el.span(one["name"], class_name="fb-medium fb-cut"),
                rx.el.span(one["detail"], class_name="fb-small fb-cut", title=one["detail"]),
                class_name="flex-1 min-w-0 items-start",
            ),
            column(
                rx.el.b(one["quantity"], class_name="fb-num"),
                rx.el.span(one["events"], " ", t("billed.events"), class_name="fb-small fb-num"),
                class_name="items-end",
            ),
            type="button",
            class_name="fb-billed-line fb-billed-opens",
            on_click=STATE.open_kind(one["key"]),
            custom_attrs={"aria-pressed": rx.cond(BilledState.kind == one["key"], "true", "false")},
        ),
        key=one["key"],
    )


def _event(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            rx.el.time(one["time"], title=one["whole_time"], class_name="fb-small fb-num fb-billed-time"),
            rx.cond(
                one["href"] != "",
                route_link(one["id"], href=one["href"], class_name="fb-mono fb-reference fb-cut"),
                rx.el.span(one["id"], class_name="fb-mono fb-cut", title=one["id"]),
            ),
            rx.el.span(one["detail"], class_name="fb-small fb-cut flex-1", title=one["detail"]),
            class_name="fb-billed-line",
        ),
        key=one["id"],
        custom_attrs={"data-testid": "event"},
    )


def _titled(key: str, name: Any) -> Any:
    before, _, after = t(key, name="\n").partition("\n")
    return rx.Var.create(before) + name + after
