"""Money that goes back, drawn: what can be refunded, what was, and the dialogs for it."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    column,
    decision,
    definition,
    dialog,
    fare_slip,
    field,
    icon,
    notice,
    panel,
    plain_link,
    row,
    slip_line,
    slip_total,
    text_area,
    text_input,
    var,
)
from app.ui.pages.admin_orders.returns_state import CALL_OFF, REFUND, SENT, ReturnsState


def returns_panel() -> rx.Component:
    """Of a paid order only."""
    return rx.cond(
        ReturnsState.shown,
        panel(
            t("admin_orders.returns.title"),
            row(
                rx.el.p(ReturnsState.offer, class_name="flex-1", custom_attrs={"data-testid": "refundable"}),
                rx.cond(
                    ReturnsState.can_refund,
                    button(
                        t("admin_orders.refund.verb"),
                        icon_name="undo-2",
                        kind="outline",
                        on_click=var(ReturnsState.begin)(REFUND, ""),
                        custom_attrs={"data-testid": "refund"},
                    ),
                ),
                class_name="fb-returns-offer",
            ),
            rx.cond(
                var(ReturnsState.rows).length() > 0,
                rx.el.ul(rx.foreach(ReturnsState.rows, _return), class_name="fb-entries fb-returns"),
            ),
            flush=True,
            custom_attrs={"data-testid": "returns"},
        ),
    )


def _return(one: Any) -> rx.Component:
    notes = one["notes"].to(list[dict[str, str]])
    return rx.el.li(
        row(
            column(
                row(
                    rx.el.span(one["title"], class_name="fb-medium"),
                    chip(one["state"], tone=one["tone"]),
                    class_name="flex-wrap",
                ),
                rx.el.span(one["detail"], class_name="fb-small fb-cut", title=one["detail"]),
                rx.cond(one["said"] != "", rx.el.span(one["said"], class_name="fb-small fb-cut", title=one["said"])),
                class_name="flex-1",
            ),
            column(
                rx.el.b(one["amount"], class_name="fb-num fb-right"),
                rx.el.time(one["time"], title=one["full_time"], class_name="fb-small fb-num fb-right"),
            ),
            class_name="fb-entry",
        ),
        rx.cond(
            (notes.length() > 0) | one["can_end"],
            row(
                rx.foreach(notes, _note),
                rx.el.span(class_name="flex-1"),
                rx.cond(
                    one["can_end"],
                    row(
                        button(
                            t("admin_orders.call_off.verb"),
                            size="small",
                            kind="ghost",
                            on_click=var(ReturnsState.begin)(CALL_OFF, one["id"]),
                        ),
                        button(
                            t("admin_orders.sent.verb"),
                            size="small",
                            on_click=var(ReturnsState.begin)(SENT, one["id"]),
                            custom_attrs={"data-testid": "refund-sent"},
                        ),
                    ),
                ),
                class_name="fb-entry-foot",
            ),
        ),
        key=one["id"],
    )


def _note(one: Any) -> rx.Component:
    return plain_link(
        icon("download", 14),
        one["number"],
        href=one["href"],
        download=True,
        class_name="fb-link fb-row-file fb-mono",
    )


def returns_dialog() -> rx.Component:
    doing = ReturnsState.doing
    titles = [(act, t(f"admin_orders.{act}.title")) for act in (REFUND, SENT, CALL_OFF)]
    ready = (doing != REFUND) | (ReturnsState.preview["amount"] != "")
    return dialog(
        column(
            rx.cond(ReturnsState.errors[""] != "", notice(ReturnsState.errors[""])),
            rx.match(doing, (REFUND, _refund()), (SENT, _sent()), rx.el.p(t("admin_orders.call_off.words"))),
            class_name="gap-[14px]",
        ),
        title=rx.match(doing, *titles, ""),
        is_open=doing != "",
        on_open_change=ReturnsState.opened,
        footer=decision(
            ReturnsState.act,
            ReturnsState.confirm,
            leave=t("admin_orders.leave"),
            busy=ReturnsState.busy,
            disabled=~ready,
            test_id="confirm-return",
        ),
    )


def _refund() -> rx.Component:
    seen = ReturnsState.preview
    return column(
        field(
            t("admin_orders.refund.amount"),
            text_input(
                default_value=ReturnsState.draft["refund_amount"],
                on_change=lambda text: var(ReturnsState.write)("refund_amount", text),
                id="refund-amount",
                auto_complete="off",
                after=ReturnsState.currency,
                input_mode="decimal",
                auto_focus=True,
            ),
            hint=ReturnsState.offer,
            error=ReturnsState.errors["refund_amount"],
            for_id="refund-amount",
        ),
        fare_slip(
            slip_line(t("admin_orders.refund.net"), seen["net"]),
            slip_line(t("admin_orders.facts.tax"), seen["tax"]),
            slip_line(t("admin_orders.refund.note_total"), seen["amount"]),
            slip_line(t("admin_orders.refund.road"), seen["road"], quiet=True),
            rx.cond(seen["bonus"] != "", slip_line(t("admin_orders.refund.bonus"), seen["bonus"], quiet=True)),
            below=[slip_total(t("admin_orders.refund.taken"), seen["credits"])],
            status=rx.cond(seen["amount"] != "", "priced", "cannot"),
        ),
        rx.cond(seen["left"] != "", rx.el.p(seen["left"], class_name="fb-small")),
        field(
            t("admin_orders.refund.why"),
            text_area(
                default_value=ReturnsState.draft["refund_note"],
                on_change=lambda text: var(ReturnsState.write)("refund_note", text),
                id="refund-note",
                rows=2,
            ),
            hint=t("admin_orders.refund.why_hint"),
            error=ReturnsState.errors["refund_note"],
            for_id="refund-note",
        ),
        class_name="gap-[14px]",
    )


def _sent() -> rx.Component:
    return column(
        rx.el.p(t("admin_orders.sent.words")),
        definition(t("admin_orders.sent.amount"), rx.el.b(ReturnsState.about, class_name="fb-num")),
        field(
            t("admin_orders.record.bank_reference"),
            text_input(
                default_value=ReturnsState.draft["bank_reference"],
                on_change=lambda text: var(ReturnsState.write)("bank_reference", text),
                id="refund-bank-reference",
                auto_complete="off",
                auto_focus=True,
            ),
            hint=t("admin_orders.record.bank_hint"),
            error=ReturnsState.errors["bank_reference"],
            for_id="refund-bank-reference",
        ),
        class_name="gap-[14px]",
    )
