"""Exchange rates drawn: the newest of them, and the dialog that adds one."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, column, decision, dialog, notice, panel, row, var
from app.ui.pages.admin_settings.fields import named_fields
from app.ui.pages.admin_settings.fx_state import FIELDS, FxState


def fx_panel() -> rx.Component:
    nothing = rx.el.p(t("admin_settings.fx.none"), class_name="fb-text-2 p-4")
    filled = rx.el.ul(rx.foreach(FxState.rates, _rate), class_name="fb-entries")
    return panel(
        t("admin_settings.fx.title"),
        rx.cond(var(FxState.rates).length() > 0, filled, nothing),
        detail=t("admin_settings.fx.detail"),
        actions=[button(t("admin_settings.fx.add"), icon_name="plus", on_click=var(FxState.opened)(True))],
        flush=True,
    )


def _rate(one: Any) -> rx.Component:
    return rx.el.li(
        row(
            column(
                rx.el.span(one["pair"], class_name="fb-medium"),
                rx.el.span(one["when"], " · ", one["source"], class_name="fb-small fb-cut"),
                class_name="flex-1",
            ),
            rx.el.b(one["rate"], class_name="fb-num"),
            class_name="fb-entry",
        ),
        key=one["pair"] + one["when"],
    )


def fx_dialog() -> rx.Component:
    return dialog(
        column(
            rx.cond(FxState.errors[""] != "", notice(FxState.errors[""])),
            *named_fields("fx", FIELDS, FxState.values, FxState.errors, var(FxState.write), day="on"),
            class_name="gap-[14px]",
        ),
        title=t("admin_settings.fx.add"),
        is_open=FxState.adding,
        on_open_change=FxState.opened,
        footer=decision(t("admin_settings.fx.add"), FxState.add),
    )
