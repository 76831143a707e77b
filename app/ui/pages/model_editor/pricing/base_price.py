"""The unit and the base figures of the visual rule."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.pricing.units import UNITS
from app.ui.components import (
    column,
    field,
    field_error,
    row,
    segmented,
    select,
    token,
)
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.pricing.price_state import PriceState, on
from app.ui.pages.model_editor.state import EditorState


def unit() -> rx.Component:
    return field(
        t("model_editor.price.unit"),
        select(
            [(name, t(f"model_editor.unit.{name}")) for name in UNITS],
            value=EditorState.price.unit,
            on_change=PriceState.set_unit,
            label=t("model_editor.price.unit"),
        ),
        aside=rx.el.span(
            EditorState.price.unit_hint, class_name="fb-mono fb-cut fb-unit-hint", title=EditorState.price.unit_hint
        ),
        error=EditorState.price.option_problems["unit"],
    )


def base() -> rx.Component:
    return field(
        t("model_editor.price.base"),
        column(rx.foreach(EditorState.price.base, _base_figure), class_name="gap-2"),
    )


def token_classes() -> rx.Component:
    return rx.cond(
        EditorState.price.has_classes,
        row(
            segmented(
                [("0", t("model_editor.price.one_price")), ("1", t("model_editor.price.by_class"))],
                value=EditorState.price.classes,
                on_change=PriceState.set_classes,
                label=t("model_editor.price.classes"),
                small=True,
                full=False,
            ),
            rx.cond(
                EditorState.price.can_cache,
                rx.fragment(
                    _apart(EditorState.price.has_cached, PriceState.set_cached, t("model_editor.price.cached")),
                    _apart(EditorState.price.has_pictures, PriceState.set_pictures, t("model_editor.price.pictures")),
                ),
            ),
            class_name="flex-wrap gap-3",
        ),
    )


def _apart(checked: Any, on_change: Any, words: str) -> rx.Component:
    return rx.el.label(
        rx.checkbox(checked=checked, on_change=on_change, size="1"), rx.el.span(words), class_name="fb-cond-check"
    )


def was(text: Any) -> rx.Component:
    return rx.cond(text != "", rx.el.s(text, class_name="fb-was fb-num", title=t("model_editor.price.was")))


def _base_figure(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(
            token("small"),
            typed_input(
                value=one["value"],
                on_change=lambda text: on.set_base(one["key"], text),
                label=one["name"],
                input_mode="decimal",
                invalid=one["problem"] != "",
                quiet=True,
                test_id="base-" + one["key"],
            ),
            was(one["was"]),
            rx.el.span(one["label"], class_name="fb-input-after"),
            class_name="fb-input fb-input-box fb-figure-box",
        ),
        field_error(one["problem"]),
    )
