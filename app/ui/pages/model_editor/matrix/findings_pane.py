"""What the matrix found, with the buttons that repair it."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    icon,
)
from app.ui.pages.model_editor.matrix.state import on
from app.ui.pages.model_editor.state import EditorState


def findings_pane() -> rx.Component:
    return rx.el.section(
        rx.foreach(EditorState.matrix.findings, _finding),
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
