"""`/admin/subscriptions` drawn."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    card,
    chip,
    column,
    data_table,
    empty_state,
    filter_input,
    link_button,
    pagination,
    row,
    select,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_subscriptions.create_state import CreateState
from app.ui.pages.admin_subscriptions.create_view import create_dialog
from app.ui.pages.admin_subscriptions.list_state import PAGE, SubscriptionsState
from app.ui.roles import Role

STATE = var(SubscriptionsState)


@page(
    "/admin/subscriptions",
    title=t("admin_subscriptions.title"),
    role=Role.OPERATOR,
    on_load=SubscriptionsState.load,
)
def admin_subscriptions() -> rx.Component:
    return shell(
        rx.cond(
            SubscriptionsState.ready & ~STATE.has_any & (SubscriptionsState.error == ""),
            _nobody(),
            card(_filters(), _table(), class_name="fb-log"),
        ),
        create_dialog(),
        here="subscriptions",
        title=t("admin_subscriptions.title"),
        area=Role.OPERATOR,
        actions=[_new(key="n")],
    )


def _new(**props: Any) -> rx.Component:
    return button(
        t("admin_subscriptions.new"), kind="solid", icon_name="plus", on_click=var(CreateState).begin(""), **props
    )


def _filters() -> rx.Component:
    return row(
        filter_input(value=STATE.search, on_change=SubscriptionsState.look_for, label=t("admin_subscriptions.search")),
        _choice(
            select(
                STATE.states, value=STATE.state, on_change=STATE.choose_state, label=t("admin_subscriptions.by_state")
            )
        ),
        _choice(
            select(STATE.plans, value=STATE.plan, on_change=STATE.choose_plan, label=t("admin_subscriptions.by_plan"))
        ),
        rx.cond(
            SubscriptionsState.filtered,
            button(t("admin_subscriptions.clear"), kind="ghost", icon_name="x", on_click=STATE.clear),
        ),
        class_name="fb-filters",
        role="search",
    )


def _choice(control: rx.Component) -> rx.Component:
    return rx.el.div(control, class_name="fb-filter-choice")


def _table() -> rx.Component:
    return data_table(
        [
            Column(t("admin_subscriptions.column.customer"), _customer, grow=True),
            Column(t("admin_subscriptions.column.plan"), lambda one: _cut(one["plan"])),
            Column(t("admin_subscriptions.column.state"), _state),
            Column(t("admin_subscriptions.column.price"), lambda one: one["price"], numeric=True),
            Column(t("admin_subscriptions.column.period"), lambda one: one["period"], numeric=True, wide_only=True),
            Column(t("admin_subscriptions.column.started"), lambda one: one["started"], numeric=True, wide_only=True),
        ],
        SubscriptionsState.rows,
        label=t("admin_subscriptions.title"),
        href=lambda one: one["href"],
        phone=lambda one: two_line(
            one["customer"], rx.el.span(one["plan"], " · ", one["state"]), one["price"], one["note"]
        ),
        loading=~STATE.ready,
        error=SubscriptionsState.error,
        on_retry=STATE.load,
        empty=_no_match(),
        quiet_row=lambda one: one["tone"] == "neutral",
        footer=rx.cond(
            STATE.has_next | (STATE.start > 0),
            pagination(
                shown=SubscriptionsState.shown,
                has_previous=STATE.start >= PAGE,
                has_next=SubscriptionsState.has_next,
                on_previous=STATE.previous_page,
                on_next=STATE.next_page,
            ),
        ),
    )


def _customer(one: Any) -> rx.Component:
    return column(
        rx.el.span(one["customer"], class_name="fb-medium fb-cut", title=one["customer"]),
        rx.el.span(one["email"], class_name="fb-small fb-cut", title=one["email"]),
    )


def _cut(text: Any) -> rx.Component:
    return rx.el.span(text, class_name="fb-cut fb-admin-owner", title=text)


def _state(one: Any) -> rx.Component:
    return row(
        chip(one["state"], tone=one["tone"]),
        rx.cond(one["note"] != "", rx.el.span(one["note"], class_name="fb-small fb-nowrap")),
    )


def _nobody() -> rx.Component:
    return empty_state(
        "repeat",
        t("admin_subscriptions.empty.title"),
        t("admin_subscriptions.empty.sentence"),
        _new(),
        link_button(t("admin_subscriptions.empty.plans"), href="/admin/plans", icon_name="layers"),
    )


def _no_match() -> rx.Component:
    return empty_state(
        "search-x",
        t("admin_subscriptions.no_match.title"),
        t("admin_subscriptions.no_match.sentence"),
        button(t("admin_subscriptions.clear"), on_click=STATE.clear),
        compact=True,
    )
