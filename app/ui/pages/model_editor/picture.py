"""Everything the editor draws about a draft, worked out in one go and off the event loop. Pure.

The fields of `Picture` are the variables of `EditorState`, name by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Any

from app.catalogue.drafts import credits_of
from app.catalogue.judging import Good, Judged, Placed, Written, count, distinct, judge, text_of
from app.catalogue.param_schema import parse_schema
from app.catalogue.workbench import Bench
from app.kernel.errors import InvalidInput
from app.kernel.text import t
from app.pricing.matrix import Status
from app.pricing.parameters import Meter, ParamSchema
from app.pricing.units import UNITS
from app.ui import present
from app.ui.pages.model_editor.calculator import answer, calc_rows
from app.ui.pages.model_editor.findings import findings
from app.ui.pages.model_editor.grid import Grid, grid
from app.ui.pages.model_editor.parameter_view import parameter_rows
from app.ui.pages.model_editor.rows import (
    AdjustRow,
    CalcRow,
    FacetRow,
    FigureRow,
    FindingRow,
    GroupRow,
    LineRow,
    OptionRow,
    ParameterRow,
    ProblemRow,
    TierRow,
)
from app.ui.pages.model_editor.rule_edits import EXTRA_KEYS, figure_text, mapping
from app.ui.pages.model_editor.rule_view import RuleView, Sight, fix_words, rule_view


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
class Picture:
    # header
    errors: int = 0
    losses: int = 0
    error_words: str = ""
    loss_words: str = ""
    parameter_count: str = "0"
    is_changed: bool = False
    # the form
    readable: bool = True
    billing: str = "charge_on_complete"
    unit: str = ""
    unit_hint: str = ""
    has_classes: bool = False
    classes: str = "0"
    has_cached: bool = False
    can_cache: bool = False
    base: list[FigureRow] = field(default_factory=list)
    has_base_fee: bool = False
    takes_included: bool = True
    tiers: list[TierRow] = field(default_factory=list)
    otherwise: str = ""
    groups: list[GroupRow] = field(default_factory=list)
    adjustments: list[AdjustRow] = field(default_factory=list)
    adjustable: list[OptionRow] = field(default_factory=list)
    not_priced: str = ""
    minimum: str = ""
    add_flat: str = ""
    round_to: str = ""
    round_mode: str = "half_up"
    overage: str = "cap"
    refund: bool = True
    option_problems: dict[str, str] = field(default_factory=dict)
    credit_problem: str = ""
    credit_was: str = ""
    # the JSON
    rule_problems: list[ProblemRow] = field(default_factory=list)
    rule_changed: list[int] = field(default_factory=list)
    driven_note: str = ""
    has_live_rule: bool = False
    since_words: str = ""
    # parameters
    parameters: list[ParameterRow] = field(default_factory=list)
    schema_readable: bool = True
    schema_problems: list[ProblemRow] = field(default_factory=list)
    schema_changed: list[int] = field(default_factory=list)
    # the matrix
    columns: list[str] = field(default_factory=list)
    lines: list[LineRow] = field(default_factory=list)
    corner: str = ""
    facets: list[FacetRow] = field(default_factory=list)
    axes: list[OptionRow] = field(default_factory=list)
    row_axis: str = ""
    column_axis: str = ""
    total: str = ""
    matrix_note: str = ""
    good_words: str = ""
    thin_words: str = ""
    matrix_loss_words: str = ""
    unpriced_words: str = ""
    cost_options: list[OptionRow] = field(default_factory=list)
    cost_words: str = ""
    cost_unverified: bool = False
    findings: list[FindingRow] = field(default_factory=list)
    # the calculator
    calc_rows: list[CalcRow] = field(default_factory=list)
    calc_line: str = ""
    calc_reason: str = ""
    calc_credits: str = ""
    calc_most: str = ""
    calc_live: str = ""
    calc_cost: str = ""
    calc_margin: str = ""
    calc_tone: str = "neutral"
    calc_problem: str = ""


def picture(
    written: Written, bench: Bench, good: Good | None, wish: Wish, credit_value: Decimal
) -> tuple[Picture, Judged]:
    """The picture of a draft, and the judgement it was made from."""
    judged = judge(written, bench, credit_value, good)
    at = min(wish.cost_at, len(judged.priced) - 1) if judged.priced else 0
    drawn = Picture(
        **_header(judged, written, bench),
        **_form(judged, written, bench, wish),
        **_json(judged, written, bench),
        **_parameters(judged, written, bench),
        **_matrix(judged, at, wish, credit_value),
        **_calculator(judged, at, wish, credit_value),
    )
    return drawn, judged


# ---- header ----


def _header(judged: Judged, written: Written, bench: Bench) -> dict[str, Any]:
    errors = len(judged.problems)
    losses = sum(count(distinct(one.matrix), Status.LOSS) for one in judged.priced[:1])
    return {
        "errors": errors,
        "losses": losses,
        "error_words": present.plural(errors, t("model_editor.error"), t("model_editor.errors")) if errors else "",
        "loss_words": present.plural(losses, t("model_editor.loss"), t("model_editor.losses")) if losses else "",
        "parameter_count": str(len(mapping((judged.raw_schema or {}).get("properties")))),
        "is_changed": differs(judged, written, bench),
    }


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


# ---- the form ----


def _form(judged: Judged, written: Written, bench: Bench, wish: Wish) -> dict[str, Any]:
    live_rule = mapping(bench.live.pricing_rule) if bench.live else {}
    credit = next(iter(judged.of("credit_cost")), None)
    shown: dict[str, Any] = {
        "credit_problem": credit.message if credit else "",
        "credit_was": _was(written.credit_cost, bench),
    }
    if written.pricing_rule is None:
        return shown
    if judged.raw_rule is None:
        return {**shown, "readable": False}
    raw, problems = judged.raw_rule, judged.of("pricing_rule")
    shown_findings = judged.priced[0].matrix.findings if judged.priced and judged.driven_by == "draft" else ()
    schema = judged.schema if judged.driven_by in ("draft", "rest") else _own_schema(judged)
    view = rule_view(Sight(raw, live_rule or None, schema, problems, shown_findings, wish.unfolded, wish.pending))
    return {**shown, **_options(raw, problems), **_unit(raw, schema), **_rows(view)}


def _own_schema(judged: Judged) -> ParamSchema:
    """The draft's own parameters where they can be read, though the matrix is driven by something older."""
    if judged.raw_schema is None:
        return judged.schema
    try:
        return parse_schema(judged.raw_schema)
    except InvalidInput:
        return judged.schema


def _was(credit_cost: str, bench: Bench) -> str:
    live = (bench.live.credit_cost or "") if bench.live else ""
    return live if live and live != credit_cost.strip() else ""


def _rows(view: RuleView) -> dict[str, Any]:
    rates = [row for row in view.base if row["key"] not in EXTRA_KEYS]
    return {
        "base": view.base,
        "has_base_fee": any(row["key"] == "base" for row in view.base),
        "takes_included": len(rates) == 1,
        "tiers": view.tiers,
        "otherwise": " · ".join(f"{row['value']} {row['label']}" for row in view.base),
        "groups": view.groups,
        "adjustments": view.adjustments,
        "adjustable": view.adjustable,
        "not_priced": t("model_editor.effects.not_priced", names=view.not_priced) if view.not_priced else "",
    }


def _options(raw: Mapping[str, Any], problems: Sequence[Placed]) -> dict[str, Any]:
    rounding = mapping(raw.get("rounding"))
    places = {"minimum": "minimum", "addFlat": "add_flat", "rounding.to": "round_to", "unit": "unit"}
    return {
        "billing": str(raw.get("billingMode", "charge_on_complete")),
        "minimum": figure_text(raw.get("minimum")),
        "add_flat": figure_text(raw.get("addFlat")),
        "round_to": figure_text(rounding.get("to")),
        "round_mode": str(rounding.get("mode", "half_up")),
        "overage": str(raw.get("overage", "cap")),
        "refund": raw.get("refundOnFailure", True) is not False,
        "option_problems": {
            name: next((one.message for one in problems if one.path == path), "") for path, name in places.items()
        },
    }


def _unit(raw: Mapping[str, Any], schema: ParamSchema) -> dict[str, Any]:
    name = str(raw.get("unit", ""))
    unit = UNITS.get(name)
    price = mapping(raw.get("price"))
    has_classes = unit is not None and len(unit.choices) > 1
    in_classes = has_classes and unit is not None and any(key.key in price for key in unit.choices[1])
    return {
        "unit": name,
        "unit_hint": _measured_by(name, schema),
        "has_classes": has_classes,
        "classes": "1" if in_classes else "0",
        "can_cache": in_classes,
        "has_cached": "per1kCachedInputTokens" in price,
    }


_METERS = {
    "image": (Meter.IMAGE,),
    "second": (Meter.SECOND,),
    "character": (Meter.CHARACTER,),
    "video_token": (Meter.SECOND,),
}


def _measured_by(unit: str, schema: ParamSchema) -> str:
    """The parameters the quantity is estimated from."""
    if unit == "megapixel":
        return ", ".join(schema.size_by)
    return ", ".join(one.name for meter in _METERS.get(unit, ()) for one in schema.metered(meter))


# ---- the JSON ----


def _json(judged: Judged, written: Written, bench: Bench) -> dict[str, Any]:
    text = written.pricing_rule or ""
    live = bench.live.pricing_rule if bench.live else None
    marked = changed_lines(text_of(live), text) if live is not None else []
    return {
        "rule_problems": problem_rows(judged.of("pricing_rule")),
        "has_live_rule": live is not None,
        "rule_changed": marked,
        "driven_note": _driven_note(judged, bench),
        "since_words": t("model_editor.json.since", number=bench.live_number) if marked else "",
    }


def problem_rows(problems: Sequence[Placed]) -> list[ProblemRow]:
    """The cards under the lines."""
    rows = []
    for one in problems:
        fix, fix_id = fix_words(one)
        rows.append(ProblemRow(id=fix_id, line=one.line, path=one.path, message=one.message, fix=fix))
    return rows


def changed_lines(before: str, after: str) -> list[int]:
    """The lines of `after`, from 1, that are not in `before`."""
    matcher = SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    return [
        line + 1
        for tag, _, _, start, end in matcher.get_opcodes()
        if tag in ("replace", "insert")
        for line in range(start, end)
    ]


def _driven_note(judged: Judged, bench: Bench) -> str:
    if judged.driven_by == "draft":
        return t("model_editor.json.saved")
    first = judged.problems[0]
    where = t("model_editor.json.until_line", line=first.line)
    if first.part == "param_schema":
        where = t("model_editor.json.until_schema", line=first.line)
    if first.part == "credit_cost":
        where = t("model_editor.json.until_price")
    match judged.driven_by:
        case "rest":
            names = ", ".join(t(f"model_editor.json.entry.{name}", number=index + 1) for name, index in judged.ignored)
            return t("model_editor.json.ignores", where=where, names=names)
        case "last":
            return t("model_editor.json.last", where=where)
        case "live":
            return t("model_editor.json.live", where=where, number=bench.live_number)
        case _:
            return t("model_editor.json.nothing", where=where)


def _parameters(judged: Judged, written: Written, bench: Bench) -> dict[str, Any]:
    live = bench.live.param_schema if bench.live else None
    problems = judged.of("param_schema")
    return {
        "parameters": parameter_rows(judged.raw_schema, problems) if judged.raw_schema is not None else [],
        "schema_readable": judged.raw_schema is not None,
        "schema_problems": problem_rows(problems),
        "schema_changed": changed_lines(text_of(live), written.param_schema) if live is not None else [],
    }


# ---- the matrix ----


def _matrix(judged: Judged, at: int, wish: Wish, credit_value: Decimal) -> dict[str, Any]:
    if not judged.priced:
        return {}
    shown = judged.priced[at]
    laid: Grid = grid(judged, shown, credit_value, wish.picks, wish.row, wish.column)
    cost = shown.cost
    words = (
        t("model_editor.matrix.cost_from", provider=cost.provider_name) if cost else t("model_editor.matrix.no_cost")
    )
    return {
        "columns": laid.columns,
        "lines": laid.lines,
        "corner": laid.corner,
        "facets": laid.facets,
        "axes": laid.axes,
        "row_axis": laid.row_axis,
        "column_axis": laid.column_axis,
        "total": laid.total,
        "matrix_note": laid.note,
        "good_words": laid.good,
        "thin_words": laid.thin,
        "matrix_loss_words": laid.loss,
        "unpriced_words": laid.unpriced,
        "cost_options": [
            OptionRow(value=str(index), label=one.cost.provider_name)
            for index, one in enumerate(judged.priced)
            if one.cost is not None
        ],
        "cost_words": words,
        "cost_unverified": cost is not None and not cost.verified,
        "findings": [one.row for one in findings(judged, at, credit_value)],
    }


def _calculator(judged: Judged, at: int, wish: Wish, credit_value: Decimal) -> dict[str, Any]:
    said = answer(judged, judged.priced[at] if judged.priced else None, wish.calc, credit_value)
    return {
        "calc_rows": calc_rows(judged, wish.calc),
        "calc_line": said.line,
        "calc_reason": said.reason,
        "calc_credits": said.credits,
        "calc_most": said.most,
        "calc_live": said.live,
        "calc_cost": said.cost,
        "calc_margin": said.margin,
        "calc_tone": said.tone,
        "calc_problem": said.problem,
    }
