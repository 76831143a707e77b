"""Which axes of the matrix are rows, columns and facets, and the combination of every cell. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.pricing.conditions import Value, word
from app.pricing.matrix import Axis, Matrix
from app.pricing.parameters import Kind, Meter, ParamSchema
from app.ui.pages.model_editor.json_values import encoded, same
from app.ui.pages.model_editor.matrix.rows import FacetRow
from app.ui.pages.model_editor.rows import OptionRow

MOST_COLUMNS = 6
#: A facet with more values than this is a list to choose from.
FEW = 4


@dataclass(frozen=True)
class Layout:
    """Axes by their place; None where there are not that many."""

    row: Axis | None
    column: Axis | None
    facets: tuple[Axis, ...]


def layout(priced: Matrix, schema: ParamSchema, row: str = "", column: str = "") -> Layout:
    """Rows are the longest axis, columns the next that fits, numbers and counts of outputs last; a wish comes first."""
    counts = {parameter.name for parameter in schema.metered(Meter.IMAGE)}
    axes = [axis for axis in priced.axes if axis.matters and len(axis.values) > 1]
    numbers = {one.name for one in schema.parameters if one.kind in (Kind.INTEGER, Kind.NUMBER) and not one.enum}
    ranked = sorted(axes, key=lambda axis: (axis.name in counts, axis.name in numbers, -len(axis.values)))
    named = {axis.name: axis for axis in ranked}
    wanted_column = named.get(column) if column != row else None
    first = named.get(row) or next((axis for axis in ranked if axis is not wanted_column), None)
    rest = [axis for axis in ranked if axis is not first]
    fitting = [axis for axis in rest if len(axis.values) <= MOST_COLUMNS]
    second = wanted_column or (fitting[0] if fitting else None)
    return Layout(first, second, tuple(axis for axis in rest if axis is not second))


def picked_value(axis: Axis, pick: str | None, schema: ParamSchema) -> Value:
    for value in axis.values:
        if encoded(value) == pick:
            return value
    parameter = schema.get(axis.name)
    default = parameter.default if parameter else None
    return next((value for value in axis.values if same(value, default)), axis.values[0])


def facet_row(axis: Axis, value: Value) -> FacetRow:
    return FacetRow(
        name=axis.name,
        value=encoded(value),
        few=len(axis.values) <= FEW,
        options=[OptionRow(value=encoded(one), label=word(one)) for one in axis.values],
    )


def combination(
    placed: Layout, schema: ParamSchema, row: Value, column: Value, facets: Mapping[str, Value]
) -> dict[str, Value]:
    chosen = dict(facets)
    if placed.column:
        chosen[placed.column.name] = column
    if placed.row:
        chosen[placed.row.name] = row
    return {name: chosen[name] for name in schema.names if name in chosen}
