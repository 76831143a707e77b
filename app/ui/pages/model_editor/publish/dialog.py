"""The publish dialog: what changes for whom, the worst margins first, the sign-off, the note."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, check, chip, decision, dialog, field, icon, notice, row, segmented, var
from app.ui.components.typed import typed_input
from app.ui.pages.model_editor.publish.state import FILTERS, PublishState
from app.ui.pages.model_editor.state import EditorState


def publish_dialog() -> rx.Component:
    shown = PublishState.assessed
    return dialog(
        _strip(shown),
        _table_head(shown),
        _table(shown),
        rx.cond(var(shown.losses).length() > 0, _sign_off(shown)),
        rx.cond(PublishState.refusal != "", _refusal()),
        _note(),
        title=PublishState.heading,
        detail=shown.detail,
        size="wide",
        is_open=PublishState.is_open,
        on_open_change=PublishState.set_open,
        footnote=rx.el.span(
            icon("lock", 14), t("model_editor.publish.running"), class_name="inline-flex items-center gap-2"
        ),
        footer=decision(
            PublishState.act, PublishState.publish, leave=_leave(), busy=PublishState.publishing, test_id="publish"
        ),
    )


def _leave() -> Any:
    return rx.cond(PublishState.restores > 0, t("common.close"), t("model_editor.publish.keep_editing"))


def _strip(shown: Any) -> rx.Component:
    return rx.el.dl(
        _figure(t("model_editor.publish.cheaper"), shown.cheaper, shown.cheaper_words),
        _figure(t("model_editor.publish.dearer"), shown.dearer, shown.dearer_words),
        _figure(t("model_editor.publish.unchanged"), shown.unchanged, ""),
        rx.cond(shown.fresh != "0", _figure(t("model_editor.publish.fresh"), shown.fresh, "")),
        _figure(t("model_editor.publish.margin"), shown.margin, shown.margin_words),
        class_name="fb-publish-strip",
    )


def _figure(label: str, figure: Any, caption: Any) -> rx.Component:
    return rx.el.div(
        rx.el.dt(label, class_name="fb-small"),
        rx.el.dd(figure, class_name="fb-total fb-num"),
        rx.el.dd(caption, class_name="fb-small fb-num"),
        class_name="fb-publish-figure",
    )


def _table_head(shown: Any) -> rx.Component:
    return row(
        segmented(
            [(name, shown.filters[name]) for name in FILTERS],
            value=PublishState.chosen,
            on_change=PublishState.choose_filter,
            label=t("model_editor.publish.filter"),
            small=True,
            full=False,
        ),
        rx.el.span(shown.cost_words, class_name="fb-small flex-1 text-right fb-cut"),
        class_name="flex-wrap",
    )


def _table(shown: Any) -> rx.Component:
    return rx.el.div(
        rx.el.table(
            rx.el.thead(
                rx.el.tr(
                    rx.foreach(shown.axes, lambda name: rx.el.th(name, scope="col", class_name="fb-mono")),
                    rx.cond(
                        var(shown.axes).length() == 0, rx.el.th(t("model_editor.publish.combination"), scope="col")
                    ),
                    rx.el.th(_version(EditorState.live_number), scope="col", class_name="fb-right"),
                    rx.el.th(_version(EditorState.next_number), scope="col", class_name="fb-right"),
                    rx.el.th(t("model_editor.publish.change"), scope="col", class_name="fb-right"),
                    rx.el.th(
                        t("model_editor.publish.margin") + " ",
                        _version(EditorState.live_number),
                        scope="col",
                        class_name="fb-right",
                    ),
                    rx.el.th(
                        t("model_editor.publish.margin") + " ",
                        _version(EditorState.next_number),
                        scope="col",
                        class_name="fb-right",
                    ),
                )
            ),
            rx.el.tbody(rx.foreach(shown.rows, change_line)),
            class_name="fb-table",
            custom_attrs={"aria-label": t("model_editor.publish.table")},
        ),
        rx.cond(
            shown.more > 0,
            row(
                rx.el.span(shown.more.to(str) + " " + t("model_editor.publish.more"), class_name="fb-small flex-1"),
                rx.el.button(
                    t("model_editor.publish.show_all"),
                    type="button",
                    class_name="fb-text-button",
                    on_click=PublishState.show_all,
                ),
                class_name="fb-publish-more",
            ),
        ),
        class_name="fb-card fb-publish-table fb-scroll",
    )


def change_line(one: Any) -> rx.Component:
    """One combination before and after."""
    return rx.el.tr(
        rx.foreach(one["values"], lambda value: rx.el.td(value, class_name="fb-mono")),
        rx.el.td(one["old"], class_name="fb-num fb-right fb-text-2"),
        rx.el.td(one["new"], class_name="fb-num fb-right fb-strong"),
        rx.el.td(one["change"], class_name="fb-num fb-right"),
        rx.el.td(one["old_margin"], class_name="fb-num fb-right fb-text-2"),
        rx.el.td(chip(one["new_margin"], tone=one["tone"]), class_name="fb-num fb-right"),
        custom_attrs={"data-wrong": rx.cond(one["tone"] == "loss", "true", "false")},
    )


def _version(number: Any) -> Any:
    return rx.cond(number > 0, "v" + number.to(str), t("model_editor.publish.before"))


def _sign_off(shown: Any) -> rx.Component:
    many = var(shown.losses).length()
    return rx.el.div(
        rx.cond(
            many == 1,
            check(
                shown.losses[0]["label"],
                checked=PublishState.signed,
                on_change=PublishState.sign,
                detail=shown.losses[0]["detail"] + " " + t("model_editor.publish.recorded"),
            ),
            rx.fragment(
                check(
                    t("model_editor.publish.sign_many"),
                    checked=PublishState.signed,
                    on_change=PublishState.sign,
                    detail=t("model_editor.publish.recorded"),
                ),
                rx.el.ul(
                    rx.foreach(
                        shown.losses,
                        lambda one: rx.el.li(rx.el.span(one["name"], class_name="fb-mono"), " ", one["detail"]),
                    ),
                    class_name="fb-sign-list fb-scroll",
                ),
            ),
        ),
        rx.cond(
            PublishState.sign_problem != "",
            rx.el.p(
                icon("circle-alert", 13),
                rx.el.span(PublishState.sign_problem),
                class_name="fb-field-error",
                role="alert",
            ),
        ),
        class_name="fb-notice fb-sign-off",
        custom_attrs={"data-tone": "loss", "data-testid": "sign-off"},
    )


def _refusal() -> rx.Component:
    return notice(
        PublishState.refusal,
        rx.cond(
            PublishState.is_stale,
            button(t("model_editor.publish.on_top"), size="small", on_click=PublishState.continue_on_top),
        ),
    )


def _note() -> rx.Component:
    return rx.el.div(
        field(
            t("model_editor.publish.note"),
            typed_input(
                value=PublishState.note,
                on_change=PublishState.set_note,
                id="publish-note",
                placeholder=t("model_editor.publish.note_example"),
                invalid=PublishState.note_problem != "",
                delay=120,
            ),
            error=PublishState.note_problem,
            for_id="publish-note",
        ),
        rx.cond(
            PublishState.can_open,
            check(
                t("model_editor.publish.open_too"),
                checked=PublishState.opens_too,
                on_change=PublishState.set_opens_too,
                detail=t("model_editor.publish.open_too_hint"),
            ),
        ),
        class_name="fb-publish-note",
    )
