"""The dialogs of an order: record money, approve, reject, take a receipt back."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    column,
    decision,
    dialog,
    fare_slip,
    field,
    notice,
    row,
    slip_line,
    slip_total,
    text_area,
    text_input,
    var,
)
from app.ui.pages.admin_orders.detail_state import APPROVE, RECORD, REJECT, TAKE_OUT, OrderState

TITLES = {RECORD: "record", APPROVE: "approve", REJECT: "reject", TAKE_OUT: "take_out"}


def order_dialog() -> rx.Component:
    """One dialog, four acts: its title is the act and its button repeats it, with the amount where money moves."""
    doing = OrderState.doing
    return dialog(
        column(
            rx.cond(OrderState.errors[""] != "", notice(OrderState.errors[""])),
            rx.match(doing, (RECORD, _record()), (APPROVE, _approve()), (REJECT, _reject()), _take_out()),
            class_name="gap-[14px]",
        ),
        title=rx.match(doing, *[(act, t(f"admin_orders.{key}.title")) for act, key in TITLES.items()], ""),
        is_open=doing != "",
        on_open_change=OrderState.opened,
        footer=decision(
            OrderState.act,
            OrderState.confirm,
            leave=t("admin_orders.leave"),
            busy=OrderState.busy,
            test_id="confirm-order",
        ),
    )


def _record() -> rx.Component:
    return column(
        row(
            _line("amount", t("admin_orders.record.amount"), after=OrderState.currency, input_mode="decimal"),
            _line("day", t("admin_orders.record.day"), type="date"),
            class_name="gap-[14px] items-start fb-two-fields",
        ),
        _line(
            "bank_reference",
            t("admin_orders.record.bank_reference"),
            hint=t("admin_orders.record.bank_hint"),
            auto_focus=True,
        ),
        rx.cond(OrderState.surplus != "", notice(OrderState.surplus, tone="thin")),
        rx.el.p(t("admin_orders.record.note"), class_name="fb-small"),
        class_name="gap-[14px]",
    )


def _approve() -> rx.Component:
    one = OrderState.order
    return column(
        fare_slip(
            slip_line(t("admin_orders.facts.customer"), one["customer"]),
            slip_line(t("admin_orders.kpi.total"), one["total"]),
            slip_line(t("admin_orders.kpi.received"), one["received"]),
            slip_line(t("admin_orders.approvals.title"), one["approvals"]),
            slip_line(t("admin_orders.kpi.credits"), one["credits_words"], quiet=True),
            below=[slip_total(t("admin_orders.approve.gets"), one["credits"])],
        ),
        rx.cond(OrderState.second != "", notice(OrderState.second, tone="neutral")),
        _line("note", t("admin_orders.approve.note"), hint=t("admin_orders.approve.note_hint")),
        class_name="gap-[14px]",
    )


def _reject() -> rx.Component:
    return column(
        rx.el.p(t("admin_orders.reject.words")),
        _reason(t("admin_orders.reject.reason_hint")),
        class_name="gap-[14px]",
    )


def _take_out() -> rx.Component:
    return column(
        rx.el.p(t("admin_orders.take_out.words")),
        _reason(t("admin_orders.take_out.reason_hint")),
        class_name="gap-[14px]",
    )


def _reason(hint: str) -> rx.Component:
    return field(
        t("admin_orders.reason_label"),
        text_area(
            default_value=OrderState.draft["reason"],
            on_change=lambda text: var(OrderState.write)("reason", text),
            id="order-reason",
            rows=2,
            auto_focus=True,
        ),
        hint=hint,
        error=OrderState.errors["reason"],
        for_id="order-reason",
    )


def _line(name: str, label: str, *, hint: Any = None, **props: Any) -> rx.Component:
    return field(
        label,
        text_input(
            default_value=OrderState.draft[name],
            on_change=lambda text: var(OrderState.write)(name, text),
            id=f"order-{name}",
            auto_complete="off",
            **props,
        ),
        hint=hint,
        error=OrderState.errors[name],
        for_id=f"order-{name}",
        class_name="flex-1",
    )
