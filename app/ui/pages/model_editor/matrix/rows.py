"""What the right column shows: plain rows of text. A `value` that comes back to us is JSON text."""

from typing import TypedDict

from app.ui.pages.model_editor.rows import OptionRow


class CellRow(TypedDict):
    key: str  # the combination, as JSON
    name: str
    price: str
    full: str
    margin: str
    cost: str
    was: str
    status: str
    spoken: str
    steps: list[str]


class LineRow(TypedDict):
    name: str
    cells: list[CellRow]


class FacetRow(TypedDict):
    name: str
    value: str
    few: bool
    options: list[OptionRow]


class FixRow(TypedDict):
    id: str
    label: str


class FindingRow(TypedDict):
    tone: str
    title: str
    detail: str
    fixes: list[FixRow]


class CalcRow(TypedDict):
    name: str
    kind: str  # choices or figure
    value: str
    options: list[OptionRow]
    hint: str
