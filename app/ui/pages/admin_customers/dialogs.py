"""The dialogs of a customer's page: grant, take back, suspend, resume."""

import reflex as rx

from app.generation.crediting import KINDS
from app.kernel.text import t
from app.ui.components import amount, decision, dialog, fare_slip, field, notice, segmented, slip_line, text_input
from app.ui.pages.admin_customers.detail_state import GRANT, CustomerState


def credits_dialog() -> rx.Component:
    """Grant credits, or take them back: the button says how many and the slip what the balance becomes."""
    grants = CustomerState.doing == GRANT
    return dialog(
        rx.cond(CustomerState.errors[""] != "", notice(CustomerState.errors[""])),
        field(
            t("admin_customers.grant.amount"),
            text_input(
                default_value=CustomerState.amount,  # uncontrolled: an answer must not overtake the typing
                on_change=CustomerState.write_amount,
                id="credits-amount",
                after=t("common.credits"),
                input_mode="decimal",
                auto_complete="off",
                auto_focus=True,
                placeholder="5,000",
            ),
            error=CustomerState.errors["amount"],
            for_id="credits-amount",
        ),
        field(
            rx.cond(grants, t("admin_customers.grant.label"), t("admin_customers.take.reason")),
            text_input(
                default_value=CustomerState.words,
                on_change=CustomerState.write_words,
                id="credits-words",
                auto_complete="off",
            ),
            hint=rx.cond(grants, t("admin_customers.grant.label_hint"), t("admin_customers.take.reason_hint")),
            error=rx.cond(grants, CustomerState.errors["label"], CustomerState.errors["reason"]),
            for_id="credits-words",
        ),
        rx.cond(grants, _only_for_grants()),
        fare_slip(
            slip_line(t("admin_customers.grant.customer"), CustomerState.customer["name"]),
            rx.cond(
                grants,
                rx.el.p(t("admin_customers.grant.note"), class_name="fb-small"),
                rx.el.p(t("admin_customers.take.note"), class_name="fb-small"),
            ),
            below=[
                rx.el.div(
                    rx.el.span(t("admin_customers.grant.after"), class_name="fb-total"),
                    amount(CustomerState.after, class_name="fb-slip-figure", custom_attrs={"data-testid": "after"}),
                    class_name="fb-slip-total",
                )
            ],
        ),
        title=rx.cond(grants, t("admin_customers.grant.verb"), t("admin_customers.take.verb")),
        is_open=CustomerState.doing != "",
        on_open_change=CustomerState.opened,
        footer=decision(CustomerState.act, CustomerState.move, test_id="move-credits"),
    )


def _only_for_grants() -> rx.Component:
    return rx.fragment(
        field(
            t("admin_customers.grant.kind"),
            segmented(
                [(kind, t(f"admin_customers.kind.{kind}")) for kind in KINDS],
                value=CustomerState.kind,
                on_change=CustomerState.choose_kind,
                label=t("admin_customers.grant.kind"),
            ),
        ),
        field(
            t("admin_customers.grant.expires"),
            text_input(
                default_value=CustomerState.expires,
                on_change=CustomerState.choose_end,
                id="credits-expires",
                type="date",
            ),
            hint=t("admin_customers.grant.expires_hint"),
            error=CustomerState.errors["expires_at"],
            for_id="credits-expires",
        ),
    )


def suspend_dialog() -> rx.Component:
    """Say what it means before it is done."""
    suspended = CustomerState.customer["suspended"]
    return dialog(
        rx.el.p(rx.cond(suspended, t("admin_customers.resume.words"), t("admin_customers.suspend.words"))),
        rx.cond(
            suspended,
            rx.fragment(),
            field(
                t("admin_customers.suspend.why"),
                text_input(default_value=CustomerState.why, on_change=CustomerState.write_why, id="suspend-why"),
                hint=t("admin_customers.suspend.why_hint"),
                error=CustomerState.confirm_error,
                for_id="suspend-why",
            ),
        ),
        rx.cond(suspended & (CustomerState.confirm_error != ""), notice(CustomerState.confirm_error)),
        title=rx.cond(suspended, t("admin_customers.resume.verb"), t("admin_customers.suspend.verb")),
        is_open=CustomerState.confirming,
        on_open_change=CustomerState.confirm_opened,
        footer=decision(
            rx.cond(suspended, t("admin_customers.resume.verb"), t("admin_customers.suspend.verb")),
            CustomerState.set_suspended,
            leave=t("admin_customers.suspend.keep"),
            test_id="confirm-suspend",
        ),
    )
