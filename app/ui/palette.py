"""`⌘K`: find any id, and go anywhere."""

from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components import icon, keys, route_link, row, var
from app.ui.shell_state import PaletteState


def palette() -> rx.Component:
    """The palette; the browser opens it, the server fills it."""
    return rx.dialog.root(
        rx.dialog.trigger(
            rx.el.button(
                t("shell.find.label"),
                type="button",
                class_name="fb-sr",
                tab_index=-1,
                custom_attrs={"data-fb-trigger": "palette", "aria-hidden": "true"},
            )
        ),
        rx.dialog.content(
            rx.dialog.title(t("shell.find.label"), class_name="fb-sr"),
            _line(),
            rx.el.div(
                _section(t("shell.find.found"), PaletteState.found, "hash"),
                _section(t("shell.find.pages"), PaletteState.places, "arrow-right"),
                rx.cond(
                    PaletteState.nothing != "",
                    rx.el.div(
                        rx.el.p(PaletteState.nothing, class_name="fb-medium"),
                        rx.el.p(t("shell.find.hint"), class_name="fb-small"),
                        class_name="fb-palette-nothing",
                    ),
                ),
                class_name="fb-palette-list fb-scroll",
                custom_attrs={"data-fb-list": ""},
            ),
            row(
                keys("↑", "↓"),
                rx.el.span(t("shell.find.move"), class_name="fb-caption"),
                keys("enter"),
                rx.el.span(t("shell.find.open"), class_name="fb-caption"),
                class_name="fb-palette-foot",
            ),
            class_name="fb-palette",
            aria_describedby="",
        ),
        on_open_change=PaletteState.begin,
    )


def _line() -> rx.Component:
    return row(
        icon("search", 16, class_name="fb-text-3"),
        rx.el.input(
            on_change=var(PaletteState.search).debounce(120),  # uncontrolled: an answer must not overtake the typing
            placeholder=t("shell.find.placeholder"),
            auto_focus=True,
            auto_complete="off",
            spell_check=False,
            class_name="fb-palette-input",
            custom_attrs={"aria-label": t("shell.find.label"), "data-fb-list-input": ""},
        ),
        keys("esc"),
        class_name="fb-palette-line",
    )


def _section(title: str, rows: Any, icon_name: str) -> rx.Component:
    return rx.cond(
        rows.length() > 0,
        rx.el.div(
            rx.el.p(title, class_name="fb-nav-group"),
            rx.foreach(rows, lambda found: _found(found, icon_name)),
        ),
    )


def _found(found: Any, icon_name: str) -> rx.Component:
    return rx.dialog.close(
        route_link(
            icon(icon_name, 15),
            rx.el.span(found["label"], class_name="fb-medium fb-cut"),
            rx.el.span(found["detail"], class_name="fb-small fb-cut flex-1"),
            rx.el.span(found["kind"], class_name="fb-caption"),
            href=found["href"],
            class_name="fb-found",
        )
    )
