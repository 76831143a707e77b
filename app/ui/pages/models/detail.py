"""The page of one model: its price, its parameters, its limits, and how a program asks for it."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    chip,
    copy_button,
    copyable,
    definition,
    icon,
    link_button,
    modality_icon,
    model_tile,
    panel,
    route_link,
    row,
    var,
)
from app.ui.pages.models.state import ModelsState

FACTS = var(ModelsState.facts)


def detail() -> rx.Component:
    return rx.fragment(
        route_link(icon("chevron-left", 16), t("models.back"), href="/models", class_name="fb-model-back"),
        _head(),
        rx.el.div(
            rx.el.div(_price(), _glance(), _params(), class_name="fb-model-main"),
            rx.el.div(_limits(), _example(), _api(), class_name="fb-model-side"),
            class_name="fb-model-columns",
        ),
    )


def _head() -> rx.Component:
    return rx.el.header(
        model_tile(FACTS["letter"], size="large"),
        rx.el.div(
            row(
                rx.el.h2(FACTS["title"], class_name="fb-title fb-cut", custom_attrs={"data-testid": "model-title"}),
                rx.el.span(
                    modality_icon(FACTS["modality"], 13),
                    FACTS["kind"],
                    class_name="fb-chip",
                    custom_attrs={"data-tone": "neutral"},
                ),
            ),
            copyable(FACTS["alias"], primary=True),
            class_name="min-w-0 flex-1",
        ),
        rx.cond(
            FACTS["playground"] != "",
            link_button(t("models.playground"), href=FACTS["playground"], kind="solid", icon_name="sparkles"),
        ),
        rx.cond(FACTS["description"] != "", rx.el.p(FACTS["description"], class_name="fb-text-2 fb-model-about")),
        class_name="fb-model-head",
    )


# ---- price ----


def _price() -> rx.Component:
    return panel(
        t("models.price.title"),
        rx.el.p(FACTS["price"], class_name="fb-model-price", custom_attrs={"data-testid": "price"}),
        _whens(ModelsState.tiers, t("models.price.tiers")),
        _whens(ModelsState.adjustments, t("models.price.adjustments")),
        rx.cond(
            var(ModelsState.notes).length() > 0,
            rx.el.ul(
                rx.foreach(ModelsState.notes, lambda note: rx.el.li(note, class_name="fb-small")),
                class_name="fb-plain-list fb-model-notes",
            ),
        ),
        actions=[rx.el.span(FACTS["version"], class_name="fb-small fb-num")],
    )


def _whens(rows: Any, title: str) -> rx.Component:
    return rx.cond(
        rows.length() > 0,
        rx.el.div(
            rx.el.h4(title, class_name="fb-small"),
            rx.el.dl(
                rx.foreach(
                    rows,
                    lambda item: rx.el.div(
                        rx.el.dt(item["when"]),
                        rx.el.dd(item["price"], class_name="fb-num fb-medium"),
                        class_name="fb-when",
                    ),
                )
            ),
            class_name="fb-whens",
        ),
    )


def _glance() -> rx.Component:
    return rx.cond(
        var(ModelsState.grids).length() > 0,
        panel(
            t("models.price.table"),
            rx.foreach(ModelsState.grids, _grid),
            detail=t("models.price.table_detail"),
            flush=True,
            custom_attrs={"data-testid": "price-table"},
        ),
    )


def _grid(block: Any) -> rx.Component:
    return rx.el.div(
        rx.cond(block["caption"] != "", rx.el.h4(block["caption"], class_name="fb-grid-caption")),
        rx.el.div(
            rx.el.table(
                rx.el.thead(
                    rx.el.tr(
                        rx.el.th(block["corner"], scope="col"),
                        rx.foreach(
                            block["columns"].to(list[str]),
                            lambda name: rx.el.th(name, scope="col", class_name="fb-num fb-right"),
                        ),
                    )
                ),
                rx.el.tbody(
                    rx.foreach(
                        block["rows"].to(list[dict[str, Any]]),
                        lambda line: rx.el.tr(
                            rx.el.th(line["name"], scope="row"),
                            rx.foreach(
                                line["cells"].to(list[str]),
                                lambda cell: rx.el.td(cell, class_name="fb-num fb-right"),
                            ),
                        ),
                    )
                ),
                class_name="fb-table fb-price-table",
            ),
            class_name="fb-table-box",
        ),
    )


# ---- parameters ----


def _params() -> rx.Component:
    return panel(
        t("models.params.title"),
        rx.el.ul(rx.foreach(ModelsState.params, _param), class_name="fb-plain-list"),
        detail=FACTS["params"],
        flush=True,
    )


def _param(item: Any) -> rx.Component:
    return rx.el.li(
        row(
            rx.el.code(item["name"], class_name="fb-mono fb-strong"),
            rx.cond(item["title"] != "", rx.el.span(item["title"], class_name="fb-text-2")),
            rx.cond(item["is_required"], chip(t("models.params.required"), tone="outline")),
            rx.cond(item["counts"], chip(t("models.params.counts"), tone="accent")),
            class_name="flex-wrap",
        ),
        rx.cond(item["help"] != "", rx.el.p(item["help"], class_name="fb-text-2")),
        rx.el.p(
            rx.el.span(item["allowed"], class_name="fb-param-allowed"),
            rx.cond(
                item["default"] != "",
                rx.el.span(
                    t("models.params.default"), " ", rx.el.code(item["default"], class_name="fb-mono"),
                    class_name="fb-param-default",
                ),
            ),
            class_name="fb-small fb-param-line",
        ),
        class_name="fb-param-row",
        custom_attrs={"data-testid": "parameter"},
    )  # fmt: skip


# ---- beside ----


def _limits() -> rx.Component:
    return panel(
        t("models.limits.title"),
        definition(t("models.limits.per_minute"), rx.el.span(FACTS["per_minute"], class_name="fb-num fb-medium")),
        definition(t("models.limits.jobs"), rx.el.span(FACTS["jobs"], class_name="fb-num fb-medium")),
        definition(t("models.limits.per_day"), rx.el.span(FACTS["per_day"], class_name="fb-num fb-medium")),
        rx.el.p(FACTS["refund"], class_name="fb-small fb-model-refund"),
        detail=t("models.limits.detail"),
    )


def _example() -> rx.Component:
    return rx.cond(
        FACTS["example"] != "",
        panel(
            t("models.example.title"),
            rx.el.pre(FACTS["example"], class_name="fb-code fb-scroll", tab_index=0),
            detail=t("models.example.detail"),
            actions=[copy_button(FACTS["example"])],
        ),
    )


def _api() -> rx.Component:
    return panel(
        t("models.api.title"),
        rx.el.p(t("models.api.detail"), class_name="fb-small"),
        rx.el.pre(FACTS["curl"], class_name="fb-code fb-scroll", tab_index=0),
        rx.el.details(
            rx.el.summary(t("models.api.answer"), class_name="fb-small"),
            rx.el.pre(
                FACTS["answer"], class_name="fb-code fb-scroll", tab_index=0, custom_attrs={"data-testid": "api-answer"}
            ),
            class_name="fb-api-answer",
        ),
        actions=[copy_button(FACTS["curl"])],
        class_name="fb-model-api",
    )
