"""Everything the editor draws about a draft, worked out in one go and off the event loop. Pure.

The parts of `Picture` are the variables of `EditorState`, name by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from app.catalogue.drafts import credits_of
from app.catalogue.judging import Good, Judged, Written, count, distinct, judge
from app.catalogue.workbench import Bench
from app.kernel.text import t
from app.pricing.matrix import Status
from app.ui import present
from app.ui.pages.model_editor.matrix.calculator import Answer, answer, calc_rows
from app.ui.pages.model_editor.matrix.matrix_view import MatrixView, matrix_view
from app.ui.pages.model_editor.matrix.rows import CalcRow
from app.ui.pages.model_editor.parameters.parameter_rows import ParametersView, parameters_view
from app.ui.pages.model_editor.pricing.price_view import PriceView, price_view
from app.ui.pages.model_editor.pricing.rule_view import RuleView, rule_view


@dataclass(frozen=True)
class Wish:
    """What the person looks at: which route's cost, which axes and facets, which request, which folds are open."""

    cost_at: int = 0
    row: str = ""
    column: str = ""
    picks: Mapping[str, str] = field(default_factory=dict)
    calc: Mapping[str, str] = field(default_factory=dict)
    unfolded: frozenset[str] = frozenset()
    pending: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Header:
    """What the header counts, and whether the draft differs from what is live."""

    errors: int = 0
    losses: int = 0
    error_words: str = ""
    loss_words: str = ""
    is_changed: bool = False


@dataclass(frozen=True)
class Picture:
    """One part for each pane."""

    header: Header = field(default_factory=Header)
    price: PriceView = field(default_factory=PriceView)
    rule: RuleView = field(default_factory=RuleView)
    parameters: ParametersView = field(default_factory=ParametersView)
    matrix: MatrixView = field(default_factory=MatrixView)
    calc_rows: list[CalcRow] = field(default_factory=list)
    answer: Answer = field(default_factory=Answer)


def picture(
    written: Written, bench: Bench, good: Good | None, wish: Wish, credit_value: Decimal
) -> tuple[Picture, Judged]:
    """The picture of a draft, and the judgement it was made from."""
    judged = judge(written, bench, credit_value, good)
    at = min(wish.cost_at, len(judged.priced) - 1) if judged.priced else 0
    shown = judged.priced[at] if judged.priced else None
    drawn = Picture(
        header=_header(judged, written, bench),
        price=price_view(judged, written, bench, wish.unfolded, wish.pending),
        rule=rule_view(judged, written, bench),
        parameters=parameters_view(judged, written, bench),
        matrix=matrix_view(judged, at, credit_value, wish.picks, wish.row, wish.column),
        calc_rows=calc_rows(judged, wish.calc),
        answer=answer(judged, shown, wish.calc, credit_value),
    )
    return drawn, judged


def _header(judged: Judged, written: Written, bench: Bench) -> Header:
    errors = len(judged.problems)
    losses = sum(count(distinct(one.matrix), Status.LOSS) for one in judged.priced[:1])
    return Header(
        errors=errors,
        losses=losses,
        error_words=present.plural(errors, t("model_editor.error"), t("model_editor.errors")) if errors else "",
        loss_words=present.plural(losses, t("model_editor.loss"), t("model_editor.losses")) if losses else "",
        is_changed=differs(judged, written, bench),
    )


def differs(judged: Judged, written: Written, bench: Bench) -> bool:
    """Whether the draft says anything else than the live version."""
    live = bench.live
    if live is None:
        return True
    schema: Any = judged.raw_schema if judged.raw_schema is not None else written.param_schema
    rule: Any = judged.raw_rule if judged.raw_rule is not None else written.pricing_rule
    try:
        same_cost = credits_of(written.credit_cost) == credits_of(live.credit_cost)
    except ValueError:
        same_cost = False
    return not (same_cost and schema == live.param_schema and rule == live.pricing_rule)
