"""The operator's own tax rates drawn: those in force and past, the dialog that adds one, the question that ends one."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, chip, column, decision, dialog, icon_button, notice, panel, row, var
from app.ui.pages.admin_settings.fields import named_fields
from app.ui.pages.admin_settings.payments_state import RATE_FIELDS, PaymentsState


def rates_panel() -> rx.Component:
    nothing = rx.el.p(t("admin_settings.rates.none"), class_name="fb-text-2 p-4")
    filled = rx.el.ul(rx.foreach(PaymentsState.rates, _rate), class_name="fb-entries")
    return panel(
        t("admin_settings.rates.title"),
        rx.cond(var(PaymentsState.rates).length() > 0, filled, nothing),
        detail=t("admin_settings.rates.detail"),
        actions=[button(t("admin_settings.rates.add"), icon_name="plus", on_click=var(PaymentsState.add_opened)(True))],
        flush=True,
    )


def _rate(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                row(
                    rx.el.span(one["place"], class_name="fb-mono fb-medium"),
                    rx.el.span(one["type"]),
                    rx.cond(one["in_force"], None, chip(t("admin_settings.rates.over"))),
                ),
                rx.el.span(
                    one["when"],
                    rx.cond(one["note"] != "", rx.el.span(" · ", one["note"])),
                    class_name="fb-small fb-cut",
                ),
                class_name="flex-1",
            ),
            rx.el.b(one["rate"], class_name="fb-num"),
            rx.cond(
                one["in_force"],
                icon_button("ban", t("admin_settings.rates.revoke"), on_click=var(PaymentsState.ask_revoke)(one["id"])),
            ),
            class_name="fb-entry",
        ),
        key=one["id"],
    )


def rates_dialogs() -> rx.Component:
    return rx.fragment(_add_rate(), _revoke())


def _add_rate() -> rx.Component:
    return dialog(
        column(
            rx.cond(PaymentsState.rate_errors[""] != "", notice(PaymentsState.rate_errors[""])),
            *named_fields(
                "rates",
                RATE_FIELDS,
                PaymentsState.rate,
                PaymentsState.rate_errors,
                var(PaymentsState.write_rate),
                day="since",
            ),
            class_name="gap-[14px]",
        ),
        title=t("admin_settings.rates.add"),
        is_open=PaymentsState.adding,
        on_open_change=PaymentsState.add_opened,
        footer=decision(t("admin_settings.rates.add"), PaymentsState.add_rate),
    )


def _revoke() -> rx.Component:
    return dialog(
        rx.el.p(PaymentsState.revoking_words, class_name="fb-strong"),
        rx.el.p(t("admin_settings.rates.revoke_words"), class_name="mt-2"),
        title=t("admin_settings.rates.revoke"),
        is_open=PaymentsState.revoking != "",
        on_open_change=PaymentsState.revoke_opened,
        footer=decision(t("admin_settings.rates.revoke"), PaymentsState.revoke, leave=t("admin_settings.keep")),
    )
