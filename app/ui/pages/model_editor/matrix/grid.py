"""The price matrix on the screen, every cell as text. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.catalogue.judging import Judged, Priced, distinct
from app.kernel.errors import Unpriced
from app.kernel.text import t
from app.pricing.conditions import Value, word
from app.pricing.matrix import THIN, Cell, Matrix, Status, price_cells, sample_request
from app.pricing.quote import estimate
from app.ui import present
from app.ui.pages.model_editor.json_values import encoded
from app.ui.pages.model_editor.matrix.layout import Layout, combination, facet_row, layout, picked_value
from app.ui.pages.model_editor.matrix.rows import CellRow, FacetRow, LineRow
from app.ui.pages.model_editor.rows import OptionRow

MOST_ROWS = 40


@dataclass(frozen=True)
class Grid:
    columns: list[str] = field(default_factory=list)
    lines: list[LineRow] = field(default_factory=list)
    corner: str = ""
    facets: list[FacetRow] = field(default_factory=list)
    row_axis: str = ""
    column_axis: str = ""
    axes: list[OptionRow] = field(default_factory=list)
    total: str = ""
    note: str = ""
    good: str = ""
    thin: str = ""
    loss: str = ""
    unpriced: str = ""
    losses: int = 0
    thin_count: int = 0


def grid(
    judged: Judged, priced: Priced, credit_value: Decimal, picks: Mapping[str, str], row: str = "", column: str = ""
) -> Grid:
    """What the matrix pane shows. `picks` holds the chosen value of each facet, encoded."""
    placed = layout(priced.matrix, judged.schema, row, column)
    facets = {axis.name: picked_value(axis, picks.get(axis.name), judged.schema) for axis in placed.facets}
    rows = list(placed.row.values[:MOST_ROWS]) if placed.row else [None]
    columns = list(placed.column.values) if placed.column else [None]
    combinations = [[combination(placed, judged.schema, r, c, facets) for c in columns] for r in rows]
    cells = _cells(judged, priced, credit_value, combinations)
    known = distinct(priced.matrix)
    return Grid(
        columns=[word(value) for value in columns] if placed.column else [t("model_editor.matrix.price")],
        lines=[
            LineRow(name=word(r) if placed.row else t("model_editor.matrix.every"), cells=list(line))
            for r, line in zip(rows, cells, strict=True)
        ],
        corner=placed.row.name if placed.row else "",
        facets=[facet_row(axis, facets[axis.name]) for axis in placed.facets],
        row_axis=placed.row.name if placed.row else "",
        column_axis=placed.column.name if placed.column else "",
        axes=[
            OptionRow(value=axis.name, label=axis.name)
            for axis in (placed.row, placed.column, *placed.facets)
            if axis is not None
        ],
        total=t("model_editor.matrix.total", count=present.plural(len(known), t("model_editor.matrix.combination"))),
        note=_note(priced.matrix, known, placed),
        **_counts(known),
    )


def spoken(params: Mapping[str, Value]) -> str:
    """A combination as people say it: `ultra, square_hd, jpeg`; numbers and switches with their names."""
    parts = []
    for name, value in params.items():
        bare = isinstance(value, str)
        parts.append(word(value) if bare else f"{name} {word(value)}")
    return ", ".join(parts) or t("model_editor.matrix.every")


def _counts(cells: Sequence[Cell]) -> dict[str, Any]:
    by = {status: sum(cell.status is status for cell in cells) for status in Status}
    unknown = sum(cell.status is Status.GOOD and cell.margin is None and cell.cost is None for cell in cells)
    good = by[Status.GOOD] - unknown
    share = present.percent(THIN, 0)
    return {
        "good": t("model_editor.matrix.good", count=good) if good else "",
        "thin": t("model_editor.matrix.thin", count=by[Status.THIN], share=share) if by[Status.THIN] else "",
        "loss": _losses(by[Status.LOSS]),
        "unpriced": t("model_editor.matrix.unpriced", count=by[Status.UNPRICED]) if by[Status.UNPRICED] else "",
        "losses": by[Status.LOSS],
        "thin_count": by[Status.THIN],
    }


def _losses(count: int) -> str:
    return present.plural(count, t("model_editor.loss"), t("model_editor.losses")) if count else ""


def _note(priced: Matrix, known: Sequence[Cell], placed: Layout) -> str:
    if priced.capped:
        return t("model_editor.matrix.capped", looked=present.count(len(known)), total=present.count(priced.total))
    if placed.row and len(placed.row.values) > MOST_ROWS:
        return t("model_editor.matrix.long", rows=MOST_ROWS, total=len(placed.row.values), name=placed.row.name)
    return ""


def _cells(
    judged: Judged, priced: Priced, credit_value: Decimal, combinations: Sequence[Sequence[dict[str, Value]]]
) -> list[list[CellRow]]:
    if judged.card is None:
        return [[] for _ in combinations]
    flat = [one for line in combinations for one in line]
    found = iter(price_cells(flat, judged.card, judged.schema, priced.cost_card, credit_value, judged.live_card))
    return [[_cell(judged, one, next(found)) for one in line] for line in combinations]


def _cell(judged: Judged, combination: Mapping[str, Value], cell: Cell) -> CellRow:
    price = present.credits(cell.price) if cell.price is not None else present.NOTHING
    cost = present.cost(cell.cost) if cell.cost is not None else ""
    margin = present.percent(cell.margin) if cell.margin is not None else ""
    was = present.credits(cell.previous) if cell.previous is not None and cell.previous != cell.price else ""
    status = "plain" if cell.status is Status.GOOD and cell.margin is None else cell.status.value
    name = spoken(combination)
    return CellRow(
        key=encoded(dict(combination)),
        name=name,
        price=price,
        full=present.credit_words(cell.price) if cell.price is not None else t("model_editor.matrix.no_price"),
        margin=margin,
        cost=cost,
        was=t("model_editor.matrix.live_credits", credits=was) if was else "",
        status=status,
        spoken=t(f"model_editor.matrix.spoken.{status}", name=name, price=price, cost=cost, margin=margin),
        steps=[cell.why] if cell.why else reasons(judged, combination),
    )


def reasons(judged: Judged, combination: Mapping[str, Value]) -> list[str]:
    """Why a combination costs what it costs, in one line."""
    if judged.card is None:
        return []
    asked, lengths = sample_request(judged.schema, combination)
    try:
        return [estimate(judged.card, judged.schema, asked, lengths=lengths).reason]
    except Unpriced as gap:
        return [gap.message]
