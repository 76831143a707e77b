"""The folded part of the visual rule: what holds for the whole of it."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    field,
    icon,
    row,
    segmented,
    switch_row,
)
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.pricing.price_state import PriceState
from app.ui.pages.model_editor.pricing.price_state import on as price_on
from app.ui.pages.model_editor.pricing.whole_rule_state import WholeRuleState, on
from app.ui.pages.model_editor.state import EditorState


def whole_rule() -> rx.Component:
    return rx.el.section(
        rx.el.button(
            rx.cond(WholeRuleState.shows_options, icon("chevron-down", 14), icon("chevron-right", 14)),
            rx.el.span(t("model_editor.options.title"), class_name="fb-label"),
            rx.el.span(t("model_editor.options.hint"), class_name="fb-small"),
            type="button",
            class_name="fb-fold",
            on_click=WholeRuleState.toggle_options,
            custom_attrs={"aria-expanded": rx.cond(WholeRuleState.shows_options, "true", "false")},
        ),
        rx.cond(
            WholeRuleState.shows_options,
            rx.el.div(_base_fee(), _sums(), _overage(), _refund(), class_name="fb-options"),
        ),
        class_name="fb-form-section",
    )


def _base_fee() -> rx.Component:
    return rx.fragment(
        switch_row(
            t("model_editor.options.base_fee"),
            checked=EditorState.price.has_base_fee,
            on_change=PriceState.set_base_fee,
            detail=t("model_editor.options.base_fee_hint"),
        ),
        rx.cond(
            EditorState.price.has_base_fee & EditorState.price.takes_included,
            row(
                rx.el.span(t("model_editor.options.included_hint"), class_name="fb-small flex-1"),
                rx.el.button(
                    t("model_editor.options.add_included"),
                    type="button",
                    class_name="fb-text-button",
                    on_click=price_on.set_base("included", "1"),
                ),
            ),
        ),
    )


def _sums() -> rx.Component:
    """What is added once, the least, and how the whole is rounded."""
    return rx.el.div(
        _option_figure("minimum", EditorState.price.minimum),
        _option_figure("add_flat", EditorState.price.add_flat),
        field(
            t("model_editor.options.round_to"),
            typed_input(
                value=EditorState.price.round_to,
                on_change=WholeRuleState.set_rounding,
                label=t("model_editor.options.round_to"),
                placeholder=t("model_editor.options.no_rounding"),
                input_mode="decimal",
            ),
            error=EditorState.price.option_problems["round_to"],
        ),
        field(
            t("model_editor.options.round_mode"),
            segmented(
                [("up", t("model_editor.options.up")), ("half_up", t("model_editor.options.half_up"))],
                value=EditorState.price.round_mode,
                on_change=WholeRuleState.set_rounding_mode,
                label=t("model_editor.options.round_mode"),
            ),
        ),
        class_name="fb-form-pair",
    )


def _overage() -> rx.Component:
    return field(
        t("model_editor.options.overage"),
        segmented(
            [(name, t(f"model_editor.options.{name}")) for name in ("cap", "extend", "owe")],
            value=EditorState.price.overage,
            on_change=WholeRuleState.set_overage,
            label=t("model_editor.options.overage"),
        ),
        hint=rx.match(
            EditorState.price.overage,
            ("extend", t("model_editor.options.extend_hint")),
            ("owe", t("model_editor.options.owe_hint")),
            t("model_editor.options.cap_hint"),
        ),
    )


def _refund() -> rx.Component:
    return switch_row(
        t("model_editor.options.refund"),
        checked=EditorState.price.refund,
        on_change=WholeRuleState.set_refund,
        detail=t("model_editor.options.refund_hint"),
    )


def _option_figure(name: str, value: Any) -> rx.Component:
    return field(
        t(f"model_editor.options.{name}"),
        typed_input(
            value=value,
            on_change=lambda text: on.set_option(name, text),
            label=t(f"model_editor.options.{name}"),
            placeholder="0",
            after=t("model_editor.per.perRequest"),
            input_mode="decimal",
        ),
        error=EditorState.price.option_problems[name],
    )
