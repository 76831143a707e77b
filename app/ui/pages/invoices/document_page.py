"""One document: read on the screen, downloaded in every form there is, and explained."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    chip,
    copyable,
    definition,
    empty_state,
    fare_slip,
    icon,
    link_button,
    panel,
    plain_link,
    route_link,
    row,
    skeleton,
    slip_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.billed.state import BilledState
from app.ui.pages.billed.view import billed_dialog
from app.ui.pages.invoices.document_state import DocumentState
from app.ui.roles import Role
from app.ui.shell_state import ShellState

FACTS = var(DocumentState.facts)


@page("/invoices/[id]", title=t("invoices.one"), role=Role.SIGNED_IN, on_load=DocumentState.load)
def document() -> rx.Component:
    is_operator = var(ShellState.is_operator)
    return shell(
        rx.cond(DocumentState.missing, _missing(), rx.cond(DocumentState.ready, _told(), _waiting())),
        billed_dialog(),
        here="invoices",
        title=rx.cond(FACTS["number"] != "", FACTS["number"], t("invoices.one")),
        area=Role.SIGNED_IN,
        crumbs=[(t("invoices.title"), rx.cond(is_operator, "/admin", "/invoices"))],
        actions=[rx.el.span(rx.cond(FACTS["id"] != "", action), class_name="fb-in-page") for action in _actions()],
        bleed=True,
    )


def _actions() -> list[rx.Component]:
    return [
        link_button(
            t("invoices.print"),
            href=FACTS["print_href"],
            native=True,
            target="_blank",
            icon_name="printer",
            title=t("invoices.print_hint"),
        ),
        link_button(
            t("invoices.pdf"),
            href=FACTS["pdf_href"],
            native=True,
            download=True,
            kind="solid",
            icon_name="download",
            custom_attrs={"data-testid": "pdf"},
        ),
    ]


def _told() -> rx.Component:
    return rx.el.div(
        rx.el.div(
            row(
                rx.el.h2(FACTS["headline"], class_name="fb-title fb-num", custom_attrs={"data-testid": "headline"}),
                chip(FACTS["state"], tone=FACTS["tone"]),
                rx.el.time(FACTS["issued"], title=FACTS["whole_issued"], class_name="fb-text-2 fb-num"),
                class_name="flex-wrap",
            ),
            rx.el.div(*_actions(), class_name="fb-phone-actions"),
            rx.el.div(rx.html(DocumentState.html), class_name="fb-document", custom_attrs={"data-testid": "document"}),
            class_name="fb-topup-main fb-scroll",
        ),
        rx.el.aside(_slip(), _behind(), _files(), _related(), _about(), class_name="fb-topup-aside fb-scroll"),
        class_name="fb-topup",
    )


def _slip() -> rx.Component:
    """How the amount comes about."""
    return fare_slip(
        slip_line(t("invoices.column.net"), FACTS["net"]),
        slip_line(FACTS["tax_headline"], FACTS["tax"]),
        rx.cond(FACTS["tax_detail"] != "", rx.el.p(FACTS["tax_detail"], class_name="fb-small")),
        rx.cond(
            FACTS["evidence"] != "",
            rx.el.p(t("invoices.evidence.title"), " ", FACTS["evidence"], class_name="fb-small"),
        ),
        below=[
            rx.el.div(
                rx.el.span(t("invoices.column.total"), class_name="fb-total"),
                rx.el.span(FACTS["total"], class_name="fb-figure fb-num"),
                class_name="fb-slip-total",
            )
        ],
    )


def _behind() -> rx.Component:
    """An invoice of a plan or of usage on account leads down to its events."""
    return rx.cond(
        FACTS["billed"] != "",
        button(
            t("invoices.behind"),
            icon_name="list-tree",
            on_click=var(BilledState).open_invoice(FACTS["billed"]),
            custom_attrs={"data-testid": "behind"},
        ),
    )


def _files() -> rx.Component:
    return panel(
        t("invoices.files"),
        rx.el.ul(rx.foreach(DocumentState.files, _file), class_name="fb-plain-list"),
        flush=True,
        custom_attrs={"data-testid": "files"},
    )


def _file(item: Any) -> rx.Component:
    return rx.el.li(
        plain_link(
            icon("file-down", 16, class_name="fb-text-2"),
            rx.el.span(
                rx.el.span(item["label"], class_name="fb-medium"),
                rx.el.span(item["detail"], class_name="fb-small"),
                class_name="flex flex-col min-w-0",
            ),
            href=item["href"],
            download=True,
            class_name="fb-file-link",
            custom_attrs={"data-testid": "file"},
        )
    )


def _related() -> rx.Component:
    return rx.cond(
        var(DocumentState.related).length() > 0,
        panel(
            t("invoices.related"),
            rx.foreach(
                DocumentState.related,
                lambda item: definition(
                    item["label"],
                    route_link(item["number"], href=item["href"], class_name="fb-mono fb-reference"),
                    rx.el.span(item["amount"], class_name="fb-num fb-medium"),
                ),
            ),
        ),
    )


def _about() -> rx.Component:
    return panel(
        t("invoices.about"),
        definition(t("invoices.column.number"), copyable(FACTS["number"], primary=True)),
        definition(t("invoices.buyer"), rx.el.span(FACTS["buyer"], class_name="fb-cut", title=FACTS["buyer"])),
        rx.cond(
            FACTS["order"] != "",
            definition(
                t("invoices.order"),
                rx.cond(
                    FACTS["order_href"] != "",
                    route_link(FACTS["order"], href=FACTS["order_href"], class_name="fb-mono fb-reference"),
                    rx.el.span(FACTS["order"], class_name="fb-mono"),
                ),
            ),
        ),
        rx.cond(FACTS["terms"] != "", definition(t("invoices.terms"), FACTS["terms"])),
        definition(t("invoices.fingerprint"), copyable(FACTS["hash"], FACTS["short_hash"])),
    )


def _missing() -> rx.Component:
    return empty_state(
        "file-x",
        t("invoices.missing.title"),
        t("invoices.missing.sentence"),
        link_button(t("invoices.missing.home"), href=ShellState.home, kind="solid"),
    )


def _waiting() -> rx.Component:
    """The page's shape until it is read."""
    return rx.el.div(
        rx.el.div(skeleton("22em", "1.4em"), skeleton("100%", "560px"), class_name="fb-topup-main flex flex-col gap-5"),
        rx.el.div(skeleton("100%", "120px"), skeleton("100%", "180px"), class_name="fb-topup-aside"),
        class_name="fb-topup",
        custom_attrs={"aria-busy": "true", "aria-label": t("common.loading")},
    )
