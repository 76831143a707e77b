"""Terms, refund policy and invoice wording, with every version that was accepted."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    column,
    decision,
    dialog,
    field,
    notice,
    panel,
    row,
    skeleton,
    text_area,
    text_input,
    var,
)
from app.ui.pages.admin_settings.terms_state import TermsState

ROWS = {"terms": 12, "refund_policy": 5, "invoice_wording": 2}


def terms_section() -> rx.Component:
    return rx.fragment(
        rx.cond(
            TermsState.ready,
            rx.el.div(_form(), _past(), key=TermsState.stamp, class_name="fb-settings"),
            column(*[skeleton("100%", "60px") for _ in range(3)], class_name="gap-4"),
        ),
        _confirm(),
        _reader(),
    )


def _form() -> rx.Component:
    return panel(
        t("admin_settings.terms.title"),
        column(
            rx.cond(TermsState.errors[""] != "", notice(TermsState.errors[""])),
            rx.cond(TermsState.current == "", notice(t("admin_settings.terms.needed"), tone="thin")),
            *[_text(name, rows) for name, rows in ROWS.items()],
            field(
                t("admin_settings.terms.note"),
                text_input(
                    default_value=TermsState.values["note"],
                    on_change=lambda text: var(TermsState.write)("note", text),
                    id="terms-note",
                ),
                hint=t("admin_settings.terms.note_hint"),
                for_id="terms-note",
            ),
            row(
                rx.el.span(t("admin_settings.terms.keeps"), class_name="fb-small flex-1"),
                button(
                    TermsState.act,
                    kind="solid",
                    on_click=var(TermsState.ask)(True),
                    custom_attrs={"data-testid": "publish-terms"},
                ),
                class_name="flex-wrap",
            ),
            class_name="gap-[14px]",
        ),
        detail=TermsState.current,
    )


def _text(name: str, rows: int) -> rx.Component:
    return field(
        t(f"admin_settings.terms.{name}"),
        text_area(
            default_value=TermsState.values[name],
            on_change=lambda text: var(TermsState.write)(name, text),
            id=f"terms-{name}",
            rows=rows,
        ),
        hint=t(f"admin_settings.terms.{name}_hint"),
        error=TermsState.errors[name],
        for_id=f"terms-{name}",
    )


def _past() -> rx.Component:
    return rx.cond(
        var(TermsState.past).length() > 0,
        panel(
            t("admin_settings.terms.versions"),
            rx.el.ul(rx.foreach(TermsState.past, _version), class_name="fb-entries"),
            flush=True,
        ),
    )


def _version(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                row(
                    rx.el.span(one["name"], class_name="fb-medium"),
                    rx.cond(one["live"], chip(t("admin_settings.terms.live"), tone="good")),
                ),
                rx.el.span(
                    one["who"], rx.cond(one["note"] != "", rx.el.span(" · ", one["note"])), class_name="fb-small fb-cut"
                ),
                class_name="flex-1 min-w-[12rem]",
            ),
            rx.el.span(one["time"], class_name="fb-small fb-num"),
            button(t("admin_settings.terms.read"), size="small", on_click=var(TermsState.read)(one["id"])),
            class_name="fb-entry flex-wrap",
        ),
        key=one["id"],
    )


def _confirm() -> rx.Component:
    return dialog(
        rx.el.p(t("admin_settings.terms.means")),
        title=t("admin_settings.terms.publish_title"),
        is_open=TermsState.confirming,
        on_open_change=TermsState.ask,
        footer=decision(
            TermsState.act, TermsState.publish, leave=t("admin_settings.keep_editing"), test_id="confirm-terms"
        ),
    )


def _reader() -> rx.Component:
    return dialog(
        column(
            *[
                column(
                    rx.el.h3(t(f"admin_settings.terms.{name}"), class_name="fb-strong"),
                    rx.el.p(TermsState.reading_text[name], class_name="fb-message"),
                    class_name="gap-2",
                )
                for name in ROWS
            ],
            class_name="gap-[14px]",
        ),
        title=TermsState.reading,
        size="wide",
        is_open=TermsState.reading != "",
        on_open_change=TermsState.read_opened,
    )
