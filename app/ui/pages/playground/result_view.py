"""A finished generation: its files, and what they cost against what was said before."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import (
    amount,
    button,
    card,
    chip,
    copy_button,
    icon,
    icon_button,
    link_button,
    modality_icon,
    notice,
    plain_link,
    row,
    state_chip,
    var,
)
from app.ui.pages.playground.seen import ChipRow, OutputRow
from app.ui.pages.playground.slip_view import PRESS_MS
from app.ui.pages.playground.widgets import MediaViewer, viewer_words
from app.ui.pages.playground.work_state import WorkState

WORK = var(WorkState)


def result() -> rx.Component:
    """Status line, viewer, cost row."""
    shown = WORK.result
    return rx.el.article(
        rx.el.header(
            state_chip(shown["state"]),
            rx.el.h2(shown["title"], class_name="fb-strong fb-cut flex-1", title=shown["title"]),
            rx.el.span(
                rx.cond(shown["took"] != "", rx.el.span(shown["took"], " · ")),
                rx.el.time(shown["at"], title=shown["full_at"]),
                class_name="fb-small fb-num fb-nowrap",
            ),
            class_name="fb-play-status",
        ),
        _media(),
        rx.cond(shown["state"] == "done", _cost(), _nothing_charged()),
        class_name="fb-play-shown",
        custom_attrs={"data-testid": "result", "data-id": shown["id"], "data-state": shown["state"]},
    )


def phone_card() -> rx.Component:
    """On a phone: the last result in two lines, above the form."""
    shown = WORK.result
    first = shown["outputs"].to(list[OutputRow])[0]
    card = rx.cond(
        shown["id"] != "",
        rx.el.button(
            rx.el.span(
                rx.cond(
                    (shown["media"] == "image") | (shown["media"] == "video"),
                    rx.el.img(src=first["thumb"], alt=""),
                    rx.cond(shown["media"] == "", icon("triangle-alert", 20), modality_icon(shown["media"], 20)),
                ),
                class_name="fb-phone-result-picture",
            ),
            rx.el.span(
                rx.el.span(
                    state_chip(shown["state"]),
                    rx.el.span(shown["brief"], class_name="fb-text-2 fb-cut fb-num"),
                    class_name="fb-phone-result-line",
                ),
                rx.el.span(shown["brief_charged"], class_name="fb-medium fb-cut fb-num"),
                class_name="flex flex-col gap-1 flex-1 min-w-0 text-left",
            ),
            icon("chevron-right", 16),
            type="button",
            class_name="fb-phone-result",
            on_click=WORK.open_result,
            custom_attrs={"aria-label": t("playground.result.open")},
        ),
    )
    return rx.cond(
        WORK.history.length() > 0,
        rx.el.div(
            card,
            icon_button(
                "history",
                t("playground.history.title"),
                on_click=WORK.set_history_open(True),
                class_name="fb-phone-history",
            ),
            class_name="fb-phone-row",
        ),
    )


def _media() -> rx.Component:
    shown = WORK.result
    outputs = shown["outputs"].to(list[OutputRow])
    return rx.match(
        shown["media"],
        (
            "image",
            MediaViewer.create(items=outputs, of=shown["id"], alt=shown["title"], words=viewer_words()),
        ),
        ("video", rx.el.div(rx.foreach(outputs, video), class_name="fb-players")),
        ("audio", rx.el.div(rx.foreach(outputs, audio), class_name="fb-players")),
        ("text", rx.fragment(_words(shown["words"], shown["title"]), rx.cond(shown["cause"] != "", _failure()))),
        ("none", _failure()),
        ("gone", notice(t("playground.result.gone"), tone="neutral")),
        rx.el.div(rx.foreach(outputs, other), class_name="fb-players"),
    )


def coming() -> rx.Component:
    """An answer while it is being written."""
    return rx.el.article(
        rx.el.header(
            state_chip("running"),
            rx.el.h2(t("playground.result.coming"), class_name="fb-strong fb-cut flex-1"),
            class_name="fb-play-status",
        ),
        _words(WORK.live_text, t("playground.result.coming")),
        class_name="fb-play-shown",
        custom_attrs={"data-testid": "coming", "aria-busy": "true"},
    )


def _words(words: Any, label: Any) -> rx.Component:
    """A text as it was written: it is nobody's markup."""
    return rx.el.div(
        rx.el.div(
            words,
            class_name="fb-words fb-scroll",
            role="region",
            tab_index=0,
            custom_attrs={"data-testid": "result-text", "aria-label": label},
        ),
        copy_button(words, t("playground.result.copy")),
        class_name="fb-words-card",
    )


def video(output: Any) -> rx.Component:
    """A player that can be wound: the file route answers ranges."""
    return rx.el.figure(
        rx.el.video(
            src=output["url"],
            poster=output["thumb"],
            controls=True,
            preload="metadata",
            loop=True,
            plays_inline=True,
            key=output["id"],
            class_name="fb-player-video",
            custom_attrs={"data-testid": "result-video"},
        ),
        rx.el.figcaption(output["size"], class_name="fb-small fb-num"),
        class_name="fb-player",
    )


def audio(output: Any) -> rx.Component:
    """A sound with its controls."""
    return rx.el.figure(
        rx.el.span(icon("audio-lines", 26), class_name="fb-player-wave"),
        rx.el.audio(
            src=output["url"],
            controls=True,
            preload="metadata",
            key=output["id"],
            custom_attrs={"data-testid": "result-audio"},
        ),
        rx.el.figcaption(output["size"], class_name="fb-small fb-num"),
        class_name="fb-player fb-player-sound",
    )


def other(output: Any) -> rx.Component:
    """A file nothing here can play."""
    return plain_link(icon("file", 16), output["mime"], href=output["download"], class_name="fb-link")


def _failure() -> rx.Component:
    shown = WORK.result
    return rx.el.div(
        notice(shown["money"], tone=rx.cond(shown["state"] == "released", "neutral", "loss"), title=shown["cause"]),
        custom_attrs={"data-testid": "failure"},
    )


def _cost() -> rx.Component:
    shown = WORK.result
    return card(
        row(
            _figure(t("playground.result.estimate"), rx.el.span(shown["estimate"], class_name="fb-total fb-num")),
            icon("arrow-right", 14, class_name="fb-text-3"),
            _figure(
                t("playground.result.charged"),
                amount(
                    rx.el.span(shown["charged"], custom_attrs={"data-testid": "charged"}),
                    unit=t("common.credits"),
                    class_name="fb-total",
                ),
            ),
            rx.el.span(
                rx.foreach(shown["verdicts"].to(list[ChipRow]), lambda one: chip(one["label"], tone=one["tone"])),
                class_name="fb-verdicts",
            ),
            class_name="fb-cost-figures",
        ),
        rx.el.div(_trace(), _again(), _download(), class_name="fb-cost-acts"),
        class_name="fb-cost-row",
    )


def _figure(label: str, figure: rx.Component) -> rx.Component:
    return rx.el.div(rx.el.span(label, class_name="fb-caption"), figure, class_name="flex flex-col")


def _nothing_charged() -> rx.Component:
    return row(_trace(), _again(), class_name="flex-wrap")


def _trace() -> rx.Component:
    return link_button(
        t("playground.result.trace"),
        href="/logs/" + WORK.result["id"].to(str),
        size="small",
        kind="ghost",
    )


def _again() -> rx.Component:
    return rx.cond(
        WORK.again_label != "",
        button(
            WORK.again_label,
            size="small",
            icon_name="rotate-cw",
            key="r",
            on_click=WORK.run_again(WORK.again_ticket).throttle(PRESS_MS),
            custom_attrs={"data-testid": "again"},
        ),
    )


def _download() -> rx.Component:
    """One file is fetched at once; several are fetched one after the other by the same press."""
    outputs = WORK.result["outputs"].to(list[OutputRow])
    downloads = rx.el.span(
        rx.foreach(
            outputs,
            lambda one: plain_link(
                href=one["download"],
                download=True,
                class_name="fb-sr",
                tab_index=-1,
                custom_attrs={"aria-hidden": "true"},  # the button presses them
            ),
        ),
        button(
            WORK.result["download_label"],
            size="small",
            icon_name="download",
            custom_attrs={"data-fb-download": "", "data-testid": "download"},
            on_click=rx.call_script(DOWNLOAD_ALL),
        ),
        class_name="fb-downloads",
    )
    return rx.cond(outputs.length() > 0, downloads)


#: Presses every hidden link of the row, a moment apart: browsers drop downloads that start together.
DOWNLOAD_ALL = """
document.querySelectorAll(".fb-downloads > a").forEach((link, index) => setTimeout(() => link.click(), index * 400))
"""
