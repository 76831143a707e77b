"""The card about the low balance alert, and the dialog that sets it."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, card, decision, dialog, field, icon_tile, loaded, row, typed_input, var
from app.ui.pages.balance.alert_state import AlertOwnerState, AlertState

OWNER = var(AlertOwnerState)


def alert_card() -> rx.Component:
    return card(
        row(
            icon_tile("bell", tone=rx.cond(AlertState.is_on, "thin", "neutral")),
            rx.el.div(
                rx.el.p(t("balance.alert.title"), class_name="fb-strong"),
                loaded(AlertState.ready, rx.el.p(AlertState.words, class_name="fb-small fb-num"), width="14em"),
                class_name="flex-1 min-w-0",
            ),
            rx.cond(
                AlertState.may_edit,
                rx.fragment(
                    rx.cond(
                        AlertState.is_on,
                        button(t("balance.alert.edit"), size="small", on_click=OWNER.open_edit(True)),
                    ),
                    rx.switch(
                        checked=AlertState.is_on,
                        on_change=OWNER.switch,
                        size="2",
                        custom_attrs={"aria-label": t("balance.alert.label")},
                    ),
                ),
            ),
            class_name="gap-3",
        ),
        class_name="fb-side-card",
        custom_attrs={"data-testid": "low-balance"},
    )


def alert_dialog() -> rx.Component:
    return dialog(
        field(
            t("balance.alert.threshold"),
            typed_input(
                value=OWNER.threshold,
                on_change=OWNER.write,
                id="alert-threshold",
                input_mode="decimal",
                after=t("common.credits"),
                invalid=OWNER.error != "",
            ),
            error=OWNER.error,
            for_id="alert-threshold",
        ),
        title=t("balance.alert.title"),
        detail=t("balance.alert.detail"),
        is_open=OWNER.is_open,
        on_open_change=OWNER.open_edit,
        footer=decision(t("balance.alert.save"), OWNER.save),
    )
