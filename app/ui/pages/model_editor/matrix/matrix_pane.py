"""The price matrix with its counts, facets, axes and the route whose cost it is held against."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    chip,
    column,
    icon,
    popover,
    row,
    select,
    var,
)
from app.ui.pages.model_editor.matrix.cost_plus import cost_plus_popover
from app.ui.pages.model_editor.matrix.state import MatrixState, on
from app.ui.pages.model_editor.state import EditorState
from app.ui.pages.model_editor.widgets import price_matrix


def matrix_pane() -> rx.Component:
    return rx.el.section(
        row(
            rx.el.h2(t("model_editor.matrix.title"), class_name="fb-strong"),
            rx.el.span(EditorState.matrix.total, class_name="fb-text-2 fb-num"),
            _axes(),
            rx.el.span(class_name="flex-1"),
            rx.foreach(EditorState.matrix.facets, _facet),
            class_name="flex-wrap",
        ),
        row(
            rx.cond(EditorState.matrix.good != "", chip(EditorState.matrix.good, tone="good")),
            rx.cond(EditorState.matrix.thin != "", chip(EditorState.matrix.thin, tone="thin")),
            rx.cond(EditorState.matrix.loss != "", chip(EditorState.matrix.loss, tone="loss")),
            rx.cond(EditorState.matrix.unpriced != "", chip(EditorState.matrix.unpriced, tone="loss", icon_name="ban")),
            rx.el.span(class_name="flex-1"),
            _cost(),
            class_name="flex-wrap",
        ),
        rx.cond(
            EditorState.matrix.note != "",
            rx.el.p(icon("info", 13), rx.el.span(EditorState.matrix.note), class_name="fb-row-note"),
        ),
        rx.cond(
            var(EditorState.matrix.lines).length() > 0,
            price_matrix(
                columns=EditorState.matrix.columns,
                rows=EditorState.matrix.lines,
                corner=EditorState.matrix.corner,
                label=t("model_editor.matrix.title"),
                picked=MatrixState.picked_cell,
                words={
                    "price": t("model_editor.calc.price"),
                    "live": t("model_editor.calc.live_now"),
                    "cost": t("model_editor.calc.cost"),
                    "margin": t("model_editor.calc.margin"),
                },
                on_pick=MatrixState.pick_cell,
            ),
            rx.el.p(t("model_editor.matrix.empty"), class_name="fb-text-2 fb-matrix-empty"),
        ),
        class_name="fb-right-section",
    )


def _facet(one: Any) -> rx.Component:
    return rx.el.span(
        rx.el.span(one["name"], class_name="fb-small fb-mono"),
        rx.cond(
            one["few"],
            rx.segmented_control.root(
                rx.foreach(one["options"], lambda each: rx.segmented_control.item(each["label"], value=each["value"])),
                value=one["value"],
                on_change=lambda chosen: on.pick_facet(one["name"], chosen.to(str)),
                size="1",
                class_name="fb-segmented",
                custom_attrs={"aria-label": one["name"]},
            ),
            rx.el.select(
                rx.foreach(one["options"], lambda each: rx.el.option(each["label"], value=each["value"])),
                value=one["value"],
                on_change=lambda chosen: on.pick_facet(one["name"], chosen),
                class_name="fb-mini-select",
                custom_attrs={"aria-label": one["name"]},
            ),
        ),
        class_name="fb-facet",
    )


def _axes() -> rx.Component:
    opener = rx.el.button(
        icon("table-properties", 14),
        type="button",
        class_name="fb-icon-button",
        title=t("model_editor.matrix.axes"),
        custom_attrs={"aria-label": t("model_editor.matrix.axes")},
    )
    return rx.cond(
        var(EditorState.matrix.axes).length() > 1,
        popover(
            opener,
            column(
                _axis(t("model_editor.matrix.rows"), EditorState.matrix.row_axis, MatrixState.choose_rows),
                _axis(t("model_editor.matrix.columns"), EditorState.matrix.column_axis, MatrixState.choose_columns),
                class_name="gap-2 p-2",
            ),
            width="220px",
            align="start",
        ),
    )


def _axis(label: str, value: Any, on_change: Any) -> rx.Component:
    return row(
        rx.el.span(label, class_name="fb-small"),
        select(EditorState.matrix.axes, value=value, on_change=on_change, label=label),
        class_name="fb-axis",
    )


def _cost() -> rx.Component:
    many = rx.el.select(
        rx.foreach(EditorState.matrix.cost_options, lambda one: rx.el.option(one["label"], value=one["value"])),
        on_change=MatrixState.choose_cost,
        class_name="fb-mini-select",
        custom_attrs={"aria-label": t("model_editor.matrix.cost_of")},
    )
    return rx.el.span(
        rx.cond(EditorState.matrix.cost_unverified, chip(t("model_editor.unverified"), tone="outline")),
        rx.cond(
            var(EditorState.matrix.cost_options).length() > 1,
            many,
            rx.el.span(EditorState.matrix.cost_words, class_name="fb-small"),
        ),
        cost_plus_popover(),
        class_name="inline-flex items-center gap-2",
    )
