"""The Pricing tab: the visual rule, its JSON, and to the right what it comes to."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    segmented,
)
from app.ui.pages.model_editor.matrix.calculator_pane import calculator_pane
from app.ui.pages.model_editor.matrix.findings_pane import findings_pane
from app.ui.pages.model_editor.matrix.matrix_pane import matrix_pane
from app.ui.pages.model_editor.pricing.form import price_form
from app.ui.pages.model_editor.pricing.json_pane import json_pane
from app.ui.pages.model_editor.pricing.rule_state import RuleState
from app.ui.pages.model_editor.state import EditorState


def pricing_tab() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            segmented(
                [("form", t("model_editor.json.form")), ("json", t("model_editor.json.title"))],
                value=EditorState.shows,
                on_change=RuleState.show,
                label=t("model_editor.json.which"),
            ),
            class_name="fb-form-or-json",
        ),
        rx.el.div(price_form(), class_name="fb-editor-left fb-scroll", tab_index=-1),
        rx.el.div(json_pane(), class_name="fb-editor-json"),
        rx.el.div(
            matrix_pane(), findings_pane(), calculator_pane(), class_name="fb-editor-right fb-scroll", tab_index=-1
        ),
        class_name="fb-editor-columns",
        custom_attrs={"data-shows": EditorState.shows},
    )
