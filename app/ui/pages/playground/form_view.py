"""The form as it is drawn: the model picker and a control for every parameter."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import Child, field, field_error, icon, number_field, select, skeleton, switch_row, tip, var
from app.ui.pages.playground.fields import NOTHING, Option
from app.ui.pages.playground.form_state import FormState
from app.ui.pages.playground.widgets import DraftText, FileField, ModelPicker, file_words, picker_words

FORM = var(FormState)

TEXT_LINES = 5


def form(*between: Child) -> rx.Component:
    """Model, whatever stands `between` (a phone's result), then the fields."""
    return rx.fragment(
        rx.cond(
            FORM.ready,
            ModelPicker.create(models=FORM.models, chosen=FORM.alias, words=picker_words(), on_choose=FORM.choose),
            skeleton("100%", "53px"),
        ),
        *between,
        rx.cond(
            FORM.ready,
            rx.el.div(rx.foreach(FORM.fields, _field), class_name="fb-play-fields"),
            _waiting(),
        ),
        rx.cond(FORM.advanced.length() > 0, _advanced()),
    )


def _advanced() -> rx.Component:
    return rx.el.div(
        rx.el.button(
            icon("chevron-right", 14),
            rx.el.span(FORM.fold_label, class_name="fb-cut"),
            type="button",
            class_name="fb-play-fold",
            on_click=FORM.toggle_fold,
            custom_attrs={"aria-expanded": rx.cond(FORM.unfolded, "true", "false"), "data-testid": "advanced"},
        ),
        rx.el.div(rx.foreach(FORM.advanced, _field), class_name="fb-play-fields"),
        class_name="fb-play-advanced",
        custom_attrs={
            "data-folds": rx.cond(FORM.folds, "true", "false"),
            "data-open": rx.cond(FORM.unfolded, "true", "false"),
        },
    )


def _waiting() -> rx.Component:
    bars = [
        skeleton("30%"),
        skeleton("100%", "120px"),
        skeleton("40%"),
        skeleton("100%", "52px"),
        skeleton("100%", "30px"),
    ]
    return rx.el.div(*bars, class_name="flex flex-col gap-3 pt-4", custom_attrs={"aria-busy": "true"})


def _field(row: Any) -> rx.Component:
    control = rx.match(
        row["kind"],
        ("text", _text(row, TEXT_LINES)),
        ("lines", _text(row, 3)),
        ("line", _text(row, 1)),
        ("seed", _seed(row)),
        ("segments", _segments(row)),
        ("tiles", _tiles(row)),
        ("select", _select(row)),
        ("number", _number(row)),
        ("switch", _switch(row)),
        ("files", _files(row)),
        rx.fragment(),
    )
    return rx.el.div(
        control,
        class_name="fb-play-field",
        custom_attrs={
            "data-wide": rx.cond(row["is_wide"], "true", "false"),
            "data-kind": row["kind"],
            "data-testid": "field-" + row["name"].to(str),
        },
    )


def _value(row: Any) -> Any:
    return FORM.values[row["name"]]


def _error(row: Any) -> Any:
    return FORM.errors[row["name"]]


def _id(row: Any) -> Any:
    return "param-" + row["name"].to(str)


def _text(row: Any, lines: int) -> rx.Component:
    return rx.el.div(
        DraftText.create(
            value=_value(row),
            title=row["title"],
            hint=rx.cond(row["required"], "", t("playground.field.optional")),
            field_id=_id(row),
            placeholder=rx.cond(row["kind"] == "lines", t("playground.field.one_a_line"), row["help"]),
            longest=row["longest"],
            lines=lines,
            invalid=_error(row) != "",
            on_change=lambda text: FORM.set_value(row["name"], text),
        ),
        field_error(_error(row)),
        class_name="fb-field",
    )


def _seed(row: Any) -> rx.Component:
    return rx.el.div(
        DraftText.create(
            value=_value(row),
            title=row["title"],
            field_id=_id(row),
            placeholder=t("playground.field.random"),
            longest=0,
            lines=1,
            numeric=True,
            dice=True,
            dice_label=t("playground.field.dice"),
            clear_label=t("playground.field.clear"),
            invalid=_error(row) != "",
            on_change=lambda text: FORM.set_value(row["name"], text),
        ),
        field_error(_error(row)),
        class_name="fb-field",
    )


def _segments(row: Any) -> rx.Component:
    figures = FORM.prices[row["name"]].to(dict[str, str])
    return _labelled(
        row,
        rx.segmented_control.root(
            rx.foreach(
                row["options"].to(list[Option]),
                lambda option: rx.segmented_control.item(
                    rx.el.span(option["label"]),
                    rx.cond(
                        figures[option["value"]],
                        rx.el.span(figures[option["value"]], class_name="fb-segment-price fb-num"),
                    ),
                    value=option["value"],
                ),
            ),
            value=_value(row),
            on_change=lambda chosen: FORM.set_value(row["name"], chosen.to(str)),
            size="2",
            class_name="fb-segmented fb-segmented-full",
            custom_attrs={"aria-label": row["title"]},
        ),
        aside=FORM.asides[row["name"]],
    )


def _tiles(row: Any) -> rx.Component:
    return _labelled(
        row,
        rx.el.div(
            rx.foreach(row["options"].to(list[Option]), lambda option: _tile(row, option)),
            class_name="fb-ratios",
            style={"--fb-ratio-columns": row["columns"]},
            role="radiogroup",
            custom_attrs={"aria-label": row["title"]},
        ),
        hint=FORM.hints[row["name"]],
    )


def _tile(row: Any, option: Any) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="radio",
            name=_id(row),
            value=option["value"],
            checked=_value(row) == option["value"],
            on_change=FORM.set_value(row["name"], option["value"]),
            class_name="fb-sr",
        ),
        rx.el.span(
            rx.el.span(class_name="fb-ratio-shape", style={"width": option["width"], "height": option["height"]}),
            class_name="fb-ratio-box",
            custom_attrs={"aria-hidden": "true"},
        ),
        rx.el.span(option["label"], class_name="fb-cut"),
        class_name="fb-ratio",
        title=option["label"],
    )


def _select(row: Any) -> rx.Component:
    return _labelled(
        row,
        select(
            row["options"].to(list[Option]),
            value=rx.cond(_value(row) == "", NOTHING, _value(row)),
            on_change=lambda chosen: FORM.set_value(row["name"], chosen),
            label=row["title"],
        ),
        hint=FORM.hints[row["name"]],
    )


def _number(row: Any) -> rx.Component:
    return _labelled(
        row,
        number_field(
            value=_value(row),
            minimum=row["minimum"],
            maximum=row["maximum"],
            step=row["step"],
            slider=row["slider"],
            label=row["title"],
            on_change=lambda figure: FORM.set_value(row["name"], figure),
        ),
        hint=row["range"],
    )


def _switch(row: Any) -> rx.Component:
    return rx.el.div(
        switch_row(
            row["title"],
            checked=_value(row) == "true",
            on_change=lambda on: FORM.set_switch(row["name"], on),
            detail=rx.cond(row["help"] != "", row["help"], rx.fragment()),
            id=_id(row),
        ),
        field_error(_error(row)),
        class_name="fb-field",
    )


def _files(row: Any) -> rx.Component:
    return _labelled(
        row,
        FileField.create(
            items=FORM.files[row["name"]],
            most=row["most"],
            accept=row["accept"],
            label=row["title"],
            field_id=_id(row),
            words=file_words(),
            invalid=_error(row) != "",
            on_add=lambda value, name: FORM.add_file(row["name"], value, name),
            on_remove=lambda value: FORM.remove_file(row["name"], value),
        ),
        hint=rx.cond(
            row["required"],
            rx.cond(row["many"], t("playground.file.up_to") + " " + row["most"].to(str), ""),
            t("playground.field.optional"),
        ),
    )


def _labelled(row: Any, control: rx.Component, *, hint: Child = None, aside: Child = None) -> rx.Component:
    """A control under its title, with its help behind a small mark."""
    title = rx.fragment(
        row["title"],
        rx.cond(
            row["help"] != "",
            tip(
                row["help"],
                rx.el.span(
                    icon("info", 13),
                    rx.el.span(row["help"], class_name="fb-sr"),
                    class_name="fb-play-help",
                    tab_index=0,
                ),
            ),
        ),
    )
    return field(title, control, hint=hint, aside=aside, error=_error(row))
