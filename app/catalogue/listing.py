"""The operator's table of models with what each costs in words and what its worst combination earns. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlmodel import Session, col, select

from app.catalogue.compiled import cost_card, price_card
from app.catalogue.judging import distinct
from app.catalogue.overview import ModelRow, list_models
from app.catalogue.param_schema import parse_schema
from app.catalogue.price_words import price_words
from app.catalogue.tables import CostProfile, Model, ModelVersion, ProviderRow, Route
from app.kernel.errors import FareboxError, RuleRefused
from app.pricing.matrix import Cell, Matrix, Status, matrix
from app.pricing.parameters import ParamSchema
from app.pricing.rate_card import RateCard

#: Models remembered; beyond it the memory starts afresh.
REMEMBERED = 2_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What a model's live version comes to. `margin` is the worst; None where it is not known."""

    price: str = ""
    margin: Fraction | None = None
    status: Status | None = None
    worst: str = ""  # the combination with the worst margin
    losses: int = 0


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the table. `kinds` are the providers' kinds in order of use."""

    row: ModelRow
    kinds: tuple[str, ...]
    standing: Standing


@dataclass(frozen=True, slots=True)
class _Sold:
    rule: Mapping[str, Any] | None
    credit_cost_micros: int | None
    schema: ParamSchema
    card: RateCard


class Listings:
    """Remembers what a version costs and earns: neither it nor a cost profile ever changes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, Decimal], Standing] = {}

    def read(self, session: Session, moment: datetime, credit_value: Decimal) -> list[Listed]:
        """Every model in catalogue order. `credit_value` is USD per credit."""
        live = select(ModelVersion).join(Model, col(Model.live_version_id) == col(ModelVersion.id))
        versions = {version.model_id: version for version in session.exec(live).all()}
        routes, kinds = _routes(session)
        costs = _costs(session, moment)
        found = []
        for row in list_models(session, moment):
            mine = routes.get(row.model_id, [])
            version = versions.get(row.model_id)
            cost = next((costs[route.id] for route in mine if route.id in costs), None)
            standing = self._standing(version, cost, credit_value) if version else Standing()
            found.append(Listed(row, tuple(kinds[route.provider_id] for route in mine), standing))
        return found

    def _standing(self, version: ModelVersion, cost: CostProfile | None, credit_value: Decimal) -> Standing:
        key = (version.id, cost.id if cost else "", credit_value)
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = _stand(version, cost, credit_value)
        return self._known[key]


def _stand(version: ModelVersion, cost: CostProfile | None, credit_value: Decimal) -> Standing:
    try:
        schema = parse_schema(version.param_schema)
        card = price_card(version.pricing_rule, version.credit_cost_micros, schema)
    except FareboxError as broken:
        return Standing(broken.message, status=Status.UNPRICED)
    words = price_words(_Sold(version.pricing_rule, version.credit_cost_micros, schema, card)).headline
    try:
        upstream = cost_card(cost.rule, schema) if cost else None
    except RuleRefused:
        upstream = None  # the cost was written for other parameters; the editor says so
    priced = matrix(card, schema, upstream, credit_value)
    worst = _worst(priced)
    losses = sum(cell.status is Status.LOSS for cell in distinct(priced))
    if worst is None:
        return Standing(words)
    matters = [axis.name for axis in priced.axes if axis.matters]
    named = Cell({name: worst.params[name] for name in matters}, None, None, None, worst.status).name
    return Standing(words, worst.margin, worst.status, named, losses)


def _worst(priced: Matrix) -> Cell | None:
    """The cell that stands worst; None where no cost is known."""
    gaps = [cell for cell in priced.cells if cell.status is Status.UNPRICED]
    known = [cell for cell in priced.cells if cell.margin is not None]
    free = [cell for cell in priced.cells if cell.status is Status.LOSS and cell.margin is None]
    return next(iter([*gaps, *free]), None) or min(known, key=lambda cell: cell.margin or Fraction(0), default=None)


def _routes(session: Session) -> tuple[dict[str, list[Route]], dict[str, str]]:
    kinds = dict(session.exec(select(ProviderRow.id, ProviderRow.kind)).all())
    ordered = select(Route).where(col(Route.enabled)).order_by(col(Route.priority), col(Route.id))
    found: dict[str, list[Route]] = {}
    for route in session.exec(ordered).all():
        found.setdefault(route.model_id, []).append(route)
    return found, kinds


def _costs(session: Session, moment: datetime) -> dict[str, CostProfile]:
    """Of each route the profile in effect."""
    begun = select(CostProfile).where(col(CostProfile.effective_from) <= moment)
    ordered = begun.order_by(col(CostProfile.effective_from), col(CostProfile.created_at), col(CostProfile.id))
    return {profile.route_id: profile for profile in session.exec(ordered).all()}
