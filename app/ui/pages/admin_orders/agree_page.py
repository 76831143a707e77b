"""`/admin/orders/new`: an order for what was agreed with a customer."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    column,
    fare_slip,
    field,
    icon,
    notice,
    panel,
    row,
    select,
    skeleton,
    slip_line,
    slip_reason,
    slip_total,
    text_input,
    typed_input,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_orders.agree_state import AgreeState
from app.ui.roles import Role


@page("/admin/orders/new", title=t("agree.title"), role=Role.OPERATOR, on_load=AgreeState.load)
def agree_on_order() -> rx.Component:
    return shell(
        rx.cond(
            AgreeState.ready,
            rx.el.div(
                column(_asked(), _who(), _what(), class_name="gap-[14px]"),
                _slip(),
                class_name="fb-agree",
                key=AgreeState.stamp,
            ),
            column(*[skeleton("100%", "60px") for _ in range(3)], class_name="gap-4"),
        ),
        here="orders",
        title=t("agree.title"),
        area=Role.OPERATOR,
        crumbs=[(t("admin_orders.title"), "/admin/orders")],
    )


def _asked() -> rx.Component:
    return rx.cond(
        AgreeState.asked != "",
        panel(
            t("agree.asked"),
            rx.el.p(AgreeState.asked, class_name="fb-message"),
            detail=AgreeState.asked_by,
        ),
    )


def _who() -> rx.Component:
    chosen = row(
        icon("building-2", 16),
        rx.el.span(AgreeState.customer["name"], class_name="fb-strong fb-cut flex-1"),
        button(t("agree.another"), size="small", kind="ghost", on_click=AgreeState.choose_another),
    )
    looked = column(
        field(
            t("agree.customer"),
            typed_input(
                value=AgreeState.search,
                on_change=AgreeState.look_for,
                id="agree-customer",
                placeholder=t("agree.customer_hint"),
            ),
            error=AgreeState.errors["customer"],
            for_id="agree-customer",
        ),
        rx.el.ul(rx.foreach(AgreeState.found, _found), class_name="fb-plain-list"),
        class_name="gap-[10px]",
    )
    return panel(t("agree.who"), rx.cond(AgreeState.customer["id"] != "", chosen, looked))


def _found(one: Any) -> rx.Component:
    return rx.el.li(
        button(
            one["name"],
            kind="ghost",
            on_click=var(AgreeState.choose)(one["id"]),
            custom_attrs={"data-testid": "agree-customer-found"},
        ),
        key=one["id"],
    )


def _what() -> rx.Component:
    return panel(
        t("agree.what"),
        rx.el.div(
            _line("title", hint=t("agree.hint.title")),
            rx.el.div(
                _line("credits", hint=None, input_mode="numeric"),
                _line("bonus", hint=t("agree.hint.bonus"), input_mode="numeric"),
                _line("price", hint=t("agree.hint.price"), input_mode="decimal"),
                _currency(),
                _line("expires_days", hint=t("agree.hint.days"), input_mode="numeric"),
                _line("bonus_expires_days", hint=t("agree.hint.days"), input_mode="numeric"),
                class_name="fb-form-grid",
            ),
            class_name="flex flex-col gap-[14px]",
        ),
    )


def _line(name: str, *, hint: Any, **props: Any) -> rx.Component:
    return field(
        t(f"agree.field.{name}"),
        text_input(
            default_value=AgreeState.values[name],
            on_change=lambda text: var(AgreeState.write)(name, text),
            id=f"agree-{name}",
            auto_complete="off",
            **props,
        ),
        hint=hint,
        error=AgreeState.errors[name],
        for_id=f"agree-{name}",
    )


def _currency() -> rx.Component:
    return field(
        t("agree.field.currency"),
        select(
            AgreeState.currencies,
            value=AgreeState.currency,
            on_change=AgreeState.choose_currency,
            label=t("agree.field.currency"),
        ),
    )


def _slip() -> rx.Component:
    slip = AgreeState.slip
    return column(
        rx.cond(AgreeState.errors[""] != "", notice(AgreeState.errors[""])),
        rx.cond(AgreeState.problem != "", notice(AgreeState.problem, tone="thin")),
        fare_slip(
            slip_line(t("agree.field.price"), _or_dash(slip["net"])),
            slip_line(
                rx.cond(slip["tax_label"] != "", slip["tax_label"], t("admin_orders.facts.tax")), _or_dash(slip["tax"])
            ),
            slip_line(t("admin_orders.kpi.total"), rx.el.b(_or_dash(slip["total"]))),
            rx.cond(slip["bonus"] != "", slip_line(t("agree.field.bonus"), slip["bonus"], quiet=True)),
            rx.cond(slip["unit"] != "", slip_reason(slip["unit"])),
            below=[slip_total(t("admin_orders.approve.gets"), rx.cond(slip["credits"] != "", slip["credits"], "0"))],
            status=rx.cond(AgreeState.problem != "", "cannot", "priced"),
        ),
        button(
            AgreeState.act,
            kind="solid",
            busy=AgreeState.busy,
            disabled=slip["total"] == "",
            on_click=AgreeState.confirm,
            key="mod+enter",
            custom_attrs={"data-testid": "agree"},
        ),
        rx.el.p(t("agree.means"), class_name="fb-small"),
        class_name="gap-[14px] fb-agree-side",
    )


def _or_dash(figure: Any) -> Any:
    """Nothing is weighed before the form says enough."""
    return rx.cond(figure != "", figure, "–")
