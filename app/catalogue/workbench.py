"""What the model editor judges a draft against: the version on sale, and what every route costs now. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from app.catalogue.costs import live_cost
from app.catalogue.drafts import Draft, draft_of_version
from app.catalogue.routes import routes_of
from app.catalogue.tables import Model, ModelVersion, ProviderRow
from app.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class RouteCost:
    """What an enabled route costs now: a rule in USD."""

    route_id: str
    provider_name: str
    rule: Mapping[str, Any]
    since: datetime
    verified: bool
    source: str


@dataclass(frozen=True, slots=True)
class Bench:
    """`live` is None before the first version; `costs` in order of use, of routes whose cost is known."""

    model_id: str
    alias: str
    live: Draft | None
    live_number: int
    costs: tuple[RouteCost, ...]


def read_bench(session: Session, model_id: str, moment: datetime) -> Bench:
    """Everything a draft of this model is judged against; NotFound when there is no such model."""
    model = session.get(Model, model_id)
    if model is None:
        raise NotFound(f"There is no model {model_id}.", code="model_not_found")
    live = session.get(ModelVersion, model.live_version_id) if model.live_version_id else None
    return Bench(
        model_id=model.id,
        alias=model.alias,
        live=draft_of_version(live) if live else None,
        live_number=live.number if live else 0,
        costs=tuple(_costs(session, model_id, moment)),
    )


def read_version(session: Session, model_id: str, number: int) -> Draft:
    """What version `number` sold by, as a draft; NotFound when there is none."""
    wanted = select(ModelVersion).where(ModelVersion.model_id == model_id, ModelVersion.number == number)
    version = session.exec(wanted).first()
    if version is None:
        raise NotFound(f"There is no version {number}.", code="version_not_found")
    return draft_of_version(version)


def _costs(session: Session, model_id: str, moment: datetime) -> list[RouteCost]:
    found = []
    for route in routes_of(session, model_id):
        profile = live_cost(session, route.id, moment) if route.enabled else None
        if profile is None:
            continue
        provider = session.get(ProviderRow, route.provider_id)
        name = provider.name if provider else route.provider_id
        found.append(RouteCost(route.id, name, profile.rule, profile.effective_from, profile.verified, profile.source))
    return found
