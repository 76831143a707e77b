"""A draft that may be wrong in any way, judged: what is wrong and on which line, and the price matrix of whatever part
of it can be sold by. Pure.

    judged = judge(written, bench, credit_value, good)

While the draft is wrong, the matrix is driven by the draft without its wrong tiers and attributes, else by the last
draft that was right (`good`), else by the version on sale; `Judged.driven_by` says which.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from app.catalogue.compiled import cost_card, price_card
from app.catalogue.drafts import credits_of, json_of
from app.catalogue.param_schema import parse_schema
from app.catalogue.workbench import Bench, RouteCost
from app.kernel.errors import FareboxError, InvalidInput, RuleRefused
from app.pricing.conditions import Value
from app.pricing.editor_text import line_of, pretty, read_json
from app.pricing.matrix import CAP, Cell, Matrix, Status, matrix
from app.pricing.parameters import ParamSchema
from app.pricing.rate_card import RateCard
from app.pricing.rule import parse_rule

Part = Literal["param_schema", "pricing_rule", "credit_cost"]
DrivenBy = Literal["draft", "rest", "last", "live", "nothing"]

_ENTRY = re.compile(r"(tiers|attributes)\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Written:
    """A draft as it is being typed. `pricing_rule` is None where the price is fixed."""

    param_schema: str
    pricing_rule: str | None
    credit_cost: str = ""


@dataclass(frozen=True, slots=True)
class Good:
    """A draft that could be sold by: parsed JSON and a figure."""

    param_schema: Mapping[str, Any]
    pricing_rule: Mapping[str, Any] | None
    credit_cost_micros: int | None


@dataclass(frozen=True, slots=True)
class Placed:
    """A problem and the line it is on. `replaces` and `suggestion` as in `pricing.terms.Problem`."""

    part: Part
    path: str
    message: str
    line: int = 1
    suggestion: str | None = None
    replaces: str = "value"


@dataclass(frozen=True, slots=True)
class Priced:
    """The matrix against one route's cost; `cost` is None where no cost is known."""

    cost: RouteCost | None
    cost_card: RateCard | None
    matrix: Matrix
    misfit: str = ""  # why the route's cost cannot be used with these parameters


@dataclass(frozen=True, slots=True)
class Judged:
    """`schema`, `card` and `priced` are of what drives the matrix; `ignored` names the entries left out of it."""

    problems: tuple[Placed, ...]
    raw_schema: Mapping[str, Any] | None  # the draft's own, when it is JSON at all
    raw_rule: Mapping[str, Any] | None
    schema: ParamSchema = field(repr=False)
    card: RateCard | None = field(repr=False)
    live_schema: ParamSchema | None = field(repr=False)
    live_card: RateCard | None = field(repr=False)
    priced: tuple[Priced, ...] = field(repr=False)
    driven_by: DrivenBy
    ignored: tuple[tuple[str, int], ...] = ()
    good: Good | None = None

    def of(self, part: Part) -> tuple[Placed, ...]:
        return tuple(problem for problem in self.problems if problem.part == part)


def judge(written: Written, bench: Bench, credit_value: Decimal, good: Good | None = None, *, cap: int = CAP) -> Judged:
    """Everything the editor shows about `written`. `good` is the last draft that was right, if there was one."""
    problems: list[Placed] = []
    live = _good_of_live(bench)
    live_schema = parse_schema(live.param_schema) if live else None
    raw_schema, schema = _schema(written, problems)
    sold_with = schema or _known_schema(good, live)
    raw_rule, credit_cost = _price(written, sold_with, problems)
    driving, driven_by, ignored = _driving(written, raw_rule, credit_cost, sold_with, problems, good, live)
    card, in_force = None, sold_with
    if driving is not None:
        in_force = parse_schema(driving.param_schema) if driven_by in ("last", "live") else sold_with
        card = price_card(driving.pricing_rule, driving.credit_cost_micros, in_force)
    live_card = price_card(live.pricing_rule, live.credit_cost_micros, live_schema) if live and live_schema else None
    return Judged(
        problems=tuple(problems),
        raw_schema=raw_schema,
        raw_rule=raw_rule,
        schema=in_force,
        card=card,
        live_schema=live_schema,
        live_card=live_card,
        priced=_priced(card, in_force, bench.costs, credit_value, live_card, cap) if card else (),
        driven_by=driven_by,
        ignored=ignored,
        good=driving if driven_by == "draft" else good,
    )


def distinct(priced: Matrix) -> tuple[Cell, ...]:
    """One cell for each combination that can differ; those that vary only in what does not matter are one."""
    names = [axis.name for axis in priced.axes if axis.matters]
    found: dict[tuple[Value, ...], Cell] = {}
    for cell in priced.cells:
        found.setdefault(tuple(cell.params[name] for name in names), cell)
    return tuple(found.values())


def count(cells: Sequence[Cell], status: Status) -> int:
    return sum(cell.status is status for cell in cells)


def _schema(written: Written, problems: list[Placed]) -> tuple[Mapping[str, Any] | None, ParamSchema | None]:
    raw = _json(written.param_schema, "param_schema", problems)
    if raw is None:
        return None, None
    try:
        return raw, parse_schema(raw)
    except InvalidInput as refused:
        _place(refused, "param_schema", written.param_schema, problems)
        return raw, None


def _price(
    written: Written, schema: ParamSchema, problems: list[Placed]
) -> tuple[Mapping[str, Any] | None, int | None]:
    """The rule as JSON and the fixed price in micro-credits, whatever of them can be read."""
    credit_cost = None
    try:
        credit_cost = credits_of(written.credit_cost)
    except ValueError as wrong:
        problems.append(Placed("credit_cost", "credit_cost", f"{str(wrong)[:1].upper()}{str(wrong)[1:]}."))
    if written.pricing_rule is None:
        if credit_cost is None and not problems:
            problems.append(Placed("credit_cost", "credit_cost", "Give the model a price, or switch to a formula."))
        return None, credit_cost
    raw = _json(written.pricing_rule, "pricing_rule", problems)
    if raw is not None:
        try:
            parse_rule(raw, schema)
        except RuleRefused as refused:
            _place(refused, "pricing_rule", written.pricing_rule, problems)
    return raw, credit_cost


def _json(text: str, part: Part, problems: list[Placed]) -> Mapping[str, Any] | None:
    try:
        return json_of(read_json(text), part)
    except RuleRefused as refused:
        found = refused.details.get("problems") or [{"path": "", "message": refused.message}]
        line = int(refused.details.get("line", 1))
        problems.append(Placed(part, found[0]["path"], found[0]["message"], line))
    except InvalidInput as refused:
        problems.append(Placed(part, "", refused.message))
    return None


def _place(refused: FareboxError, part: Part, text: str, problems: list[Placed]) -> None:
    placed = [
        Placed(
            part,
            found["path"],
            found["message"],
            line_of(text, found["path"]),
            found.get("suggestion"),
            found.get("replaces", "value"),
        )
        for found in refused.details.get("problems", ())
    ]
    problems += sorted(placed, key=lambda one: one.line)


def _driving(
    written: Written,
    raw_rule: Mapping[str, Any] | None,
    credit_cost: int | None,
    schema: ParamSchema,
    problems: Sequence[Placed],
    good: Good | None,
    live: Good | None,
) -> tuple[Good | None, DrivenBy, tuple[tuple[str, int], ...]]:
    """What the matrix is made from: the draft, what is left of it, or something older."""
    if not problems:
        return Good(json_of(written.param_schema, "param_schema"), raw_rule, credit_cost), "draft", ()
    wrong = {problem.part for problem in problems}
    if wrong == {"pricing_rule"} and raw_rule is not None:
        ignored = _wrong_entries(problems)
        rest = _without(raw_rule, ignored) if ignored else None
        if rest is not None and _is_sound(rest, schema):
            return Good(json_of(written.param_schema, "param_schema"), rest, credit_cost), "rest", ignored
    if good is not None:
        return good, "last", ()
    return (live, "live", ()) if live is not None else (None, "nothing", ())


def _wrong_entries(problems: Sequence[Placed]) -> tuple[tuple[str, int], ...]:
    """The tiers and attributes that hold every problem; none when something else is wrong as well."""
    found = [_ENTRY.match(problem.path) for problem in problems]
    if not all(found):
        return ()
    return tuple(dict.fromkeys((match[1], int(match[2])) for match in found if match))


def _without(raw: Mapping[str, Any], entries: Sequence[tuple[str, int]]) -> dict[str, Any]:
    left = dict(raw)
    for name in {name for name, _ in entries}:
        left[name] = [one for index, one in enumerate(raw[name]) if (name, index) not in entries]
    return left


def _is_sound(raw: Mapping[str, Any], schema: ParamSchema) -> bool:
    try:
        parse_rule(raw, schema)
    except RuleRefused:
        return False
    return True


def _known_schema(good: Good | None, live: Good | None) -> ParamSchema:
    known = good or live
    return parse_schema(known.param_schema) if known else ParamSchema()


def _good_of_live(bench: Bench) -> Good | None:
    live = bench.live
    return None if live is None else Good(live.param_schema, live.pricing_rule, credits_of(live.credit_cost))


def _priced(
    card: RateCard,
    schema: ParamSchema,
    costs: Sequence[RouteCost],
    credit_value: Decimal,
    live: RateCard | None,
    cap: int,
) -> tuple[Priced, ...]:
    found = []
    for cost in costs:
        try:
            upstream, misfit = cost_card(cost.rule, schema), ""
        except RuleRefused as refused:
            upstream, misfit = None, refused.message
        found.append(Priced(cost, upstream, matrix(card, schema, upstream, credit_value, live, cap), misfit))
    return tuple(found) or (Priced(None, None, matrix(card, schema, None, credit_value, live, cap)),)


def text_of(value: Any) -> str:
    """A part of a draft as text to edit: what does not parse stays as it was typed."""
    return value if isinstance(value, str) else pretty(value)
