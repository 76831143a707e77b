"""Choosing a package and how to pay it; the slip with the final amount."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    card,
    copyable,
    empty_state,
    fare_slip,
    field_error,
    hidden,
    icon,
    live_region,
    loaded,
    native_form,
    notice,
    row,
    segmented,
    skeleton,
    slip_line,
    var,
)
from app.ui.pages.billing.state import BillingFormState, BillingState
from app.ui.pages.top_up.auto_state import AutoState
from app.ui.pages.top_up.auto_view import auto_panel
from app.ui.pages.top_up.extras_state import EnquiryState
from app.ui.pages.top_up.extras_view import redeem_panel, terms_link
from app.ui.pages.top_up.history_view import history, waiting_orders
from app.ui.pages.top_up.offer import CARD, TRANSFER
from app.ui.pages.top_up.packages_view import package_shapes, packages
from app.ui.pages.top_up.shop_state import ShopState

SHOP = var(ShopState)
SUMMARY = var(ShopState.summary)
FORM = var(BillingFormState)
ENQUIRY = var(EnquiryState)
TAX = var(BillingState.tax)
METHOD_ICONS = {CARD: "credit-card", TRANSFER: "landmark"}
FACTS = ("receipt-text", "undo-2", "shield-check")


def shop_view() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            rx.cond(
                SHOP.problem != "",
                rx.el.div(notice(SHOP.problem, tone="thin"), custom_attrs={"data-testid": "problem"}),
            ),
            rx.cond(ShopState.ready & (SHOP.cards.length() == 0), _nothing_for_sale(), _choosing()),
            class_name="fb-topup-main fb-scroll",
        ),
        rx.el.aside(_order_form(), waiting_orders(), class_name="fb-topup-aside fb-scroll"),
        class_name="fb-topup",
    )


def _nothing_for_sale() -> rx.Component:
    return rx.fragment(
        empty_state("tag", t("top_up.nothing.title"), t("top_up.nothing.sentence"), compact=True),
        redeem_panel(),
    )


def _choosing() -> rx.Component:
    return rx.fragment(
        rx.el.section(
            row(
                rx.el.h2(t("top_up.package.choose"), class_name="fb-title"),
                rx.el.span(_tax_note(), class_name="fb-small fb-topup-note"),
                rx.cond(
                    SHOP.currencies.length() > 0,
                    segmented(
                        SHOP.currencies,
                        value=SHOP.currency,
                        on_change=SHOP.choose_currency,
                        label=t("top_up.package.currency"),
                        small=True,
                        full=False,
                    ),
                ),
                class_name="fb-topup-head flex-wrap",
            ),
            rx.cond(ShopState.ready, packages(), package_shapes()),
        ),
        _methods(),
        rx.el.div(auto_panel(), redeem_panel(), class_name="fb-topup-later fb-topup-stack"),
        rx.el.ul(
            *[
                rx.el.li(icon(shape, 15), rx.el.span(t(f"top_up.promise.{number}")))
                for number, shape in enumerate(FACTS, 1)
            ],
            class_name="fb-topup-promises fb-topup-later",
        ),
        history(),
    )


def _tax_note() -> Any:
    """`Amounts include 19% VAT, Germany`, as far as that is known."""
    return rx.cond(
        TAX["headline"] != "",
        rx.fragment(t("top_up.package.tax_included"), " ", TAX["headline"]),
        rx.cond(BillingState.ready, t("top_up.package.tax_unknown"), ""),
    )


# ---- how to pay ----


def _methods() -> rx.Component:
    return rx.el.section(
        rx.el.h2(t("top_up.method.title"), class_name="fb-title fb-topup-head"),
        rx.el.div(
            rx.cond(SHOP.takes_cards, _method(CARD)),
            rx.cond(SHOP.takes_transfers, _method(TRANSFER)),
            class_name="fb-methods",
            role="radiogroup",
            custom_attrs={"aria-label": t("top_up.method.title")},
        ),
        rx.cond(
            ~(SHOP.takes_cards | SHOP.takes_transfers) & ShopState.ready,
            notice(t("top_up.method.none"), tone="thin"),
        ),
        rx.cond((SHOP.method == TRANSFER) & SHOP.takes_transfers, _bank()),
    )


def _method(name: str) -> rx.Component:
    return rx.el.label(
        rx.el.input(
            type="radio",
            name="method",
            value=name,
            checked=SHOP.method == name,
            on_change=SHOP.choose_method,
            class_name="fb-radio",
            custom_attrs={"data-testid": f"method-{name}"},
        ),
        icon(METHOD_ICONS[name], 17),
        rx.el.span(
            rx.el.span(t(f"top_up.method.{name}"), class_name="fb-strong"),
            rx.el.span(t(f"top_up.method.{name}_detail"), class_name="fb-small"),
            class_name="flex flex-col min-w-0",
        ),
        class_name="fb-method",
        custom_attrs={"data-chosen": rx.cond(SHOP.method == name, "true", "false")},
    )


def _bank() -> rx.Component:
    """Where the money will go; the words to write on it come with the order."""
    return card(
        rx.foreach(SHOP.bank, bank_line),
        rx.el.div(
            rx.el.span(t("top_up.bank.reference"), class_name="fb-small"),
            rx.el.span(t("top_up.bank.reference_later"), class_name="fb-text-2"),
        ),
        class_name="fb-bank",
    )


def bank_line(item: Any) -> rx.Component:
    """A line of the bank details; what is typed letter by letter has a copy button."""
    return rx.el.div(
        rx.el.span(item["label"], class_name="fb-small"),
        rx.cond(item["mono"] != "", copyable(item["value"]), rx.el.span(item["value"], class_name="fb-medium")),
    )


# ---- the slip and the button ----


def _order_form() -> rx.Component:
    return rx.el.section(
        fare_slip(
            rx.el.h2(t("top_up.slip.title"), class_name="fb-total"),
            rx.cond(ShopState.ready, _slip_lines(), rx.fragment(skeleton("80%"), skeleton("60%"))),
            below=[
                rx.el.div(
                    rx.el.span(t("top_up.slip.pay"), class_name="fb-total"),
                    loaded(
                        ShopState.ready,
                        rx.el.span(
                            rx.cond(SUMMARY["total"] != "", SUMMARY["total"], "–"),
                            class_name="fb-figure fb-num",
                            custom_attrs={"data-testid": "total"},
                        ),
                    ),
                    class_name="fb-slip-total",
                ),
                slip_line(t("top_up.slip.balance"), SUMMARY["balance"], quiet=True),
            ],
            custom_attrs={"data-testid": "summary"},
        ),
        live_region(SUMMARY["spoken"]),
        rx.cond(ShopState.ready & (SUMMARY["title"] != ""), rx.cond(SUMMARY["problem"] != "", _cannot(), _pay())),
        class_name="fb-topup-order",
    )


def _slip_lines() -> rx.Component:
    return rx.fragment(
        slip_line(SUMMARY["title"], SUMMARY["net"]),
        rx.el.p(SUMMARY["credits"], class_name="fb-small fb-num"),
        rx.cond(SUMMARY["bonus"] != "", rx.el.p(SUMMARY["bonus"], class_name="fb-small fb-num")),
        rx.cond(
            SUMMARY["problem"] == "",
            rx.fragment(
                rx.el.div(slip_line(SUMMARY["tax_label"], SUMMARY["tax"]), class_name="mt-2"),
                row(
                    rx.el.span(SUMMARY["buyer"], class_name="fb-small fb-cut", title=SUMMARY["buyer"]),
                    _change(),
                    class_name="fb-topup-buyer",
                ),
            ),
        ),
    )


def _change() -> rx.Component:
    return rx.cond(
        BillingState.may_edit,
        rx.el.button(
            t("top_up.slip.change"),
            type="button",
            class_name="fb-link fb-inline-button fb-small-size",
            on_click=FORM.open_form(True),
            custom_attrs={"aria-label": t("top_up.slip.change_label")},
        ),
    )


def _cannot() -> rx.Component:
    """What is missing before anything can be ordered, and who can mend it."""
    needs_profile, wrong = SUMMARY["problem"] == "billing_profile_needed", SUMMARY["problem"] == "tax_address_unknown"
    return rx.cond(
        needs_profile | wrong,
        rx.el.div(
            rx.el.p(
                rx.cond(wrong, t("top_up.problem.tax_address_unknown"), t("top_up.profile.needed")),
                class_name="fb-small",
            ),
            rx.cond(
                BillingState.may_edit,
                button(
                    t("billing.fill"),
                    kind="solid",
                    size="primary",
                    on_click=FORM.open_form(True),
                    custom_attrs={"data-testid": "fill-billing"},
                ),
                rx.el.p(t("billing.only_owner"), class_name="fb-small"),
            ),
            class_name="fb-topup-pay",
        ),
        notice(
            rx.match(
                SUMMARY["problem"],
                ("no_tax_rate", t("billing.problem.no_rate")),
                ("tax_unavailable", t("top_up.problem.tax_unavailable")),
                t("billing.problem.no_seller"),
            ),
            tone="thin",
        ),
    )


def _pay() -> rx.Component:
    """A plain form that leads to the provider's page, or an order placed here."""
    return rx.cond(
        SHOP.method == CARD,
        native_form(
            hidden("package_version", SHOP.chosen),
            hidden("currency", SHOP.currency),
            hidden("key", SHOP.key),
            _terms(),
            _save_card(),
            button(
                SUMMARY["button"],
                kind="solid",
                size="primary",
                busy=False,
                type="submit",
                disabled=SHOP.terms_id == "",
                custom_attrs={"data-testid": "pay", "data-fb-submit": ""},
            ),
            rx.el.p(t("top_up.pay.card"), class_name="fb-small fb-topup-after"),
            action="/payments/checkout",
            class_name="fb-topup-pay",
        ),
        rx.el.div(
            _terms(),
            button(
                SUMMARY["button"],
                kind="solid",
                size="primary",
                busy=SHOP.placing,
                disabled=SHOP.terms_id == "",
                on_click=SHOP.place_order,
                custom_attrs={"data-testid": "place-order"},
            ),
            rx.el.p(t("top_up.pay.transfer"), class_name="fb-small fb-topup-after"),
            class_name="fb-topup-pay",
        ),
    )


def _save_card() -> rx.Component:
    """Keeps the card for automatic top-up; the sentence is kept with the consent."""
    return rx.cond(
        AutoState.may_edit & (var(AutoState.cards).length() == 0) & (AutoState.sentence != ""),
        rx.el.div(
            rx.el.input(type="checkbox", id="save-card", name="save_card", value="on", class_name="fb-box"),
            rx.el.label(AutoState.sentence, html_for="save-card"),
            class_name="fb-topup-terms",
        ),
    )


def _terms() -> rx.Component:
    """The terms and the refund policy by their version: accepted before anything is paid."""
    return rx.cond(
        SHOP.terms_id != "",
        rx.el.div(
            rx.el.p(
                rx.el.span(t("top_up.terms.refunds_are"), class_name="fb-medium"),
                " ",
                SHOP.refund_text,
                class_name="fb-small fb-refund-text",
                custom_attrs={"data-testid": "refund-policy"},
            ),
            rx.el.div(
                rx.el.input(
                    type="checkbox",
                    id="accept-terms",
                    name="terms",
                    value=SHOP.terms_id,
                    required=True,
                    checked=SHOP.accepted,
                    on_change=SHOP.accept,
                    class_name="fb-box",
                    custom_attrs={
                        "aria-describedby": "terms-error",
                        "aria-invalid": rx.cond(SHOP.error != "", "true", "false"),
                        "data-testid": "accept-terms",
                    },
                ),
                rx.el.p(
                    rx.el.label(SHOP.terms_words, html_for="accept-terms"),
                    " ",
                    terms_link(),
                ),
                class_name="fb-topup-terms",
            ),
            rx.el.div(field_error(SHOP.error), id="terms-error"),
        ),
        notice(t("top_up.problem.no_terms"), tone="thin"),
    )
