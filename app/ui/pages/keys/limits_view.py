"""The dialogs of a key's limits and of its new secret."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.allowance_view import alert_field, limit_fields, models_field
from app.ui.components import (
    button,
    copy_button,
    decision,
    dialog,
    field,
    notice,
    row,
    segmented,
    switch_row,
    text_input,
    var,
)
from app.ui.pages.keys.limits_state import GRACE, KeyLimitsState, KeyRotationState

LIMITS = var(KeyLimitsState)
ROTATION = var(KeyRotationState)


def limits_dialog() -> rx.Component:
    return dialog(
        rx.cond(LIMITS.errors[""] != "", notice(LIMITS.errors[""], tone="loss")),
        rx.el.form(
            limit_fields(LIMITS.form, LIMITS.errors, LIMITS.write, "key"),
            alert_field(LIMITS.alert, LIMITS.choose_alert),
            models_field(
                LIMITS.every_model,
                LIMITS.models,
                LIMITS.choose_every,
                LIMITS.choose_model,
                LIMITS.errors["allowed_models"],
            ),
            field(
                t("keys.limits.expires"),
                text_input(
                    id="key-expires",
                    type="date",
                    default_value=LIMITS.expires,
                    on_change=LIMITS.write_expiry,
                    custom_attrs={"aria-invalid": rx.cond(LIMITS.errors["expires_at"] != "", "true", "false")},
                ),
                hint=t("keys.limits.expires_hint"),
                error=LIMITS.errors["expires_at"],
                for_id="key-expires",
            ),
            switch_row(
                t("keys.limits.payloads"),
                checked=LIMITS.payloads,
                on_change=LIMITS.choose_payloads,
                detail=t("keys.limits.payloads_words"),
            ),
            switch_row(
                t("keys.limits.webhooks"),
                checked=LIMITS.webhooks,
                on_change=LIMITS.choose_webhooks,
                detail=t("keys.limits.webhooks_words"),
            ),
            key=LIMITS.editing,
            class_name="fb-limits-form",
            on_submit=LIMITS.save,
        ),
        rx.cond(LIMITS.warning != "", notice(LIMITS.warning, tone="thin")),
        title=_titled("keys.limits.title", LIMITS.subject),
        detail=t("keys.limits.detail"),
        footer=decision(rx.cond(LIMITS.warning != "", t("keys.limits.anyway"), t("keys.limits.submit")), LIMITS.save),
        is_open=LIMITS.editing != "",
        on_open_change=LIMITS.close_limits,
    )


def rotate_dialog() -> rx.Component:
    made = ROTATION.secret != ""
    graces = [(word, t(f"keys.rotate.{word}")) for word in GRACE]
    ask = rx.fragment(
        rx.cond(ROTATION.error != "", notice(ROTATION.error, tone="loss")),
        field(
            t("keys.rotate.grace"),
            segmented(graces, value=ROTATION.grace, on_change=ROTATION.choose_grace, label=t("keys.rotate.grace")),
        ),
        rx.cond(ROTATION.grace == "now", notice(t("keys.rotate.at_once"), tone="thin")),
    )
    shown = rx.fragment(
        field(
            t("keys.made.label"),
            row(
                rx.el.code(
                    ROTATION.secret, class_name="fb-secret fb-mono", custom_attrs={"data-testid": "rotated-secret"}
                ),
                copy_button(ROTATION.secret, t("keys.made.copy"), small=False),
                class_name="flex-wrap",
            ),
        ),
        field(
            t("keys.made.example"),
            rx.el.pre(ROTATION.example, class_name="fb-code fb-scroll", tab_index=0),
            aside=copy_button(ROTATION.example, t("keys.made.copy_example")),
        ),
    )
    return dialog(
        rx.cond(made, shown, ask),
        title=_titled("keys.rotate.title", ROTATION.subject),
        detail=rx.cond(made, t("keys.made.warning"), t("keys.rotate.detail")),
        footer=[
            rx.cond(
                made,
                button(t("keys.made.done"), kind="solid", on_click=ROTATION.close_rotate(False)),
                rx.fragment(*decision(t("keys.rotate.submit"), ROTATION.rotate, icon_name="refresh-cw")),
            )
        ],
        is_open=ROTATION.rotating != "",
        on_open_change=ROTATION.close_rotate,
    )


def _titled(key: str, subject: Any) -> Any:
    before, _, after = t(key, name="\n").partition("\n")
    return rx.Var.create(before) + subject + after
