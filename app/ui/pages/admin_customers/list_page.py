"""`/admin/customers` drawn."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    card,
    chip,
    closes,
    column,
    copy_button,
    data_table,
    decision,
    dialog,
    empty_state,
    field,
    filter_input,
    link_button,
    notice,
    pagination,
    row,
    text_input,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_customers.list_state import FIELDS, PAGE, CustomersState
from app.ui.roles import Role

ICONS = {"workspace": "building-2", "name": "user", "email": "mail"}


@page("/admin/customers", title=t("admin_customers.title"), role=Role.OPERATOR, on_load=CustomersState.load)
def admin_customers() -> rx.Component:
    return shell(
        card(
            row(
                filter_input(
                    value=CustomersState.search, on_change=CustomersState.look_for, label=t("admin_customers.search")
                ),
                rx.el.span(class_name="flex-1"),
                button(
                    t("admin_customers.new.action"),
                    kind="solid",
                    icon_name="user-plus",
                    on_click=var(CustomersState.creating_opened)(True),
                ),
                class_name="fb-admin-bar flex-wrap",
            ),
            _table(),
        ),
        _new_customer(),
        here="customers",
        title=t("admin_customers.title"),
        area=Role.OPERATOR,
    )


def _table() -> rx.Component:
    return data_table(
        [
            Column(t("admin_customers.column.name"), _name, grow=True),
            Column(t("admin_customers.column.owner"), lambda one: _cut(one["owner"]), wide_only=True),
            Column(t("admin_customers.column.available"), lambda one: rx.el.b(one["available"]), numeric=True),
            Column(t("admin_customers.column.held"), lambda one: one["held"], numeric=True),
            Column(t("admin_customers.column.spent"), lambda one: one["spent"], numeric=True),
            Column(
                t("admin_customers.column.margin"),
                lambda one: chip(one["margin"], tone=one["tone"]),
                numeric=True,
            ),
            Column(t("admin_customers.column.active"), lambda one: one["active"], numeric=True, wide_only=True),
            Column(t("admin_customers.column.state"), _state),
        ],
        CustomersState.rows,
        label=t("admin_customers.title"),
        href=lambda one: one["href"],
        phone=lambda one: two_line(one["name"], one["owner"], one["available"], one["active"]),
        loading=~CustomersState.ready,
        empty=rx.cond(CustomersState.search != "", _no_match(), _nobody()),
        footer=rx.cond(
            CustomersState.has_next | (CustomersState.start > 0),
            pagination(
                shown=CustomersState.shown,
                has_previous=CustomersState.start >= PAGE,
                has_next=CustomersState.has_next,
                on_previous=CustomersState.previous_page,
                on_next=CustomersState.next_page,
            ),
        ),
    )


def _name(one: Any) -> rx.Component:
    return rx.el.span(one["name"], class_name="fb-medium fb-cut", title=one["name"])


def _cut(text: Any) -> rx.Component:
    return rx.el.span(text, class_name="fb-text-2 fb-admin-owner fb-cut", title=text)


def _state(one: Any) -> rx.Component:
    return rx.cond(
        one["suspended"],
        chip(t("admin_customers.suspended"), tone="thin", icon_name="pause"),
        chip(t("admin_customers.active"), tone="good"),
    )


def _nobody() -> rx.Component:
    return empty_state("building-2", t("admin_customers.empty.title"), t("admin_customers.empty.sentence"))


def _no_match() -> rx.Component:
    return empty_state(
        "search",
        t("admin_customers.no_match.title"),
        t("admin_customers.no_match.sentence"),
        button(t("admin_customers.no_match.action"), on_click=CustomersState.clear),
        compact=True,
    )


# ---- a new customer ----


def _new_customer() -> rx.Component:
    return dialog(
        rx.cond(CustomersState.password != "", _made(), _draft()),
        title=rx.cond(CustomersState.password != "", t("admin_customers.made.title"), t("admin_customers.new.title")),
        is_open=CustomersState.creating,
        on_open_change=CustomersState.creating_opened,
        footer=[
            rx.cond(
                CustomersState.password != "",
                row(
                    closes(button(t("common.close"))),
                    link_button(t("admin_customers.made.open"), href=CustomersState.made_href, kind="solid"),
                ),
                rx.fragment(
                    *decision(
                        t("admin_customers.new.create"),
                        CustomersState.create,
                        busy=CustomersState.busy,
                        test_id="create-customer",
                    )
                ),
            )
        ],
    )


def _draft() -> rx.Component:
    return column(
        rx.cond(CustomersState.errors[""] != "", notice(CustomersState.errors[""])),
        *[
            field(
                t(f"admin_customers.new.{name}"),
                text_input(
                    default_value=CustomersState.draft[name],
                    on_change=lambda text, name=name: var(CustomersState.write)(name, text),
                    id=f"customer-{name}",
                    type="email" if name == "email" else "text",
                    auto_complete="off",
                ),
                error=CustomersState.errors[name],
                for_id=f"customer-{name}",
            )
            for name in FIELDS
        ],
        rx.el.p(t("admin_customers.new.note"), class_name="fb-small"),
        class_name="gap-[14px]",
    )


def _made() -> rx.Component:
    return column(
        notice(t("admin_customers.made.once"), tone="thin"),
        field(t("admin_customers.new.email"), rx.el.p(CustomersState.made_email, class_name="fb-mono")),
        field(
            t("admin_customers.made.password"),
            row(
                rx.el.code(
                    CustomersState.password, class_name="fb-mono fb-secret", custom_attrs={"data-testid": "password"}
                ),
                copy_button(CustomersState.password),
            ),
        ),
        class_name="gap-[14px]",
    )
