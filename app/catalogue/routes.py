"""Routes: which provider serves a model, under which name, and what its parameters are called there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from app.catalogue.operations import AS_JOBS, AT_ONCE, operation_of
from app.catalogue.records import locked_model, record, touch
from app.catalogue.route_policy import MAX_PRIORITY, MAX_WEIGHT, RoutingPolicy, checked, policy_of
from app.catalogue.tables import Model, ProviderRow, Route
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.ids import new_id

#: An upstream model becomes part of an address: nothing that could climb out of it.
UPSTREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*(?:/[A-Za-z0-9][A-Za-z0-9._:-]*)*")
MAX_UPSTREAM = 200
DEFAULT_WEIGHT = 100
#: What a provider's own count of billable units may mean.
BILLABLE_UNITS = ("image", "megapixel", "second")


@dataclass(frozen=True, slots=True)
class RouteForm:
    """`mapping` renames our parameters: a name upstream (dots nest it), or None for one that is not sent.

    `settings` may hold `billable_units` (one of BILLABLE_UNITS), `constants` sent with every request, and
    `size_objects`, the parameters whose "1024x768" upstream wants as {"width", "height"}.
    """

    provider_id: str
    upstream_model: str
    priority: int = 0
    enabled: bool = True
    mapping: Mapping[str, str | None] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    weight: int = DEFAULT_WEIGHT


@dataclass(frozen=True, slots=True)
class Rank:
    """Where a route stands among the others: its priority, lowest first, and its weight among equals."""

    priority: int
    weight: int


def add_route(session: Session, model_id: str, form: RouteForm, actor: str, moment: datetime) -> str:
    """Add a way of serving the model; its policy says when it is used (route_policy.py). Returns its id."""
    model = locked_model(session, model_id)
    _check(session, form)
    _check_kind(session, model, form)
    route = Route(id=new_id("rte"), model_id=model_id, provider_id=form.provider_id, upstream_model=form.upstream_model)
    _fill(route, form)
    session.add(route)
    touch(session, model, moment)
    session.flush()
    record(session, actor, "route.added", model_id, f"{form.provider_id}: {form.upstream_model}", moment)
    return route.id


def edit_route(session: Session, route_id: str, form: RouteForm, actor: str, moment: datetime) -> None:
    """Replace a route's settings; running attempts keep the provider they were sent to."""
    route = read_route(session, route_id)
    model = locked_model(session, route.model_id)
    _check(session, form)
    if form.provider_id != route.provider_id:
        raise InvalidInput("A route stays with its provider: add another route instead.", param="provider_id")
    before = _in_words(route)
    _fill(route, form)
    after = _in_words(route)
    session.add(route)
    touch(session, model, moment)
    record(session, actor, "route.edited", route.model_id, f"{route.provider_id}: {before} → {after}", moment)


def edit_routing(
    session: Session,
    model_id: str,
    policy: RoutingPolicy,
    ranks: Mapping[str, Rank],
    actor: str,
    moment: datetime,
) -> None:
    """Replace the model's policy and the ranks of the routes named, in one act with one audit line.

    InvalidInput names what is wrong; nothing changes then. Not part of a price version: it takes effect at once.
    """
    model = locked_model(session, model_id)
    checked(policy)
    routes = {route.id: route for route in routes_of(session, model_id)}
    for route_id in ranks.keys() - routes.keys():
        raise NotFound(f"There is no route {route_id} of this model.", code="route_not_found")
    for route_id, rank in ranks.items():
        _check_rank(rank, route_id)
    ranked = {route_id: ranks.get(route_id, Rank(one.priority, one.weight)) for route_id, one in routes.items()}
    if not any(ranked[one.id].weight for one in routes.values() if one.enabled) and routes:
        raise InvalidInput("Give at least one route that is on a weight above 0.", param="weight")
    changed = [_set_rank(route, ranked[route.id]) for route in routes.values()]
    changed.insert(0, _set_policy(model, policy))
    said = [one for one in changed if one]
    if not said:
        return
    touch(session, model, moment)
    record(session, actor, "routing.edited", model_id, "; ".join(said), moment)


def _set_policy(model: Model, policy: RoutingPolicy) -> str:
    before = policy_of(model.routing_policy, model.min_margin_bp)
    model.routing_policy, model.min_margin_bp = str(policy.kind), policy.min_margin_bp
    return "" if before == policy else f"{before.in_words()} → {policy.in_words()}"


def _set_rank(route: Route, rank: Rank) -> str:
    before = Rank(route.priority, route.weight)
    route.priority, route.weight = rank.priority, rank.weight
    if before == rank:
        return ""
    then, now = (f"priority {one.priority}, weight {one.weight}" for one in (before, rank))
    return f"{route.provider_id} {route.upstream_model}: {then} → {now}"


def _check_kind(session: Session, model: Model, form: RouteForm) -> None:
    """A provider that takes jobs has no way to be asked for what is answered at once."""
    operation, provider = operation_of(model.modality, model.operation), session.get(ProviderRow, form.provider_id)
    if operation in AS_JOBS or provider is None or provider.kind in AT_ONCE:
        return
    raise InvalidInput(
        f"{provider.name} takes jobs, and {operation} needs a provider that answers at once: one that is compatible "
        "with OpenAI.",
        param="provider_id",
    )


def _check_rank(rank: Rank, route_id: str = "") -> None:
    suffix = f".{route_id}" if route_id else ""
    if not -MAX_PRIORITY <= rank.priority <= MAX_PRIORITY:
        raise InvalidInput(f"A priority is a whole number up to {MAX_PRIORITY}.", param=f"priority{suffix}")
    if not 0 <= rank.weight <= MAX_WEIGHT:
        raise InvalidInput(f"A weight is a whole number from 0 to {MAX_WEIGHT}.", param=f"weight{suffix}")


def _in_words(route: Route) -> str:
    switch = "on" if route.enabled else "off"
    return f"{route.upstream_model}, priority {route.priority}, weight {route.weight}, {switch}"


def read_route(session: Session, route_id: str) -> Route:
    """One route; NotFound when there is none."""
    route = session.get(Route, route_id)
    if route is None:
        raise NotFound(f"There is no route {route_id}.", code="route_not_found")
    return route


def routes_of(session: Session, model_id: str) -> list[Route]:
    """A model's routes, the one to be used first."""
    ordered = select(Route).where(Route.model_id == model_id).order_by(Route.priority, Route.id)  # type: ignore[arg-type]
    return list(session.exec(ordered).all())


def _fill(route: Route, form: RouteForm) -> None:
    route.upstream_model = form.upstream_model
    route.priority = form.priority
    route.weight = form.weight
    route.enabled = form.enabled
    route.mapping = dict(form.mapping)
    route.settings = dict(form.settings)


def _check(session: Session, form: RouteForm) -> None:
    if session.get(ProviderRow, form.provider_id) is None:
        raise InvalidInput(f"There is no provider {form.provider_id}.", param="provider_id")
    if len(form.upstream_model) > MAX_UPSTREAM or not UPSTREAM.fullmatch(form.upstream_model):
        raise InvalidInput("An upstream model is a path such as fal-ai/flux/schnell.", param="upstream_model")
    _check_rank(Rank(form.priority, form.weight))
    for ours, theirs in form.mapping.items():
        if theirs is not None and (not isinstance(theirs, str) or not all(theirs.split("."))):
            raise InvalidInput(f"{ours} is mapped to {theirs!r}, which is not a name.", param=f"mapping.{ours}")
    units = form.settings.get("billable_units")
    if units is not None and units not in BILLABLE_UNITS:
        raise InvalidInput(f"billable_units is one of {', '.join(BILLABLE_UNITS)}.", param="settings.billable_units")
    if not isinstance(form.settings.get("constants", {}), Mapping):
        raise InvalidInput("constants is an object of names and values.", param="settings.constants")
