"""`/admin/customers/[customer]` drawn: figures, lots, ledger and requests; people, keys and notes beside them."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    chip,
    column,
    copyable,
    data_table,
    empty_state,
    icon_button,
    kpi,
    kpi_strip,
    link_button,
    panel,
    row,
    state_dot,
    text_link,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_customers.billing_state import CustomerBillingState
from app.ui.pages.admin_customers.billing_view import billing_card, billing_dialog
from app.ui.pages.admin_customers.detail_state import GRANT, TAKE, CustomerState
from app.ui.pages.admin_customers.dialogs import credits_dialog, suspend_dialog
from app.ui.pages.admin_customers.files_state import CustomerFilesState
from app.ui.pages.admin_customers.files_view import files_card, files_dialog
from app.ui.pages.admin_customers.limits_state import CustomerLimitsState
from app.ui.pages.admin_customers.limits_view import limits_card, limits_dialog
from app.ui.pages.admin_customers.people_state import CustomerPeopleState
from app.ui.pages.admin_customers.people_view import disable_dialog, invite_dialog, members_card, rename_dialog
from app.ui.pages.admin_customers.postpaid_state import PostpaidState
from app.ui.pages.admin_customers.postpaid_view import postpaid_card, postpaid_dialog, subscriptions_card
from app.ui.pages.admin_subscriptions.create_view import create_dialog
from app.ui.pages.billed.view import billed_dialog
from app.ui.roles import Role


@page(
    "/admin/customers/[customer]",
    title=t("admin_customers.one"),
    role=Role.OPERATOR,
    on_load=[
        CustomerState.load,
        CustomerLimitsState.load,
        CustomerFilesState.load,
        CustomerBillingState.load,
        PostpaidState.load,
    ],
)
def admin_customer() -> rx.Component:
    nobody = empty_state(
        "building-2",
        t("admin_customers.missing.title"),
        t("admin_customers.missing.sentence"),
        link_button(t("admin_customers.missing.action"), href="/admin/customers"),
    )
    return shell(
        rx.cond(CustomerState.missing, nobody, _whole()),
        credits_dialog(),
        suspend_dialog(),
        rename_dialog(),
        disable_dialog(),
        invite_dialog(),
        limits_dialog(),
        billing_dialog(),
        postpaid_dialog(),
        create_dialog(),
        billed_dialog(),
        files_dialog(),
        here="customers",
        title=rx.cond(CustomerState.customer["name"] != "", CustomerState.customer["name"], t("admin_customers.one")),
        area=Role.OPERATOR,
        crumbs=[(t("admin_customers.title"), "/admin/customers")],
    )


def _whole() -> rx.Component:
    one = CustomerState.customer
    return column(
        _head(),
        kpi_strip(
            kpi(
                t("admin_customers.column.available"),
                one["available"],
                rx.cond(
                    CustomerState.frozen != "",
                    t("admin_customers.kpi.frozen_words"),
                    t("admin_customers.kpi.available_words"),
                ),
                with_token=True,
            ),
            kpi(t("admin_customers.kpi.balance"), CustomerState.balance, t("admin_customers.kpi.balance_words")),
            kpi(t("admin_customers.column.held"), one["held"], t("admin_customers.kpi.held_words")),
            kpi(t("admin_customers.column.spent"), one["spent"], one["active"]),
            kpi(t("admin_customers.column.margin"), one["margin"], CustomerState.kept),
            ready=CustomerState.ready,
            label=t("admin_customers.one"),
        ),
        rx.el.div(
            column(_ledger(), _requests(), class_name="gap-[14px]"),
            column(
                postpaid_card(),
                subscriptions_card(one["id"]),
                limits_card(),
                files_card(),
                billing_card(),
                _lots(),
                members_card(),
                _keys(),
                _notes(),
                class_name="gap-[14px]",
            ),
            class_name="fb-today",
        ),
        class_name="gap-[14px]",
    )


def _head() -> rx.Component:
    """Which workspace, what stands in its way, and what an operator does about it."""
    one = CustomerState.customer
    return row(
        rx.cond(one["suspended"], chip(t("admin_customers.suspended"), tone="thin", icon_name="pause")),
        rx.cond(CustomerState.frozen != "", chip(CustomerState.frozen, tone="loss", icon_name="lock")),
        rx.cond(one["id"] != "", copyable(one["id"], primary=True)),
        rx.el.span(one["owner"], class_name="fb-small fb-cut", title=one["owner"]),
        icon_button(
            "pencil",
            t("admin_customers.rename.verb"),
            on_click=CustomerPeopleState.begin_rename,
            custom_attrs={"data-testid": "rename"},
        ),
        rx.el.span(class_name="flex-1"),
        button(
            rx.cond(one["suspended"], t("admin_customers.resume.verb"), t("admin_customers.suspend.verb")),
            kind="ghost",
            icon_name="power",
            on_click=var(CustomerState.confirm_opened)(True),
        ),
        button(t("admin_customers.take.verb"), icon_name="minus", on_click=var(CustomerState.begin)(TAKE)),
        button(
            t("admin_customers.grant.verb"),
            kind="solid",
            icon_name="plus",
            on_click=var(CustomerState.begin)(GRANT),
        ),
        class_name="flex-wrap",
    )


def _ledger() -> rx.Component:
    return panel(
        t("admin_customers.ledger.title"),
        data_table(
            [
                Column(t("admin_customers.column.time"), lambda one: rx.el.time(one["time"], title=one["full_time"])),
                Column(t("admin_customers.column.entry"), lambda one: one["entry"]),
                Column(t("admin_customers.column.detail"), _linked, grow=True),
                Column(t("admin_customers.column.credits"), lambda one: one["moved"], numeric=True),
                Column(t("admin_customers.column.after"), lambda one: one["balance"], numeric=True),
            ],
            CustomerState.ledger,
            label=t("admin_customers.ledger.title"),
            phone=lambda one: two_line(one["entry"], one["detail"], one["moved"], one["time"]),
            loading=~CustomerState.ready,
            empty=_nothing(t("admin_customers.ledger.none")),
            quiet_row=lambda one: one["quiet"],
        ),
        detail=t("admin_customers.latest"),
        flush=True,
        custom_attrs={"data-testid": "ledger"},
    )


def _linked(one: Any) -> rx.Component:
    return rx.cond(
        one["href"] != "",
        text_link(one["detail"], href=one["href"], class_name="fb-cut", title=one["detail"]),
        rx.el.span(one["detail"], class_name="fb-cut", title=one["detail"]),
    )


def _requests() -> rx.Component:
    return panel(
        t("admin_customers.requests.title"),
        data_table(
            [
                Column(t("admin_customers.column.time"), lambda one: one["time"]),
                Column(t("admin_customers.column.state"), lambda one: state_dot(one["state"])),
                Column(t("admin_customers.column.model"), lambda one: one["model"], grow=True),
                Column(t("admin_customers.column.credits"), lambda one: one["credits"], numeric=True),
                Column(t("admin_customers.column.cost"), lambda one: one["cost"], numeric=True),
            ],
            CustomerState.requests,
            label=t("admin_customers.requests.title"),
            href=lambda one: one["href"],
            phone=lambda one: two_line(one["model"], state_dot(one["state"]), one["credits"], one["time"]),
            loading=~CustomerState.ready,
            empty=_nothing(t("admin_customers.requests.none")),
        ),
        detail=t("admin_customers.latest"),
        flush=True,
    )


def _lots() -> rx.Component:
    return _listing(
        t("admin_customers.lots.title"),
        CustomerState.lots,
        lambda one: (
            rx.el.span(one["label"], class_name="fb-medium fb-cut", title=one["label"]),
            rx.el.span(one["kind"], " · ", one["expires"], class_name="fb-small fb-cut"),
            rx.el.span(one["remaining"], class_name="fb-strong fb-num"),
            rx.el.span(t("admin_customers.lots.of"), " ", one["granted"], class_name="fb-small fb-num"),
        ),
        t("admin_customers.lots.none"),
        detail=t("admin_customers.lots.order"),
        more=CustomerState.more_lots,
        show_more=CustomerState.show_more_lots,
    )


def _keys() -> rx.Component:
    return _listing(
        t("admin_customers.keys.title"),
        CustomerState.keys,
        lambda one: (
            rx.el.span(one["name"], class_name="fb-medium fb-cut", title=one["name"]),
            rx.el.span(one["hint"], class_name="fb-small fb-mono"),
            rx.el.span(one["used"], class_name="fb-small fb-num"),
            None,
        ),
        t("admin_customers.keys.none"),
    )


def _notes() -> rx.Component:
    return _listing(
        t("admin_customers.notes.title"),
        CustomerState.notes,
        lambda one: (
            rx.el.span(one["what"], class_name="fb-cut", title=one["what"]),
            rx.el.span(one["who"], class_name="fb-small fb-cut"),
            rx.el.span(one["time"], class_name="fb-small fb-num"),
            None,
        ),
        t("admin_customers.notes.none"),
    )


def _listing(
    title: str, rows: Any, parts: Any, none: str, detail: str | None = None, *, more: Any = None, show_more: Any = None
) -> rx.Component:
    """A panel of two-line entries: title over detail at the left, figure over note at the right. `more` says how many
    are not shown yet, and `show_more` shows some of them."""

    def line(one: Any) -> rx.Component:
        head, below, figure, note = parts(one)
        return rx.el.li(
            rx.el.span(head, below, class_name="flex flex-col flex-1 min-w-0"),
            rx.el.span(figure, note, class_name="flex flex-col items-end"),
            class_name="fb-entry",
        )

    return panel(
        title,
        rx.cond(var(rows).length() > 0, rx.el.ul(rx.foreach(rows, line), class_name="fb-entries"), _nothing(none)),
        _more(more, show_more) if more is not None else None,
        detail=detail,
        flush=True,
    )


def _more(words: Any, show_more: Any) -> rx.Component:
    press = button(words, kind="ghost", size="small", icon_name="chevron-down", on_click=show_more)
    return rx.cond(words != "", row(press, class_name="fb-lots-more"))


def _nothing(sentence: str) -> rx.Component:
    return rx.el.p(sentence, class_name="fb-text-2 p-[14px]")
