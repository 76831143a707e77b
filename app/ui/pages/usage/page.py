"""`/usage` and `/admin/usage`, one body: selects, a chart by day, a table; the operator's has the doubts below."""

from typing import Any

import reflex as rx

from app.billing.unrated import MOST as MOST_UNRATED
from app.billing.usage_report import BY, BY_OPERATOR
from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    card,
    chart,
    column,
    data_table,
    empty_state,
    error_state,
    filter_input,
    link_button,
    panel,
    row,
    select,
    share_bar,
    skeleton,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.usage.state import AdminUsageState, UsageState
from app.ui.roles import Role


@page("/usage", title=t("usage.title"), role=Role.CUSTOMER, on_load=UsageState.load)
def usage() -> rx.Component:
    state = var(UsageState)
    return shell(
        column(_chart(state, _choices(state, BY)), _table(state), class_name="gap-[14px]"),
        here="usage",
        title=t("usage.title"),
        actions=[_csv(state)],
    )


@page("/admin/usage", title=t("usage.title"), role=Role.OPERATOR, on_load=AdminUsageState.load)
def admin_usage() -> rx.Component:
    state = var(AdminUsageState)
    who = filter_input(value=state.customer, on_change=AdminUsageState.find_customer, label=t("usage.find_customer"))
    return shell(
        column(
            _chart(state, _choices(state, BY_OPERATOR, who)),
            _table(state),
            _unrated(state),
            _conflicts(state),
            class_name="gap-[14px]",
        ),
        here="all_usage",
        title=t("usage.title"),
        area=Role.OPERATOR,
        actions=[_csv(state)],
    )


def _choices(state: Any, by: tuple[str, ...], *more: rx.Component) -> rx.Component:
    """Month, meter, dimension, model."""
    dimensions = [(name, t(f"usage.by.{name}")) for name in by]
    return row(
        *more,
        _choice(state, "month", state.months, state.month),
        _choice(state, "meter", state.meters, state.meter),
        _choice(state, "by", dimensions, state.by),
        _choice(state, "model", state.models, state.model),
        class_name="fb-filters",
        role="search",
    )


def _choice(state: Any, what: str, options: Any, value: Any) -> rx.Component:
    return rx.el.div(
        select(options, value=value, on_change=_chosen(state, what), label=t(f"usage.choose.{what}")),
        class_name="fb-filter-choice",
    )


def _chosen(state: Any, what: str) -> Any:
    return lambda value: state.choose(what, value)


def _csv(state: Any) -> rx.Component:
    return rx.cond(
        state.csv != "",
        link_button(
            t("usage.csv"),
            href=state.csv,
            native=True,
            download=True,
            icon_name="download",
            custom_attrs={"data-testid": "usage-csv"},
        ),
    )


def _chart(state: Any, choices: rx.Component) -> rx.Component:
    nothing = empty_state("chart-column", t("usage.empty.title"), t("usage.empty.sentence"), compact=True)
    drawn = chart(state.figure, summary=state.summary, height="260px")
    body = rx.cond(state.rows.length() == 0, nothing, drawn)
    return card(
        choices,
        rx.el.div(
            row(
                rx.el.h2(t("usage.by_day"), class_name="fb-panel-title"),
                rx.el.span(state.total, class_name="fb-small fb-num", custom_attrs={"data-testid": "usage-total"}),
                class_name="mb-2",
            ),
            rx.cond(state.error != "", error_state(state.error), rx.cond(state.ready, body, skeleton("100%", "260px"))),
            class_name="p-4",
        ),
        class_name="fb-log",
    )


def _table(state: Any) -> rx.Component:
    return panel(
        t("usage.table"),
        data_table(
            [
                Column(t("usage.column.value"), _value, grow=True),
                Column(t("usage.column.amount"), lambda item: item["amount"], numeric=True),
                Column(t("usage.column.events"), lambda item: item["events"], numeric=True),
                Column(t("usage.column.share"), _share, width="14rem", wide_only=True),
            ],
            state.rows,
            label=t("usage.table"),
            loading=~state.ready,
            phone=lambda item: two_line(
                item["name"], item["percent"], item["amount"], item["counted"], mark=_swatch(item)
            ),
            empty=empty_state("chart-column", t("usage.empty.title"), t("usage.empty.sentence"), compact=True),
        ),
        flush=True,
    )


def _swatch(item: Any) -> rx.Component:
    """The colour of its bars."""
    return rx.el.span(class_name="fb-swatch flex-none", custom_attrs={"data-series": item["series"]})


def _value(item: Any) -> rx.Component:
    return row(_swatch(item), rx.el.span(item["name"], class_name="fb-cut", title=item["value"]))


def _share(item: Any) -> rx.Component:
    return row(
        share_bar(item["width"], series=item["series"]),
        rx.el.span(item["percent"], class_name="fb-num fb-text-2 fb-usage-percent"),
        class_name="fb-usage-share gap-3",
    )


def _unrated(state: Any) -> rx.Component:
    return panel(
        t("usage.unrated.title"),
        data_table(
            [
                Column(t("usage.column.customer"), lambda item: item["customer"], width="14rem"),
                Column(t("usage.column.event"), lambda item: item["event"], width="12rem"),
                Column(t("usage.column.detail"), lambda item: item["detail"], grow=True, wide_only=True),
                Column(t("usage.column.events"), lambda item: item["events"], numeric=True),
            ],
            state.unrated,
            label=t("usage.unrated.title"),
            loading=~state.looked,
            phone=lambda item: two_line(item["customer"], item["detail"], item["events"], item["event"]),
            empty=empty_state("check", t("usage.unrated.none"), t("usage.unrated.none_sentence"), compact=True),
        ),
        rx.cond(
            state.more_unrated != "",
            row(
                button(
                    state.more_unrated,
                    kind="ghost",
                    size="small",
                    icon_name="chevron-down",
                    on_click=state.show_more_unrated,
                ),
                class_name="fb-lots-more",
            ),
        ),
        detail=t("usage.unrated.detail", most=MOST_UNRATED),
        flush=True,
    )


def _conflicts(state: Any) -> rx.Component:
    return panel(
        t("usage.conflicts.title"),
        data_table(
            [
                Column(t("usage.column.time"), lambda item: item["time"], width="11rem"),
                Column(t("usage.column.event_id"), lambda item: item["event_id"], width="14rem"),
                Column(t("usage.column.customer"), lambda item: item["customer"], width="12rem", wide_only=True),
                Column(t("usage.column.body"), lambda item: item["body"], grow=True, wide_only=True),
            ],
            state.conflicts,
            label=t("usage.conflicts.title"),
            loading=~state.looked,
            phone=lambda item: two_line(item["event_id"], item["body"], item["customer"], item["time"]),
            empty=empty_state("check", t("usage.conflicts.none"), t("usage.conflicts.none_sentence"), compact=True),
        ),
        flush=True,
    )
