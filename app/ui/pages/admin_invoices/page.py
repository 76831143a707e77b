"""`/admin/invoices` drawn."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    card,
    chip,
    data_table,
    empty_state,
    filter_input,
    icon,
    link_button,
    pagination,
    plain_link,
    row,
    segmented,
    select,
    text_link,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_invoices.state import AllInvoicesState
from app.ui.roles import Role


@page("/admin/invoices", title=t("admin_invoices.title"), role=Role.OPERATOR, on_load=AllInvoicesState.load)
def admin_invoices() -> rx.Component:
    return shell(
        card(rx.cond(AllInvoicesState.has_any, _filters()), _table()),
        here="all_invoices",
        title=t("admin_invoices.title"),
        area=Role.OPERATOR,
    )


def _filters() -> rx.Component:
    return row(
        filter_input(
            value=AllInvoicesState.search, on_change=AllInvoicesState.look_for, label=t("admin_invoices.search")
        ),
        rx.cond(
            var(AllInvoicesState.kinds).length() > 0,
            segmented(
                AllInvoicesState.kinds,
                value=AllInvoicesState.kind,
                on_change=var(AllInvoicesState.choose_kind),
                label=t("invoices.show.label"),
                full=False,
            ),
        ),
        rx.cond(
            var(AllInvoicesState.years).length() > 0,
            rx.el.div(
                select(
                    AllInvoicesState.years,
                    value=AllInvoicesState.year,
                    on_change=AllInvoicesState.choose_year,
                    label=t("invoices.year"),
                ),
                class_name="fb-invoice-year",
            ),
        ),
        rx.cond(
            AllInvoicesState.filtered,
            button(t("invoices.clear"), kind="ghost", icon_name="x", on_click=AllInvoicesState.clear),
        ),
        rx.el.span(class_name="flex-1"),
        link_button(
            t("invoices.csv"),
            href=AllInvoicesState.csv,
            native=True,
            download=True,
            icon_name="download",
            title=t("invoices.csv_hint"),
            custom_attrs={"data-testid": "csv"},
        ),
        class_name="fb-filters",
        role="search",
    )


def _table() -> rx.Component:
    return data_table(
        [
            Column(t("invoices.column.number"), _number, width="11rem"),
            Column(t("invoices.column.date"), _day, width="7rem"),
            Column(t("admin_invoices.buyer"), _buyer, grow=True),
            Column(t("admin_invoices.scheme_column"), _scheme, wide_only=True),
            Column(t("invoices.column.kind"), _state, width="9rem", wide_only=True),
            Column(t("invoices.column.net"), lambda one: one["net"], numeric=True, wide_only=True),
            Column(t("invoices.column.tax"), lambda one: one["tax"], numeric=True, wide_only=True),
            Column(t("invoices.column.total"), lambda one: rx.el.b(one["total"]), numeric=True),
            Column(rx.el.span(t("invoices.column.file"), class_name="fb-sr"), _files, numeric=True, width="8.5rem"),
        ],
        AllInvoicesState.rows,
        label=t("admin_invoices.title"),
        phone=_phone,
        loading=~var(AllInvoicesState.ready),
        empty=rx.cond(AllInvoicesState.filtered, _no_match(), _none()),
        footer=_foot(),
    )


def _number(one: Any) -> rx.Component:
    return row(
        rx.el.span(one["number"], class_name="fb-mono fb-medium"),
        rx.cond(one["test"], chip(t("admin_invoices.test"), tone="outline")),
    )


def _day(one: Any) -> rx.Component:
    return rx.el.time(one["day"], title=one["whole_time"], class_name="fb-num")


def _buyer(one: Any) -> rx.Component:
    return text_link(one["buyer"], href=one["customer"], class_name="fb-cut fb-quiet-link", title=one["buyer"])


def _scheme(one: Any) -> rx.Component:
    return rx.el.span(one["scheme"], " ", rx.el.span(one["country"], class_name="fb-text-3"))


def _state(one: Any) -> rx.Component:
    return rx.cond(
        one["about"] != "",
        rx.el.span(one["kind"], rx.el.br(), one["about"], class_name="fb-small fb-block py-1"),
        chip(one["state"], tone=one["tone"]),
    )


def _files(one: Any) -> rx.Component:
    return row(
        plain_link(
            icon("eye", 14),
            t("admin_invoices.view"),
            href=one["html"],
            target="_blank",
            class_name="fb-row-file",
            custom_attrs={"data-testid": "html"},
        ),
        plain_link(
            icon("download", 14),
            t("invoices.pdf"),
            href=one["pdf"],
            download=True,
            class_name="fb-row-file",
            custom_attrs={"data-testid": "pdf"},
        ),
        class_name="justify-end gap-0",
    )


def _phone(one: Any) -> rx.Component:
    return plain_link(
        two_line(one["buyer"], rx.el.span(one["number"], " · ", one["state"]), one["total"], one["day"]),
        href=one["pdf"],
        class_name="fb-phone-link",
    )


def _foot() -> rx.Component:
    return rx.el.div(
        rx.el.p(
            AllInvoicesState.summed, class_name="fb-small fb-num fb-documents-sum", custom_attrs={"data-testid": "sum"}
        ),
        rx.cond(
            AllInvoicesState.has_previous | AllInvoicesState.has_next,
            pagination(
                shown=AllInvoicesState.shown,
                has_previous=AllInvoicesState.has_previous,
                has_next=AllInvoicesState.has_next,
                on_previous=AllInvoicesState.previous_page,
                on_next=AllInvoicesState.next_page,
            ),
        ),
    )


def _none() -> rx.Component:
    return empty_state("receipt-text", t("admin_invoices.empty.title"), t("admin_invoices.empty.sentence"))


def _no_match() -> rx.Component:
    return empty_state(
        "search-x",
        t("invoices.nothing.title"),
        t("admin_invoices.nothing"),
        button(t("invoices.clear_all"), on_click=AllInvoicesState.clear),
        compact=True,
    )
