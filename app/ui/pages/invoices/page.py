"""The list of documents beside the billing details."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    chip,
    data_table,
    empty_state,
    filter_input,
    icon,
    link_button,
    pagination,
    panel,
    plain_link,
    row,
    segmented,
    select,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.billing.state import BillingState
from app.ui.pages.billing.view import profile_dialog, profile_panel
from app.ui.pages.invoices.paying import PayingState, paying_panel
from app.ui.pages.invoices.state import InvoicesState
from app.ui.roles import Role

LOADS = [InvoicesState.load, BillingState.load, PayingState.load]


@page("/invoices", title=t("invoices.title"), role=Role.CUSTOMER, on_load=LOADS)
def invoices() -> rx.Component:
    return shell(
        rx.el.div(
            _documents(),
            rx.el.div(paying_panel(), profile_panel(), class_name="flex flex-col gap-[14px] min-w-0"),
            class_name="fb-invoices",
        ),
        profile_dialog(),
        here="invoices",
        title=t("invoices.title"),
        actions=[link_button(t("invoices.get_credits"), href="/top-up", kind="solid", icon_name="plus")],
    )


def _documents() -> rx.Component:
    return panel(
        t("invoices.caption"),
        rx.cond(InvoicesState.has_any, _filters()),
        data_table(
            [
                Column(t("invoices.column.number"), _number, width="11rem"),
                Column(t("invoices.column.date"), _day, width="7rem"),
                Column(t("invoices.column.kind"), _kind, grow=True),
                Column(t("invoices.column.net"), _net, numeric=True, width="6.5rem", wide_only=True),
                Column(t("invoices.column.tax"), _tax, numeric=True, width="6rem", wide_only=True),
                Column(t("invoices.column.total"), _total, numeric=True, width="7rem"),
                Column(rx.el.span(t("invoices.column.file"), class_name="fb-sr"), _pdf, numeric=True, width="4.5rem"),
            ],
            InvoicesState.rows,
            label=t("invoices.caption"),
            href=lambda item: item["href"],
            phone=_phone,
            loading=~var(InvoicesState.ready),
            empty=rx.cond(InvoicesState.filtered, _nothing_found(), _nothing_yet()),
            footer=_foot(),
        ),
        actions=[rx.cond(InvoicesState.has_any, _csv())],
        flush=True,
        class_name="fb-documents",
    )


def _filters() -> rx.Component:
    return row(
        filter_input(value=InvoicesState.search, on_change=InvoicesState.look_for, label=t("invoices.search")),
        rx.cond(
            var(InvoicesState.kinds).length() > 0,
            segmented(
                InvoicesState.kinds,
                value=InvoicesState.kind,
                on_change=var(InvoicesState.choose_kind),
                label=t("invoices.show.label"),
                full=False,
            ),
        ),
        rx.cond(
            var(InvoicesState.years).length() > 0,
            rx.el.div(
                select(
                    InvoicesState.years,
                    value=InvoicesState.year,
                    on_change=InvoicesState.choose_year,
                    label=t("invoices.year"),
                ),
                class_name="fb-invoice-year",
            ),
        ),
        rx.cond(
            InvoicesState.filtered,
            button(t("invoices.clear"), kind="ghost", icon_name="x", on_click=InvoicesState.clear),
        ),
        class_name="fb-filters",
        role="search",
    )


def _csv() -> rx.Component:
    return link_button(
        t("invoices.csv"),
        href=InvoicesState.csv,
        native=True,
        download=True,
        icon_name="download",
        title=t("invoices.csv_hint"),
        custom_attrs={"data-testid": "csv"},
    )


def _number(item: Any) -> rx.Component:
    return rx.el.span(item["number"], class_name="fb-mono fb-medium")


def _day(item: Any) -> rx.Component:
    return rx.el.time(item["day"], title=item["whole_time"], class_name="fb-num")


def _kind(item: Any) -> rx.Component:
    return row(
        rx.el.span(item["kind"]),
        rx.cond(
            item["is_note"] != "",
            rx.el.span(item["about"], class_name="fb-text-2 fb-cut"),
            chip(item["state"], tone=item["tone"]),
        ),
    )


def _net(item: Any) -> rx.Component:
    return rx.el.span(item["net"])


def _tax(item: Any) -> rx.Component:
    return rx.el.span(item["tax"])


def _total(item: Any) -> rx.Component:
    return rx.el.span(item["total"], class_name="fb-medium")


def _pdf(item: Any) -> rx.Component:
    """Above the link of the whole row."""
    return plain_link(
        icon("download", 14),
        t("invoices.pdf"),
        href=item["pdf"],
        download=True,
        class_name="fb-row-file",
        custom_attrs={"aria-label": _about("invoices.pdf_of", item["number"]), "data-testid": "pdf"},
    )


def _about(key: str, name: Any) -> Any:
    """A sentence of the catalogue with a var in it."""
    before, _, after = t(key, name="\n").partition("\n")
    return rx.Var.create(before) + name + after


def _phone(item: Any) -> rx.Component:
    return two_line(item["number"], rx.el.span(item["kind"], " · ", item["state"]), item["total"], item["day"])


def _foot() -> rx.Component:
    several = InvoicesState.has_previous | InvoicesState.has_next
    return rx.el.div(
        rx.el.p(
            InvoicesState.summed, class_name="fb-small fb-num fb-documents-sum", custom_attrs={"data-testid": "sum"}
        ),
        rx.cond(
            several,
            pagination(
                shown=InvoicesState.shown,
                has_previous=InvoicesState.has_previous,
                has_next=InvoicesState.has_next,
                on_previous=InvoicesState.previous_page,
                on_next=InvoicesState.next_page,
            ),
        ),
    )


def _nothing_found() -> rx.Component:
    return empty_state(
        "search-x",
        t("invoices.nothing.title"),
        t("invoices.nothing.sentence"),
        button(t("invoices.clear_all"), on_click=InvoicesState.clear),
        compact=True,
    )


def _nothing_yet() -> rx.Component:
    return empty_state(
        "receipt-text",
        t("invoices.empty.title"),
        t("invoices.empty.sentence"),
        link_button(t("invoices.get_credits"), href="/top-up", icon_name="plus"),
    )
