"""One parameter: a line that opens into its fields."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.pricing.parameters import Meter
from app.ui.components import (
    chip,
    field,
    icon,
    icon_button,
    row,
    select,
    var,
)
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.parameters.parameter_rows import KINDS
from app.ui.pages.model_editor.parameters.state import ParametersState, on
from app.ui.pages.model_editor.state import EditorState
from app.ui.pages.model_editor.widgets import drag_handle

#: What a select shows for a parameter without a meter (Radix takes no empty value).
NO_METER = "none"


def parameter_line(one: Any, at: Any) -> rx.Component:
    is_open = ParametersState.opened == one["name"]
    return rx.el.div(
        rx.el.div(
            drag_handle(
                index=at,
                count=var(EditorState.parameters.rows).length(),
                label=t("model_editor.parameter.move"),
                on_move=lambda to: on.move(one["name"], to),
            ),
            rx.el.button(
                rx.el.span(one["name"], class_name="fb-mono fb-strong fb-cut fb-param-name"),
                rx.el.span(_kind_words(one["kind"]), class_name="fb-small fb-param-kind"),
                rx.el.span(one["summary"], class_name="fb-small fb-cut flex-1", title=one["summary"]),
                rx.cond(one["meter"] != "", chip(one["meter"], tone="accent", icon_name="ruler")),
                rx.cond(one["required"], chip(t("model_editor.parameter.required"))),
                rx.cond(one["advanced"], chip(t("model_editor.parameter.advanced"), tone="outline")),
                rx.cond(one["problem"] != "", icon("circle-alert", 14, class_name="fb-loss")),
                rx.cond(is_open, icon("chevron-down", 14), icon("chevron-right", 14)),
                type="button",
                class_name="fb-ed-param",
                on_click=on.toggle(one["name"]),
                custom_attrs={"aria-expanded": rx.cond(is_open, "true", "false"), "data-testid": "parameter"},
            ),
            icon_button(
                "arrow-up", t("model_editor.parameter.up"), size=13, on_click=on.move(one["name"], (at - 1).to(str))
            ),
            icon_button(
                "arrow-down", t("model_editor.parameter.down"), size=13, on_click=on.move(one["name"], (at + 1).to(str))
            ),
            icon_button("x", t("model_editor.parameter.remove"), size=14, on_click=on.remove(one["name"])),
            class_name="fb-tier-line",
        ),
        rx.foreach(
            one["problems"].to(list[str]),
            lambda text: rx.el.p(icon("circle-alert", 13), rx.el.span(text), class_name="fb-row-problem"),
        ),
        rx.cond(is_open, _fields(one)),
        class_name="fb-tier",
        custom_attrs={"data-fb-row-at": at, "data-wrong": rx.cond(one["problem"] != "", "true", "false")},
    )


def _kind_words(kind: Any) -> Any:
    return rx.match(kind, *[(name, t(f"model_editor.parameter.kind.{name}")) for name in KINDS], kind)


def _fields(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(_name(one), _kind(one), _text(one, "title"), _text(one, "default"), class_name="fb-form-pair"),
        _text(one, "help"),
        rx.cond(
            one["takes_enum"], _text(one, "options", hint=t("model_editor.parameter.options_hint"), multiline=True)
        ),
        rx.cond(
            one["takes_range"],
            rx.el.div(
                _text(one, "minimum", mode="decimal"),
                _text(one, "maximum", mode="decimal"),
                _text(one, "step", mode="decimal"),
                class_name="fb-form-three",
            ),
        ),
        rx.el.div(
            _meter(one),
            rx.cond(
                one["meter"] == Meter.SECOND.value,
                _text(one, "per", mode="decimal"),
                rx.cond(one["kind"] == "string", _text(one, "max_length", mode="numeric")),
            ),
            class_name="fb-form-pair",
        ),
        row(_flag(one, "required"), _flag(one, "advanced"), class_name="gap-4"),
        class_name="fb-param-fields",
    )


def _name(one: Any) -> rx.Component:
    return field(
        t("model_editor.parameter.name"),
        typed_input(
            value=one["name"],
            on_change=lambda text: on.rename(one["name"], text),
            label=t("model_editor.parameter.name"),
            mono=True,
            delay=900,
        ),
        error=ParametersState.name_problem,
    )


def _kind(one: Any) -> rx.Component:
    return field(
        t("model_editor.parameter.type"),
        select(
            [(kind, t(f"model_editor.parameter.kind.{kind}")) for kind in KINDS],
            value=one["kind"],
            on_change=lambda kind: on.set_kind(one["name"], kind),
            label=t("model_editor.parameter.type"),
        ),
    )


def _meter(one: Any) -> rx.Component:
    """What of the usage the parameter says in advance."""
    return field(
        t("model_editor.parameter.meter"),
        select(
            [
                (NO_METER, t("model_editor.parameter.no_meter")),
                *[(meter.value, t(f"model_editor.parameter.meters.{meter.value}")) for meter in Meter],
            ],
            value=rx.cond(one["meter"] == "", NO_METER, one["meter"]),
            on_change=lambda meter: on.set_field(one["name"], "meter", rx.cond(meter == NO_METER, "", meter)),
            label=t("model_editor.parameter.meter"),
        ),
    )


def _text(one: Any, key: str, *, hint: str | None = None, mode: str = "text", multiline: bool = False) -> rx.Component:
    label = t(f"model_editor.parameter.{key}")
    return field(
        label,
        typed_input(
            value=one[key],
            on_change=lambda text: on.set_field(one["name"], key, text),
            label=label,
            input_mode=mode,
            multiline=multiline,
            rows=2,
            mono=key in ("default", "options"),
        ),
        hint=hint,
    )


def _flag(one: Any, key: str) -> rx.Component:
    return rx.el.label(
        rx.checkbox(checked=one[key], on_change=lambda is_on: on.set_flag(one["name"], key, is_on), size="1"),
        rx.el.span(t(f"model_editor.parameter.{key}_words")),
        class_name="fb-cond-check",
    )
