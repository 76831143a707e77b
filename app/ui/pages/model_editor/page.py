"""`/admin/models/[id]`: one model from its provider to its price, with what every combination earns."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    empty_state,
    link_button,
    notice,
    skeleton,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.model_editor.details.tab import details_tab
from app.ui.pages.model_editor.header import header
from app.ui.pages.model_editor.offering import offer_dialog
from app.ui.pages.model_editor.parameters.tab import parameters_tab
from app.ui.pages.model_editor.pricing.tab import pricing_tab
from app.ui.pages.model_editor.publish.dialog import publish_dialog
from app.ui.pages.model_editor.routing.tab import routing_tab
from app.ui.pages.model_editor.state import TABS, EditorState, on
from app.ui.pages.model_editor.versions.tab import versions_tab
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
        header(),
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


def _tabs() -> rx.Component:
    counts = {
        "parameters": EditorState.parameters.count,
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
