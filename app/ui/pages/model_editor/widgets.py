"""The editor's own widgets: the matrix grid, and the handle of a row that can change place."""

from typing import Any

import reflex as rx
from reflex_base.components.component import field as prop


def _text_spec(value: rx.Var[str]) -> tuple[rx.Var[str]]:
    return (value,)


class PriceMatrix(rx.Component):
    """`assets/price_matrix.jsx`: a real grid with one tab stop, arrows, and a slip beside the cell at hand."""

    library = "$/public/price_matrix.jsx"
    tag = "PriceMatrix"

    columns: rx.Var[Any] = prop(doc="Names of the columns.")
    rows: rx.Var[Any] = prop(doc="Rows of `rows.LineRow`.")
    corner: rx.Var[str] = prop(doc="What the rows vary.")
    label: rx.Var[str] = prop(doc="Name for screen readers.")
    picked: rx.Var[str] = prop(doc="Key of the cell in the calculator.")
    words: rx.Var[Any] = prop(doc="The slip's words: price, live, cost, margin.")
    on_pick: rx.EventHandler[_text_spec]  # type: ignore[type-arg,valid-type]


class DragHandle(rx.Component):
    """`assets/drag_handle.jsx`: dragged, or moved with ⌥↑ and ⌥↓ from anywhere in its row."""

    library = "$/public/drag_handle.jsx"
    tag = "DragHandle"

    index: rx.Var[int] = prop(doc="The row's place.")
    count: rx.Var[int] = prop(doc="How many rows there are.")
    label: rx.Var[str] = prop(doc="Name for screen readers.")
    on_move: rx.EventHandler[_text_spec]  # type: ignore[type-arg,valid-type]


def price_matrix(**props: Any) -> rx.Component:
    return PriceMatrix.create(**props)


def drag_handle(**props: Any) -> rx.Component:
    """The row carries `data-fb-row-at`, the list around the rows `data-fb-sortable`; `on_move` hears the new place."""
    return DragHandle.create(**props)
