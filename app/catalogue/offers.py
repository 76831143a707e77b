"""What a customer can buy right now: one `Offer` per enabled model, compiled and cached.

Two layers keep this cheap and correct. Versions and cost profiles are immutable, so what they compile to is kept by
id for as long as the process lives. Everything that can change (names, limits, routes, providers, which version is
live) is one snapshot, compared with the database's row stamps at most every `FRESH_SECONDS`; every edit moves the
stamp of its model or provider. An edit in this process calls `forget()` and is seen by the very next call; other
processes see it within `FRESH_SECONDS`. Between two comparisons `find` is a dictionary look-up.
"""

import difflib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from threading import Lock
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, select
from sqlalchemy.sql import Select

from app.catalogue.compiled import Compiler, Published
from app.catalogue.operations import operation_of
from app.catalogue.route_policy import RoutingPolicy, policy_of
from app.catalogue.tables import CostProfile, Model, ModelVersion, ProviderRow, Route
from app.kernel.clock import Clock, now
from app.kernel.db import Database, metadata
from app.kernel.errors import Broken, FareboxError, NotFound
from app.pricing.parameters import ParamSchema
from app.pricing.rate_card import RateCard
from app.pricing.terms import BillingMode, Overage

#: How long a snapshot is trusted without a look at the database; an edit elsewhere is visible after at most this.
FRESH_SECONDS = 0.5

MODEL = metadata.tables[str(Model.__tablename__)]
VERSION = metadata.tables[str(ModelVersion.__tablename__)]
ROUTE = metadata.tables[str(Route.__tablename__)]
PROVIDER = metadata.tables[str(ProviderRow.__tablename__)]
COST = metadata.tables[str(CostProfile.__tablename__)]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Per workspace; None is no limit. A day starts at 00:00 UTC, a month on its first day."""

    requests_per_minute: int | None = None
    concurrent_jobs: int | None = None
    credits_per_day_micros: int | None = None
    tokens_per_minute: int | None = None
    credits_per_month_micros: int | None = None


#: The columns of a model that hold them, in the order of the fields.
LIMIT_COLUMNS = tuple(field.name for field in fields(Limits))


@dataclass(frozen=True, slots=True)
class RouteOffer:
    """One way to serve a model. `usable` while it is enabled and its provider is too and has a key."""

    route_id: str
    provider_id: str
    provider_kind: str
    provider_name: str
    upstream_model: str
    mapping: Mapping[str, str | None]
    settings: Mapping[str, Any]
    is_sandbox: bool
    usable: bool
    cost_card: RateCard | None = field(repr=False)
    cost_profile_id: str | None = None
    cost_verified: bool = False
    priority: int = 0
    weight: int = 100
    enabled: bool = True  # the route itself; `usable` asks its provider too


@dataclass(frozen=True, slots=True)
class Offer:
    """A model at one version. `routes` are by priority, `policy` says which of them serves a request (see
    generation/routing.py); `verified` is false while the first one's cost was not confirmed."""

    model_id: str
    alias: str
    title: str
    description: str
    modality: str
    operation: str  # images | videos | speech | transcription | chat | embeddings | worlds
    enabled: bool
    example: Mapping[str, Any] | None
    version_id: str
    version_number: int
    schema: ParamSchema = field(repr=False)
    raw_schema: Mapping[str, Any] = field(repr=False)
    rule: Mapping[str, Any] | None = field(repr=False)
    credit_cost_micros: int | None
    card: RateCard = field(repr=False)
    billing_mode: BillingMode
    overage: Overage
    refund_on_failure: bool
    limits: Limits
    routes: tuple[RouteOffer, ...]
    verified: bool
    policy: RoutingPolicy


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Everything on sale at one moment. An entry that cannot be compiled holds its error instead."""

    stamp: tuple[Any, ...]
    changes_at: datetime | None  # when a dated cost profile takes over
    offers: Mapping[str, "Offer | FareboxError"]  # by model id
    ids: Mapping[str, str]  # alias or id → id, of every model, enabled or not
    heads: Mapping[str, RowMapping]
    routes: Mapping[str, tuple[RowMapping, ...]]
    costs: Mapping[str, RowMapping]  # by route id, the profile effective now


class Offers:
    """The catalogue as customers see it. Share one per process; every method may be called from any thread."""

    def __init__(self, db: Database, *, clock: Clock = now, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._db = db
        self._clock = clock
        self._fresh_seconds = fresh_seconds
        self._compiler = Compiler()
        self._lock = Lock()
        self._kept: _Shelf | None = None
        self._fresh_until = 0.0
        self._forgotten = 0

    def find(self, alias_or_id: str) -> Offer:
        """The enabled model of that alias or id.

        Raises NotFound: `model_not_found` (with the nearest alias, if one is near) or `model_disabled`.
        """
        shelf = self._shelf()
        model_id = shelf.ids.get(alias_or_id)
        if model_id is None:
            raise _unknown(alias_or_id, shelf)
        offer = shelf.offers.get(model_id)
        if isinstance(offer, FareboxError):
            raise offer
        if offer is None or not offer.enabled:
            raise NotFound(
                f"The model {alias_or_id} is not offered at the moment.", param="model", code="model_disabled"
            )
        return offer

    @property
    def is_fresh(self) -> bool:
        """Whether `find` would answer without a look at the database."""
        return self._kept is not None and time.monotonic() < self._fresh_until

    def of_version(self, version_id: str) -> Offer:
        """The offer as that version priced it, for requests that were held at it. Disabling stops no running request:
        a disabled model is found too, and `routes` holds every route, the usable ones first.

        Raises NotFound (`version_not_found`) for an unknown version.
        """
        shelf = self._shelf()
        version = self._compiler.known(version_id)
        if version is None:
            with self._db.read() as connection:
                row = connection.execute(select(VERSION).where(VERSION.c.id == version_id)).mappings().first()
            if row is None:
                raise NotFound(f"There is no model version {version_id}.", code="version_not_found")
            version = self._compiler.version(row)
        return _offer(shelf, version, self._compiler, every_route=True)

    def list(self, modality: str | None = None, search: str | None = None) -> "list[Offer]":
        """Every enabled model in catalogue order, of one modality or whose name holds every word of `search`."""
        words = (search or "").casefold().split()
        found = [offer for offer in self._shelf().offers.values() if isinstance(offer, Offer) and offer.enabled]
        return [
            offer
            for offer in found
            if (modality is None or offer.modality == modality)
            and all(word in f"{offer.alias} {offer.title} {offer.description}".casefold() for word in words)
        ]

    def forget(self) -> None:
        """Look at the database before the next answer. Call it after every committed edit."""
        self._forgotten += 1
        self._fresh_until = 0.0

    def _shelf(self) -> _Shelf:
        kept = self._kept
        if kept is not None and time.monotonic() < self._fresh_until:
            return kept
        with self._lock:
            if self._kept is not None and time.monotonic() < self._fresh_until:
                return self._kept
            seen, started = self._forgotten, time.monotonic()
            with self._db.read() as connection:
                self._kept = self._refreshed(connection)
            if seen == self._forgotten:  # an edit during the reading leaves the snapshot due again
                self._fresh_until = started + self._fresh_seconds
            return self._kept

    def _refreshed(self, connection: Connection) -> _Shelf:
        stamp, moment, kept = _stamp(connection), self._clock(), self._kept
        if kept is not None and kept.stamp == stamp and (kept.changes_at is None or moment < kept.changes_at):
            return kept
        return _load(connection, stamp, moment, self._compiler)


def live_version_of(model_id: str) -> "Select[tuple[str | None]]":
    """The version on sale, to be compared inside a transaction with the one a price was quoted from."""
    return select(MODEL.c.live_version_id).where(MODEL.c.id == model_id)


def _stamp(connection: Connection) -> tuple[Any, ...]:
    """Every row's own stamp rather than their maximum: two edits may commit in another order than they were stamped."""
    models = connection.execute(select(MODEL.c.id, MODEL.c.updated_at).order_by(MODEL.c.id)).all()
    providers = connection.execute(select(PROVIDER.c.id, PROVIDER.c.updated_at).order_by(PROVIDER.c.id)).all()
    return tuple(map(tuple, models)), tuple(map(tuple, providers))


def _load(connection: Connection, stamp: tuple[Any, ...], moment: datetime, compiler: Compiler) -> _Shelf:
    heads = connection.execute(select(MODEL).order_by(MODEL.c.sort, MODEL.c.title, MODEL.c.id)).mappings().all()
    costs, changes_at = _costs(connection, moment)
    shelf = _Shelf(
        stamp=stamp,
        changes_at=changes_at,
        offers={},
        ids={name: head["id"] for head in heads for name in (head["alias"], head["id"])},
        heads={head["id"]: head for head in heads},
        routes=_routes(connection),
        costs=costs,
    )
    live = select(VERSION).join(MODEL, MODEL.c.live_version_id == VERSION.c.id)
    versions = {row["model_id"]: row for row in connection.execute(live).mappings()}
    offers = {head["id"]: _entry(shelf, versions[head["id"]], compiler) for head in heads if head["id"] in versions}
    return _Shelf(stamp, changes_at, offers, shelf.ids, shelf.heads, shelf.routes, shelf.costs)


def _entry(shelf: _Shelf, version: RowMapping, compiler: Compiler) -> Offer | FareboxError:
    """One model that no longer compiles must not take the others off the shelf; whoever asks for it gets the error."""
    try:
        return _offer(shelf, compiler.version(version), compiler)
    except FareboxError as error:
        log.exception("model %s cannot be sold at version %s", version["model_id"], version["number"])
        return Broken(f"This model's published version cannot be read: {error.message}")


def _offer(shelf: _Shelf, version: Published, compiler: Compiler, *, every_route: bool = False) -> Offer:
    head = shelf.heads[version.model_id]
    rows = [row for row in shelf.routes.get(version.model_id, ()) if every_route or row["usable"]]
    routes = tuple(_route(row, shelf, version, compiler) for row in rows)
    return Offer(
        model_id=head["id"],
        alias=head["alias"],
        title=head["title"],
        description=head["description"],
        modality=head["modality"],
        operation=operation_of(head["modality"], head["operation"]),
        enabled=head["enabled"],
        example=head["example"],
        version_id=version.version_id,
        version_number=version.number,
        schema=version.schema,
        raw_schema=version.raw_schema,
        rule=version.rule,
        credit_cost_micros=version.credit_cost_micros,
        card=version.card,
        billing_mode=version.card.billing_mode,
        overage=version.card.overage,
        refund_on_failure=version.card.refund_on_failure,
        limits=Limits(*(head[name] for name in LIMIT_COLUMNS)),
        routes=routes,
        verified=bool(routes) and routes[0].cost_verified,
        policy=policy_of(head["routing_policy"], head["min_margin_bp"]),
    )


def _route(row: RowMapping, shelf: _Shelf, version: Published, compiler: Compiler) -> RouteOffer:
    profile = shelf.costs.get(row["id"])
    return RouteOffer(
        route_id=row["id"],
        provider_id=row["provider_id"],
        provider_kind=row["kind"],
        provider_name=row["name"],
        upstream_model=row["upstream_model"],
        mapping=row["mapping"],
        settings=row["settings"],
        is_sandbox=row["is_sandbox"],
        usable=row["usable"],
        cost_card=compiler.cost(profile["id"], profile["rule"], version) if profile else None,
        cost_profile_id=profile["id"] if profile else None,
        cost_verified=bool(profile and profile["verified"]),
        priority=row["priority"],
        weight=row["weight"],
        enabled=row["enabled"],
    )


def _routes(connection: Connection) -> dict[str, tuple[RowMapping, ...]]:
    """Every route by model, in order of use, those that cannot be used now last."""
    usable = and_(ROUTE.c.enabled, PROVIDER.c.enabled, PROVIDER.c.api_key_sealed.is_not(None)).label("usable")
    every = (
        select(ROUTE, PROVIDER.c.kind, PROVIDER.c.name, PROVIDER.c.is_sandbox, usable)
        .join(PROVIDER, PROVIDER.c.id == ROUTE.c.provider_id)
        .order_by(usable.desc(), ROUTE.c.priority, ROUTE.c.id)
    )
    found: dict[str, tuple[RowMapping, ...]] = {}
    for row in connection.execute(every).mappings():
        found[row["model_id"]] = (*found.get(row["model_id"], ()), row)
    return found


def _costs(connection: Connection, moment: datetime) -> tuple[dict[str, RowMapping], datetime | None]:
    """The profile of each route effective at `moment`, and when the next one takes over."""
    ordered = select(COST).where(COST.c.effective_from <= moment)
    ordered = ordered.order_by(COST.c.effective_from, COST.c.created_at, COST.c.id)
    effective = {row["route_id"]: row for row in connection.execute(ordered).mappings()}
    upcoming = select(func.min(COST.c.effective_from)).where(COST.c.effective_from > moment)
    return effective, connection.execute(upcoming).scalar()


def _unknown(asked: str, shelf: _Shelf) -> NotFound:
    offered = [offer.alias for offer in shelf.offers.values() if isinstance(offer, Offer) and offer.enabled]
    near = difflib.get_close_matches(asked.lower(), offered, n=1)
    hint = f" Did you mean {near[0]}?" if near else " GET /v1/models lists what there is."
    suggestion = near[0] if near else None
    return NotFound(f"There is no model {asked}.{hint}", param="model", code="model_not_found", suggestion=suggestion)
