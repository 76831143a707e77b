"""What publishing a draft would do: every combination's old price, new price and margin. Reads; changes nothing.

    assessment = assess(session, model_id, draft, credit_value, moment)

Margins are against the present cost of the first enabled route; a loss on any other enabled route counts as well. A
combination is named by the values that price, cost or quantity depend on: `quality=high, image_size=square_hd`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlmodel import Session

from app.catalogue.compiled import cost_card, price_card
from app.catalogue.costs import live_cost
from app.catalogue.drafts import Draft, credits_of, draft_of_version, json_of
from app.catalogue.param_schema import parse_schema
from app.catalogue.routes import routes_of
from app.catalogue.tables import Model, ModelVersion, ProviderRow
from app.kernel.errors import Conflict, InvalidInput, NotFound, RuleRefused
from app.kernel.money import Money, plain
from app.pricing.conditions import Value, word
from app.pricing.findings import Finding
from app.pricing.matrix import CAP, Cell, Matrix, Status, matrix
from app.pricing.parameters import ParamSchema
from app.pricing.rate_card import RateCard

#: The name of the only combination of a model whose price depends on nothing.
EVERY_REQUEST = "every request"


@dataclass(frozen=True, slots=True)
class Ready:
    """A draft that can be sold by: parsed, checked and compiled."""

    raw_schema: dict[str, Any]
    rule: dict[str, Any] | None
    credit_cost_micros: int | None
    schema: ParamSchema = field(repr=False)
    card: RateCard = field(repr=False)


@dataclass(frozen=True, slots=True)
class Costed:
    """A route and what it costs now."""

    provider_name: str
    since: datetime
    verified: bool
    source: str
    card: RateCard = field(repr=False)


@dataclass(frozen=True, slots=True)
class Change:
    """One combination before and after. Prices in credits, cost in USD, margins as fractions of the price.

    `kind` is new, cheaper, dearer, unchanged or unpriced; `status` good, thin, loss or unpriced. `provider` is given
    where the cost is that of another route than the first.
    """

    combination: Mapping[str, str]
    kind: str
    status: Status
    old_price: Money | None
    new_price: Money | None
    cost: Money | None
    old_margin: Fraction | None
    new_margin: Fraction | None
    why: str = ""
    provider: str | None = None

    @property
    def key(self) -> str:
        """What a sign-off names: `quality=ultra, image_size=square_hd`."""
        named = ", ".join(f"{name}={value}" for name, value in self.combination.items()) or EVERY_REQUEST
        return named if self.provider is None else f"{named} at {self.provider}"

    def to_json(self) -> dict[str, Any]:
        """For the version's record: figures as exact decimal text."""
        return {
            "combination": dict(self.combination),
            "kind": self.kind,
            "old_price": _figure(self.old_price),
            "new_price": _figure(self.new_price),
            "cost": _figure(self.cost),
            "old_margin": _share(self.old_margin),
            "new_margin": _share(self.new_margin),
        }


@dataclass(frozen=True, slots=True)
class Assessment:
    """`changes` with the worst new margin first, one for each combination that can differ.

    `stamp` is the model as it was read: publishing refuses when it has moved. `capped` says that the space was too
    large to walk and the changes are an even sample of it.
    """

    model_id: str
    alias: str
    stamp: datetime
    base_number: int
    live_number: int
    is_unchanged: bool
    ready: Ready
    changes: tuple[Change, ...]
    losses: tuple[Change, ...]
    total: int
    capped: bool
    findings: tuple[Finding, ...]
    margin_before: Fraction | None
    margin_after: Fraction | None
    costed: Costed | None

    def count(self, kind: str) -> int:
        return sum(change.kind == kind for change in self.changes)

    @property
    def cheaper(self) -> int:
        return self.count("cheaper")

    @property
    def dearer(self) -> int:
        return self.count("dearer")

    @property
    def unchanged(self) -> int:
        return self.count("unchanged")

    @property
    def unpriced(self) -> tuple[str, ...]:
        return tuple(change.key for change in self.changes if change.status is Status.UNPRICED)


def assess(
    session: Session, model_id: str, draft: Draft, credit_value: Decimal, moment: datetime, *, cap: int = CAP
) -> Assessment:
    """Compare a draft with what is live. `credit_value` is USD per credit.

    Raises NotFound, InvalidInput or RuleRefused with `details["problems"]`, `price_missing`, and `cost_misfit` when a
    route's cost profile does not fit the draft's parameters.
    """
    model = session.get(Model, model_id, populate_existing=True)
    if model is None:
        raise NotFound(f"There is no model {model_id}.", code="model_not_found")
    live = session.get(ModelVersion, model.live_version_id) if model.live_version_id else None
    ready = check_draft(draft)
    routes = _costed(session, model_id, ready.schema, moment)
    before = check_draft(draft_of_version(live)) if live else None
    priced = [
        matrix(ready.card, ready.schema, route.card, credit_value, before.card if before else None, cap)
        for route in routes
    ] or [matrix(ready.card, ready.schema, None, credit_value, before.card if before else None, cap)]
    changes = tuple(sorted(_changes(priced[0], before, credit_value), key=_worst_first))
    elsewhere = [
        change
        for route, one in zip(routes[1:], priced[1:], strict=True)
        for change in _changes(one, before, credit_value, route.provider_name)
    ]
    return Assessment(
        model_id=model_id,
        alias=model.alias,
        stamp=model.updated_at,
        base_number=draft.base_number,
        live_number=live.number if live else 0,
        is_unchanged=before is not None and _same(before, ready),
        ready=ready,
        changes=changes,
        losses=tuple(change for change in (*changes, *elsewhere) if change.status is Status.LOSS),
        total=priced[0].total,
        capped=priced[0].capped,
        findings=priced[0].findings,
        margin_before=_margin([(change.old_price, change.cost) for change in changes], credit_value),
        margin_after=_margin([(change.new_price, change.cost) for change in changes], credit_value),
        costed=routes[0] if routes else None,
    )


def assess_live(session: Session, model_id: str, credit_value: Decimal, moment: datetime) -> Assessment:
    """The live version against today's costs; Conflict `not_published` before the first."""
    model = session.get(Model, model_id, populate_existing=True)
    if model is None:
        raise NotFound(f"There is no model {model_id}.", code="model_not_found")
    live = session.get(ModelVersion, model.live_version_id) if model.live_version_id else None
    if live is None:
        raise Conflict("Publish a price first.", code="not_published")
    return assess(session, model_id, draft_of_version(live), credit_value, moment)


def check_draft(draft: Draft) -> Ready:
    """Parse and compile a draft, or raise InvalidInput or RuleRefused with every problem of the first bad part."""
    raw_schema = json_of(draft.param_schema, "param_schema")
    schema = parse_schema(raw_schema)
    rule = None if draft.pricing_rule is None else json_of(draft.pricing_rule, "pricing_rule")
    try:
        credit_cost = credits_of(draft.credit_cost)
    except ValueError as wrong:
        raise InvalidInput(f"The fixed price: {wrong}.", param="credit_cost") from None
    if rule is None and credit_cost is None:
        raise InvalidInput(
            "Give the model a price: a fixed one or a formula.", param="credit_cost", code="price_missing"
        )
    return Ready(raw_schema, rule, credit_cost, schema, price_card(rule, credit_cost, schema))


def _costed(session: Session, model_id: str, schema: ParamSchema, moment: datetime) -> list[Costed]:
    found = []
    for route in routes_of(session, model_id):
        profile = live_cost(session, route.id, moment) if route.enabled else None
        if profile is None:
            continue
        provider = session.get(ProviderRow, route.provider_id)
        name = provider.name if provider else route.provider_id
        try:
            card = cost_card(profile.rule, schema)
        except RuleRefused as refused:
            raise RuleRefused(
                f"The cost of {name} does not fit these parameters. {refused.message}",
                code="cost_misfit",
                **refused.details,
            ) from refused
        found.append(Costed(name, profile.effective_from, profile.verified, profile.source, card))
    return found


def _changes(
    priced: Matrix, before: Ready | None, credit_value: Decimal, provider: str | None = None
) -> Iterator[Change]:
    """One change for each combination that can differ; cells that only vary in what does not matter are one."""
    names = [axis.name for axis in priced.axes if axis.matters]
    seen: set[tuple[Value, ...]] = set()
    for cell in priced.cells:
        values = tuple(cell.params[name] for name in names)
        if values in seen:
            continue
        seen.add(values)
        combination = dict(zip(names, values, strict=True))
        old = cell.previous if before is not None and _was_offered(before.schema, combination) else None
        yield _change(cell, combination, old, credit_value, provider)


def _change(
    cell: Cell, combination: Mapping[str, Value], old: Money | None, credit_value: Decimal, provider: str | None
) -> Change:
    return Change(
        combination={name: word(value) for name, value in combination.items()},
        kind=_kind(old, cell.price),
        status=cell.status,
        old_price=old,
        new_price=cell.price,
        cost=cell.cost,
        old_margin=_margin([(old, cell.cost)], credit_value),
        new_margin=cell.margin,
        why=cell.why,
        provider=provider,
    )


def _kind(old: Money | None, new: Money | None) -> str:
    if new is None:
        return "unpriced"
    if old is None:
        return "new"
    return "cheaper" if new < old else "dearer" if new > old else "unchanged"


def _was_offered(schema: ParamSchema, combination: Mapping[str, Value]) -> bool:
    """Whether the earlier parameters allowed these values; one that did not exist then has no price before."""
    for name, value in combination.items():
        parameter = schema.get(name)
        if parameter is None:
            return False
        if value is None or parameter.is_presence:
            continue
        try:
            parameter.canonical(value)
        except ValueError:
            return False
    return True


def _margin(figures: Sequence[tuple[Money | None, Money | None]], credit_value: Decimal) -> Fraction | None:
    """What remains of the price over all combinations, each sold once; None where nothing is known."""
    known = [(price.micros, cost.micros) for price, cost in figures if price is not None and cost is not None]
    value = sum(price for price, _ in known) * Fraction(credit_value)
    return (value - sum(cost for _, cost in known)) / value if value else None


def _worst_first(change: Change) -> tuple[int, Fraction]:
    if change.status is Status.UNPRICED:
        return 0, Fraction(0)
    if change.new_margin is None:
        return (1 if change.status is Status.LOSS else 3), Fraction(0)
    return 2, change.new_margin


def _same(one: Ready, other: Ready) -> bool:
    return (one.raw_schema, one.rule, one.credit_cost_micros) == (
        other.raw_schema,
        other.rule,
        other.credit_cost_micros,
    )


def _figure(amount: Money | None) -> str | None:
    return None if amount is None else plain(amount.amount)


def _share(margin: Fraction | None) -> str | None:
    return None if margin is None else f"{margin.numerator / margin.denominator:.4f}"
