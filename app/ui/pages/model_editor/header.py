"""The editor's head: which model, how its draft stands, and publishing."""

from typing import Any

import reflex as rx

from app.catalogue.operations import MODALITIES
from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    closes,
    dialog,
    icon_button,
    model_tile,
    row,
)
from app.ui.pages.model_editor.publish.state import PublishState
from app.ui.pages.model_editor.state import EditorState


def header() -> rx.Component:
    return rx.el.header(
        _model(),
        _draft(),
        class_name="fb-editor-head",
    )


def _draft() -> rx.Component:
    return row(
        rx.cond(
            EditorState.save_problem != "",
            rx.el.span(EditorState.save_problem, class_name="fb-loss fb-small", role="alert"),
            rx.el.span(
                EditorState.draft_words, class_name="fb-small fb-num", custom_attrs={"data-testid": "draft-state"}
            ),
        ),
        rx.cond(
            EditorState.header.error_words != "",
            _counter(EditorState.header.error_words, "circle-alert", EditorState.first_error),
        ),
        rx.cond(
            EditorState.header.loss_words != "",
            _counter(EditorState.header.loss_words, "trending-down", EditorState.open_loss),
        ),
        icon_button(
            "undo-2",
            t("model_editor.undo"),
            on_click=EditorState.undo,
            disabled=rx.cond(EditorState.can_undo, False, True),
        ),
        rx.cond(EditorState.has_draft, _discard()),
        button(
            t("model_editor.publish_version"),
            kind="solid",
            key="mod+s",
            show_key=True,
            on_click=PublishState.open_publish,
            custom_attrs={"data-testid": "open-publish"},
        ),
        class_name="flex-wrap justify-end",
    )


def _model() -> rx.Component:
    return row(
        model_tile(EditorState.letter, size="large"),
        rx.el.div(
            row(
                rx.el.h2(EditorState.title, class_name="fb-title fb-cut", title=EditorState.title),
                rx.cond(
                    EditorState.enabled,
                    chip(t("model_editor.enabled"), tone="good", dot=True),
                    chip(t("model_editor.disabled"), tone="neutral", dot=True),
                ),
            ),
            rx.el.p(
                rx.el.span(EditorState.upstream, class_name="fb-mono"),
                " · ",
                rx.match(
                    EditorState.modality,
                    *[(one, t(f"model_editor.modality.{one}").lower()) for one in MODALITIES],
                    "",
                ),
                rx.cond(EditorState.route_words != "", " · " + EditorState.route_words, ""),
                class_name="fb-small fb-cut",
            ),
            class_name="min-w-0",
        ),
        class_name="flex-1 gap-3",
    )


def _counter(words: Any, shape: str, on_click: Any) -> rx.Component:
    return rx.el.button(
        chip(words, tone="loss", icon_name=shape),
        type="button",
        class_name="fb-chip-button",
        on_click=on_click,
    )


def _discard() -> rx.Component:
    return dialog(
        rx.el.p(t("model_editor.discard_words")),
        title=t("model_editor.discard_title"),
        trigger=icon_button("trash-2", t("model_editor.discard")),
        footer=[
            closes(button(t("model_editor.publish.keep_editing"))),
            closes(button(t("model_editor.discard"), kind="solid", on_click=EditorState.discard)),
        ],
    )
