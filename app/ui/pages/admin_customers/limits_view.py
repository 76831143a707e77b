"""The customer's limits: a card that says them, and the dialog that changes them."""

import reflex as rx

from app.kernel.text import t
from app.ui.allowance_view import alert_field, limit_fields, models_field
from app.ui.components import button, decision, dialog, notice, panel, var
from app.ui.pages.admin_customers.limits_state import CustomerLimitsState

LIMITS = var(CustomerLimitsState)


def limits_card() -> rx.Component:
    return panel(
        t("admin_customers.limits.title"),
        rx.el.p(LIMITS.summary, class_name="fb-medium"),
        rx.el.p(LIMITS.spent, class_name="fb-small"),
        detail=t("admin_customers.limits.detail"),
        actions=[button(t("admin_customers.limits.change"), size="small", icon_name="gauge", on_click=LIMITS.begin)],
        custom_attrs={"data-testid": "limits"},
    )


def limits_dialog() -> rx.Component:
    return dialog(
        rx.cond(LIMITS.errors[""] != "", notice(LIMITS.errors[""], tone="loss")),
        rx.el.form(
            limit_fields(LIMITS.form, LIMITS.errors, LIMITS.write, "workspace"),
            alert_field(LIMITS.alert, LIMITS.choose_alert),
            models_field(
                LIMITS.every_model,
                LIMITS.models,
                LIMITS.choose_every,
                LIMITS.choose_model,
                LIMITS.errors["allowed_models"],
            ),
            class_name="fb-limits-form",
            on_submit=LIMITS.save,
        ),
        rx.cond(LIMITS.warning != "", notice(LIMITS.warning, tone="thin")),
        title=t("admin_customers.limits.dialog"),
        detail=t("admin_customers.limits.words"),
        footer=decision(
            rx.cond(LIMITS.warning != "", t("admin_customers.limits.anyway"), t("admin_customers.limits.submit")),
            LIMITS.save,
        ),
        is_open=LIMITS.open,
        on_open_change=LIMITS.opened,
    )
