"""What is asked before something is done about a subscription: one dialog, whatever the act."""

from collections.abc import Sequence
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
    segmented,
    select,
    slip_line,
    slip_reason,
    switch_row,
    text_input,
    var,
)
from app.ui.pages.admin_subscriptions.asking import LATER, NOW
from app.ui.pages.admin_subscriptions.detail_state import ACTS, TIMED, SubscriptionState

STATE = var(SubscriptionState)


def act_dialog() -> rx.Component:
    doing = STATE.doing
    timed, reasoned = _is_one_of(TIMED), _is_one_of(("cancel", "pause", "drop_addon"))
    return dialog(
        rx.el.div(
            column(
                rx.cond(doing == "change", _plan()),
                rx.cond(doing == "add_addon", _addon()),
                rx.cond(timed, _when()),
                rx.cond(timed & (STATE.when == NOW), _money(doing)),
                rx.cond(reasoned, _reason()),
                rx.cond(STATE.means != "", rx.el.p(STATE.means, custom_attrs={"data-testid": "means"})),
                rx.cond(STATE.changes.length() > 0, _slip()),
                rx.cond(STATE.error != "", notice(STATE.error)),
                class_name="gap-[14px]",
            ),
            key=STATE.stamp,
        ),
        title=_of_each("heading"),
        is_open=doing != "",
        on_open_change=STATE.opened,
        footer=decision(
            _of_each("do"), STATE.act, leave=t("admin_subscriptions.leave"), busy=STATE.busy, test_id="act"
        ),
    )


def _of_each(what: str) -> Any:
    return rx.match(STATE.doing, *[(one, t(f"admin_subscriptions.{what}.{one}")) for one in ACTS], "")


def _is_one_of(acts: Sequence[str]) -> Any:
    return rx.Var.create(list(acts)).contains(STATE.doing)


def _addon() -> rx.Component:
    label = t("admin_subscriptions.addon.one")
    return column(
        field(
            label,
            select(
                STATE.addons_on_offer,
                value=STATE.addon,
                on_change=STATE.choose_addon,
                label=label,
                placeholder=t("admin_plans.form.choose"),
            ),
        ),
        switch_row(
            t("admin_subscriptions.addon.once"),
            detail=t("admin_subscriptions.addon.once_words"),
            checked=STATE.once,
            on_change=STATE.choose_once,
        ),
        class_name="gap-[14px]",
    )


def _plan() -> rx.Component:
    return column(
        field(
            t("admin_subscriptions.column.plan"),
            select(
                STATE.plans,
                value=STATE.plan,
                on_change=STATE.choose_plan,
                label=t("admin_subscriptions.column.plan"),
                placeholder=t("admin_plans.form.choose"),
            ),
        ),
        rx.cond(
            STATE.rhythms.length() > 1,
            field(
                t("admin_subscriptions.rhythm"),
                select(
                    STATE.rhythms,
                    value=STATE.rhythm,
                    on_change=STATE.choose_rhythm,
                    label=t("admin_subscriptions.rhythm"),
                ),
            ),
        ),
        rx.cond(
            (STATE.plan != "") & (STATE.rhythms.length() == 0),
            notice(t("admin_subscriptions.change.no_prices"), tone="thin"),
        ),
        class_name="gap-[14px]",
    )


def _when() -> rx.Component:
    label = t("admin_subscriptions.when.label")
    return field(
        label,
        segmented(
            [(each, t(f"admin_subscriptions.when.{each}")) for each in (LATER, NOW)],
            value=STATE.when,
            on_change=STATE.choose_when,
            label=label,
        ),
    )


def _money(doing: Any) -> rx.Component:
    return column(
        switch_row(
            t("admin_subscriptions.prorate"),
            detail=t("admin_subscriptions.prorate_words"),
            checked=STATE.prorate,
            on_change=STATE.choose_prorate,
        ),
        rx.cond(
            doing == "cancel",
            switch_row(
                t("admin_subscriptions.bill_usage"),
                detail=t("admin_subscriptions.bill_usage_words"),
                checked=STATE.invoice,
                on_change=STATE.choose_invoice,
            ),
        ),
        class_name="gap-[10px]",
    )


def _reason() -> rx.Component:
    return field(
        t("admin_subscriptions.reason"),
        text_input(id="act-reason", default_value=STATE.reason, on_change=STATE.write_reason, auto_complete="off"),
        hint=t("admin_subscriptions.reason_hint"),
        for_id="act-reason",
    )


def _slip() -> rx.Component:
    """What is taken off and added by days."""
    return fare_slip(
        rx.foreach(
            STATE.changes,
            lambda one: rx.el.div(slip_line(one["name"], one["amount"]), slip_reason(one["reason"]), key=one["key"]),
        ),
        below=[
            rx.el.div(
                rx.el.span(STATE.net_name, class_name="fb-total"),
                rx.el.span(STATE.net, class_name="fb-slip-figure fb-num", custom_attrs={"data-testid": "net"}),
                class_name="fb-slip-total",
            )
        ],
    )
