"""`/admin` drawn: five figures, revenue by hour, providers, books, decisions, top models."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    Column,
    card,
    chart,
    chip,
    column,
    data_table,
    empty_state,
    icon,
    icon_tile,
    kpi,
    kpi_strip,
    legend,
    link_button,
    loaded,
    panel,
    provider_health,
    provider_tile,
    route_link,
    row,
    skeleton,
    text_link,
    two_line,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.admin_today.facts import LETTERS
from app.ui.pages.admin_today.state import TodayState
from app.ui.roles import Role

FIGURES = ("revenue", "cost", "margin", "jobs", "failed")


@page("/admin", title=t("admin_today.title"), role=Role.OPERATOR, on_load=TodayState.load)
def admin_today() -> rx.Component:
    return shell(
        kpi_strip(*[_kpi(name) for name in FIGURES], ready=TodayState.ready, label=t("admin_today.kpi.label")),
        rx.el.div(
            column(_by_hour(), _health(), _books(), class_name="gap-[14px]"),
            column(_decisions(), _models(), class_name="gap-[14px]"),
            class_name="fb-today",
        ),
        here="today",
        title=t("admin_today.title"),
        area=Role.OPERATOR,
        chips=[rx.el.span(TodayState.moment, class_name="fb-small fb-num fb-wide-only")],
    )


def _kpi(name: str) -> dict[str, Any]:
    shown = TodayState.figures[name]
    return kpi(
        t(f"admin_today.kpi.{name}"), shown["figure"], shown["caption"], delta=shown["delta"], delta_tone=shown["tone"]
    )


# ---- revenue by hour ----


def _by_hour() -> rx.Component:
    quiet = empty_state(
        "chart-column",
        t("admin_today.chart.empty.title"),
        t("admin_today.chart.empty.sentence"),
        link_button(t("admin_today.chart.empty.action"), href="/admin/models", kind="solid"),
        compact=True,
    )
    drawn = chart(TodayState.figure, summary=TodayState.summary, height="230px", table=_hour_table())
    return panel(
        t("admin_today.chart.title"),
        rx.cond(TodayState.ready, rx.cond(TodayState.quiet, quiet, drawn), skeleton("100%", "230px")),
        actions=[_legend()],
    )


def _legend() -> rx.Component:
    """Margin is the first series' colour, upstream cost the slate of what is past."""
    return rx.el.div(
        rx.el.span(
            rx.el.span(class_name="fb-swatch", custom_attrs={"data-series": "1"}), t("admin_today.chart.margin")
        ),
        rx.el.span(rx.el.span(class_name="fb-swatch", custom_attrs={"data-series": "5"}), t("admin_today.chart.cost")),
        legend(dashed=t("admin_today.chart.yesterday")),
        class_name="fb-today-legend",
    )


def _hour_table() -> rx.Component:
    return data_table(
        [
            Column(t("admin_today.column.hour"), lambda item: item["hour"]),
            Column(t("admin_today.kpi.revenue"), lambda item: item["revenue"], numeric=True),
            Column(t("admin_today.kpi.cost"), lambda item: item["cost"], numeric=True),
            Column(t("admin_today.kpi.margin"), lambda item: item["margin"], numeric=True),
            Column(t("admin_today.chart.yesterday"), lambda item: item["yesterday"], numeric=True),
        ],
        TodayState.hours,
        label=t("admin_today.chart.title"),
    )


# ---- providers ----


def _health() -> rx.Component:
    head = row(
        rx.el.span(t("admin_today.health.success"), class_name="fb-strip-figure"),
        rx.el.span(t("admin_today.health.p50"), class_name="fb-strip-time"),
        rx.el.span(class_name="fb-strip-state"),
        class_name="fb-small fb-strip-head",
    )
    return panel(
        t("admin_today.health.title"),
        rx.cond(
            TodayState.ready,
            rx.el.ul(rx.foreach(TodayState.providers, _strip), class_name="fb-strips"),
            column(*[skeleton("100%", "28px") for _ in range(3)], class_name="gap-4 p-4"),
        ),
        detail=t("admin_today.health.window"),
        actions=[head],
        flush=True,
        custom_attrs={"data-testid": "provider-health"},
    )


def _strip(one: Any) -> rx.Component:
    return rx.el.li(
        route_link(
            provider_tile(one["kind"]),
            rx.el.span(
                rx.el.span(one["name"], class_name="fb-strong fb-cut"),
                rx.el.span(one["detail"], class_name="fb-small fb-cut"),
                class_name="fb-strip-name",
            ),
            rx.el.span(
                rx.foreach(
                    one["bars"],
                    lambda bar: rx.el.span(title=bar["words"], custom_attrs={"data-tone": bar["tone"]}),
                ),
                class_name="fb-strip-bars",
                role="img",
                custom_attrs={"aria-label": one["summary"]},
            ),
            rx.el.span(one["success"], class_name="fb-strip-figure fb-num"),
            rx.el.span(one["seconds"], class_name="fb-strip-time fb-num fb-text-2"),
            rx.el.span(provider_health(one["health"]), class_name="fb-strip-state"),
            href="/admin/providers",
            class_name="fb-strip",
        ),
        key=one["provider_id"],
    )


# ---- books ----


def _books() -> rx.Component:
    mark = rx.cond(TodayState.balanced, icon_tile("scale", tone="good"), icon_tile("triangle-alert", tone="loss"))
    return card(
        row(
            rx.cond(TodayState.audited, mark, icon_tile("scale")),
            column(
                rx.el.h2(
                    loaded(TodayState.audited, TodayState.books_title, width="7em"),
                    class_name="fb-panel-title",
                    custom_attrs={"data-tone": rx.cond(TodayState.balanced, "neutral", "loss")},
                ),
                rx.el.p(loaded(TodayState.audited, TodayState.books_detail, width="22em"), class_name="fb-small"),
                class_name="flex-1",
            ),
            class_name="gap-3 px-[14px] py-3",
        ),
        custom_attrs={"data-testid": "books"},
        role="status",
    )


# ---- decisions ----


def _decisions() -> rx.Component:
    count = var(TodayState.decisions).length()
    filled = rx.el.ul(rx.foreach(TodayState.decisions, _decision), class_name="fb-decisions")
    nothing = row(
        icon_tile("check", tone="good"),
        rx.el.p(t("admin_today.decide.nothing"), class_name="fb-text-2"),
        class_name="gap-3 px-[14px] py-4",
    )
    waiting = column(*[skeleton("100%", "34px") for _ in range(3)], class_name="gap-4 p-4")
    return panel(
        t("admin_today.decide.title"),
        rx.cond(count > 0, filled, rx.cond(TodayState.decided, nothing, waiting)),
        actions=[
            rx.cond(count > 0, chip(count.to_string(), tone="thin")),
        ],
        flush=True,
        custom_attrs={"data-testid": "decisions"},
    )


def _decision(one: Any) -> rx.Component:
    tile = rx.match(
        one["icon"],
        *[(name, icon(shape, 15)) for name, shape in LETTERS.items()],
        icon("info", 15),
    )
    return rx.el.li(
        route_link(
            rx.el.span(tile, class_name="fb-icon-tile fb-icon-tile-normal", custom_attrs={"data-tone": one["tone"]}),
            rx.el.span(
                rx.el.span(one["title"], class_name="fb-strong fb-cut", title=one["title"]),
                rx.el.span(one["detail"], class_name="fb-small fb-cut", title=one["detail"]),
                class_name="fb-strip-name flex-1",
            ),
            rx.el.span(one["age"], class_name="fb-small fb-num fb-nowrap"),
            rx.el.span(one["verb"], class_name="fb-button fb-outline fb-size-small"),
            href=one["href"],
            class_name="fb-decision",
            custom_attrs={"data-fb-row": ""},
        ),
        key=one["key"],
    )


# ---- models ----


def _models() -> rx.Component:
    return panel(
        t("admin_today.models.title"),
        data_table(
            [
                Column(t("admin_today.column.model"), lambda item: item["alias"], grow=True),
                Column(t("admin_today.kpi.jobs"), lambda item: item["jobs"], numeric=True),
                Column(t("admin_today.kpi.revenue"), lambda item: rx.el.b(item["revenue"]), numeric=True),
                Column(t("admin_today.column.cost"), lambda item: item["cost"], numeric=True),
                Column(t("admin_today.kpi.margin"), lambda item: chip(item["margin"], tone=item["tone"]), numeric=True),
            ],
            TodayState.models,
            label=t("admin_today.models.title"),
            href=lambda item: item["href"],
            phone=lambda item: two_line(item["alias"], item["cost"], item["revenue"], item["margin"]),
            loading=~TodayState.ready,
            empty=rx.el.p(t("admin_today.models.none"), class_name="fb-text-2 p-4"),
        ),
        actions=[text_link(t("admin_today.models.all"), href="/admin/models")],
        flush=True,
    )
