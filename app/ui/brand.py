"""The mark, the wordmark and the switch between light and dark."""

import reflex as rx

from app.kernel.text import t
from app.ui.components import icon_button, row

MARK_PATH = (
    "M8 8.5A2.5 2.5 0 0 1 10.5 6H22.5A2.5 2.5 0 0 1 22.5 11H13V14H18.25"
    "A2.5 2.5 0 0 1 18.25 19H13V23.5A2.5 2.5 0 0 1 8 23.5Z"
)


def mark(size: int = 26) -> rx.Component:
    """The mark. Never recoloured, at least 16 px. (`fill=` would become a style and be lost while hydrating.)"""
    return rx.el.svg(
        rx.el.svg.rect(width="32", height="32", rx="8", custom_attrs={"fill": "#3E63DD"}),
        rx.el.svg.path(d=MARK_PATH, custom_attrs={"fill": "#fff"}),
        rx.el.svg.circle(cx="21.6", cy="22.6", r="3.4", custom_attrs={"fill": "#FFC53D"}),
        view_box="0 0 32 32",
        width=str(size),
        height=str(size),
        class_name="flex-none",
        custom_attrs={"aria-hidden": "true"},
    )


def wordmark(size: int = 24) -> rx.Component:
    """Mark and word; the word follows the theme."""
    return row(mark(size), rx.el.span(t("shell.product"), class_name="fb-wordmark"), class_name="gap-2")


def theme_toggle() -> rx.Component:
    return icon_button("sun-moon", t("shell.theme"), on_click=rx.toggle_color_mode, class_name="fb-quiet")
