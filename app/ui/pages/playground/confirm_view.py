"""The dialog that asks before something costly runs, and how often a person wants to be asked."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, dialog, field, keys, segmented, var
from app.ui.pages.playground.confirm import CHOICES
from app.ui.pages.playground.form_state import FormState
from app.ui.pages.playground.work_state import WorkState

FORM = var(FormState)
WORK = var(WorkState)


def confirm_dialog() -> rx.Component:
    """Driven by the question; Esc and the cross answer no."""
    asked = FORM.question
    return dialog(
        rx.el.p(asked["text"], custom_attrs={"data-testid": "confirm-question"}),
        field(
            t("playground.confirm.ask"),
            segmented(
                [(one, t(f"playground.confirm.{one}")) for one in CHOICES],
                value=FORM.confirm_choice,
                on_change=FORM.choose_confirm,
                label=t("playground.confirm.ask"),
            ),
        ),
        title=t("playground.confirm.title"),
        footer=[
            button(t("playground.confirm.keep"), on_click=FORM.answer_no, custom_attrs={"data-testid": "confirm-no"}),
            button(
                asked["button"],
                kind="solid",
                on_click=WORK.run_confirmed(asked["ticket"]),
                auto_focus=True,  # ↵ goes on, Esc does not
                custom_attrs={"data-testid": "confirm-yes"},
            ),
        ],
        footnote=rx.el.span(
            keys("enter"),
            " ",
            t("playground.confirm.key_yes"),
            " · ",
            keys("esc"),
            " ",
            t("playground.confirm.key_no"),
            class_name="fb-wide-only",
        ),
        is_open=asked["ticket"] != "",
        on_open_change=FORM.answer_no,
    )
