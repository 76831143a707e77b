"""The middle column: the rule's JSON with its problems at their lines."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    copy_button,
    icon,
    row,
    var,
)
from app.ui.components.code import code_editor
from app.ui.pages.model_editor.pricing.price_state import on as price_on
from app.ui.pages.model_editor.pricing.rule_state import RuleState
from app.ui.pages.model_editor.state import EditorState


def json_pane() -> rx.Component:
    return rx.fragment(
        row(
            rx.el.h2(t("model_editor.json.title"), class_name="fb-strong"),
            rx.cond(
                var(EditorState.rule.problems).length() > 0,
                chip(_count_errors(), tone="loss", icon_name="circle-alert"),
            ),
            rx.el.span(class_name="flex-1"),
            rx.el.button(
                t("model_editor.json.lay_out"),
                type="button",
                class_name="fb-quiet-button",
                on_click=RuleState.lay_out,
            ),
            rx.el.span(t("model_editor.json.two_way"), class_name="fb-small"),
            copy_button(EditorState.rule_text),
            class_name="fb-json-head",
        ),
        rx.cond(
            EditorState.is_fixed,
            rx.el.div(
                rx.el.p(t("model_editor.json.fixed"), class_name="fb-text-2"),
                button(t("model_editor.json.write"), size="small", on_click=price_on.choose_kind("formula")),
                class_name="fb-json-empty",
            ),
            rx.el.div(
                code_editor(
                    value=EditorState.rule_text,
                    heard=EditorState.rule_heard,
                    problems=EditorState.rule.problems,
                    changed=EditorState.rule.changed,
                    label=t("model_editor.json.title"),
                    name="rule",
                    on_change=RuleState.type_rule,
                    on_fix=RuleState.fix_problem,
                ),
                class_name="fb-json-body fb-scroll",
            ),
        ),
        rx.el.div(
            rx.el.p(icon("info", 14), rx.el.span(EditorState.rule.note), class_name="fb-json-note", role="status"),
            rx.cond(
                EditorState.rule.since != "",
                rx.el.p(
                    rx.el.span(class_name="fb-edge"), rx.el.span(EditorState.rule.since), class_name="fb-json-note"
                ),
            ),
            class_name="fb-json-foot",
        ),
    )


def _count_errors() -> Any:
    found = var(EditorState.rule.problems).length()
    return rx.cond(found == 1, "1 " + t("model_editor.error"), found.to(str) + " " + t("model_editor.errors"))
