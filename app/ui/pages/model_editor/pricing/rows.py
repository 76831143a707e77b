"""What the visual rule shows: plain rows of text. A `value` that comes back to us is JSON text."""

from typing import TypedDict

from app.ui.pages.model_editor.rows import OptionRow


class FigureRow(TypedDict):
    """One figure of a price. `was` is the one on sale, where it differs."""

    key: str
    label: str  # what stands inside the field: "/ image"
    name: str  # for screen readers
    value: str
    was: str
    problem: str


class ChoiceRow(TypedDict):
    value: str
    label: str
    on: bool


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
