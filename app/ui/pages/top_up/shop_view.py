"""Choosing a package and how to pay it; the slip with the final amount; the orders made before."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    amount,
    button,
    card,
    chip,
    copyable,
    data_table,
    empty_state,
    fare_slip,
    field_error,
    hidden,
    icon,
    link_button,
    live_region,
    loaded,
    native_form,
    notice,
    pagination,
    panel,
    plain_link,
    route_link,
    row,
    segmented,
    skeleton,
    slip_line,
    two_line,
    var,
)
from app.ui.pages.billing.state import BillingFormState, BillingState
from app.ui.pages.top_up.auto_state import AutoState
from app.ui.pages.top_up.auto_view import auto_panel
from app.ui.pages.top_up.extras_state import EnquiryState
from app.ui.pages.top_up.extras_view import redeem_panel, terms_link
from app.ui.pages.top_up.offer import CARD, TRANSFER
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
        rx.el.aside(_order_form(), _waiting_orders(), class_name="fb-topup-aside fb-scroll"),
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
            rx.cond(ShopState.ready, _packages(), _package_shapes()),
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
        _history(),
    )


def _tax_note() -> Any:
    """`Amounts include 19% VAT, Germany`, as far as that is known."""
    return rx.cond(
        TAX["headline"] != "",
        rx.fragment(t("top_up.package.tax_included"), " ", TAX["headline"]),
        rx.cond(BillingState.ready, t("top_up.package.tax_unknown"), ""),
    )


# ---- packages ----


def _packages() -> rx.Component:
    return rx.el.div(
        rx.foreach(SHOP.cards, lambda item: rx.cond(item["is_enquiry"] != "", _enquiry(item), _package(item))),
        class_name="fb-packages",
        role="radiogroup",
        custom_attrs={"aria-label": t("top_up.package.choose"), "data-testid": "packages"},
    )


def _package(item: Any) -> rx.Component:
    return rx.el.label(
        row(
            rx.el.span(item["title"], class_name="fb-strong fb-cut flex-1", title=item["title"]),
            rx.cond(item["saving"] != "", chip(item["saving"], tone="good")),
        ),
        rx.el.span(
            amount(item["credits"], size="large", class_name="fb-figure"),
            rx.el.span(t("common.credits"), " ", item["bonus"], class_name="fb-small fb-num"),
            class_name="fb-package-credits",
        ),
        rx.el.span(
            rx.el.span(item["total"], class_name="fb-title fb-num"),
            rx.el.span(item["net_and_tax"], class_name="fb-small fb-num"),
            rx.el.span(item["rate"], class_name="fb-small fb-num"),
            rx.el.span(item["lasts"], class_name="fb-small fb-num"),
            class_name="fb-package-price",
        ),
        row(
            rx.el.input(
                type="radio",
                name="package",
                value=item["id"],
                checked=SHOP.chosen == item["id"],
                on_change=SHOP.choose,
                class_name="fb-radio",
                custom_attrs={"data-testid": "package"},
            ),
            rx.el.span(
                rx.cond(SHOP.chosen == item["id"], t("top_up.package.selected"), t("top_up.package.select")),
                class_name="fb-medium",
            ),
            class_name="fb-package-pick",
        ),
        class_name="fb-package",
        custom_attrs={"data-chosen": rx.cond(SHOP.chosen == item["id"], "true", "false")},
    )


def _enquiry(item: Any) -> rx.Component:
    return rx.el.div(
        rx.el.span(item["title"], class_name="fb-strong fb-cut"),
        rx.el.span(item["summary"], class_name="fb-text-2 fb-package-credits"),
        rx.el.span(
            rx.el.span(t("top_up.package.agreed"), class_name="fb-medium"),
            rx.el.span(t("top_up.package.agreed_detail"), class_name="fb-small"),
            class_name="fb-package-price",
        ),
        button(t("top_up.enquiry.open"), on_click=ENQUIRY.open_for(item["package_id"])),
        class_name="fb-package fb-package-agreed",
    )


def _package_shapes() -> rx.Component:
    """The page's shape until it is read."""
    return rx.el.div(
        *[rx.el.div(skeleton("100%", "214px"), class_name="fb-package-shape") for _ in range(4)],
        class_name="fb-packages",
        custom_attrs={"aria-busy": "true", "aria-label": t("common.loading")},
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
    needs_profile = SUMMARY["problem"] == "billing_profile_needed"
    return rx.cond(
        needs_profile,
        rx.el.div(
            rx.el.p(t("top_up.profile.needed"), class_name="fb-small"),
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
            rx.match(SUMMARY["problem"], ("no_tax_rate", t("billing.problem.no_rate")), t("billing.problem.no_seller")),
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


# ---- orders ----


def _waiting_orders() -> rx.Component:
    return rx.cond(
        SHOP.waiting.length() > 0,
        panel(
            t("top_up.waiting.title"),
            rx.el.ul(rx.foreach(SHOP.waiting, _waiting), class_name="fb-plain-list"),
            flush=True,
            class_name="fb-topup-later",
            custom_attrs={"data-testid": "open-orders"},
        ),
    )


def _waiting(item: Any) -> rx.Component:
    return rx.el.li(
        row(
            route_link(item["reference"], href=item["href"], class_name="fb-mono fb-reference"),
            chip(item["word"], tone=item["tone"]),
            rx.el.span(item["amount"], class_name="fb-strong fb-num ml-auto"),
        ),
        rx.el.p(item["title"], ", ", item["when"], class_name="fb-small fb-cut"),
        row(
            link_button(
                rx.cond(item["may_pay"] != "", t("top_up.waiting.pay"), t("top_up.waiting.open")),
                href=item["href"],
                size="small",
            ),
            rx.cond(
                item["may_cancel"] != "",
                button(t("top_up.order.cancel"), kind="ghost", size="small", on_click=SHOP.cancel(item["id"])),
            ),
        ),
        class_name="fb-lot",
    )


def _history() -> rx.Component:
    return rx.cond(
        (SHOP.rows.length() > 0) | ~ShopState.ready,
        panel(
            t("top_up.history.title"),
            data_table(
                [
                    Column(t("top_up.history.order"), _reference, width="7.5rem"),
                    Column(t("top_up.history.when"), _when, width="6.5rem"),
                    Column(t("top_up.history.package"), _title, grow=True),
                    Column(t("top_up.history.method"), lambda item: item["method"], width="7rem", wide_only=True),
                    Column(
                        t("top_up.history.state"), lambda item: chip(item["word"], tone=item["tone"]), width="8.5rem"
                    ),
                    Column(t("top_up.history.amount"), _amount, numeric=True, width="6rem"),
                    Column(t("top_up.history.invoice"), _invoice, width="12.5rem", wide_only=True),
                ],
                SHOP.rows,
                label=t("top_up.history.title"),
                href=lambda item: item["href"],
                phone=_phone,
                loading=~var(ShopState.ready),
                footer=rx.cond(
                    SHOP.has_previous | SHOP.has_next,
                    pagination(
                        shown=SHOP.shown,
                        has_previous=SHOP.has_previous,
                        has_next=SHOP.has_next,
                        on_previous=SHOP.previous_page,
                        on_next=SHOP.next_page,
                    ),
                ),
            ),
            flush=True,
            class_name="fb-topup-history fb-topup-later",
        ),
    )


def _reference(item: Any) -> rx.Component:
    return rx.el.span(item["reference"], class_name="fb-mono fb-medium")


def _when(item: Any) -> rx.Component:
    return rx.el.time(item["when"], title=item["whole_when"], class_name="fb-num")


def _title(item: Any) -> rx.Component:
    return rx.el.span(
        item["title"],
        rx.el.span(", ", item["credits"], " ", t("common.credits"), class_name="fb-text-2 fb-num"),
        class_name="fb-cut",
        title=item["title"],
    )


def _amount(item: Any) -> rx.Component:
    return rx.el.span(item["amount"], class_name="fb-medium")


def _invoice(item: Any) -> rx.Component:
    return rx.cond(
        item["invoice_href"] != "",
        plain_link(
            icon("download", 14),
            item["invoice"],
            href=item["invoice_href"],
            download=True,
            class_name="fb-row-file fb-num",
        ),
    )


def _phone(item: Any) -> rx.Component:
    return two_line(item["title"], rx.el.span(item["reference"], " · ", item["word"]), item["amount"], item["when"])
