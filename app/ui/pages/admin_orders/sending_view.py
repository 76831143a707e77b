"""The transfers to be made, drawn: whom, how much, for what, and that it was sent."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    column,
    decision,
    definition,
    dialog,
    empty_state,
    field,
    notice,
    row,
    text_input,
    text_link,
    var,
)
from app.ui.pages.admin_orders.sending_state import SendingState


def sending(queue: Any, rows: Any) -> rx.Component:
    """The queue, as `queue(rows, drawn, nothing)` draws one."""
    nothing = empty_state("landmark", t("admin_orders.none_owed.title"), t("admin_orders.none_owed.sentence"))
    return queue(rows, _one, nothing)


def _one(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                row(
                    text_link(one["customer"], href=one["customer_href"], class_name="fb-strong fb-cut"),
                    text_link(one["named"], href=one["href"], class_name="fb-mono"),
                    class_name="flex-wrap",
                ),
                rx.el.span(one["detail"], class_name="fb-small fb-cut", title=one["detail"]),
                class_name="flex-1",
            ),
            rx.el.b(one["amount"], class_name="fb-num"),
            rx.el.span(one["age"], class_name="fb-small fb-num fb-queue-age"),
            button(
                t("admin_orders.sent.verb"),
                size="small",
                on_click=var(SendingState.begin)(one["id"]),
                custom_attrs={"data-testid": "owed-sent"},
            ),
            class_name="fb-queue-row",
        ),
        key=one["id"],
        custom_attrs={"data-testid": "owed"},
    )


def sending_dialog() -> rx.Component:
    one = SendingState.one
    return dialog(
        column(
            rx.cond(SendingState.problem != "", notice(SendingState.problem)),
            column(
                definition(t("admin_orders.column.customer"), one["customer"]),
                definition(t("admin_orders.owed.paid_for"), rx.el.span(one["named"], class_name="fb-mono")),
                definition(t("admin_orders.sent.amount"), rx.el.b(one["amount"], class_name="fb-num")),
            ),
            rx.el.p(one["means"], class_name="fb-text-2"),
            field(
                t("admin_orders.record.bank_reference"),
                text_input(
                    default_value=SendingState.reference,
                    on_change=SendingState.write,
                    id="owed-bank-reference",
                    auto_complete="off",
                    auto_focus=True,
                ),
                for_id="owed-bank-reference",
            ),
            class_name="gap-[14px]",
        ),
        title=t("admin_orders.sent.title"),
        is_open=one["id"] != "",
        on_open_change=SendingState.opened,
        footnote=t("admin_orders.owed.moves_nothing"),
        footer=decision(
            t("admin_orders.sent.title"),
            SendingState.confirm,
            leave=t("admin_orders.leave"),
            busy=SendingState.busy,
            test_id="note-transfer",
        ),
    )
