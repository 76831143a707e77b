"""What the editor's components show: plain rows of text. A `value` that comes back to us is JSON text."""

from typing import TypedDict


class ChoiceRow(TypedDict):
    value: str
    label: str
    on: bool


class OptionRow(TypedDict):
    value: str
    label: str


class FigureRow(TypedDict):
    """One figure of a price. `was` is the one on sale, where it differs."""

    key: str
    label: str  # what stands inside the field: "/ image"
    name: str  # for screen readers
    value: str
    was: str
    problem: str


class ConditionRow(TypedDict):
    """`place` and `index` say whose condition: `tiers` or `attributes`, and which."""

    place: str
    index: int
    param: str
    op: str
    op_words: str
    shown: str
    kind: str  # choices, ends, text, presence, custom
    choices: list[ChoiceRow]
    low: str
    high: str
    ops: list[OptionRow]
    problem: str
    fix: str
    fix_id: str


class TierRow(TypedDict):
    index: int
    number: str
    conditions: list[ConditionRow]
    prices: list[FigureRow]
    free: list[OptionRow]  # parameters without a condition yet
    changed: bool
    wrong: bool
    problem: str
    fix: str
    fix_id: str
    note: str  # never reached, changes nothing


class EffectRow(TypedDict):
    """One value of an enum and what it does to the price."""

    param: str
    first: bool
    value: str
    label: str
    effect: str
    figures: list[FigureRow]
    changed: bool
    problem: str


class GroupRow(TypedDict):
    """One parameter of the per-attribute table. `more` says how many values without effect are folded away."""

    param: str
    rows: list[EffectRow]
    more: str
    folded: bool


class AdjustRow(TypedDict):
    """An attribute the table of enums cannot show: a range, a presence, or a second effect on one value."""

    index: int
    condition: ConditionRow
    effect: str
    figures: list[FigureRow]
    changed: bool
    wrong: bool
    problem: str


class ProblemRow(TypedDict):
    """A card under a line of the JSON."""

    id: str
    line: int
    path: str
    message: str
    fix: str


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


class ParameterRow(TypedDict):
    """One parameter of the schema. `options` is the enum as a list people edit, one value a line."""

    name: str
    kind: str
    summary: str
    title: str
    help: str
    options: str
    default: str
    minimum: str
    maximum: str
    step: str
    max_length: str
    meter: str
    per: str
    required: bool
    advanced: bool
    takes_enum: bool
    takes_range: bool
    problem: str
    problems: list[str]
