"""Every combination of parameters a model allows, priced: the proof that a rule has no gap and loses nothing.

Axes are the schema's enums and booleans, the ends of the ranges of numbers that a price, a cost or a quantity depends
on, and the breakpoints that conditions mention, with both neighbours; a parameter that may be absent has `absent`
(None) as a value. Text that is charged by its length is taken as `SAMPLE_CHARACTERS` long, an input file as
`SAMPLE_SECONDS`; every other parameter stays at its default.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from itertools import product
from math import prod

from app.kernel.errors import Unpriced
from app.kernel.money import MICRO, Money, plain
from app.pricing.conditions import PRESENT, Condition, Value, word
from app.pricing.expect import expected_usage
from app.pricing.findings import Finding, tier_findings
from app.pricing.parameters import Kind, Meter, Parameter, ParamSchema
from app.pricing.rate_card import RateCard
from app.pricing.space import candidates
from app.pricing.usage import Usage

CAP = 4_096
SAMPLE_CHARACTERS = 1_000
SAMPLE_SECONDS = Decimal(60)

#: A margin under this is shown as thin.
THIN = Fraction(1, 5)


class Status(StrEnum):
    """How a combination stands. `good` with a margin of None means that the cost is not known."""

    GOOD = "good"
    THIN = "thin"
    LOSS = "loss"
    UNPRICED = "unpriced"


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter that varies, its values in order, and whether price, cost or quantity depend on it."""

    name: str
    values: tuple[Value, ...]
    matters: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination. `margin` is (price − cost) / price in money, exact; None where it cannot be said."""

    params: Mapping[str, Value]
    price: Money | None
    cost: Money | None
    margin: Fraction | None
    status: Status
    previous: Money | None = None
    gap: Unpriced | None = None  # why there is no price

    @property
    def why(self) -> str:
        return self.gap.message if self.gap else ""

    @property
    def name(self) -> str:
        """`quality = ultra, image_size = square_hd`."""
        return ", ".join(f"{name} = {word(value)}" for name, value in self.params.items())


@dataclass(frozen=True, slots=True)
class Matrix:
    """`total` combinations exist; where `capped`, `cells` are an even sample of those that could differ.

    `held` names the enums and booleans left at their default because nothing depends on them and the space was too
    large to walk them too; holding them hides nothing.
    """

    cells: tuple[Cell, ...]
    total: int
    capped: bool
    findings: tuple[Finding, ...]
    axes: tuple[Axis, ...] = ()
    held: tuple[str, ...] = ()
    counts: Mapping[Status, int] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every combination that can differ was looked at and has a price."""
        return not self.capped and not self.counts.get(Status.UNPRICED)


def matrix(
    card: RateCard,
    schema: ParamSchema,
    cost: RateCard | None = None,
    credit_value: Decimal = Decimal("0.001"),
    previous: RateCard | None = None,
    cap: int = CAP,
) -> Matrix:
    """Price every combination. `credit_value` is USD per credit; `cost` a card in USD; `previous` the live card."""
    cards = [one for one in (card, cost, previous) if one is not None]
    axes, held, total = _axes(schema, cards, cap)
    matters = tuple(axis.name for axis in axes if axis.matters)
    pricing = _pricing(card, schema, cost, credit_value, previous, matters)
    cells = tuple(pricing.cell(params) for params in _walk(axes, cap))
    capped = prod(len(axis.values) for axis in axes) > cap
    findings = (*_price_findings(cells, cost, credit_value), *tier_findings(card, schema, cap))
    return Matrix(cells, total, capped, findings, axes, held, Counter(cell.status for cell in cells))


def price_cells(
    combinations: Sequence[Mapping[str, Value]],
    card: RateCard,
    schema: ParamSchema,
    cost: RateCard | None = None,
    credit_value: Decimal = Decimal("0.001"),
    previous: RateCard | None = None,
) -> tuple[Cell, ...]:
    """These combinations priced, for a space too large to walk; parameters left out stay at their default."""
    names = tuple(dict.fromkeys(name for one in combinations for name in one))
    pricing = _pricing(card, schema, cost, credit_value, previous, names)
    return tuple(pricing.cell({name: one.get(name) for name in names}) for one in combinations)


def sample_request(schema: ParamSchema, params: Mapping[str, Value]) -> tuple[dict[str, Value], dict[str, Decimal]]:
    """A whole request for a combination, and the seconds of its input files: what a cell of the matrix stands for."""
    asked = {**{parameter.name: _steady(parameter) for parameter in schema.parameters}, **params}
    return {name: value for name, value in asked.items() if value is not None}, _sample_lengths(schema)


def percent(margin: Fraction | None) -> str:
    """`62.5%`, `−4.2%`; a dash where there is no margin."""
    if margin is None:
        return "–"
    tenths = round(abs(margin) * 1000)
    sign = "−" if margin < 0 and tenths else ""
    return f"{sign}{tenths // 10}.{tenths % 10}%"


def _pricing(
    card: RateCard,
    schema: ParamSchema,
    cost: RateCard | None,
    credit_value: Decimal,
    previous: RateCard | None,
    matters: tuple[str, ...],
) -> "_Pricing":
    steady = {parameter.name: _steady(parameter) for parameter in schema.parameters}
    value = Fraction(credit_value)
    return _Pricing(card, schema, cost, value, previous, matters, steady, _sample_lengths(schema))


def _sample_lengths(schema: ParamSchema) -> dict[str, Decimal]:
    return {one.name: SAMPLE_SECONDS for one in schema.metered(Meter.SECOND) if one.kind is Kind.FILE}


@dataclass(frozen=True)
class _Pricing:
    """Prices one combination after another, each distinct price once."""

    card: RateCard
    schema: ParamSchema
    cost: RateCard | None
    credit_value: Fraction
    previous: RateCard | None
    matters: tuple[str, ...]
    steady: Mapping[str, Value]
    lengths: Mapping[str, Decimal]
    known: dict[tuple[Value, ...], Cell] = field(default_factory=dict)

    def cell(self, params: Mapping[str, Value]) -> Cell:
        key = tuple(params[name] for name in self.matters)
        like = self.known.get(key)
        if like is None:
            like = self.known[key] = self._price(params)
        return Cell(params, like.price, like.cost, like.margin, like.status, like.previous, like.gap)

    def _price(self, params: Mapping[str, Value]) -> Cell:
        asked = {name: value for name, value in {**self.steady, **params}.items() if value is not None}
        usage = expected_usage(self.schema, asked, lengths=self.lengths)
        price, gap = _amount(self.card, usage, asked)
        cost = _amount(self.cost, usage, asked)[0]
        previous = _amount(self.previous, usage, asked)[0]
        margin = self._margin(price, cost)
        return Cell(params, price, cost, margin, self._status(price, cost, margin), previous, gap)

    def _margin(self, price: Money | None, cost: Money | None) -> Fraction | None:
        if price is None or cost is None or not price:
            return None
        value = price.micros * self.credit_value
        return (value - cost.micros) / value if value else None

    def _status(self, price: Money | None, cost: Money | None, margin: Fraction | None) -> Status:
        if price is None:
            return Status.UNPRICED
        if margin is None:
            return Status.LOSS if cost else Status.GOOD
        if margin < 0:
            return Status.LOSS
        return Status.THIN if margin < THIN else Status.GOOD


def _amount(card: RateCard | None, usage: Usage, asked: Mapping[str, Value]) -> tuple[Money | None, Unpriced | None]:
    if card is None:
        return None, None
    try:
        return card.money(card.amount(usage, asked)), None
    except Unpriced as gap:
        return None, gap


def _axes(schema: ParamSchema, cards: Sequence[RateCard], cap: int) -> tuple[tuple[Axis, ...], tuple[str, ...], int]:
    conditions = [condition for card in cards for condition in card.conditions]
    mentioned = {name for card in cards for name in card.params}
    axes = []
    for parameter in schema.parameters:
        matters = parameter.name in mentioned or _measures(parameter, schema)
        values = _values(parameter, schema, conditions, matters)
        if len(values) > 1 or (values and matters):
            axes.append(Axis(parameter.name, values, matters))
    total = prod(len(axis.values) for axis in axes)
    held = tuple(axis.name for axis in axes if not axis.matters) if total > cap else ()
    return tuple(axis for axis in axes if axis.name not in held), held, total


def _measures(parameter: Parameter, schema: ParamSchema) -> bool:
    return parameter.meter not in (None, Meter.CHARACTER) or parameter.name in schema.shaped_by


def _values(
    parameter: Parameter, schema: ParamSchema, conditions: Sequence[Condition], matters: bool
) -> tuple[Value, ...]:
    if not (parameter.enum or parameter.kind is Kind.BOOLEAN or matters):
        return ()
    return tuple(candidates(parameter.name, schema, conditions))


def _walk(axes: Sequence[Axis], cap: int) -> list[dict[str, Value]]:
    """All combinations, or `cap` of them spread evenly over the whole space."""
    names = [axis.name for axis in axes]
    total = prod(len(axis.values) for axis in axes)
    if total <= cap:
        return [dict(zip(names, values, strict=True)) for values in product(*(axis.values for axis in axes))]
    return [_nth(axes, index * total // cap) for index in range(cap)]


def _nth(axes: Sequence[Axis], index: int) -> dict[str, Value]:
    chosen: dict[str, Value] = {}
    for axis in reversed(axes):
        index, at = divmod(index, len(axis.values))
        chosen[axis.name] = axis.values[at]
    return {axis.name: chosen[axis.name] for axis in axes}


def _steady(parameter: Parameter) -> Value:
    """What a parameter that does not vary is set to."""
    if parameter.meter is Meter.CHARACTER and not parameter.enum:
        return "x" * min(SAMPLE_CHARACTERS, parameter.max_length or SAMPLE_CHARACTERS)
    if parameter.is_presence:
        return PRESENT if parameter.required else None
    return parameter.default


def _price_findings(cells: Sequence[Cell], cost: RateCard | None, credit_value: Decimal) -> list[Finding]:
    found = []
    gaps = [cell for cell in cells if cell.status is Status.UNPRICED]
    for kind in ("ambiguous", "unpriced"):
        some = [cell for cell in gaps if _is_ambiguous(cell) == (kind == "ambiguous")]
        if some:
            message = (
                f"{len(some):,} of {len(cells):,} combinations have no price, such as {some[0].name or 'the only one'}."
            )
            found.append(Finding(kind, f"{message} {some[0].why}", params=some[0].params, count=len(some)))
    losses = [cell for cell in cells if cell.status is Status.LOSS]
    if losses:
        worst = max(losses, key=lambda cell: _lost(cell, credit_value))
        found.append(Finding("loss", _loss(worst, credit_value), params=worst.params, count=len(losses)))
    if cost is None or any(cell.cost is None and cell.price is not None for cell in cells):
        count = sum(cell.cost is None for cell in cells)
        found.append(
            Finding("uncosted", "What some combinations cost us is not known, so nor is their margin.", count=count)
        )
    return found


def _is_ambiguous(cell: Cell) -> bool:
    return cell.gap is not None and cell.gap.stable_code == "ambiguous"


def _lost(cell: Cell, credit_value: Decimal) -> Fraction:
    """USD lost on one request."""
    cost = cell.cost.micros if cell.cost else 0
    price = cell.price.micros if cell.price else 0
    return (cost - price * Fraction(credit_value)) / MICRO


def _loss(cell: Cell, credit_value: Decimal) -> str:
    price, cost = cell.price or Money.zero(), cell.cost or Money.zero("USD")
    worth = plain((price.amount * credit_value).normalize())
    name = f"{cell.name}: " if cell.params else ""
    return f"{name}{plain(price.amount)} credits are ${worth}, and it costs us ${plain(cost.amount)}."
