"""The Parameters tab: the schema as rows that open, and as JSON beside them."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    chip,
    column,
    copy_button,
    icon,
    notice,
    row,
    var,
)
from app.ui.components.code import code_editor
from app.ui.pages.model_editor.parameters.import_dialog import import_dialog
from app.ui.pages.model_editor.parameters.import_state import ImportState
from app.ui.pages.model_editor.parameters.parameter_line import parameter_line
from app.ui.pages.model_editor.parameters.state import ParametersState
from app.ui.pages.model_editor.state import EditorState


def parameters_tab() -> rx.Component:
    return rx.el.div(
        rx.el.div(_rows(), class_name="fb-editor-left fb-scroll", tab_index=-1),
        rx.el.div(_json(), class_name="fb-editor-json"),
        import_dialog(),
        class_name="fb-editor-columns fb-two-columns",
    )


def _rows() -> rx.Component:
    return column(
        row(
            rx.el.h2(t("model_editor.parameter.heading"), class_name="fb-strong"),
            rx.el.span(t("model_editor.parameter.hint"), class_name="fb-small flex-1 fb-cut"),
            rx.el.button(
                icon("download", 14),
                t("model_editor.import.open"),
                type="button",
                class_name="fb-text-button",
                on_click=ImportState.open_import,
                custom_attrs={"data-testid": "import-schema"},
            ),
            rx.el.button(
                icon("plus", 14),
                t("model_editor.parameter.add"),
                type="button",
                class_name="fb-text-button",
                on_click=ParametersState.add,
            ),
        ),
        rx.cond(
            EditorState.parameters.readable,
            rx.cond(
                var(EditorState.parameters.rows).length() > 0,
                rx.el.div(
                    rx.foreach(EditorState.parameters.rows, parameter_line),
                    class_name="fb-card fb-tiers",
                    custom_attrs={"data-fb-sortable": ""},
                ),
                rx.el.p(t("model_editor.parameter.none"), class_name="fb-text-2"),
            ),
            notice(t("model_editor.price.unreadable"), title=t("model_editor.price.unreadable_title")),
        ),
        class_name="fb-editor-form",
    )


def _json() -> rx.Component:
    return rx.fragment(
        row(
            rx.el.h2(t("model_editor.parameter.json"), class_name="fb-strong"),
            rx.cond(
                var(EditorState.parameters.problems).length() > 0,
                chip(var(EditorState.parameters.problems).length(), tone="loss", icon_name="circle-alert"),
            ),
            rx.el.span(class_name="flex-1"),
            rx.el.span(t("model_editor.json.two_way"), class_name="fb-small"),
            copy_button(EditorState.schema_text),
            class_name="fb-json-head",
        ),
        rx.el.div(
            code_editor(
                value=EditorState.schema_text,
                heard=EditorState.schema_heard,
                problems=EditorState.parameters.problems,
                changed=EditorState.parameters.changed,
                label=t("model_editor.parameter.json"),
                name="schema",
                on_change=ParametersState.type_schema,
                on_fix=ParametersState.fix_problem,
            ),
            class_name="fb-json-body fb-scroll",
        ),
        rx.el.div(
            rx.el.p(icon("info", 14), rx.el.span(EditorState.rule.note), class_name="fb-json-note", role="status"),
            class_name="fb-json-foot",
        ),
    )
