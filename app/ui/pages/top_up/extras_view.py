"""Redeeming a code, asking for a quote, reading the terms."""

import reflex as rx

from app.kernel.text import t
from app.ui.bars import hidden_trigger
from app.ui.components import (
    button,
    card,
    closes,
    decision,
    dialog,
    field,
    field_error,
    icon_tile,
    notice,
    row,
    typed_input,
    var,
)
from app.ui.pages.top_up.extras_state import EnquiryState, RedeemState
from app.ui.pages.top_up.shop_state import ShopState

CODE = var(RedeemState)
ENQUIRY = var(EnquiryState)
SHOP = var(ShopState)


def redeem_panel() -> rx.Component:
    """A code in, credits out."""
    return card(
        row(
            icon_tile("gift", tone="accent"),
            rx.el.div(
                rx.el.label(t("top_up.redeem.title"), html_for="redeem-code", class_name="fb-strong"),
                rx.el.p(t("top_up.redeem.detail"), class_name="fb-small"),
                class_name="flex-1 min-w-0",
            ),
            row(
                typed_input(
                    value=CODE.code,
                    on_change=CODE.write,
                    id="redeem-code",
                    mono=True,
                    max_length=60,
                    placeholder="XXXX-XXXX-XXXX-XXXX",
                    invalid=CODE.error != "",
                    test_id="redeem-code",
                ),
                button(t("top_up.redeem.submit"), busy=CODE.busy, on_click=CODE.redeem),
                class_name="fb-redeem-form",
            ),
            class_name="flex-wrap gap-3",
        ),
        field_error(CODE.error),
        rx.cond(CODE.done != "", rx.el.div(notice(CODE.done, tone="good"), custom_attrs={"data-testid": "redeemed"})),
        class_name="fb-redeem",
    )


def enquiry_dialog() -> rx.Component:
    """What somebody needs that no package has."""
    return dialog(
        rx.cond(ENQUIRY.errors[""] != "", notice(ENQUIRY.errors[""])),
        *[
            field(
                t(f"top_up.enquiry.{name}"),
                typed_input(
                    value=ENQUIRY.values[name],
                    on_change=ENQUIRY.write(name),
                    id=f"enquiry-{name}",
                    max_length=200,
                    invalid=ENQUIRY.errors[name] != "",
                ),
                error=ENQUIRY.errors[name],
                for_id=f"enquiry-{name}",
            )
            for name in ("name", "email", "company")
        ],
        field(
            t("top_up.enquiry.message"),
            typed_input(
                value=ENQUIRY.values["message"],
                on_change=ENQUIRY.write("message"),
                id="enquiry-message",
                multiline=True,
                rows=5,
                max_length=4_000,
                invalid=ENQUIRY.errors["message"] != "",
                placeholder=t("top_up.enquiry.placeholder"),
            ),
            error=ENQUIRY.errors["message"],
            for_id="enquiry-message",
        ),
        title=t("top_up.enquiry.title"),
        detail=t("top_up.enquiry.detail"),
        is_open=ENQUIRY.is_open,
        on_open_change=ENQUIRY.close,
        footer=decision(t("top_up.enquiry.send"), ENQUIRY.send, busy=ENQUIRY.busy),
    )


def terms_link() -> rx.Component:
    """Opens the terms; the dialog stands once on the page."""
    return rx.el.button(
        t("top_up.terms.read"),
        type="button",
        class_name="fb-link fb-inline-button",
        custom_attrs={"data-fb-press": "terms"},
    )


def terms_dialog() -> rx.Component:
    """The operator's words, as they were published."""
    return dialog(
        rx.el.section(
            rx.el.h3(t("top_up.terms.terms"), class_name="fb-strong"),
            rx.el.p(SHOP.terms_text, class_name="fb-terms-text"),
        ),
        rx.el.section(
            rx.el.h3(t("top_up.terms.refunds"), class_name="fb-strong"),
            rx.el.p(SHOP.refund_text, class_name="fb-terms-text"),
        ),
        title=t("top_up.terms.title"),
        detail=SHOP.terms_name,
        trigger=hidden_trigger("terms"),
        footer=[closes(button(t("top_up.terms.close"), kind="solid"))],
    )
