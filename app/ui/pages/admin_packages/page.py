"""`/admin/packages` drawn: what is sold at the left, codes at the right."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    column,
    empty_state,
    filter_input,
    icon_button,
    notice,
    pagination,
    panel,
    row,
    skeleton,
    text_link,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_packages.codes_state import CodesState
from app.ui.pages.admin_packages.dialogs import code_dialog, package_dialog, past_dialog, stop_dialog
from app.ui.pages.admin_packages.state import PackagesState
from app.ui.roles import Role


@page(
    "/admin/packages",
    title=t("admin_packages.title"),
    role=Role.OPERATOR,
    on_load=[PackagesState.load, CodesState.load],
)
def admin_packages() -> rx.Component:
    return shell(
        rx.el.div(_packages(), _codes(), class_name="fb-today fb-flush"),
        package_dialog(),
        past_dialog(),
        code_dialog(),
        stop_dialog(),
        here="packages",
        title=t("admin_packages.title"),
        area=Role.OPERATOR,
    )


# ---- packages ----


def _packages() -> rx.Component:
    nothing = empty_state(
        "package", t("admin_packages.empty.title"), t("admin_packages.empty.sentence"), _new(), compact=True
    )
    filled = rx.el.ul(rx.foreach(PackagesState.rows, _package), class_name="fb-entries")
    return panel(
        t("admin_packages.title"),
        rx.cond(PackagesState.ready, rx.cond(var(PackagesState.rows).length() > 0, filled, nothing), _waiting()),
        detail=t("admin_packages.order"),
        actions=[_new()],
        flush=True,
    )


def _new() -> rx.Component:
    return button(
        t("admin_packages.form.new"),
        kind="solid",
        icon_name="plus",
        on_click=var(PackagesState.edit)("new"),
        custom_attrs={"data-testid": "new-package"},
    )


def _package(one: Any, at: Any) -> rx.Component:
    last = var(PackagesState.rows).length() - 1
    return rx.el.li(
        row(
            column(
                row(
                    rx.el.span(one["title"], class_name="fb-strong fb-cut"),
                    chip(one["kind_words"]),
                    rx.cond(one["on_sale"], None, chip(t("admin_packages.not_sold"), tone="thin", icon_name="pause")),
                    rx.el.span(one["version"], class_name="fb-small"),
                    class_name="flex-wrap",
                ),
                rx.el.span(one["summary"], class_name="fb-small fb-cut", title=one["summary"]),
                class_name="flex-1 gap-[2px]",
            ),
            rx.cond(
                one["is_enquiry"],
                rx.el.span(t("admin_packages.by_enquiry"), class_name="fb-small"),
                column(
                    row(
                        rx.el.b(one["credits"], class_name="fb-num"),
                        rx.cond(one["bonus"] != "", rx.el.span(one["bonus"], class_name="fb-small fb-num")),
                        class_name="flex-wrap",
                    ),
                    rx.el.span(one["prices"], class_name="fb-small fb-num"),
                    class_name="fb-queue-sum",
                ),
            ),
            row(
                icon_button(
                    "chevron-up",
                    t("admin_packages.up"),
                    on_click=var(PackagesState.move)(one["id"], -1),
                    disabled=at == 0,
                ),
                icon_button(
                    "chevron-down",
                    t("admin_packages.down"),
                    on_click=var(PackagesState.move)(one["id"], 1),
                    disabled=at == last,
                ),
                icon_button("history", t("admin_packages.history"), on_click=var(PackagesState.show_past)(one["id"])),
                icon_button("power", t("admin_packages.switch"), on_click=var(PackagesState.switch)(one["id"])),
                button(
                    t("admin_packages.edit"),
                    size="small",
                    on_click=var(PackagesState.edit)(one["id"]),
                    custom_attrs={"data-testid": "edit-package"},
                ),
                class_name="gap-[2px]",
            ),
            class_name="fb-queue-row fb-package-row",
        ),
        key=one["id"],
        custom_attrs={"data-quiet": rx.cond(one["on_sale"], "false", "true")},
    )


# ---- codes ----


def _codes() -> rx.Component:
    none = rx.cond(CodesState.search != "", t("admin_packages.code.no_match"), t("admin_packages.code.none"))
    nothing = rx.el.p(none, class_name="fb-text-2 p-4")
    filled = rx.el.ul(rx.foreach(CodesState.rows, _code), class_name="fb-entries")
    turns = CodesState.has_next | CodesState.has_previous
    return column(
        panel(
            t("admin_packages.code.title"),
            rx.cond(turns | (CodesState.search != ""), _code_search()),
            rx.cond(CodesState.ready, rx.cond(var(CodesState.rows).length() > 0, filled, nothing), _waiting()),
            rx.cond(
                turns,
                pagination(
                    shown=CodesState.shown,
                    has_previous=CodesState.has_previous,
                    has_next=CodesState.has_next,
                    on_previous=CodesState.previous_page,
                    on_next=CodesState.next_page,
                ),
            ),
            actions=[
                button(
                    t("admin_packages.code.new"),
                    icon_name="ticket-plus",
                    on_click=var(CodesState.opened)(True),
                    custom_attrs={"data-testid": "new-codes"},
                )
            ],
            flush=True,
        ),
        notice(
            rx.el.span(
                t("admin_packages.grants"), " ", text_link(t("admin_packages.grants_link"), href="/admin/customers")
            ),
            tone="neutral",
        ),
        class_name="gap-[14px]",
    )


def _code_search() -> rx.Component:
    return row(
        filter_input(value=CodesState.search, on_change=CodesState.look_for, label=t("admin_packages.code.search")),
        class_name="fb-filters",
        role="search",
    )


def _code(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                row(
                    rx.el.span(one["hint"], class_name="fb-mono fb-medium"),
                    chip(one["state"], tone=one["tone"]),
                    class_name="flex-wrap",
                ),
                rx.el.span(one["label"], " · ", one["until"], class_name="fb-small fb-cut"),
                class_name="flex-1",
            ),
            column(
                rx.el.b(one["credits"], class_name="fb-num"),
                rx.el.span(one["claims"], class_name="fb-small fb-num"),
                class_name="items-end",
            ),
            rx.cond(
                one["is_on"],
                icon_button("ban", t("admin_packages.code.stop"), on_click=var(CodesState.ask_stop)(one["id"])),
            ),
            class_name="fb-entry",
        ),
        key=one["id"],
    )


def _waiting() -> rx.Component:
    return column(*[skeleton("100%", "34px") for _ in range(3)], class_name="gap-4 p-4")
