"""The Versions tab: who published what when and why, what it changed, and the way back."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, chip, column, empty_state, row, var
from app.ui.pages.model_editor.publish.state import PublishState
from app.ui.pages.model_editor.publish.state import on as publish_on
from app.ui.pages.model_editor.versions.state import VersionsState, on


def versions_tab() -> rx.Component:
    return rx.el.div(
        rx.cond(
            var(VersionsState.versions).length() > 0,
            rx.fragment(
                rx.el.div(
                    rx.foreach(VersionsState.versions, _version),
                    class_name="fb-version-list fb-scroll",
                    role="list",
                    custom_attrs={"aria-label": t("model_editor.tab.versions")},
                ),
                rx.el.div(_looked_at(), class_name="fb-version-detail fb-scroll", tab_index=-1),
            ),
            empty_state(
                "history",
                t("model_editor.versions.empty"),
                t("model_editor.versions.empty_words"),
                button(t("model_editor.publish_version"), kind="solid", on_click=PublishState.open_publish),
            ),
        ),
        class_name="fb-versions",
        on_mount=VersionsState.load_versions,
    )


def _version(one: Any) -> rx.Component:
    return rx.el.button(
        row(
            rx.el.span(one["label"], class_name="fb-strong fb-num"),
            rx.cond(one["is_live"], chip(t("model_editor.versions.live"), tone="good", dot=True)),
            rx.cond(one["restored"] != "", chip(one["restored"], tone="outline")),
            rx.cond(one["signed"] != "", chip(one["signed"], tone="loss")),
            rx.el.span(class_name="flex-1"),
            rx.el.span(one["when"], class_name="fb-small fb-num", title=one["full_when"]),
        ),
        rx.el.span(one["note"], class_name="fb-version-note"),
        rx.el.span(one["author"] + " · " + one["changes"], class_name="fb-small fb-cut"),
        type="button",
        class_name="fb-version",
        on_click=on.look_at(one["number"]),
        custom_attrs={
            "aria-current": rx.cond(VersionsState.looked_at == one["number"], "true", "false"),
            "data-testid": "version",
        },
    )


def _looked_at() -> rx.Component:
    shown: Any = VersionsState.looked
    return column(
        row(
            rx.el.div(
                rx.el.h2(t("model_editor.versions.version") + " " + shown["number"].to(str), class_name="fb-title"),
                rx.el.p(shown["author"] + ", " + shown["full_when"], class_name="fb-small"),
                class_name="flex-1 min-w-0",
            ),
            rx.cond(
                shown["is_live"],
                rx.el.span(t("model_editor.versions.is_live"), class_name="fb-small"),
                button(
                    t("model_editor.versions.restore"),
                    icon_name="undo-2",
                    on_click=publish_on.open_restore(shown["number"]),
                    custom_attrs={"data-testid": "restore"},
                ),
            ),
        ),
        rx.el.p(shown["note"]),
        rx.cond(
            var(VersionsState.diff).length() > 0,
            rx.el.div(rx.foreach(VersionsState.diff, _line), class_name="fb-diff fb-mono"),
            rx.el.p(t("model_editor.versions.same"), class_name="fb-text-2"),
        ),
        rx.cond(
            var(VersionsState.past).length() > 0,
            rx.el.div(
                rx.el.table(
                    rx.el.thead(
                        rx.el.tr(
                            rx.el.th(t("model_editor.publish.combination"), scope="col"),
                            rx.el.th(t("model_editor.versions.before"), scope="col", class_name="fb-right"),
                            rx.el.th(t("model_editor.versions.after"), scope="col", class_name="fb-right"),
                            rx.el.th(t("model_editor.publish.change"), scope="col", class_name="fb-right"),
                            rx.el.th(t("model_editor.publish.margin"), scope="col", class_name="fb-right"),
                        )
                    ),
                    rx.el.tbody(rx.foreach(VersionsState.past, _past)),
                    class_name="fb-table",
                    custom_attrs={"aria-label": t("model_editor.publish.table")},
                ),
                class_name="fb-card fb-table-box",
            ),
        ),
        class_name="gap-4",
    )


def _line(one: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(one["mark"], class_name="fb-diff-mark"),
        rx.el.span(one["text"]),
        class_name="fb-diff-line",
        custom_attrs={"data-kind": one["kind"]},
    )


def _past(one: Any) -> rx.Component:
    return rx.el.tr(
        rx.el.td(one["name"], class_name="fb-mono"),
        rx.el.td(one["old"], class_name="fb-num fb-right fb-text-2"),
        rx.el.td(one["new"], class_name="fb-num fb-right fb-strong"),
        rx.el.td(one["change"], class_name="fb-num fb-right"),
        rx.el.td(chip(one["margin"], tone=one["tone"]), class_name="fb-num fb-right"),
    )
