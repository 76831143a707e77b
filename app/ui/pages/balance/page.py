"""The balance page's parts."""

from typing import Any

import reflex as rx

from app.generation.report import KEY_OF, MODEL_OF
from app.kernel.text import t
from app.ui.components import (
    Column,
    chart,
    data_table,
    empty_state,
    icon,
    kpi,
    kpi_strip,
    link_button,
    loaded,
    modality_icon,
    notice,
    pagination,
    panel,
    route_link,
    row,
    segmented,
    select,
    share_bar,
    skeleton,
    state_dot,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.balance.alert_state import AlertState
from app.ui.pages.balance.alert_view import alert_card, alert_dialog
from app.ui.pages.balance.ledger import show_options
from app.ui.pages.balance.lots_view import auto_topup, lots
from app.ui.pages.balance.state import PERIODS, BalanceState
from app.ui.pages.balance.statement_view import statement_dialog
from app.ui.roles import Role

FIGURES = var(BalanceState.figures)
ENTRY_ICONS = {"hold": "lock", "back": "undo-2", "grant": "gift", "adjustment": "pencil-line"}


@page("/balance", title=t("balance.title"), role=Role.CUSTOMER, on_load=[BalanceState.load, AlertState.load])
def balance() -> rx.Component:
    return shell(
        rx.foreach(BalanceState.troubles, _trouble),
        rx.el.div(_figures(), class_name="fb-balance-figures"),
        rx.el.div(
            _spend(),
            _by_model(),
            _ledger(),
            rx.el.div(lots(), alert_card(), auto_topup(), class_name="fb-balance-side"),
            class_name="fb-balance-grid",
        ),
        alert_dialog(),
        here="balance",
        title=t("balance.title"),
        actions=[
            statement_dialog(),
            link_button(t("balance.get_credits"), href="/top-up", kind="solid", icon_name="plus"),
        ],
    )


def _trouble(item: Any) -> rx.Component:
    """Nothing left, a debt, a freeze: what it means, and the way out where credits are one."""
    return rx.el.div(
        notice(
            item["sentence"],
            rx.cond(
                item["buys"] != "",
                link_button(t("balance.get_credits"), href="/top-up", size="small", icon_name="plus"),
            ),
            title=item["title"],
            tone=item["tone"],
        ),
        class_name="fb-trouble",
        custom_attrs={"data-testid": "trouble", "data-name": item["name"]},
    )


def _figures() -> rx.Component:
    held_by = rx.cond(
        FIGURES["running"] != "", state_dot("running", FIGURES["held_by"]), rx.el.span(FIGURES["held_by"])
    )
    return kpi_strip(
        kpi(t("balance.available.label"), FIGURES["available"], FIGURES["available_of"], with_token=True),
        kpi(t("balance.held.label"), FIGURES["held"], held_by),
        kpi(
            t("balance.expiring.label"),
            FIGURES["expiring"],
            FIGURES["expiring_when"],
            caption_tone=FIGURES["expiring_tone"],
        ),
        kpi(t("balance.lasts.label"), FIGURES["lasts"], FIGURES["lasts_at"]),
        ready=BalanceState.ready,
        label=t("balance.figures"),
    )


# ---- spending ----


def _spend() -> rx.Component:
    periods = segmented(
        [(days, t("balance.spend.days", count=days)) for days in PERIODS],
        value=BalanceState.period,
        on_change=var(BalanceState.choose_period),
        label=t("balance.spend.period"),
        small=True,
        full=False,
    )
    drawn = chart(BalanceState.chart, summary=BalanceState.summary, height="212px", table=_day_table())
    nothing = empty_state(
        "chart-no-axes-column",
        t("balance.spend.none_title", days=BalanceState.period),
        t("balance.spend.none_sentence"),
        compact=True,
    )
    return panel(
        t("balance.spend.title"),
        rx.cond(
            BalanceState.ready,
            rx.cond(BalanceState.nothing_spent, nothing, drawn),
            skeleton("100%", "212px"),
        ),
        detail=loaded(BalanceState.ready, BalanceState.spent, width="12em"),
        actions=[periods],
        class_name="fb-spend",
    )


def _day_table() -> rx.Component:
    """The chart's figures, for whoever does not see bars."""
    return rx.el.div(
        rx.el.table(
            rx.el.caption(t("balance.spend.table"), class_name="fb-sr"),
            rx.el.thead(
                rx.el.tr(
                    rx.el.th(t("balance.spend.day"), scope="col"),
                    rx.foreach(
                        BalanceState.series, lambda name: rx.el.th(name, scope="col", class_name="fb-num fb-right")
                    ),
                    rx.el.th(t("balance.spend.total"), scope="col", class_name="fb-num fb-right"),
                )
            ),
            rx.el.tbody(rx.foreach(BalanceState.days, _day_row)),
            class_name="fb-table",
        ),
        class_name="fb-day-table fb-scroll",
    )


def _day_row(item: Any) -> rx.Component:
    return rx.el.tr(
        rx.el.th(item["day"], scope="row"),
        rx.foreach(item["cells"].to(list[str]), lambda cell: rx.el.td(cell, class_name="fb-num fb-right")),
        rx.el.td(item["total"], class_name="fb-num fb-right fb-medium"),
    )


def _by_model() -> rx.Component:
    return panel(
        t("balance.spend.by"),
        rx.cond(
            var(BalanceState.shares).length() > 0,
            rx.el.ul(rx.foreach(BalanceState.shares, _share), class_name="fb-shares"),
            rx.el.p(t("balance.spend.by_none"), class_name="fb-text-2"),
        ),
        actions=[
            segmented(
                [(MODEL_OF, t("balance.spend.by_model")), (KEY_OF, t("balance.spend.by_key"))],
                value=BalanceState.by,
                on_change=var(BalanceState.choose_by),
                label=t("balance.spend.by"),
                small=True,
                full=False,
            )
        ],
        detail=t("balance.spend.window", days=BalanceState.period),
    )


def _share(item: Any) -> rx.Component:
    return rx.el.li(
        row(
            rx.el.span(class_name="fb-swatch flex-none", custom_attrs={"data-series": item["series"]}),
            rx.el.span(item["name"], class_name="fb-cut flex-1", title=item["name"]),
            rx.el.span(item["amount"], class_name="fb-strong fb-num"),
            rx.el.span(item["percent"], class_name="fb-text-2 fb-num fb-share-percent"),
        ),
        share_bar(item["width"], series=item["series"]),
    )


# ---- the ledger ----


def _ledger() -> rx.Component:
    return panel(
        t("balance.ledger.title"),
        data_table(
            [
                Column(t("balance.column.time"), _time, width="7.5rem"),
                Column(t("balance.column.entry"), _entry, grow=True),
                Column(t("balance.column.reference"), _reference, width="10rem", wide_only=True),
                Column(t("balance.column.credits"), _credits, numeric=True, width="6rem"),
                Column(t("balance.column.balance"), lambda item: item["balance"], numeric=True, width="6rem"),
            ],
            BalanceState.rows,
            label=t("balance.ledger.title"),
            phone=_phone,
            quiet_row=lambda item: item["quiet"] != "",
            loading=~var(BalanceState.ready),
            empty=_no_entries(),
            footer=rx.cond(
                BalanceState.has_previous | BalanceState.has_next,
                pagination(
                    shown=BalanceState.shown,
                    has_previous=BalanceState.has_previous,
                    has_next=BalanceState.has_next,
                    on_previous=BalanceState.previous_page,
                    on_next=BalanceState.next_page,
                ),
            ),
        ),
        actions=[_months(), _csv()],
        detail=_shown(),
        flush=True,
        class_name="fb-ledger",
    )


def _shown() -> rx.Component:
    return segmented(
        show_options(),
        value=BalanceState.show,
        on_change=var(BalanceState.choose_show),
        label=t("balance.ledger.show"),
        small=True,
        full=False,
    )


def _months() -> rx.Component:
    return rx.el.span(
        select(
            BalanceState.month_choices,
            value=BalanceState.month,
            on_change=BalanceState.choose_month,
            label=t("balance.ledger.month"),
        ),
        class_name="fb-month",
    )


def _csv() -> rx.Component:
    return link_button(
        t("balance.ledger.csv"),
        href=BalanceState.csv,
        native=True,
        download=True,
        icon_name="download",
        title=t("balance.ledger.csv_hint"),
        custom_attrs={"data-testid": "csv"},
    )


def _time(item: Any) -> rx.Component:
    return rx.el.time(item["time"], title=item["whole_time"], class_name="fb-num")


def _entry(item: Any) -> rx.Component:
    return row(
        _entry_icon(item),
        rx.el.span(item["entry"], class_name=rx.cond(item["quiet"] != "", "fb-nowrap", "fb-medium fb-nowrap")),
        rx.el.span(item["detail"], class_name="fb-text-2 fb-cut", title=item["detail"]),
    )


def _entry_icon(item: Any) -> rx.Component:
    drawn = [(name, icon(shape, 15, class_name="fb-text-2")) for name, shape in ENTRY_ICONS.items()]
    return rx.match(item["icon"], *drawn, rx.el.span(modality_icon(item["icon"], 15), class_name="fb-text-2 flex"))


def _reference(item: Any) -> rx.Component:
    return rx.cond(
        item["href"] != "",
        route_link(
            item["short"], href=item["href"], class_name="fb-mono fb-reference", custom_attrs={"data-fb-row": ""}
        ),
        rx.el.span(item["short"], class_name="fb-mono fb-text-2", title=item["reference"]),
    )


def _credits(item: Any) -> rx.Component:
    return rx.el.span(
        item["credits"],
        class_name=rx.cond(item["quiet"] != "", "", "fb-medium"),
        custom_attrs={"data-tone": item["tone"]},
    )


def _phone(item: Any) -> rx.Component:
    line = two_line(
        item["entry"],
        item["detail"],
        item["credits"],
        item["time"],
        mark=rx.el.span(_entry_icon(item), class_name="fb-icon-tile fb-entry-tile"),
        figure_tone=item["tone"],
    )
    return rx.cond(item["href"] != "", route_link(line, href=item["href"], class_name="fb-phone-link"), line)


def _no_entries() -> rx.Component:
    filtered = (BalanceState.show != "all") | (BalanceState.month != "all")
    return rx.cond(
        filtered,
        empty_state("search-x", t("balance.empty.filtered_title"), t("balance.empty.filtered_sentence"), compact=True),
        empty_state("wallet", t("balance.empty.title"), t("balance.empty.sentence"), compact=True),
    )
