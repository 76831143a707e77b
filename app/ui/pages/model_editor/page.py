"""`/admin/models/[id]`: one model from its provider to its price, with what every combination earns."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    closes,
    dialog,
    empty_state,
    icon_button,
    link_button,
    model_tile,
    notice,
    row,
    skeleton,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.model_editor.details_tab import details_tab
from app.ui.pages.model_editor.offering import offer_dialog
from app.ui.pages.model_editor.parameters_tab import parameters_tab
from app.ui.pages.model_editor.pricing_state import on
from app.ui.pages.model_editor.pricing_tab import pricing_tab
from app.ui.pages.model_editor.publish_dialog import publish_dialog
from app.ui.pages.model_editor.publish_state import PublishState
from app.ui.pages.model_editor.routing_tab import routing_tab
from app.ui.pages.model_editor.state import TABS, EditorState
from app.ui.pages.model_editor.versions_tab import versions_tab
from app.ui.roles import Role


@page("/admin/models/[id]", title=t("model_editor.title"), role=Role.OPERATOR, on_load=EditorState.load)
def model_editor() -> rx.Component:
    return shell(
        rx.cond(
            EditorState.missing != "",
            empty_state(
                "box",
                t("model_editor.missing"),
                EditorState.missing,
                link_button(t("model_editor.all_models"), href="/admin/models"),
            ),
            rx.cond(EditorState.ready, _editor(), _waiting()),
        ),
        here="admin_models",
        title=rx.match(EditorState.tab, *[(tab, t(f"model_editor.tab.{tab}")) for tab in TABS], ""),
        area=Role.OPERATOR,
        crumbs=[(t("model_editor.models"), "/admin/models"), (EditorState.alias, None)],
        kind="editor",
        bleed=True,
    )


def _editor() -> rx.Component:
    return rx.fragment(
        _header(),
        _tabs(),
        rx.cond(
            EditorState.stale_words != "",
            rx.el.div(
                notice(
                    EditorState.stale_words,
                    button(t("model_editor.publish.on_top"), size="small", on_click=EditorState.catch_up),
                    button(t("model_editor.discard"), kind="ghost", size="small", on_click=EditorState.discard),
                    tone="thin",
                ),
                class_name="px-5 py-2",
            ),
        ),
        rx.match(
            EditorState.tab,
            ("details", details_tab()),
            ("parameters", parameters_tab()),
            ("pricing", pricing_tab()),
            ("routing", routing_tab()),
            ("versions", versions_tab()),
            rx.fragment(),
        ),
        publish_dialog(),
        offer_dialog(),
    )


def _header() -> rx.Component:
    return rx.el.header(
        row(
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
                        EditorState.modality, *[(one, t(f"model_editor.modality.{one}")) for one in MODALITIES], ""
                    ),
                    rx.cond(EditorState.route_words != "", " · " + EditorState.route_words, ""),
                    class_name="fb-small fb-cut",
                ),
                class_name="min-w-0",
            ),
            class_name="flex-1 gap-3",
        ),
        row(
            rx.cond(
                EditorState.save_problem != "",
                rx.el.span(EditorState.save_problem, class_name="fb-loss fb-small", role="alert"),
                rx.el.span(
                    EditorState.draft_words, class_name="fb-small fb-num", custom_attrs={"data-testid": "draft-state"}
                ),
            ),
            rx.cond(
                EditorState.error_words != "",
                _counter(EditorState.error_words, "circle-alert", EditorState.first_error),
            ),
            rx.cond(
                EditorState.loss_words != "", _counter(EditorState.loss_words, "trending-down", EditorState.open_loss)
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
        ),
        class_name="fb-editor-head",
    )


MODALITIES = ("image", "video", "audio", "text", "world")


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


def _tabs() -> rx.Component:
    counts = {
        "parameters": EditorState.parameter_count,
        "routing": EditorState.route_count,
        "versions": EditorState.version_count,
    }
    return rx.el.nav(
        *[
            rx.el.button(
                t(f"model_editor.tab.{tab}"),
                rx.el.span(counts[tab], class_name="fb-tab-count fb-num") if tab in counts else None,
                type="button",
                role="tab",
                class_name="fb-tab",
                on_click=on.choose_tab(tab),
                custom_attrs={"aria-selected": rx.cond(EditorState.tab == tab, "true", "false")},
            )
            for tab in TABS
        ],
        class_name="fb-tabs",
        role="tablist",
        custom_attrs={"aria-label": t("model_editor.title")},
    )


def _waiting() -> rx.Component:
    return rx.el.div(
        rx.el.div(skeleton("240px", "22px"), skeleton("320px"), class_name="fb-editor-head flex-col gap-3"),
        rx.el.div(*[skeleton("90%", "28px") for _ in range(6)], class_name="flex flex-col gap-4 p-5"),
        custom_attrs={"aria-busy": "true", "aria-label": t("common.loading")},
    )
