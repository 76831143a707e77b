"""The log's table with its filters."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    button,
    card,
    data_table,
    empty_state,
    filter_input,
    link_button,
    modality_icon,
    pagination,
    plain_link,
    row,
    select,
    state_dot,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.logs.rows import period_options, status_options
from app.ui.pages.logs.state import LogsState
from app.ui.roles import Role


@page("/logs", title=t("logs.title"), role=Role.CUSTOMER, on_load=LogsState.load)
def logs() -> rx.Component:
    return shell(
        rx.cond(
            LogsState.ready & ~LogsState.filtered & (var(LogsState.rows).length() == 0),
            _nothing_yet(),
            card(_filters(), _table(), class_name="fb-log"),
        ),
        here="logs",
        title=t("logs.title"),
    )


def _filters() -> rx.Component:
    return row(
        filter_input(value=LogsState.search, on_change=LogsState.look_for, label=t("logs.search")),
        _choice("status", status_options(), LogsState.status, LogsState.choose_status),
        _choice("model", LogsState.models, LogsState.model, LogsState.choose_model),
        _choice("key", LogsState.keys, LogsState.key, LogsState.choose_key),
        _choice("period", period_options(), LogsState.period, LogsState.choose_period),
        rx.cond(
            LogsState.filtered,
            button(t("logs.filter.clear"), kind="ghost", icon_name="x", on_click=LogsState.clear),
        ),
        rx.el.span(class_name="flex-1"),
        plain_link(t("logs.csv"), href=LogsState.csv, class_name="fb-link fb-small", download=True),
        class_name="fb-filters",
        role="search",
    )


def _choice(name: str, options: Any, value: Any, on_change: Any) -> rx.Component:
    return rx.el.div(
        select(options, value=value, on_change=on_change, label=t(f"logs.filter.{name}")),
        class_name="fb-filter-choice",
        custom_attrs={"data-testid": f"filter-{name}"},
    )


def _table() -> rx.Component:
    return data_table(
        [
            Column(t("logs.column.time"), _time, width="7.5rem"),
            Column(t("logs.column.status"), lambda item: state_dot(item["state"], item["status"]), width="7rem"),
            Column(t("logs.column.model"), _model, width="12rem"),
            Column(t("logs.column.prompt"), lambda item: rx.el.span(item["prompt"], title=item["prompt"]), grow=True),
            Column(t("logs.column.key"), _key, width="9rem", wide_only=True),
            Column(t("logs.column.duration"), lambda item: item["took"], numeric=True, width="5rem", wide_only=True),
            Column(t("logs.column.credits"), _credits, numeric=True, width="6rem"),
        ],
        LogsState.rows,
        label=t("logs.caption"),
        href=lambda item: item["href"],
        phone=_phone,
        loading=~var(LogsState.ready),
        empty=empty_state(
            "search-x",
            t("logs.nothing.title"),
            t("logs.nothing.sentence"),
            button(t("logs.filter.clear"), on_click=LogsState.clear),
        ),
        footer=pagination(
            shown=LogsState.shown,
            has_previous=LogsState.has_previous,
            has_next=LogsState.has_next,
            on_previous=LogsState.previous_page,
            on_next=LogsState.next_page,
        ),
    )


def _time(item: Any) -> rx.Component:
    return rx.el.time(item["time"], title=item["whole_time"], class_name="fb-num")


def _model(item: Any) -> rx.Component:
    return row(_thumb(item), rx.el.span(item["model"], class_name="fb-medium fb-cut", title=item["model"]))


def _thumb(item: Any) -> rx.Component:
    """The first output, small; the modality where there is nothing to see."""
    return rx.cond(
        item["thumb"] != "",
        rx.el.img(src=item["thumb"], alt="", loading="lazy", class_name="fb-thumb fb-thumb-row"),
        rx.el.span(modality_icon(item["modality"], 14), class_name="fb-thumb fb-thumb-row"),
    )


def _key(item: Any) -> rx.Component:
    return rx.el.span(item["key"], class_name="fb-text-2 fb-cut fb-block", title=item["key"])


def _credits(item: Any) -> rx.Component:
    return rx.el.span(item["credits"], class_name=rx.cond(item["moved"] == "true", "fb-medium", "fb-text-2"))


def _phone(item: Any) -> rx.Component:
    return two_line(
        item["model"],
        item["prompt"],
        item["credits"],
        item["time"],
        mark=rx.el.span(
            _thumb(item),
            rx.el.span(state_dot(item["state"], item["status"], quiet=True), class_name="fb-on-thumb"),
            class_name="fb-thumb-marked",
        ),
    )


def _nothing_yet() -> rx.Component:
    return empty_state(
        "scroll-text",
        t("logs.empty.title"),
        t("logs.empty.sentence"),
        link_button(t("logs.empty.playground"), href="/playground", kind="solid", icon_name="sparkles"),
        link_button(t("logs.empty.key"), href="/keys", icon_name="key-round"),
    )
