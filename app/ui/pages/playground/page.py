"""The page: form, result and history side by side, each scrolling alone; one under the other on a phone."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, empty_state, icon_button, row, skeleton, var
from app.ui.components.base import icon
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.playground.confirm_view import confirm_dialog
from app.ui.pages.playground.form_state import FormState
from app.ui.pages.playground.form_view import form
from app.ui.pages.playground.history_view import history_rail, history_sheet
from app.ui.pages.playground.jobs_view import jobs
from app.ui.pages.playground.result_view import coming, phone_card, result
from app.ui.pages.playground.slip_view import notice_line, run_dock
from app.ui.pages.playground.snippet_view import snippet
from app.ui.pages.playground.work_state import WorkState
from app.ui.roles import Role

FORM = var(FormState)
WORK = var(WorkState)


@page("/playground", title=t("playground.title"), role=Role.CUSTOMER, on_load=[FORM.load, WORK.load])
def playground() -> rx.Component:
    return shell(
        rx.cond(FORM.ready & (FORM.alias == ""), _no_models(), _columns()),
        here="playground",
        title=t("playground.title"),
        actions=[_history_button()],
        bleed=True,
    )


def _columns() -> rx.Component:
    return rx.el.div(
        rx.el.section(
            rx.el.div(
                form(phone_card(), jobs(in_form=True)),
                class_name="fb-play-form-scroll fb-scroll",
            ),
            rx.el.div(notice_line(), run_dock(), confirm_dialog(), class_name="fb-play-dock"),
            class_name="fb-play-form",
            custom_attrs={"aria-label": t("playground.form.label")},
        ),
        rx.el.section(
            row(
                icon_button("arrow-left", t("playground.result.back_to_form"), on_click=WORK.close_result),
                rx.el.h2(t("playground.result.label"), class_name="fb-title"),
                class_name="fb-play-result-head",
            ),
            jobs(in_form=False),
            rx.cond(
                WORK.live_id != "",
                coming(),
                rx.cond(WORK.ready, rx.cond(WORK.result["id"] != "", result(), _nothing_yet()), _waiting()),
            ),
            snippet(),
            class_name="fb-play-result fb-scroll",
            custom_attrs={
                "aria-label": t("playground.result.label"),
                "data-open": rx.cond(WORK.is_result_open, "true", "false"),
            },
        ),
        history_rail(),
        class_name="fb-play",
    )


def _nothing_yet() -> rx.Component:
    return rx.el.div(
        empty_state(
            "sparkles",
            t("playground.empty.title"),
            t("playground.empty.sentence"),
            button(t("playground.empty.example"), icon_name="wand-sparkles", on_click=FORM.use_example),
        ),
        class_name="fb-play-empty",
    )


def _waiting() -> rx.Component:
    return rx.el.div(
        skeleton("60%", "1.2em"),
        skeleton("100%", "320px", class_name="fb-play-skeleton"),
        class_name="flex flex-col gap-3",
        custom_attrs={"aria-busy": "true"},
    )


def _no_models() -> rx.Component:
    return empty_state("box", t("playground.no_models.title"), t("playground.no_models.sentence"))


def _history_button() -> rx.Component:
    return rx.fragment(
        rx.el.button(
            icon("history", 15),
            rx.el.span(t("playground.history.title")),
            type="button",
            class_name="fb-button fb-outline fb-size-control fb-play-history-button",
            on_click=WORK.set_history_open(True),
        ),
        history_sheet(),
    )
