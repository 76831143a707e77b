"""The data table: sticky header, whole rows that open, J and K, skeletons, empty, error, two-line rows on a phone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from app.kernel.text import t
from app.ui.components.base import Child, classes, icon, route_link, row
from app.ui.components.buttons import icon_button
from app.ui.components.feedback import error_state, skeleton
from app.ui.components.typed import typed_input

SKELETON_ROWS = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `cell` gets a row's var and answers with text or a component. `numeric` columns are right-aligned.

    `width` is CSS ("8rem"); one column may `grow`: it takes what is left and cuts what is too long (`fb-cut`).
    `wide_only` columns disappear under 900 px.
    """

    label: Child
    cell: Callable[[Any], Child]
    numeric: bool = False
    width: str = ""
    grow: bool = False
    wide_only: bool = False

    @property
    def class_name(self) -> str:
        return classes(
            "fb-num fb-right" if self.numeric else None,
            "fb-grow" if self.grow else None,
            "fb-wide-only" if self.wide_only else None,
        )


def data_table(
    columns: Sequence[Column],
    rows: Any,
    *,
    label: str,
    href: Callable[[Any], Any] | None = None,
    phone: Callable[[Any], rx.Component] | None = None,
    loading: Any = False,
    error: Any = "",
    on_retry: Any = None,
    empty: rx.Component | None = None,
    footer: rx.Component | None = None,
    quiet_row: Callable[[Any], Any] | None = None,
) -> rx.Component:
    """A table of `rows` (a var: a list of plain rows).

    `href(row)` makes the whole row open that page; `phone(row)` is its two-line form (`two_line`) below 640 px.
    `loading` shows six skeleton rows, `error` a sentence with a retry, `empty` stands when there is nothing;
    `quiet_row(row)` greys a row that moved nothing.
    """
    table = rx.el.div(
        rx.el.table(
            rx.el.thead(rx.el.tr(*[_head(column) for column in columns])),
            rx.el.tbody(rx.foreach(rows, lambda item: _row(columns, item, href, quiet_row))),
            class_name=classes("fb-table", "fb-table-wide" if phone else None),
            custom_attrs={"aria-label": label},
        ),
        rx.el.ul(rx.foreach(rows, lambda item: _phone_row(item, phone, href)), class_name="fb-phone-rows")
        if phone
        else None,
        footer,
    )
    waiting = rx.el.div(
        *[_skeleton_row(columns) for _ in range(SKELETON_ROWS)],
        custom_attrs={"aria-busy": "true", "aria-label": t("common.loading")},
    )
    filled = rx.cond(rows.length() > 0, table, empty) if empty is not None else table
    can_fail = not isinstance(error, str) or error
    shown = rx.cond(error != "", error_state(error, on_retry), filled) if can_fail else filled
    return rx.el.div(shown if loading is False else rx.cond(loading, waiting, shown), class_name="fb-table-box")


def two_line(
    title: Child, detail: Child, figure: Child, when: Child, *, mark: Child = None, figure_tone: Any = "neutral"
) -> rx.Component:
    """A row on a phone: a mark, title over detail, figure over time."""
    return rx.el.span(
        mark,
        rx.el.span(
            rx.el.span(title, class_name="fb-medium fb-cut"),
            rx.el.span(detail, class_name="fb-small fb-cut"),
            class_name="flex flex-col flex-1 min-w-0",
        ),
        rx.el.span(
            rx.el.span(figure, class_name="fb-num fb-strong", custom_attrs={"data-tone": figure_tone}),
            rx.el.span(when, class_name="fb-small fb-num"),
            class_name="flex flex-col items-end",
        ),
        class_name="fb-two-line",
    )


def pagination(*, shown: Child, has_previous: Any, has_next: Any, on_previous: Any, on_next: Any) -> rx.Component:
    """The foot of a long table: which rows these are, and the way to the others."""
    return row(
        rx.el.span(shown, class_name="fb-small fb-num flex-1"),
        icon_button(
            "chevron-left", t("common.page.previous"), on_click=on_previous, disabled=rx.cond(has_previous, False, True)
        ),
        icon_button("chevron-right", t("common.page.next"), on_click=on_next, disabled=rx.cond(has_next, False, True)),
        class_name="fb-pagination",
    )


def filter_input(*, value: Any, on_change: Any, label: str, **props: Any) -> rx.Component:
    """The search of a table; `/` puts the cursor into it. The page hears of it shortly after the last key."""
    return rx.el.span(
        rx.el.span(icon("search", 14), class_name="fb-input-before"),
        typed_input(value=value, on_change=on_change, placeholder=label, label=label, kind="search", **props),
        class_name="fb-input fb-input-box fb-filter",
    )


def _head(column: Column) -> rx.Component:
    style = {"width": column.width} if column.width else {}
    return rx.el.th(column.label, scope="col", class_name=column.class_name, style=style)


def _row(
    columns: Sequence[Column],
    item: Any,
    href: Callable[[Any], Any] | None,
    quiet_row: Callable[[Any], Any] | None,
) -> rx.Component:
    cells = []
    for index, column in enumerate(columns):
        content = column.cell(item)
        if index == 0 and href is not None:
            content = route_link(content, href=href(item), class_name="fb-row-link", custom_attrs={"data-fb-row": ""})
        cells.append(rx.el.td(content, class_name=column.class_name))
    attrs = {"data-quiet": rx.cond(quiet_row(item), "true", "false")} if quiet_row else {}
    return rx.el.tr(*cells, class_name="fb-row-opens" if href else "", custom_attrs=attrs)


def _phone_row(item: Any, phone: Callable[[Any], rx.Component], href: Callable[[Any], Any] | None) -> rx.Component:
    inside = phone(item)
    return rx.el.li(route_link(inside, href=href(item), class_name="fb-phone-link") if href else inside)


def _skeleton_row(columns: Sequence[Column]) -> rx.Component:
    return rx.el.div(
        *[
            rx.el.span(
                skeleton("4em" if column.numeric else "60%"),
                class_name=classes("fb-skeleton-cell", "fb-right" if column.numeric else "flex-1"),
            )
            for column in columns
        ],
        class_name="fb-skeleton-row",
    )
