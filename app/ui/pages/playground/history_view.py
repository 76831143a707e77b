"""The rail of what was made, by day; on narrower screens a sheet."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import button, icon, modality_icon, row, skeleton, state_dot, text_link, var
from app.ui.pages.playground.work_state import WorkState

WORK = var(WorkState)


def history_rail() -> rx.Component:
    """The third column."""
    return rx.el.aside(
        _list(), class_name="fb-history fb-scroll", custom_attrs={"aria-label": t("playground.history.title")}
    )


def history_sheet() -> rx.Component:
    """The same in a sheet from the right."""
    return rx.dialog.root(
        rx.dialog.content(
            rx.dialog.title(t("playground.history.title"), class_name="fb-sr"),
            rx.el.div(_list(), class_name="fb-history-inside fb-scroll"),
            rx.dialog.close(
                rx.el.button(
                    icon("x", 16),
                    type="button",
                    class_name="fb-icon-button fb-history-close",
                    custom_attrs={"aria-label": t("common.close")},
                )
            ),
            class_name="fb-history-sheet",
            aria_describedby="",
        ),
        open=WORK.is_history_open,
        on_open_change=WORK.set_history_open,
    )


def _list() -> rx.Component:
    return rx.fragment(
        row(
            rx.el.h2(t("playground.history.title"), class_name="fb-strong flex-1"),
            text_link(t("playground.history.gallery"), href="/gallery", class_name="fb-small"),
            class_name="fb-history-head",
        ),
        rx.cond(
            WORK.ready,
            rx.cond(
                WORK.history.length() > 0,
                rx.el.ul(rx.foreach(WORK.history, _line), class_name="fb-history-list"),
                rx.el.p(t("playground.history.empty"), class_name="fb-small fb-history-empty"),
            ),
            rx.el.div(*[skeleton("100%", "46px") for _ in range(5)], class_name="flex flex-col gap-3 p-2"),
        ),
        rx.cond(
            WORK.has_older,
            button(t("playground.history.older"), size="small", kind="ghost", on_click=WORK.older),
        ),
    )


def _line(line: Any) -> rx.Component:
    return rx.fragment(
        rx.cond(line["day"] != "", rx.el.li(rx.el.h3(line["day"], class_name="fb-history-day"))),
        rx.el.li(
            rx.el.button(
                _picture(line),
                rx.el.span(
                    rx.el.span(line["title"], class_name="fb-medium fb-cut", title=line["title"]),
                    rx.el.span(line["detail"], class_name="fb-small fb-cut", title=line["detail"]),
                    rx.el.span(
                        state_dot(line["state"], line["word"], quiet=True),
                        rx.el.span(line["figure"], class_name="fb-num flex-1 fb-cut"),
                        rx.el.span(line["time"], class_name="fb-num"),
                        class_name="fb-history-foot",
                    ),
                    class_name="fb-history-words",
                ),
                type="button",
                class_name="fb-history-line",
                on_click=WORK.show(line["id"]),
                custom_attrs={
                    "aria-current": rx.cond(line["id"] == WORK.result["id"], "true", "false"),
                    "data-testid": "history-line",
                    "data-id": line["id"],
                },
            )
        ),
    )


def _picture(line: Any) -> rx.Component:
    return rx.el.span(
        rx.cond(
            line["thumb"] != "",
            rx.el.img(src=line["thumb"], alt="", loading="lazy"),
            rx.cond(line["state"] == "failed", icon("triangle-alert", 17), modality_icon(line["modality"], 17)),
        ),
        class_name="fb-history-picture",
        custom_attrs={"data-state": line["state"]},
    )
