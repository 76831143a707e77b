"""What the operator's pages read: the table of models, and everything about one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from app.catalogue.costs import cost_history, live_cost
from app.catalogue.details import Details
from app.catalogue.drafts import Draft, draft_of
from app.catalogue.offers import LIMIT_COLUMNS, Limits
from app.catalogue.publish import versions
from app.catalogue.route_policy import RoutingPolicy, policy_of
from app.catalogue.routes import RouteForm, routes_of
from app.catalogue.tables import CostProfile, Model, ModelVersion, ProviderRow, Route
from app.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One line of the table of models. `providers` in order of use; `live_number` is 0 before the first version."""

    model_id: str
    alias: str
    title: str
    modality: str
    enabled: bool
    live_number: int
    draft_saved_at: datetime | None
    providers: tuple[str, ...]
    upstream_model: str
    verified: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class CostSeen:
    """One dated cost profile; `is_live` for the one in effect now."""

    profile_id: str
    rule: Mapping[str, Any]
    effective_from: datetime
    source: str
    observed_at: datetime | None
    verified: bool
    author: str
    is_live: bool


@dataclass(frozen=True, slots=True)
class RouteSeen:
    """A route with its provider and every cost profile, the newest first. `usable`: on, at a provider on and keyed."""

    route_id: str
    provider_name: str
    form: RouteForm
    usable: bool
    is_sandbox: bool
    costs: tuple[CostSeen, ...]

    @property
    def live_cost(self) -> CostSeen | None:
        return next((cost for cost in self.costs if cost.is_live), None)


@dataclass(frozen=True, slots=True)
class VersionSeen:
    """One published version as the version list shows it."""

    version_id: str
    number: int
    author: str
    note: str
    published_at: datetime
    diff: tuple[Mapping[str, Any], ...]
    sign_off: Mapping[str, Any] | None
    restores_number: int | None
    is_live: bool


@dataclass(frozen=True, slots=True)
class ModelPage:
    """Everything the model editor starts from."""

    model_id: str
    details: Details
    enabled: bool
    live_number: int
    draft: Draft
    routes: tuple[RouteSeen, ...]
    versions: tuple[VersionSeen, ...]
    policy: RoutingPolicy


def list_models(session: Session, moment: datetime) -> list[ModelRow]:
    """Every model, in catalogue order. Five queries, however many models there are."""
    models = session.exec(select(Model).order_by(col(Model.sort), col(Model.title), col(Model.id))).all()
    numbers = dict(session.exec(select(ModelVersion.id, ModelVersion.number)).all())
    providers = dict(session.exec(select(ProviderRow.id, ProviderRow.name)).all())
    begun = select(CostProfile.route_id, CostProfile.verified).where(col(CostProfile.effective_from) <= moment)
    in_order = begun.order_by(col(CostProfile.effective_from), col(CostProfile.created_at), col(CostProfile.id))
    verified = dict(session.exec(in_order).all())  # of each route the last to begin
    ordered = select(Route).where(col(Route.enabled)).order_by(col(Route.priority), col(Route.id))
    routes: dict[str, list[Route]] = {}
    for route in session.exec(ordered).all():
        routes.setdefault(route.model_id, []).append(route)
    return [_row(model, numbers, routes.get(model.id, []), providers, verified) for model in models]


def read_model(session: Session, model_id: str, moment: datetime) -> ModelPage:
    """One model for its editor; NotFound when there is none."""
    model = session.get(Model, model_id)
    if model is None:
        raise NotFound(f"There is no model {model_id}.", code="model_not_found")
    seen = tuple(_version(version, model) for version in versions(session, model_id))
    return ModelPage(
        model_id=model.id,
        details=Details(
            alias=model.alias,
            title=model.title,
            modality=model.modality,
            description=model.description,
            example=model.example,
            limits=Limits(*(getattr(model, name) for name in LIMIT_COLUMNS)),
            sort=model.sort,
            operation=model.operation,
        ),
        enabled=model.enabled,
        live_number=next((version.number for version in seen if version.is_live), 0),
        draft=draft_of(session, model),
        routes=tuple(_route(session, route, moment) for route in routes_of(session, model_id)),
        versions=seen,
        policy=policy_of(model.routing_policy, model.min_margin_bp),
    )


def _row(
    model: Model,
    numbers: Mapping[str, int],
    routes: Sequence[Route],
    providers: Mapping[str, str],
    verified: Mapping[str, bool],
) -> ModelRow:
    saved_at = (model.draft or {}).get("saved_at")
    return ModelRow(
        model_id=model.id,
        alias=model.alias,
        title=model.title,
        modality=model.modality,
        enabled=model.enabled,
        live_number=numbers.get(model.live_version_id or "", 0),
        draft_saved_at=datetime.fromisoformat(saved_at) if saved_at else None,
        providers=tuple(providers[route.provider_id] for route in routes),
        upstream_model=routes[0].upstream_model if routes else "",
        verified=bool(routes) and verified.get(routes[0].id, False),
        updated_at=model.updated_at,
    )


def _route(session: Session, route: Route, moment: datetime) -> RouteSeen:
    provider = session.get(ProviderRow, route.provider_id)
    live = live_cost(session, route.id, moment)
    return RouteSeen(
        route_id=route.id,
        provider_name=provider.name if provider else route.provider_id,
        form=RouteForm(
            route.provider_id,
            route.upstream_model,
            route.priority,
            route.enabled,
            route.mapping,
            route.settings,
            route.weight,
        ),
        usable=bool(route.enabled and provider and provider.enabled and provider.api_key_sealed),
        is_sandbox=bool(provider and provider.is_sandbox),
        costs=tuple(_cost(profile, live) for profile in cost_history(session, route.id)),
    )


def _cost(profile: CostProfile, live: CostProfile | None) -> CostSeen:
    return CostSeen(
        profile_id=profile.id,
        rule=profile.rule,
        effective_from=profile.effective_from,
        source=profile.source,
        observed_at=profile.observed_at,
        verified=profile.verified,
        author=profile.author,
        is_live=live is not None and profile.id == live.id,
    )


def _version(version: ModelVersion, model: Model) -> VersionSeen:
    return VersionSeen(
        version_id=version.id,
        number=version.number,
        author=version.author,
        note=version.note,
        published_at=version.published_at,
        diff=tuple(version.diff),
        sign_off=version.sign_off,
        restores_number=version.restores_number,
        is_live=version.id == model.live_version_id,
    )
