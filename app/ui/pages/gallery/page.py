"""`/gallery`: every output of the workspace, with its settings and what it cost."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    amount,
    button,
    chip,
    copyable,
    definition,
    dialog,
    empty_state,
    error_state,
    filter_input,
    icon,
    icon_button,
    link_button,
    modality_icon,
    route_link,
    row,
    segmented,
    select,
    skeleton,
    token,
    var,
)
from app.ui.layout import shell
from app.ui.page import page
from app.ui.pages.gallery.state import EVERY, MODALITIES, PERIODS, GalleryState, SettingRow
from app.ui.pages.playground.result_view import audio, other, video
from app.ui.pages.playground.seen import ChipRow, OutputRow
from app.ui.pages.playground.widgets import MediaViewer, viewer_words
from app.ui.roles import Role

GALLERY = var(GalleryState)
#: Skeleton cards while the first look is under way.
WAITING_CARDS = 10


@page("/gallery", title=t("gallery.title"), role=Role.CUSTOMER, on_load=GalleryState.load)
def gallery() -> rx.Component:
    return shell(
        rx.cond(GALLERY.ready & GALLERY.is_empty, _nothing_yet(), _filled()),
        _detail(),
        here="gallery",
        title=t("gallery.title"),
    )


def _filled() -> rx.Component:
    return rx.el.div(
        _filters(),
        rx.cond(
            GALLERY.ready,
            rx.cond(
                GALLERY.trouble != "",
                error_state(GALLERY.trouble, GalleryState.load),
                rx.cond(GALLERY.cards.length() > 0, _grid(), _no_match()),
            ),
            rx.el.div(
                *[skeleton("100%", "210px") for _ in range(WAITING_CARDS)],
                class_name="fb-gallery-grid",
                custom_attrs={"aria-busy": "true"},
            ),
        ),
        class_name="fb-gallery",
    )


def _filters() -> rx.Component:
    return row(
        segmented(
            [(EVERY, t("gallery.filter.all")), *((name, t(f"gallery.filter.{name}")) for name in MODALITIES)],
            value=GALLERY.modality,
            on_change=GALLERY.set_modality,
            label=t("gallery.filter.modality"),
            full=False,
        ),
        rx.el.span(
            select(GALLERY.models, value=GALLERY.model, on_change=GALLERY.set_model, label=t("gallery.filter.model")),
            class_name="fb-gallery-select",
        ),
        rx.el.span(
            select(
                [(name, t(f"gallery.filter.{name}")) for name in PERIODS],
                value=GALLERY.period,
                on_change=GALLERY.set_period,
                label=t("gallery.filter.period"),
            ),
            class_name="fb-gallery-select",
        ),
        rx.el.span(class_name="flex-1"),
        filter_input(value=GALLERY.search, on_change=GALLERY.set_search, label=t("gallery.filter.search")),
        class_name="fb-gallery-filters flex-wrap",
        role="search",
    )


def _grid() -> rx.Component:
    return rx.fragment(
        rx.el.ul(
            rx.foreach(GALLERY.cards, _card),
            class_name="fb-gallery-grid",
            custom_attrs={"aria-label": t("gallery.grid")},
        ),
        rx.cond(
            GALLERY.has_more,
            row(
                button(
                    t("gallery.more"), busy=GALLERY.busy, on_click=GALLERY.more, custom_attrs={"data-testid": "more"}
                ),
                class_name="justify-center pt-5",
            ),
        ),
    )


def _card(card: Any) -> rx.Component:
    return rx.el.li(
        rx.el.button(
            rx.el.span(
                rx.cond(
                    card["thumb"] != "",
                    rx.el.img(src=card["thumb"], alt="", loading="lazy"),
                    modality_icon(card["kind"], 30),
                ),
                rx.cond(
                    card["kind"] == "video", rx.el.span(icon("play", 15), class_name="fb-gallery-play"), rx.fragment()
                ),
                class_name="fb-gallery-picture",
                custom_attrs={"data-kind": card["kind"]},
            ),
            rx.el.span(
                rx.el.span(card["title"], class_name="fb-medium fb-cut", title=card["title"]),
                rx.el.span(card["detail"], class_name="fb-small fb-cut fb-num"),
                rx.el.span(
                    rx.el.span(card["credits"], class_name="fb-num fb-cut flex-1"),
                    rx.el.span(card["when"], class_name="fb-num fb-nowrap"),
                    class_name="fb-gallery-foot",
                ),
                class_name="fb-gallery-words",
            ),
            type="button",
            class_name="fb-gallery-card",
            on_click=GALLERY.open_card(card["id"]),
            custom_attrs={
                "aria-label": card["label"],
                "data-testid": "gallery-card",
                "data-fb-row": "",
                "data-id": card["id"],
            },
        )
    )


def _no_match() -> rx.Component:
    return empty_state(
        "search-x",
        t("gallery.nothing.title"),
        t("gallery.nothing.sentence"),
        button(t("gallery.filter.clear"), on_click=GALLERY.clear),
    )


# ---- nothing made yet ----


def _nothing_yet() -> rx.Component:
    return rx.el.div(
        empty_state(
            "images",
            t("gallery.empty.title"),
            rx.fragment(t("gallery.empty.sentence"), " ", rx.el.br(), GALLERY.first_image),
            link_button(t("gallery.empty.playground"), href="/playground", kind="solid", icon_name="sparkles"),
            link_button(t("gallery.empty.key"), href="/keys", icon_name="key-round"),
        ),
        rx.cond(
            GALLERY.starters.length() > 0,
            rx.el.section(
                rx.el.h3(t("gallery.empty.starters"), class_name="fb-small fb-starters-title"),
                rx.el.ul(rx.foreach(GALLERY.starters, _starter), class_name="fb-starters"),
            ),
        ),
        class_name="fb-gallery-empty",
    )


def _starter(one: Any) -> rx.Component:
    return rx.el.li(
        route_link(
            rx.el.img(src=one["picture"], alt="", loading="lazy"),
            rx.el.span(
                rx.el.span(one["title"], class_name="fb-medium fb-cut", title=one["title"]),
                rx.el.span(
                    token("small"), rx.el.span(one["price"], class_name="fb-cut"), class_name="fb-starter-price fb-num"
                ),
                class_name="fb-starter-words",
            ),
            href=one["href"],
            class_name="fb-starter",
        )
    )


# ---- one result ----


def _detail() -> rx.Component:
    result, detail = GALLERY.result, GALLERY.detail
    return dialog(
        rx.el.div(
            rx.el.div(_media(), class_name="fb-detail-media"),
            rx.el.div(
                rx.cond(detail["words"] != "", rx.el.p(detail["words"], class_name="fb-detail-words fb-scroll")),
                rx.el.span(
                    rx.foreach(result["verdicts"].to(list[ChipRow]), lambda one: chip(one["label"], tone=one["tone"])),
                    class_name="fb-verdicts",
                ),
                _facts(),
                class_name="fb-detail-side",
            ),
            class_name="fb-detail",
        ),
        title=t("gallery.detail.title"),
        size="wide",
        is_open=GALLERY.is_open,
        on_open_change=GALLERY.set_open,
        footer=_ways_on(),
    )


def _media() -> rx.Component:
    """What was made, as large as it can be."""
    result, detail = GALLERY.result, GALLERY.detail
    outputs = result["outputs"].to(list[OutputRow])
    return rx.match(
        result["media"],
        (
            "image",
            MediaViewer.create(
                items=outputs,
                of=detail["file"],
                first=detail["first"],
                alt=result["title"],
                words=viewer_words(),
            ),
        ),
        ("video", rx.el.div(rx.foreach(outputs, video), class_name="fb-players")),
        ("audio", rx.el.div(rx.foreach(outputs, audio), class_name="fb-players")),
        rx.el.div(rx.foreach(outputs, other), class_name="fb-players"),
    )


def _facts() -> rx.Component:
    """What it cost, what it was made with, and its ids."""
    result, detail = GALLERY.result, GALLERY.detail
    return rx.el.div(
        definition(t("gallery.detail.estimate"), rx.el.span(result["estimate"], class_name="fb-num")),
        definition(t("gallery.detail.charged"), _charged()),
        definition(t("gallery.detail.model"), rx.el.span(detail["model_title"], class_name="fb-cut")),
        rx.foreach(
            detail["settings"].to(list[SettingRow]),
            lambda one: definition(
                one["name"], rx.el.span(one["value"], class_name="fb-cut fb-num", title=one["value"])
            ),
        ),
        definition(t("gallery.detail.made"), rx.el.time(result["at"], class_name="fb-num", title=result["full_at"])),
        definition(t("gallery.detail.took"), rx.el.span(result["took"], class_name="fb-num")),
        definition(t("gallery.detail.generation"), copyable(result["id"], detail["short_generation"], primary=True)),
        definition(t("gallery.detail.file"), copyable(detail["file"], detail["short_file"])),
        definition(t("gallery.detail.request"), copyable(detail["request"], detail["short_request"])),
        class_name="fb-detail-list",
    )


def _ways_on() -> list[rx.Component]:
    """The ones before and after, its trace, the file, and once more."""
    result, detail = GALLERY.result, GALLERY.detail
    return [
        icon_button(
            "chevron-left",
            t("gallery.detail.previous"),
            on_click=GALLERY.step(-1),
            disabled=~GALLERY.has_previous,
        ),
        icon_button("chevron-right", t("gallery.detail.next"), on_click=GALLERY.step(1), disabled=~GALLERY.has_next),
        link_button(t("gallery.detail.trace"), href="/logs/" + result["id"].to(str), kind="ghost"),
        link_button(
            t("gallery.detail.download"),
            href="/files/" + detail["file"].to(str) + "?download=1",
            icon_name="download",
            native=True,
            download=True,
        ),
        link_button(
            t("gallery.detail.again"),
            href="/playground?from=" + result["id"].to(str),
            kind="solid",
            icon_name="rotate-cw",
            custom_attrs={"data-testid": "gallery-again"},
        ),
    ]


def _charged() -> rx.Component:
    return amount(GALLERY.result["charged"], unit=t("common.credits"), size="small", class_name="fb-strong")
