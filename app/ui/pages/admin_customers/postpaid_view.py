"""How a customer pays: a card that says it, their open invoices and subscriptions, and the dialogs that change it."""

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
    icon_button,
    notice,
    panel,
    route_link,
    row,
    share_bar,
    slip_line,
    text_area,
    text_input,
    var,
)
from app.ui.pages.admin_customers.postpaid_rows import MOST_DAYS
from app.ui.pages.admin_customers.postpaid_state import ACTS, PostpaidState
from app.ui.pages.admin_subscriptions.create_state import CreateState
from app.ui.pages.billed.state import BilledState

STATE = var(PostpaidState)
TERMS = STATE.terms


def postpaid_card() -> rx.Component:
    is_on = TERMS["active"] != ""
    return panel(
        t("admin_customers.postpaid.title"),
        rx.cond(is_on, _afterwards(), _in_advance()),
        rx.cond(STATE.open_invoices.length() > 0, _open_invoices()),
        actions=[
            rx.cond(
                STATE.ready,
                rx.cond(
                    is_on,
                    row(
                        _begin("off", t("admin_customers.postpaid.off"), kind="ghost"),
                        _begin("terms", t("admin_customers.postpaid.change")),
                    ),
                    _begin("terms", t("admin_customers.postpaid.on")),
                ),
            )
        ],
        custom_attrs={"data-testid": "postpaid"},
    )


def _begin(doing: str, label: str, kind: Any = "outline") -> rx.Component:
    return button(
        label, kind=kind, size="small", on_click=STATE.begin(doing), custom_attrs={"data-testid": f"begin-{doing}"}
    )


def _in_advance() -> rx.Component:
    return column(
        rx.el.p(t("admin_customers.postpaid.prepaid"), class_name="fb-medium"),
        rx.el.p(t("admin_customers.postpaid.prepaid_words"), class_name="fb-small"),
        rx.cond((TERMS["known"] != "") & (TERMS["owed"] != "0"), _owed()),
        class_name="gap-1",
    )


def _owed() -> rx.Component:
    """Somebody who paid afterwards before may still owe something."""
    return definition(t("admin_customers.postpaid.owed"), rx.el.span(TERMS["owed"], class_name="fb-num"))


def _afterwards() -> rx.Component:
    return column(
        row(
            rx.el.span(t("admin_customers.postpaid.postpaid"), class_name="fb-medium flex-1"),
            chip(TERMS["dunning"], tone=TERMS["tone"], custom_attrs={"data-testid": "dunning"}),
        ),
        row(
            rx.el.b(TERMS["owed"], class_name="fb-num", custom_attrs={"data-testid": "owed"}),
            rx.el.span(t("admin_customers.postpaid.of"), " ", TERMS["limit"], class_name="fb-text-2 fb-num"),
            rx.el.span(class_name="flex-1"),
            rx.el.span(TERMS["free"], " ", t("admin_customers.postpaid.free"), class_name="fb-small fb-num"),
        ),
        share_bar(TERMS["percent"]),
        definition(t("admin_customers.postpaid.price"), rx.el.span(TERMS["price"], class_name="fb-num")),
        definition(t("admin_customers.postpaid.days"), rx.el.span(TERMS["days"], class_name="fb-num")),
        definition(t("admin_customers.postpaid.closed"), rx.el.span(TERMS["closed"], class_name="fb-num")),
        class_name="gap-[6px]",
    )


def _open_invoices() -> rx.Component:
    return column(
        rx.el.h3(t("admin_customers.postpaid.open"), class_name="fb-label mt-3"),
        rx.el.ul(rx.foreach(STATE.open_invoices, _open_invoice), class_name="fb-billed-lines"),
    )


def _open_invoice(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                rx.el.button(
                    one["number"],
                    type="button",
                    class_name="fb-link fb-mono fb-link-button",
                    on_click=var(BilledState).open_invoice(one["id"]),
                ),
                rx.el.span(one["state"], " · ", one["due"], class_name="fb-small fb-num"),
                class_name="flex-1 min-w-0",
            ),
            rx.el.b(one["left"], class_name="fb-num"),
            icon_button(
                "banknote",
                t("admin_customers.postpaid.pay"),
                on_click=STATE.begin_with("pay", one["id"]),
                custom_attrs={"data-testid": "begin-pay"},
            ),
            icon_button(
                "eraser",
                t("admin_customers.postpaid.write_off"),
                on_click=STATE.begin_with("write_off", one["id"]),
                custom_attrs={"data-testid": "begin-write-off"},
            ),
            class_name="fb-billed-line",
        ),
        key=one["id"],
        custom_attrs={"data-testid": "open-invoice-row"},
    )


def subscriptions_card(workspace_id: Any) -> rx.Component:
    """The plans they are on, and the way onto another."""
    filled = rx.el.ul(rx.foreach(STATE.subscriptions, _subscription), class_name="fb-entries")
    return panel(
        t("admin_subscriptions.title"),
        rx.cond(
            STATE.subscriptions.length() > 0,
            filled,
            rx.el.p(t("admin_customers.no_subscription"), class_name="fb-text-2 p-[14px]"),
        ),
        actions=[
            button(
                t("admin_customers.subscribe"),
                size="small",
                icon_name="plus",
                on_click=var(CreateState).begin(workspace_id),
                custom_attrs={"data-testid": "subscribe"},
            )
        ],
        flush=True,
    )


def _subscription(one: Any) -> rx.Component:
    return rx.el.li(
        rx.el.span(
            route_link(one["plan"], href=one["href"], class_name="fb-link fb-cut"),
            rx.el.span(one["price"], class_name="fb-small fb-num"),
            class_name="flex flex-col flex-1 min-w-0",
        ),
        rx.el.span(
            chip(one["state"], tone=one["tone"]),
            rx.el.span(one["note"], class_name="fb-small fb-num"),
            class_name="flex flex-col items-end",
        ),
        class_name="fb-entry",
        key=one["id"],
    )


# ---- the dialogs ----


def postpaid_dialog() -> rx.Component:
    doing = STATE.doing
    act = rx.cond(doing == "terms", STATE.give, _of_each("do"))
    return dialog(
        rx.el.div(
            column(
                rx.match(doing, ("terms", _terms()), ("pay", _payment()), ("write_off", _loss()), _back()),
                rx.cond(STATE.errors[""] != "", notice(STATE.errors[""])),
                class_name="gap-[14px]",
            ),
            key=STATE.stamp,
        ),
        title=_of_each("ask"),
        is_open=doing != "",
        on_open_change=STATE.opened,
        footer=decision(act, STATE.act, leave=t("admin_subscriptions.leave"), busy=STATE.busy, test_id="postpaid-act"),
    )


def _of_each(what: str) -> Any:
    return rx.match(STATE.doing, *[(one, t(f"admin_customers.postpaid.{what}.{one}")) for one in ACTS], "")


def _terms() -> rx.Component:
    return column(
        rx.el.div(_text("limit", after=t("common.credits")), key=STATE.stamp_limit),
        fare_slip(
            rx.foreach(STATE.reasons, lambda said: rx.el.p(said, class_name="fb-small")),
            below=[
                row(
                    rx.el.span(t("admin_customers.postpaid.suggested"), class_name="fb-total flex-1"),
                    rx.el.span(TERMS["suggested"], class_name="fb-slip-figure fb-num"),
                    rx.cond(
                        TERMS["suggested_limit"] != "",
                        button(t("admin_customers.postpaid.use"), size="small", on_click=STATE.use_suggested),
                    ),
                )
            ],
        ),
        row(_text("credit_price"), _text("currency"), class_name="fb-two-fields gap-[14px] items-start"),
        _text("net_days", after=t("admin_subscriptions.days")),
        rx.el.p(t("admin_customers.postpaid.terms_words"), class_name="fb-small"),
        class_name="gap-[14px]",
    )


def _back() -> rx.Component:
    return column(
        rx.el.p(t("admin_customers.postpaid.off_words")),
        fare_slip(
            slip_line(t("admin_customers.postpaid.owed"), TERMS["owed"]),
            below=[
                rx.el.div(
                    rx.el.span(t("admin_customers.postpaid.limit_after"), class_name="fb-total"),
                    rx.el.span("0", class_name="fb-slip-figure fb-num"),
                    class_name="fb-slip-total",
                )
            ],
        ),
        class_name="gap-[14px]",
    )


def _payment() -> rx.Component:
    return column(
        rx.el.p(STATE.number, " · ", STATE.left, " ", t("billed.to_pay"), class_name="fb-medium fb-num"),
        _text("amount"),
        _text("reference"),
        rx.el.p(t("admin_customers.postpaid.pay_words"), class_name="fb-small"),
        class_name="gap-[14px]",
    )


def _loss() -> rx.Component:
    return column(
        rx.el.p(STATE.number, " · ", STATE.left, " ", t("billed.to_pay"), class_name="fb-medium fb-num"),
        notice(t("admin_customers.postpaid.write_off_words"), tone="thin"),
        field(
            t("admin_customers.postpaid.field.reason"),
            text_area(
                id="postpaid-reason",
                default_value=STATE.values["reason"],
                on_change=lambda text: STATE.write("reason", text),
                rows="2",
            ),
            error=STATE.errors["reason"],
            for_id="postpaid-reason",
        ),
        class_name="gap-[14px]",
    )


def _text(name: str, *, after: str | None = None) -> rx.Component:
    hints = {"credit_price": t("admin_customers.postpaid.hint.credit_price"), "net_days": _up_to()}
    return field(
        t(f"admin_customers.postpaid.field.{name}"),
        text_input(
            id=f"postpaid-{name}",
            default_value=STATE.values[name],
            on_change=lambda text: STATE.write(name, text),
            auto_complete="off",
            input_mode="text" if name in ("currency", "reference") else "decimal",
            after=after,
        ),
        hint=hints.get(name),
        error=STATE.errors[name],
        for_id=f"postpaid-{name}",
    )


def _up_to() -> str:
    return t("admin_customers.postpaid.hint.net_days", most=MOST_DAYS)
