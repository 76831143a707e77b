"""The dialog of a new subscription: the form at the left, what comes of it at the right."""

from typing import Any

import reflex as rx

from app.billing.periods import Anchoring
from app.kernel.text import t
from app.ui.components import (
    button,
    column,
    decision,
    dialog,
    field,
    filter_input,
    icon,
    link_button,
    notice,
    row,
    segmented,
    select,
    text_input,
    var,
)
from app.ui.pages.admin_subscriptions.create_state import CreateState
from app.ui.pages.billed.view import billed_slip

STATE = var(CreateState)


def create_dialog() -> rx.Component:
    return dialog(
        rx.el.div(
            column(
                rx.cond(CreateState.errors[""] != "", notice(CreateState.errors[""])),
                _customer(),
                _plan(),
                rx.cond(CreateState.plan != "", _terms()),
                class_name="gap-[14px]",
            ),
            _outcome(),
            key=CreateState.stamp,
            class_name="fb-package-form",
        ),
        title=t("admin_subscriptions.new"),
        size="wide",
        is_open=CreateState.open,
        on_open_change=STATE.opened,
        footer=decision(
            t("admin_subscriptions.create"), STATE.create, busy=CreateState.busy, test_id="create-subscription"
        ),
    )


def _customer() -> rx.Component:
    chosen = row(
        icon("building-2", 16, class_name="fb-text-2"),
        rx.el.span(CreateState.customer["name"], class_name="fb-medium fb-cut flex-1"),
        button(t("admin_subscriptions.another"), size="small", kind="ghost", on_click=STATE.choose_customer("")),
        class_name="fb-picked",
        custom_attrs={"data-testid": "picked-customer"},
    )
    search = column(
        filter_input(value="", on_change=STATE.look_for, label=t("admin_subscriptions.find_customer")),
        rx.el.ul(rx.foreach(CreateState.found, _person), class_name="fb-pick"),
        rx.cond(STATE.found.length() == 0, rx.el.p(t("admin_subscriptions.no_customer"), class_name="fb-small")),
        class_name="gap-2",
    )
    return field(
        t("admin_subscriptions.column.customer"),
        rx.cond(CreateState.customer["id"] != "", chosen, search),
        error=CreateState.errors["customer"],
    )


def _person(one: Any) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(one["name"], class_name="fb-medium fb-cut"),
            rx.el.span(one["email"], class_name="fb-small fb-cut"),
            type="button",
            class_name="fb-pick-one",
            on_click=STATE.choose_customer(one["id"]),
        ),
        key=one["id"],
    )


def _plan() -> rx.Component:
    chosen = select(
        STATE.plans,
        value=STATE.plan,
        on_change=STATE.choose_plan,
        label=t("admin_subscriptions.column.plan"),
        placeholder=t("admin_plans.form.choose"),
    )
    nothing = notice(
        t("admin_subscriptions.no_plans"),
        link_button(t("admin_subscriptions.empty.plans"), href="/admin/plans", size="small"),
        tone="neutral",
    )
    return field(
        t("admin_subscriptions.column.plan"),
        rx.cond(STATE.plans.length() > 0, chosen, nothing),
        error=CreateState.errors["plan"],
    )


def _terms() -> rx.Component:
    return column(
        rx.cond(
            STATE.rhythms.length() > 0,
            field(
                t("admin_subscriptions.rhythm"),
                select(
                    STATE.rhythms,
                    value=STATE.rhythm,
                    on_change=STATE.choose_rhythm,
                    label=t("admin_subscriptions.rhythm"),
                ),
                error=CreateState.errors["rhythm"],
            ),
            notice(t("admin_subscriptions.no_prices"), tone="neutral"),
        ),
        field(
            t("admin_subscriptions.cycle.label"),
            segmented(
                [(each, t(f"admin_subscriptions.cycle.{each}")) for each in Anchoring],
                value=CreateState.cycle,
                on_change=STATE.choose_cycle,
                label=t("admin_subscriptions.cycle.label"),
            ),
        ),
        row(
            _text("start", kind="date"),
            _text("trial", after=t("admin_subscriptions.days")),
            class_name="fb-two-fields gap-[14px] items-start",
        ),
        _text("coupon"),
        class_name="gap-[14px]",
    )


def _text(name: str, *, kind: str = "text", after: str | None = None) -> rx.Component:
    return field(
        t(f"admin_subscriptions.form.{name}"),
        text_input(
            id=f"subscription-{name}",
            type=kind,
            default_value=CreateState.values[name],
            on_change=lambda text: STATE.write(name, text),
            auto_complete="off",
            input_mode="numeric" if name == "trial" else "text",
            after=after,
        ),
        hint=t(f"admin_subscriptions.form.{name}_hint"),
        error=CreateState.errors[name],
        for_id=f"subscription-{name}",
    )


def _outcome() -> rx.Component:
    known = column(
        rx.el.p(CreateState.means, class_name="fb-small", custom_attrs={"data-testid": "first-invoice"}),
        billed_slip(CreateState.lines, CreateState.sums, CreateState.total, title=t("admin_subscriptions.first.title")),
        class_name="gap-2",
    )
    return rx.cond(
        CreateState.means != "",
        known,
        rx.el.p(t("admin_subscriptions.first.unknown"), class_name="fb-text-2 fb-slip-empty"),
    )
