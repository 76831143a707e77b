"""The Pricing tab: the visual rule, its JSON, and to the right what it comes to."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    amount,
    button,
    chip,
    column,
    copy_button,
    field_error,
    icon,
    live_region,
    popover,
    row,
    segmented,
    select,
    slip_reason,
    var,
)
from app.ui.components.code import code_editor
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.price_form import price_form
from app.ui.pages.model_editor.pricing_state import PricingState, on
from app.ui.pages.model_editor.state import EditorState
from app.ui.pages.model_editor.widgets import price_matrix


def pricing_tab() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            segmented(
                [("form", t("model_editor.json.form")), ("json", t("model_editor.json.title"))],
                value=EditorState.shows,
                on_change=PricingState.show,
                label=t("model_editor.json.which"),
            ),
            class_name="fb-form-or-json",
        ),
        rx.el.div(price_form(), class_name="fb-editor-left fb-scroll", tab_index=-1),
        rx.el.div(_json(), class_name="fb-editor-json"),
        rx.el.div(_matrix(), _findings(), _calculator(), class_name="fb-editor-right fb-scroll", tab_index=-1),
        class_name="fb-editor-columns",
        custom_attrs={"data-shows": EditorState.shows},
    )


# ---- the JSON ----


def _json() -> rx.Component:
    return rx.fragment(
        row(
            rx.el.h2(t("model_editor.json.title"), class_name="fb-strong"),
            rx.cond(
                var(EditorState.rule_problems).length() > 0,
                chip(_count_errors(), tone="loss", icon_name="circle-alert"),
            ),
            rx.el.span(class_name="flex-1"),
            rx.el.button(
                t("model_editor.json.lay_out"),
                type="button",
                class_name="fb-quiet-button",
                on_click=PricingState.lay_out,
            ),
            rx.el.span(t("model_editor.json.two_way"), class_name="fb-small"),
            copy_button(EditorState.rule_text),
            class_name="fb-json-head",
        ),
        rx.cond(
            EditorState.is_fixed,
            rx.el.div(
                rx.el.p(t("model_editor.json.fixed"), class_name="fb-text-2"),
                button(t("model_editor.json.write"), size="small", on_click=on.choose_kind("formula")),
                class_name="fb-json-empty",
            ),
            rx.el.div(
                code_editor(
                    value=EditorState.rule_text,
                    problems=EditorState.rule_problems,
                    changed=EditorState.rule_changed,
                    label=t("model_editor.json.title"),
                    name="rule",
                    on_change=PricingState.type_rule,
                    on_fix=PricingState.fix_problem,
                ),
                class_name="fb-json-body fb-scroll",
            ),
        ),
        rx.el.div(
            rx.el.p(icon("info", 14), rx.el.span(EditorState.driven_note), class_name="fb-json-note", role="status"),
            rx.cond(
                EditorState.since_words != "",
                rx.el.p(
                    rx.el.span(class_name="fb-edge"), rx.el.span(EditorState.since_words), class_name="fb-json-note"
                ),
            ),
            class_name="fb-json-foot",
        ),
    )


def _count_errors() -> Any:
    found = var(EditorState.rule_problems).length()
    return rx.cond(found == 1, "1 " + t("model_editor.error"), found.to(str) + " " + t("model_editor.errors"))


# ---- the matrix ----


def _matrix() -> rx.Component:
    return rx.el.section(
        row(
            rx.el.h2(t("model_editor.matrix.title"), class_name="fb-strong"),
            rx.el.span(EditorState.total, class_name="fb-text-2 fb-num"),
            rx.el.span(class_name="flex-1"),
            rx.foreach(EditorState.facets, _facet),
            _axes(),
            class_name="flex-wrap",
        ),
        row(
            rx.cond(EditorState.good_words != "", chip(EditorState.good_words, tone="good")),
            rx.cond(EditorState.thin_words != "", chip(EditorState.thin_words, tone="thin")),
            rx.cond(EditorState.matrix_loss_words != "", chip(EditorState.matrix_loss_words, tone="loss")),
            rx.cond(EditorState.unpriced_words != "", chip(EditorState.unpriced_words, tone="loss", icon_name="ban")),
            rx.el.span(class_name="flex-1"),
            _cost(),
            class_name="flex-wrap",
        ),
        rx.cond(
            EditorState.matrix_note != "",
            rx.el.p(icon("info", 13), rx.el.span(EditorState.matrix_note), class_name="fb-row-note"),
        ),
        rx.cond(
            var(EditorState.lines).length() > 0,
            price_matrix(
                columns=EditorState.columns,
                rows=EditorState.lines,
                corner=EditorState.corner,
                label=t("model_editor.matrix.title"),
                picked=PricingState.picked_cell,
                words={
                    "price": t("model_editor.calc.price"),
                    "live": t("model_editor.calc.live_now"),
                    "cost": t("model_editor.calc.cost"),
                    "margin": t("model_editor.calc.margin"),
                },
                on_pick=PricingState.pick_cell,
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
        var(EditorState.axes).length() > 1,
        popover(
            opener,
            column(
                _axis(t("model_editor.matrix.rows"), EditorState.row_axis, PricingState.choose_rows),
                _axis(t("model_editor.matrix.columns"), EditorState.column_axis, PricingState.choose_columns),
                class_name="gap-2 p-2",
            ),
            width="220px",
            align="end",
        ),
    )


def _axis(label: str, value: Any, on_change: Any) -> rx.Component:
    return row(
        rx.el.span(label, class_name="fb-small", style={"width": "64px"}),
        select(EditorState.axes, value=value, on_change=on_change, label=label),
    )


def _cost() -> rx.Component:
    many = rx.el.select(
        rx.foreach(EditorState.cost_options, lambda one: rx.el.option(one["label"], value=one["value"])),
        on_change=PricingState.choose_cost,
        class_name="fb-mini-select",
        custom_attrs={"aria-label": t("model_editor.matrix.cost_of")},
    )
    return rx.el.span(
        rx.cond(EditorState.cost_unverified, chip(t("model_editor.unverified"), tone="outline")),
        rx.cond(
            var(EditorState.cost_options).length() > 1, many, rx.el.span(EditorState.cost_words, class_name="fb-small")
        ),
        _cost_plus(),
        class_name="inline-flex items-center gap-2",
    )


def _cost_plus() -> rx.Component:
    """A rule written from what the route costs."""
    return popover(
        rx.el.button(t("model_editor.cost_plus.open"), type="button", class_name="fb-text-button fb-small-text"),
        column(
            rx.el.p(t("model_editor.cost_plus.words"), class_name="fb-small"),
            row(
                typed_input(
                    value=PricingState.markup,
                    on_change=PricingState.type_markup,
                    label=t("model_editor.cost_plus.markup"),
                    before="×",
                    input_mode="decimal",
                    delay=60,
                ),
                button(t("model_editor.cost_plus.act"), kind="solid", on_click=PricingState.write_cost_plus),
            ),
            field_error(PricingState.markup_problem),
            class_name="gap-2 p-2",
        ),
        width="300px",
        align="end",
    )


# ---- findings ----


def _findings() -> rx.Component:
    return rx.el.section(
        rx.foreach(EditorState.findings, _finding),
        id="findings",
        class_name="fb-right-section fb-findings",
        custom_attrs={"aria-label": t("model_editor.finding.title")},
    )


def _finding(one: Any) -> rx.Component:
    return rx.el.div(
        rx.cond(one["tone"] == "neutral", icon("info", 15), icon("triangle-alert", 15)),
        rx.el.div(
            rx.el.p(one["title"], class_name="fb-strong"),
            rx.el.p(one["detail"], class_name="fb-text-2"),
            rx.el.div(
                rx.foreach(
                    one["fixes"],
                    lambda fix: button(fix["label"], size="small", on_click=on.fix_finding(fix["id"])),
                ),
                class_name="fb-finding-fixes",
            ),
            class_name="min-w-0 flex-1",
        ),
        class_name="fb-notice",
        custom_attrs={"data-tone": one["tone"], "data-testid": "finding"},
    )


# ---- the calculator ----


def _calculator() -> rx.Component:
    return rx.el.section(
        row(
            rx.el.h2(t("model_editor.calc.title"), class_name="fb-strong"),
            rx.el.span(t("model_editor.calc.hint"), class_name="fb-small flex-1 text-right"),
        ),
        rx.el.div(rx.foreach(EditorState.calc_rows, _control), class_name="fb-calc-controls"),
        rx.el.section(
            rx.cond(
                EditorState.calc_problem != "",
                rx.el.div(
                    icon("circle-alert", 14),
                    rx.el.span(EditorState.calc_problem),
                    class_name="fb-slip-above fb-calc-problem",
                ),
                rx.fragment(
                    rx.el.div(
                        rx.el.div(
                            rx.el.span(EditorState.calc_line, class_name="fb-slip-label"),
                            amount(EditorState.calc_credits, unit=t("common.credits"), class_name="fb-strong"),
                            class_name="fb-slip-line",
                        ),
                        slip_reason(EditorState.calc_reason, EditorState.calc_most),
                        class_name="fb-slip-above",
                    ),
                    rx.el.div(class_name="fb-slip-perforation", custom_attrs={"aria-hidden": "true"}),
                    rx.el.div(
                        rx.el.span(_live(), class_name="fb-num"),
                        rx.el.span(t("model_editor.calc.cost"), " ", EditorState.calc_cost, class_name="fb-num"),
                        rx.el.span(
                            t("model_editor.calc.margin"),
                            " ",
                            EditorState.calc_margin,
                            class_name="fb-num fb-strong",
                            custom_attrs={"data-tone": EditorState.calc_tone},
                        ),
                        class_name="fb-slip-below fb-calc-foot",
                    ),
                ),
            ),
            class_name="fb-slip",
            custom_attrs={
                "data-status": rx.cond(EditorState.calc_problem != "", "cannot", "priced"),
                "data-testid": "calculator",
            },
        ),
        live_region(EditorState.calc_line + ", " + EditorState.calc_credits + " " + t("common.credits")),
        class_name="fb-right-section fb-calc",
    )


def _live() -> Any:
    return rx.cond(
        EditorState.live_number > 0,
        t("model_editor.calc.live") + EditorState.live_number.to(str) + ": " + EditorState.calc_live,  # type: ignore[attr-defined]
        t("model_editor.not_live"),
    )


def _control(one: Any) -> rx.Component:
    return rx.el.label(
        rx.el.span(one["name"], class_name="fb-calc-name"),
        rx.cond(
            one["kind"] == "choices",
            rx.el.select(
                rx.foreach(one["options"], lambda each: rx.el.option(each["label"], value=each["value"])),
                value=one["value"],
                on_change=lambda value: on.set_calc(one["name"], value),
                class_name="fb-calc-select",
            ),
            typed_input(
                value=one["value"],
                on_change=lambda value: on.set_calc(one["name"], value),
                label=one["name"],
                input_mode="decimal",
                quiet=True,
            ),
        ),
        rx.cond(one["hint"] != "", rx.el.span(one["hint"], class_name="fb-small")),
        class_name="fb-calc-control",
        custom_attrs={"data-testid": "calc-control"},
    )
