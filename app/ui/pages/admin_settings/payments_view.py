"""Stripe's status, the rules for transfers and refunds, and what is asked before a costly run."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    column,
    copyable,
    definition,
    field,
    notice,
    panel,
    row,
    skeleton,
    switch_row,
    text_area,
    text_input,
    var,
)
from app.ui.pages.admin_settings.payments_state import SWITCHES, PaymentsState


def payments_section() -> rx.Component:
    return rx.cond(
        PaymentsState.ready,
        rx.el.div(_stripe(), _transfers(), _returns(), _confirm(), class_name="fb-settings"),
        column(*[skeleton("100%", "60px") for _ in range(3)], class_name="gap-4"),
    )


def _stripe() -> rx.Component:
    """What is set, never the keys themselves."""
    state = PaymentsState.cards
    named = ("off", "unsigned", "test", "live")
    tones = {"off": "neutral", "unsigned": "loss", "test": "thin", "live": "good"}
    return panel(
        t("admin_settings.stripe.title"),
        column(
            rx.el.p(
                rx.match(state, *[(name, t(f"admin_settings.stripe.means_{name}")) for name in named], ""),
                class_name="fb-text-2",
            ),
            rx.cond(
                state != "off",
                column(
                    definition(t("admin_settings.stripe.account"), PaymentsState.stripe_where),
                    definition(t("admin_settings.stripe.secrets"), PaymentsState.secrets),
                    definition(t("admin_settings.stripe.webhook"), copyable(PaymentsState.webhook)),
                ),
            ),
            class_name="gap-[10px]",
        ),
        actions=[
            rx.match(
                state,
                *[(name, chip(t(f"admin_settings.stripe.state_{name}"), tone=tones[name])) for name in named],
                rx.fragment(),
            )
        ],
        custom_attrs={"data-testid": "stripe"},
    )  # fmt: skip


def _transfers() -> rx.Component:
    return panel(
        t("admin_settings.payments.title"),
        rx.el.div(
            rx.cond(PaymentsState.errors[""] != "", notice(PaymentsState.errors[""])),
            switch_row(
                t("admin_settings.payments.offer"),
                detail=t("admin_settings.payments.offer_hint"),
                checked=PaymentsState.transfers,
                on_change=PaymentsState.switch_transfers,
            ),
            field(
                t("admin_settings.payments.days"),
                text_input(
                    default_value=PaymentsState.values["transfer_days"],
                    on_change=lambda text: var(PaymentsState.write)("transfer_days", text),
                    id="transfer-days",
                    after=t("admin_settings.payments.days_unit"),
                    input_mode="numeric",
                ),
                hint=t("admin_settings.payments.days_hint"),
                error=PaymentsState.errors["transfer_days"],
                for_id="transfer-days",
            ),
            field(
                t("admin_settings.payments.four_eyes"),
                text_area(
                    default_value=PaymentsState.values["four_eyes"],
                    on_change=lambda text: var(PaymentsState.write)("four_eyes", text),
                    id="four-eyes",
                    rows=3,
                    placeholder="EUR 500.00\nUSD 500.00",
                    class_name="fb-mono",
                ),
                hint=t("admin_settings.payments.four_eyes_hint"),
                error=PaymentsState.errors["four_eyes"],
                for_id="four-eyes",
            ),
            row(
                rx.el.span(t("admin_settings.payments.four_eyes_note"), class_name="fb-small flex-1"),
                button(
                    t("admin_settings.payments.save"),
                    kind="solid",
                    on_click=PaymentsState.save,
                    custom_attrs={"data-testid": "save-payments"},
                ),
                class_name="flex-wrap",
            ),
            key=PaymentsState.stamp,
            class_name="flex flex-col gap-[14px]",
        ),
    )


def _returns() -> rx.Component:
    """When money goes back, and what an open dispute stops."""
    return panel(
        t("admin_settings.returns.title"),
        rx.el.div(
            field(
                t("admin_settings.returns.days"),
                text_input(
                    default_value=PaymentsState.values["refund_days"],
                    on_change=lambda text: var(PaymentsState.write)("refund_days", text),
                    id="refund-days",
                    after=t("admin_settings.payments.days_unit"),
                    input_mode="numeric",
                    placeholder=t("admin_settings.returns.forever"),
                ),
                hint=t("admin_settings.returns.days_hint"),
                error=PaymentsState.errors["refund_days"],
                for_id="refund-days",
            ),
            *[
                switch_row(
                    t(f"admin_settings.returns.{name}"),
                    detail=t(f"admin_settings.returns.{name}_hint"),
                    checked=PaymentsState.switches[name],
                    on_change=lambda on, name=name: var(PaymentsState.switch)(name, on),
                )
                for name in SWITCHES
            ],
            row(
                rx.el.span(t("admin_settings.returns.note"), class_name="fb-small flex-1"),
                button(
                    t("admin_settings.returns.save"),
                    kind="solid",
                    on_click=PaymentsState.save_returns,
                    custom_attrs={"data-testid": "save-returns"},
                ),
                class_name="flex-wrap",
            ),
            key=PaymentsState.stamp,
            class_name="flex flex-col gap-[14px]",
        ),
    )


def _confirm() -> rx.Component:
    """From which price on the playground asks before it runs."""
    return panel(
        t("admin_settings.confirm.title"),
        rx.el.div(
            field(
                t("admin_settings.confirm.above"),
                text_input(
                    default_value=PaymentsState.values["confirm_above"],
                    on_change=lambda text: var(PaymentsState.write)("confirm_above", text),
                    id="confirm-above",
                    after=t("common.credits"),
                    input_mode="numeric",
                    placeholder=PaymentsState.usual_confirm,
                ),
                hint=t("admin_settings.confirm.hint"),
                error=PaymentsState.errors["confirm_above"],
                for_id="confirm-above",
            ),
            row(
                rx.el.span(t("admin_settings.confirm.words"), class_name="fb-small flex-1"),
                button(
                    t("admin_settings.confirm.save"),
                    kind="solid",
                    on_click=PaymentsState.save_confirm,
                    custom_attrs={"data-testid": "save-confirm"},
                ),
                class_name="flex-wrap",
            ),
            key=PaymentsState.stamp,
            class_name="flex flex-col gap-[14px]",
        ),
    )
