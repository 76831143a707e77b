"""The side of `/balance`: the lots in order of use, and whether the balance refills by itself."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    button,
    card,
    chip,
    icon,
    icon_tile,
    link_button,
    panel,
    route_link,
    row,
    share_bar,
    text_link,
    var,
)
from app.ui.pages.balance.state import BalanceState


def lots() -> rx.Component:
    """What is used next first; the later ones on demand."""
    return panel(
        t("balance.lots.title"),
        rx.cond(
            BalanceState.ready & (var(BalanceState.lots).length() == 0),
            rx.el.p(t("balance.lots.none"), class_name="fb-small fb-lot"),
        ),
        rx.el.ul(rx.foreach(BalanceState.lots, _lot), class_name="fb-plain-list", custom_attrs={"data-testid": "lots"}),
        rx.cond(
            BalanceState.more_lots != "",
            row(
                button(
                    BalanceState.more_lots,
                    kind="ghost",
                    size="small",
                    icon_name="chevron-down",
                    on_click=BalanceState.show_more_lots,
                    custom_attrs={"data-testid": "more-lots"},
                ),
                class_name="fb-lots-more",
            ),
        ),
        rx.el.p(
            icon("ticket-plus", 14),
            text_link(t("balance.need"), href="/top-up"),
            class_name="fb-small fb-lots-foot",
        ),
        actions=[rx.el.span(t("balance.lots.detail"), class_name="fb-small")],
        flush=True,
        class_name="fb-lots",
    )


def auto_topup() -> rx.Component:
    """Whether the balance refills by itself, and the way to set it."""
    return rx.cond(
        BalanceState.ready & BalanceState.auto_offered,
        card(
            row(
                icon_tile("repeat", tone=BalanceState.auto_tone),
                rx.el.div(
                    rx.el.p(t("balance.auto.title"), class_name="fb-strong"),
                    rx.el.p(BalanceState.auto, class_name="fb-small fb-num"),
                    class_name="flex-1 min-w-0",
                ),
                link_button(t("balance.auto.set"), href="/top-up#auto-top-up", size="small"),
                class_name="gap-3",
            ),
            class_name="fb-side-card",
            custom_attrs={"data-testid": "auto-topup"},
        ),
    )


def _lot(item: Any) -> rx.Component:
    return rx.el.li(
        row(
            rx.el.span(item["label"], class_name="fb-strong fb-cut", title=item["label"]),
            rx.cond(item["first"] != "", chip(item["first"], tone="accent")),
            rx.el.span(
                rx.el.span(item["left"], class_name="fb-strong"),
                " ",
                rx.el.span(item["granted"], class_name="fb-text-2"),
                class_name="fb-num fb-nowrap ml-auto",
            ),
        ),
        share_bar(item["percent"], series=item["series"]),
        row(
            rx.cond(
                item["href"] != "",
                route_link(item["origin"], href=item["href"], class_name="fb-small fb-num fb-reference"),
                rx.el.span(item["origin"], class_name="fb-small fb-num"),
            ),
            rx.el.span(class_name="flex-1"),
            rx.el.span(item["ends"], class_name="fb-small-size fb-num", custom_attrs={"data-tone": item["tone"]}),
        ),
        class_name="fb-lot",
    )
