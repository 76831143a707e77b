"""One order: what is going on, the way to pay it, its steps, and what was agreed."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.payments.proofs import MOST_BYTES
from app.ui.components import (
    button,
    card,
    chip,
    copyable,
    definition,
    fare_slip,
    icon,
    link_button,
    live_region,
    native_form,
    notice,
    panel,
    plain_link,
    row,
    skeleton,
    slip_line,
    token,
    trace,
    trace_step,
    var,
)
from app.ui.pages.top_up.cancel_view import cancel_order
from app.ui.pages.top_up.order_state import OrderState
from app.ui.pages.top_up.shop_view import bank_line

ORDER = var(OrderState)
FACTS = var(OrderState.facts)
STEP_ICONS = ("shopping-cart", "credit-card", "coins", "receipt-text", "wallet")


def order_view() -> rx.Component:
    return rx.cond(OrderState.ready, _told(), _waiting())


def _told() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            _head(),
            _message(),
            rx.cond(OrderState.error != "", notice(OrderState.error)),
            rx.cond(ORDER.bank.length() > 0, _transfer()),
            rx.cond((ORDER.proofs.length() > 0) | (FACTS["may_upload"] != ""), _proofs()),
            rx.cond(ORDER.back.length() > 0, _back()),
            _steps(),
            class_name="fb-topup-main fb-scroll",
        ),
        rx.el.aside(_slip(), _about(), class_name="fb-topup-aside fb-scroll"),
        class_name="fb-topup",
    )


def _head() -> rx.Component:
    return row(
        rx.el.span(token("large"), class_name="fb-balance flex"),
        rx.el.div(
            row(
                rx.el.h2(FACTS["headline"], class_name="fb-title fb-num", custom_attrs={"data-testid": "headline"}),
                rx.el.span(
                    chip(FACTS["word"], tone=FACTS["tone"]),
                    custom_attrs={"data-testid": "state", "data-tone": FACTS["tone"]},
                ),
                class_name="flex-wrap",
            ),
            rx.el.p(FACTS["package"], ", ", FACTS["sub"], class_name="fb-text-2"),
            class_name="min-w-0 flex-1",
        ),
        link_button(t("top_up.order.back"), href="/top-up", icon_name="arrow-left"),
        class_name="fb-order-head",
    )


def _message() -> rx.Component:
    """The answer to the one question a buyer has: where is it?"""
    tones = {"good": "good", "loss": "loss", "thin": "thin"}
    return card(
        row(
            _sign(),
            rx.el.div(
                rx.el.p(FACTS["message"], class_name="fb-strong", custom_attrs={"data-testid": "message"}),
                rx.el.p(FACTS["advice"], class_name="fb-text-2"),
                class_name="flex-1 min-w-0",
            ),
            class_name="gap-3 items-start",
        ),
        row(
            rx.cond(FACTS["may_pay"] != "", _pay()),
            rx.cond(FACTS["credited"] != "", _go_on()),
            rx.cond(
                FACTS["may_cancel"] != "",
                cancel_order(FACTS["reference"], ORDER.cancel),
            ),
            class_name="flex-wrap fb-order-acts",
        ),
        live_region(FACTS["message"]),
        class_name="fb-order-message",
        custom_attrs={"data-tone": rx.match(FACTS["tone"], *tones.items(), "neutral")},
    )


def _sign() -> rx.Component:
    return rx.cond(
        FACTS["tone"] == "accent",
        rx.el.span(class_name="fb-spinner fb-order-spinner", custom_attrs={"aria-hidden": "true"}),
        rx.match(
            FACTS["tone"],
            ("good", icon("circle-check", 20, class_name="fb-good")),
            ("loss", icon("circle-x", 20, class_name="fb-loss")),
            ("thin", icon("clock", 20, class_name="fb-thin")),
            icon("info", 20),
        ),
    )


def _pay() -> rx.Component:
    return rx.cond(
        FACTS["returned"] != "",
        button(t("top_up.order.pay_again"), size="small", busy=ORDER.paying, on_click=ORDER.pay),
        button(
            t("top_up.order.pay") + " " + FACTS["total"],
            kind="solid",
            icon_name="credit-card",
            busy=ORDER.paying,
            on_click=ORDER.pay,
        ),
    )


def _go_on() -> rx.Component:
    """The credits are there: on to what they are for."""
    return rx.fragment(
        link_button(t("top_up.order.run"), href="/playground", kind="solid", icon_name="sparkles"),
        rx.cond(
            FACTS["invoice_href"] != "",
            link_button(
                t("top_up.order.invoice"),
                href=FACTS["invoice_href"],
                native=True,
                download=True,
                icon_name="download",
                custom_attrs={"data-testid": "invoice"},
            ),
        ),
    )


def _transfer() -> rx.Component:
    """What has to stand on the transfer."""
    return panel(
        t("top_up.transfer.title"),
        rx.el.div(
            rx.el.div(
                rx.el.span(t("top_up.transfer.amount"), class_name="fb-small"),
                copyable(FACTS["missing_plain"], FACTS["missing"]),
            ),
            rx.foreach(ORDER.bank, bank_line),
            class_name="fb-bank fb-bank-inside",
        ),
        rx.cond(
            FACTS["received"] != "",
            rx.el.p(t("top_up.transfer.received"), " ", FACTS["received"], class_name="fb-small fb-num mt-2"),
        ),
        detail=rx.cond(FACTS["until"] != "", t("top_up.transfer.until") + " " + FACTS["until"], ""),
        custom_attrs={"data-testid": "transfer"},
    )


def _proofs() -> rx.Component:
    """The bank's own paper, for the operator to find the money faster."""
    return panel(
        t("top_up.proof.title"),
        rx.el.ul(rx.foreach(ORDER.proofs, _proof), class_name="fb-plain-list"),
        rx.cond(
            (FACTS["may_upload"] != "") & ORDER.takes_more,
            native_form(
                rx.el.label(t("top_up.proof.file"), html_for="proof-file", class_name="fb-label"),
                rx.el.input(
                    type="file",
                    id="proof-file",
                    name="file",
                    required=True,
                    accept=".pdf,.png,.jpg,.jpeg",
                    class_name="fb-file-input",
                    custom_attrs={
                        "data-testid": "proof-file",
                        "data-fb-most": str(MOST_BYTES),
                        "data-fb-too-large": t("top_up.proof.too_large"),
                    },
                ),
                button(
                    t("top_up.proof.upload"),
                    icon_name="upload",
                    busy=False,
                    type="submit",
                    custom_attrs={"data-fb-submit": ""},
                ),
                action=FACTS["upload_action"],
                enc_type="multipart/form-data",
                class_name="fb-proof-form",
            ),
        ),
        detail=t("top_up.proof.detail"),
        custom_attrs={"data-testid": "proofs"},
    )


def _proof(item: Any) -> rx.Component:
    return rx.el.li(
        row(
            icon("file", 15),
            plain_link(item["name"], href=item["href"], download=True, class_name="fb-link fb-cut"),
            rx.el.span(item["detail"], class_name="fb-small fb-num ml-auto fb-nowrap"),
        ),
        class_name="fb-proof",
    )


def _back() -> rx.Component:
    """What went back, with its credit note."""
    return panel(
        t("top_up.back.title"),
        rx.el.ul(rx.foreach(ORDER.back, _returned), class_name="fb-plain-list"),
        custom_attrs={"data-testid": "money-back"},
    )


def _returned(item: Any) -> rx.Component:
    return rx.el.li(
        row(
            rx.el.span(item["title"], class_name="fb-medium"),
            chip(item["word"], tone=item["tone"]),
            rx.el.b(item["amount"], class_name="fb-num ml-auto"),
            class_name="flex-wrap",
        ),
        row(
            rx.el.span(item["detail"], class_name="fb-small fb-num"),
            rx.el.time(item["when"], title=item["whole_when"], class_name="fb-small fb-num ml-auto fb-nowrap"),
        ),
        rx.foreach(item["notes"].to(list[dict[str, str]]), _note),
        class_name="fb-back",
    )


def _note(item: Any) -> rx.Component:
    return plain_link(
        icon("download", 14),
        item["number"],
        href=item["href"],
        download=True,
        class_name="fb-link fb-row-file fb-back-note",
    )


def _steps() -> rx.Component:
    return panel(
        t("top_up.step.title"),
        trace(rx.foreach(ORDER.steps, _step)),
        class_name="fb-order-steps",
    )


def _step(item: Any) -> rx.Component:
    drawn = rx.match(item["icon"], *[(shape, icon(shape, 14)) for shape in STEP_ICONS], icon("circle", 14))
    return trace_step(
        drawn,
        item["name"],
        item["detail"],
        at=rx.el.span(item["at"], title=item["whole_at"]),
        tone=item["tone"],
    )


def _slip() -> rx.Component:
    return fare_slip(
        rx.el.h2(t("top_up.slip.title"), class_name="fb-total"),
        slip_line(FACTS["package"], FACTS["net"]),
        rx.el.p(FACTS["credits"], class_name="fb-small fb-num"),
        rx.cond(FACTS["bonus"] != "", rx.el.p(FACTS["bonus"], class_name="fb-small fb-num")),
        rx.el.div(slip_line(FACTS["tax_label"], FACTS["tax"]), class_name="mt-2"),
        below=[
            rx.el.div(
                rx.el.span(FACTS["total_label"], class_name="fb-total"),
                rx.el.span(FACTS["total"], class_name="fb-figure fb-num", custom_attrs={"data-testid": "total"}),
                class_name="fb-slip-total",
            )
        ],
    )


def _about() -> rx.Component:
    return panel(
        t("top_up.about.title"),
        definition(t("top_up.about.reference"), copyable(FACTS["reference"], primary=True)),
        definition(t("top_up.about.id"), copyable(FACTS["id"])),
        rx.cond(FACTS["invoice"] != "", definition(t("top_up.about.invoice"), FACTS["invoice"])),
        rx.cond(FACTS["terms"] != "", definition(t("top_up.about.terms"), FACTS["terms"])),
    )


def _waiting() -> rx.Component:
    """The page's shape until it is read."""
    return rx.el.div(
        rx.el.div(
            skeleton("18em", "1.4em"),
            skeleton("100%", "96px"),
            skeleton("100%", "180px"),
            class_name="fb-topup-main flex flex-col gap-5",
        ),
        rx.el.div(skeleton("100%", "170px"), class_name="fb-topup-aside"),
        class_name="fb-topup",
        custom_attrs={"aria-busy": "true", "aria-label": t("common.loading")},
    )
