"""The matrix against one route's cost, with what was found in it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from app.catalogue.judging import Judged
from app.kernel.text import t
from app.ui.pages.model_editor.matrix.findings import findings
from app.ui.pages.model_editor.matrix.grid import Grid, grid
from app.ui.pages.model_editor.matrix.rows import FacetRow, FindingRow, LineRow
from app.ui.pages.model_editor.rows import OptionRow


@dataclass(frozen=True)
class MatrixView:
    """What the right column shows above the calculator."""

    columns: list[str] = field(default_factory=list)
    lines: list[LineRow] = field(default_factory=list)
    corner: str = ""
    facets: list[FacetRow] = field(default_factory=list)
    axes: list[OptionRow] = field(default_factory=list)
    row_axis: str = ""
    column_axis: str = ""
    total: str = ""
    note: str = ""
    good: str = ""
    thin: str = ""
    loss: str = ""
    unpriced: str = ""
    cost_options: list[OptionRow] = field(default_factory=list)
    cost_words: str = ""
    cost_unverified: bool = False
    findings: list[FindingRow] = field(default_factory=list)


def matrix_view(
    judged: Judged, at: int, credit_value: Decimal, picks: Mapping[str, str], row: str = "", column: str = ""
) -> MatrixView:
    """The matrix against the cost of the route at `at`; `picks` holds the chosen value of each facet, encoded."""
    if not judged.priced:
        return MatrixView()
    shown = judged.priced[at]
    laid: Grid = grid(judged, shown, credit_value, picks, row, column)
    cost = shown.cost
    words = (
        t("model_editor.matrix.cost_from", provider=cost.provider_name) if cost else t("model_editor.matrix.no_cost")
    )
    return MatrixView(
        columns=laid.columns,
        lines=laid.lines,
        corner=laid.corner,
        facets=laid.facets,
        axes=laid.axes,
        row_axis=laid.row_axis,
        column_axis=laid.column_axis,
        total=laid.total,
        note=laid.note,
        good=laid.good,
        thin=laid.thin,
        loss=laid.loss,
        unpriced=laid.unpriced,
        cost_options=[
            OptionRow(value=str(index), label=one.cost.provider_name)
            for index, one in enumerate(judged.priced)
            if one.cost is not None
        ],
        cost_words=words,
        cost_unverified=cost is not None and not cost.verified,
        findings=[one.row for one in findings(judged, at, credit_value)],
    )
