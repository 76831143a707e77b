"""The request as a program, ready to copy."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import card, check, copy_button, row, segmented, var
from app.ui.pages.playground.form_state import FormState

FORM = var(FormState)


def snippet() -> rx.Component:
    """Tabs, "dryRun first", Copy, and the program."""
    return rx.cond(
        FORM.code_text != "",
        card(
            row(
                segmented(
                    [("curl", "curl"), ("python", "Python"), ("node", "Node")],
                    value=FORM.language,
                    on_change=FORM.set_language,
                    label=t("playground.snippet.language"),
                    small=True,
                    full=False,
                ),
                rx.el.span(class_name="flex-1"),
                check(t("playground.snippet.dry_first"), checked=FORM.dry_first, on_change=FORM.set_dry_first),
                copy_button(FORM.code_text),
                class_name="fb-snippet-head flex-wrap",
            ),
            rx.el.pre(
                rx.el.code(rx.foreach(FORM.code, _piece), custom_attrs={"data-testid": "snippet"}),
                class_name="fb-snippet-code fb-scroll",
                tab_index=0,
                custom_attrs={"aria-label": t("playground.snippet.label")},
            ),
            class_name="fb-snippet",
        ),
    )


def _piece(piece: Any) -> rx.Component:
    return rx.el.span(piece["text"], custom_attrs={"data-code": piece["tone"]})
