"""The fields of what a key or a workspace may use, for the dialogs that change it."""

from collections.abc import Callable
from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.allowance_form import ALERTS, BUDGETS
from app.ui.components import check, field, segmented, switch_row, text_input


def limit_fields(form: Any, errors: Any, write: Callable[[str, Any], Any], prefix: str) -> rx.Component:
    """Five figures in three rows; `write(name, text)` hears what is typed."""

    def one(name: str) -> rx.Component:
        is_budget = name in BUDGETS
        return field(
            t(f"allowance.{name}"),
            text_input(
                id=f"{prefix}-{name}",
                default_value=form[name],
                on_change=lambda text: write(name, text),
                input_mode="decimal" if is_budget else "numeric",
                auto_complete="off",
                placeholder=t("allowance.no_limit"),
                after=t("common.credits") if is_budget else None,
                custom_attrs={"aria-invalid": rx.cond(errors[name] != "", "true", "false")},
            ),
            error=errors[name],
            for_id=f"{prefix}-{name}",
        )

    return rx.fragment(
        rx.el.div(one("requests_per_minute"), one("tokens_per_minute"), class_name="fb-form-pair"),
        rx.el.div(one("credits_per_day_micros"), one("credits_per_month_micros"), class_name="fb-form-pair"),
        rx.el.div(one("concurrent_jobs"), rx.el.span(), class_name="fb-form-pair"),
        rx.el.p(t("allowance.words"), class_name="fb-small"),
    )


def alert_field(value: Any, on_change: Any) -> rx.Component:
    """Where a budget tells its owners."""
    options = [(choice, t(f"allowance.alert.{choice}")) for choice in ALERTS]
    return field(
        t("allowance.alert.label"),
        segmented(options, value=value, on_change=on_change, label=t("allowance.alert.label")),
        hint=t("allowance.alert.hint"),
    )


def models_field(
    every: Any, choices: Any, choose_every: Any, choose: Callable[[Any, Any], Any], error: Any
) -> rx.Component:
    """Every model, or those that are ticked."""
    return rx.fragment(
        switch_row(
            t("allowance.models.every"),
            checked=every,
            on_change=choose_every,
            detail=t("allowance.models.every_words"),
        ),
        rx.cond(
            every,
            rx.fragment(),
            field(
                t("allowance.models.which"),
                rx.el.div(
                    rx.foreach(
                        choices,
                        lambda item: check(
                            item["label"], checked=item["chosen"], on_change=lambda on: choose(item["id"], on)
                        ),
                    ),
                    class_name="fb-model-checks fb-scroll",
                    role="group",
                    custom_attrs={"aria-label": t("allowance.models.which")},
                ),
                error=error,
            ),
        ),
    )
