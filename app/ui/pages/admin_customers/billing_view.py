"""Who a customer is on invoices: a card, and the dialog in which an operator decides about their tax."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, chip, copyable, decision, dialog, field, panel, row, text_input, var
from app.ui.pages.admin_customers.billing_state import CONFIRM, END, EXEMPT, REJECT, CustomerBillingState

BILLING = var(CustomerBillingState)
PROFILE = var(CustomerBillingState.profile)
TAX = var(CustomerBillingState.tax)


def billing_card() -> rx.Component:
    return panel(
        t("admin_customers.billing.title"),
        rx.cond(
            CustomerBillingState.has_profile,
            _profile(),
            rx.el.p(t("admin_customers.billing.none"), class_name="fb-text-2 p-[14px]"),
        ),
        detail=t("admin_customers.billing.detail"),
        flush=True,
        class_name="fb-billing",
        custom_attrs={"data-testid": "customer-billing"},
    )


def _profile() -> rx.Component:
    return rx.fragment(
        rx.el.address(
            rx.el.p(PROFILE["title"], class_name="fb-strong"),
            rx.cond(PROFILE["attention"] != "", rx.el.p(PROFILE["attention"])),
            rx.foreach(PROFILE["lines"], rx.el.p),
            class_name="fb-billing-lines",
        ),
        rx.cond(
            PROFILE["tax_id"] != "",
            row(
                rx.el.span(PROFILE["tax_label"], class_name="fb-text-2 fb-nowrap"),
                copyable(PROFILE["tax_id"]),
                rx.el.span(class_name="flex-1"),
                chip(PROFILE["check"], tone=PROFILE["check_tone"]),
                row(
                    button(t("admin_customers.billing.reject_verb"), size="small", on_click=BILLING.begin(REJECT)),
                    button(t("admin_customers.billing.confirm_verb"), size="small", on_click=BILLING.begin(CONFIRM)),
                    class_name="ml-auto",
                ),
                class_name="fb-billing-part flex-wrap",
            ),
        ),
        row(
            rx.el.span(t("billing.tax.title"), class_name="fb-text-2 fb-nowrap"),
            rx.el.span(TAX["headline"], class_name="fb-medium", title=TAX["detail"]),
            rx.el.span(class_name="flex-1"),
            rx.cond(
                CustomerBillingState.exempt != "",
                button(t("admin_customers.billing.end_verb"), size="small", on_click=BILLING.begin(END)),
                button(t("admin_customers.billing.exempt_verb"), size="small", on_click=BILLING.begin(EXEMPT)),
            ),
            class_name="fb-billing-part flex-wrap",
        ),
        rx.cond(
            TAX["detail"] != "",
            rx.el.p(TAX["detail"], class_name="fb-small fb-billing-lines"),
        ),
    )


def billing_dialog() -> rx.Component:
    return dialog(
        rx.el.p(CustomerBillingState.words),
        rx.cond(
            CustomerBillingState.doing != END,
            field(
                rx.cond(
                    CustomerBillingState.doing == EXEMPT,
                    t("admin_customers.billing.reason"),
                    t("admin_customers.billing.against"),
                ),
                text_input(default_value="", on_change=BILLING.write, id="billing-note", auto_complete="off"),
                hint=rx.cond(
                    CustomerBillingState.doing == EXEMPT,
                    t("admin_customers.billing.reason_hint"),
                    t("admin_customers.billing.against_hint"),
                ),
                error=CustomerBillingState.error,
                for_id="billing-note",
            ),
        ),
        title=CustomerBillingState.title,
        is_open=CustomerBillingState.doing != "",
        on_open_change=BILLING.opened,
        footer=decision(CustomerBillingState.title, CustomerBillingState.decide, test_id="decide-billing"),
    )
