"""`/admin/reconcile` drawn: the verdict, each difference with its next step, the runs."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    card,
    check,
    chip,
    column,
    copyable,
    data_table,
    empty_state,
    icon_tile,
    link_button,
    loaded,
    notice,
    panel,
    row,
    skeleton,
    text_link,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_reconcile.state import ReconcileState
from app.ui.roles import Role


@page("/admin/reconcile", title=t("admin_reconcile.title"), role=Role.OPERATOR, on_load=ReconcileState.load)
def admin_reconcile() -> rx.Component:
    return shell(
        column(
            rx.cond(ReconcileState.problem != "", notice(ReconcileState.problem)),
            _verdict(),
            _differences(),
            _runs(),
            class_name="gap-[14px]",
        ),
        here="reconcile",
        title=t("admin_reconcile.title"),
        area=Role.OPERATOR,
        actions=[
            button(
                t("admin_reconcile.run_now"),
                kind="solid",
                icon_name="refresh-cw",
                busy=ReconcileState.running,
                on_click=ReconcileState.run_now,
                custom_attrs={"data-testid": "run-now"},
            )
        ],
    )


def _verdict() -> rx.Component:
    tile = rx.match(
        ReconcileState.tone,
        ("good", icon_tile("scale", tone="good")),
        ("loss", icon_tile("triangle-alert", tone="loss")),
        icon_tile("scale"),
    )
    return card(
        row(
            tile,
            column(
                rx.el.h2(
                    loaded(ReconcileState.ready, ReconcileState.head, width="9em"),
                    class_name="fb-panel-title",
                    custom_attrs={"data-tone": ReconcileState.tone},
                ),
                rx.el.p(loaded(ReconcileState.ready, ReconcileState.detail, width="24em"), class_name="fb-small"),
                class_name="flex-1",
            ),
            rx.cond(ReconcileState.is_latest, None, text_link(t("admin_reconcile.latest"), href="/admin/reconcile")),
            class_name="gap-3 px-[14px] py-3",
        ),
        role="status",
        custom_attrs={"data-testid": "verdict"},
    )


def _differences() -> rx.Component:
    many = var(ReconcileState.differences).length()
    filled = rx.el.ul(rx.foreach(ReconcileState.differences, _difference), class_name="fb-entries")
    waiting = column(*[skeleton("100%", "52px") for _ in range(2)], class_name="gap-4 p-4")
    nothing = row(
        icon_tile("check", tone="good"),
        rx.el.p(t("admin_reconcile.nothing"), class_name="fb-text-2"),
        class_name="gap-3 px-[14px] py-4",
    )
    return panel(
        t("admin_reconcile.differences"),
        rx.cond(ReconcileState.ready, rx.cond(many > 0, filled, nothing), waiting),
        rx.cond(
            ReconcileState.more > 0,
            rx.el.p(t("admin_reconcile.more"), class_name="fb-small px-[14px] py-3"),
        ),
        flush=True,
        custom_attrs={"data-testid": "differences"},
    )


def _difference(one: Any) -> rx.Component:
    state = rx.cond(
        one["healed"],
        chip(t("admin_reconcile.healed"), tone="good"),
        chip(t("admin_reconcile.open"), tone="loss"),
    )
    return rx.el.li(
        row(
            column(
                row(rx.el.span(one["title"], class_name="fb-strong"), state, class_name="flex-wrap gap-2"),
                row(
                    copyable(one["subject"], one["short"]),
                    rx.el.span(one["facts"], class_name="fb-small"),
                    class_name="flex-wrap gap-2",
                ),
                rx.el.p(one["said"], class_name="fb-text-2"),
                rx.el.p(
                    rx.cond(one["healed"], "", rx.el.span(t("admin_reconcile.next"), class_name="fb-strong")),
                    one["next"],
                ),
                class_name="flex-1 gap-1",
            ),
            rx.cond(
                one["href"] != "",
                link_button(one["verb"], href=one["href"], size="small"),
            ),
            rx.cond(
                one["replay"] != "",
                button(
                    t("admin_reconcile.verb.replay"), size="small", on_click=var(ReconcileState.replay)(one["replay"])
                ),
            ),
            class_name="fb-queue-row items-start",
        ),
        key=one["key"],
        custom_attrs={"data-code": one["code"]},
    )


def _runs() -> rx.Component:
    return panel(
        t("admin_reconcile.runs"),
        data_table(
            [
                Column(t("admin_reconcile.column.time"), lambda one: one["time"], width="8rem"),
                Column(t("admin_reconcile.column.depth"), lambda one: one["depth"]),
                Column(t("admin_reconcile.column.by"), lambda one: one["by"], wide_only=True),
                Column(t("admin_reconcile.column.compared"), lambda one: one["compared"], grow=True, wide_only=True),
                Column(t("admin_reconcile.column.took"), lambda one: one["took"], numeric=True, wide_only=True),
                Column(t("admin_reconcile.column.healed"), lambda one: one["healed"], numeric=True),
                Column(t("admin_reconcile.column.state"), lambda one: chip(one["state"], tone=one["tone"])),
            ],
            ReconcileState.rows,
            label=t("admin_reconcile.runs"),
            href=lambda one: one["href"],
            phone=lambda one: two_line(one["time"], one["depth"], one["state"], one["by"]),
            loading=~var(ReconcileState.ready),
            empty=empty_state(
                "scale", t("admin_reconcile.none.title"), t("admin_reconcile.none.sentence"), compact=True
            ),
        ),
        actions=[
            check(
                t("admin_reconcile.only_found"),
                checked=ReconcileState.only_found,
                on_change=ReconcileState.show_found,
            )
        ],
        flush=True,
    )
