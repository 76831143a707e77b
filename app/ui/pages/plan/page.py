"""`/plan` drawn: the plans and what they allow at the left, the next invoice beside, the invoices below."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    card,
    chip,
    column,
    empty_state,
    error_state,
    icon,
    link_button,
    panel,
    row,
    share_bar,
    skeleton,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.billed.rows import LineRow, SumRow
from app.ui.pages.billed.view import billed_dialog, billed_slip, invoice_table
from app.ui.pages.plan.state import PlanState
from app.ui.roles import Role

STATE = var(PlanState)
ICONS = ("box", "gauge", "coins", "check")


@page("/plan", title=t("plan.title"), role=Role.CUSTOMER, on_load=PlanState.load)
def plan() -> rx.Component:
    nothing = (STATE.plans.length() == 0) & (STATE.invoices.length() == 0) & (STATE.account["limit"] == "")
    shown = rx.cond(nothing, _no_plan(), _whole())
    return shell(
        rx.cond(
            STATE.ready,
            rx.cond(STATE.error != "", error_state(STATE.error, STATE.load), shown),
            column(skeleton("100%", "96px"), skeleton("100%", "220px"), class_name="gap-[14px]"),
        ),
        billed_dialog(),
        here="plan",
        title=t("plan.title"),
    )


def _whole() -> rx.Component:
    return column(
        rx.el.div(
            column(
                rx.cond(STATE.account["limit"] != "", _account()),
                rx.foreach(STATE.plans, _plan),
                _quotas(),
                _allows(),
                class_name="gap-[14px]",
            ),
            column(rx.foreach(STATE.plans, _next), class_name="gap-[14px]"),
            class_name="fb-today",
        ),
        _invoices(),
        class_name="gap-[14px]",
    )


def _plan(one: Any) -> rx.Component:
    head = one["head"]
    return card(
        row(
            icon("layers", 18, class_name="fb-text-2"),
            column(
                rx.el.h2(head["plan"], class_name="fb-title fb-anywhere"),
                rx.el.span(head["price"], class_name="fb-small fb-num"),
                class_name="flex-1 min-w-0",
            ),
            column(
                chip(head["state"], tone=head["tone"]),
                rx.el.span(rx.cond(head["note"] != "", head["note"], head["period"]), class_name="fb-small fb-num"),
                class_name="items-end gap-1",
            ),
            class_name="gap-3",
        ),
        class_name="fb-side-card",
        key=head["id"],
        custom_attrs={"data-testid": "plan"},
    )


def _quotas() -> rx.Component:
    return rx.cond(
        STATE.quotas.length() > 0,
        panel(
            t("plan.quotas"),
            rx.el.ul(rx.foreach(STATE.quotas, _quota), class_name="fb-quotas"),
            custom_attrs={"data-testid": "quotas"},
        ),
    )


def _quota(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            rx.el.span(one["name"], class_name="fb-medium fb-cut flex-1", title=one["plan"]),
            rx.cond(one["tone"] == "loss", chip(t("plan.used_up"), tone="loss")),
            rx.el.span(one["said"], class_name="fb-strong fb-num"),
        ),
        rx.el.span(share_bar(one["percent"]), class_name="fb-quota-bar", custom_attrs={"data-tone": one["tone"]}),
        rx.el.span(one["resets"], class_name="fb-small"),
        key=one["key"],
    )


def _allows() -> rx.Component:
    return panel(
        t("plan.allows"),
        rx.el.ul(
            rx.foreach(STATE.allows, _allow),
            rx.foreach(STATE.included, _allow),
            class_name="fb-entries",
        ),
        flush=True,
        custom_attrs={"data-testid": "allows"},
    )


def _allow(one: Any) -> rx.Component:
    drawn = [(name, icon(name, 16, class_name="fb-text-2")) for name in ICONS]
    return rx.el.li(
        rx.match(one["icon"], *drawn, rx.fragment()),
        rx.el.span(
            rx.el.span(one["what"], class_name="fb-medium"),
            rx.cond(one["detail"] != "", rx.el.span(one["detail"], class_name="fb-small")),
            class_name="flex flex-col flex-1 min-w-0",
        ),
        class_name="fb-entry",
        key=one["key"],
    )


def _account() -> rx.Component:
    one = STATE.account
    return panel(
        t("plan.account.title"),
        column(
            row(
                rx.el.b(one["owed"], class_name="fb-num"),
                rx.el.span(
                    t("admin_customers.postpaid.of"),
                    " ",
                    one["limit"],
                    " ",
                    t("common.credits"),
                    class_name="fb-text-2 fb-num",
                ),
                rx.el.span(class_name="flex-1"),
                rx.el.span(one["price"], " ", t("plan.account.each"), class_name="fb-small fb-num"),
            ),
            share_bar(one["percent"]),
            rx.el.p(one["days"], class_name="fb-small"),
            class_name="gap-[6px]",
        ),
        custom_attrs={"data-testid": "account"},
    )


def _next(one: Any) -> rx.Component:
    shown = billed_slip(
        one["lines"].to(list[LineRow]),
        one["sums"].to(list[SumRow]),
        one["total"],
        title=t("admin_subscriptions.next.total"),
    )
    return rx.cond(
        one["total"] != "",
        panel(
            t("admin_subscriptions.next.title"),
            shown,
            detail=one["when"],
            key=one["head"]["id"],
            custom_attrs={"data-testid": "next-invoice"},
        ),
    )


def _invoices() -> rx.Component:
    return panel(
        t("plan.invoices"),
        invoice_table(
            STATE.invoices,
            label=t("plan.invoices"),
            ready=STATE.ready,
            empty=rx.el.p(t("plan.no_invoices"), class_name="fb-text-2 p-[14px]"),
        ),
        detail=rx.cond(STATE.left != "", rx.el.span(STATE.left, " ", t("billed.to_pay"), class_name="fb-num")),
        flush=True,
        custom_attrs={"data-testid": "invoices"},
    )


def _no_plan() -> rx.Component:
    return empty_state(
        "layers",
        t("plan.empty.title"),
        t("plan.empty.sentence"),
        link_button(t("plan.empty.action"), href="/top-up", kind="solid", icon_name="ticket-plus"),
    )
