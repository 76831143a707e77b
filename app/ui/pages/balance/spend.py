"""The spending as a chart, a table, a sentence and a list of models, all in one order and one set of colours. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, TypedDict

from app.generation.report import Spending
from app.kernel.text import t
from app.ui import present
from app.ui.components import Series, stacked_bars

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: Models with a series of their own; what remains is "others".
MOST_MODELS = 4


class ModelShare(TypedDict):
    name: str
    series: str
    amount: str
    percent: str
    width: str


class DayRow(TypedDict):
    day: str
    cells: list[str]
    total: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """One period, ready to show."""

    figure: "go.Figure"
    names: list[str]
    shares: list[ModelShare]
    table: list[DayRow]
    total: str
    summary: str
    is_empty: bool


def draw(spent: Spending, named: Callable[[str], str] = str) -> Drawn:
    """Stack the days by model (or key), what took most first; `named` is what a reader calls each."""
    groups = grouped(spent, named)
    names = [name for name, _ in groups]
    days = len(spent.days)
    bars = [
        Series(
            name,
            [float(max(0, spent.on(day, models).micros) / 1_000_000) for day in spent.days],
            [present.credits(spent.on(day, models)) for day in spent.days],
        )
        for name, models in groups
    ]
    return Drawn(
        figure=stacked_bars([_label(day) for day in spent.days], bars),
        names=names,
        shares=_shares(spent, groups),
        table=_table(spent, groups),
        total=t("balance.spend.detail", credits=present.credit_words(spent.total), days=days),
        summary=_summary(spent, groups),
        is_empty=not groups,
    )


def grouped(spent: Spending, named: Callable[[str], str] = str) -> list[tuple[str, tuple[str, ...]]]:
    """The series: each of the largest models, then the rest together where there are more."""
    rest = spent.models[MOST_MODELS:] if len(spent.models) > MOST_MODELS + 1 else ()
    own = spent.models[: len(spent.models) - len(rest)]
    groups: list[tuple[str, tuple[str, ...]]] = [(named(model), (model,)) for model in own]
    return [*groups, (t("balance.spend.others", count=len(rest)), rest)] if rest else groups


def _shares(spent: Spending, groups: list[tuple[str, tuple[str, ...]]]) -> list[ModelShare]:
    amounts = [spent.of(models) for _, models in groups]
    most = max((amount.micros for amount in amounts), default=0)
    return [
        ModelShare(
            name=name,
            series=str(position),
            amount=present.credits(amount),
            percent=present.share(_ratio(amount.micros, spent.total.micros)),
            width=present.number(_ratio(amount.micros, most) * 100, 0, 1),
        )
        for position, ((name, _), amount) in enumerate(zip(groups, amounts, strict=True), 1)
    ]


def _ratio(part: int, whole: int) -> Fraction:
    return Fraction(max(0, part), whole) if whole > 0 else Fraction(0)


def _table(spent: Spending, groups: list[tuple[str, tuple[str, ...]]]) -> list[DayRow]:
    """Newest day first; days without spending are left out."""
    rows = []
    for day in reversed(spent.days):
        total = spent.on(day, spent.models)
        if total:
            cells = [present.credits(spent.on(day, models)) for _, models in groups]
            rows.append(DayRow(day=_label(day), cells=cells, total=present.credits(total)))
    return rows


def _summary(spent: Spending, groups: list[tuple[str, tuple[str, ...]]]) -> str:
    days = len(spent.days)
    if not groups or spent.total.micros <= 0:
        return t("balance.spend.summary_none", days=days)
    busiest = max(spent.days, key=lambda day: spent.on(day, spent.models).micros)
    name, models = groups[0]
    return t(
        "balance.spend.summary",
        credits=present.credit_words(spent.total),
        days=days,
        day=_label(busiest),
        most=present.credits(spent.on(busiest, spent.models)),
        model=name,
        share=present.percent(_ratio(spent.of(models).micros, spent.total.micros), 0),
    )


def _label(day: date) -> str:
    return present.short_date(datetime(day.year, day.month, day.day, tzinfo=UTC))
