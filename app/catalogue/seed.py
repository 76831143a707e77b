"""Load the seed catalogue: providers, models, routes, costs and prices, published like any other price.

Safe to run at every start: what exists is left as the operator made it. Only a provider that still points at a
sandbox follows the sandbox to its new address.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session, select

from app.catalogue.assess import assess, assess_live
from app.catalogue.costs import CostForm, add_cost
from app.catalogue.details import Details, create_model
from app.catalogue.drafts import Draft
from app.catalogue.provider_kinds import provider_kind
from app.catalogue.publish import enable, publish
from app.catalogue.records import record, stamp
from app.catalogue.routes import RouteForm, add_route
from app.catalogue.seed_files import SeedCost, SeedModel, SeedProvider, seed_models, seed_providers
from app.catalogue.tables import Model, ProviderRow
from app.kernel.clock import Clock, now
from app.kernel.db import Database
from app.kernel.secrets import Vault

AUTHOR = "seed"
NOTE = "Seed catalogue 2026-11-21"
#: The list value the seeded prices were made for: $0.001.
CREDIT_VALUE = Decimal("0.001")


def seed_catalogue(
    db: Database,
    vault: Vault,
    sandbox_url: str | None = None,
    *,
    credit_value: Decimal = CREDIT_VALUE,
    clock: Clock = now,
) -> None:
    """Add what is missing. With `sandbox_url` the providers point at the sandbox and the models are enabled;
    without, the providers wait for their keys and the models for somebody to enable them."""
    with db.writing() as session:
        for provider in seed_providers():
            _seed_provider(session, vault, provider, sandbox_url, clock())
    for model in seed_models():
        with db.writing() as session:
            _seed_model(session, model, credit_value, clock())


def _seed_provider(
    session: Session, vault: Vault, seed: SeedProvider, sandbox_url: str | None, moment: datetime
) -> None:
    row = session.get(ProviderRow, seed.id, with_for_update=True)
    if row is None:
        known = provider_kind(seed.kind)
        row = ProviderRow(
            id=seed.id,
            kind=seed.kind,
            name=seed.name or known.name,
            base_url=known.base_url,
            settings=dict(known.settings),
            enabled=sandbox_url is not None,
            updated_at=moment,
        )
        if sandbox_url is not None:
            _point_at(row, vault, seed, sandbox_url)
        session.add(row)
        session.flush()
        record(session, AUTHOR, "provider.added", seed.id, seed.kind, moment)
    elif row.is_sandbox and sandbox_url is not None and row.base_url != _base(seed, sandbox_url):
        _point_at(row, vault, seed, sandbox_url)
        row.updated_at = stamp(row.updated_at, moment)
        session.add(row)


def _point_at(row: ProviderRow, vault: Vault, seed: SeedProvider, sandbox_url: str) -> None:
    row.base_url = _base(seed, sandbox_url)
    row.settings = _sandbox_settings(seed, sandbox_url.rstrip("/"))
    row.api_key_sealed = vault.seal(seed.sandbox_key)
    secret = seed.sandbox_callback_secret
    row.callback_secret_sealed = vault.seal(secret) if secret else None
    row.is_sandbox = True


def _base(seed: SeedProvider, sandbox_url: str) -> str:
    """The sandbox answers each provider under its own root, with the path the real service has below its host."""
    path = provider_kind(seed.kind).base_url.partition("://")[2].partition("/")[2]
    return f"{sandbox_url.rstrip('/')}/{seed.root}" + (f"/{path}" if path else "")


def _sandbox_settings(seed: SeedProvider, sandbox_url: str) -> dict[str, Any]:
    """The kind's own settings, each address replaced by the sandbox's."""
    root = f"{sandbox_url}/{seed.root}"
    ours = {"output_hosts": [sandbox_url], "api_url": root, "jwks_url": f"{root}/.well-known/jwks.json"}
    return {name: ours.get(name, usual) for name, usual in provider_kind(seed.kind).settings.items()}


def _seed_model(session: Session, seed: SeedModel, credit_value: Decimal, moment: datetime) -> None:
    if session.exec(select(Model).where(Model.alias == seed.alias)).first() is not None:
        return
    details = Details(
        seed.alias,
        seed.title,
        seed.modality,
        seed.description,
        seed.example,
        seed.limits,
        seed.sort,
        seed.operation,
    )
    model_id = create_model(session, details, AUTHOR, moment)
    form = RouteForm(seed.provider, seed.upstream, mapping=seed.mapping, settings=seed.settings)
    _seed_cost(session, add_route(session, model_id, form, AUTHOR, moment), seed.cost, moment)
    for other in seed.others:
        form = RouteForm(other.provider, other.upstream, priority=other.priority)
        _seed_cost(session, add_route(session, model_id, form, AUTHOR, moment), other.cost, moment)
    draft = Draft(seed.param_schema, seed.credit_cost, seed.pricing_rule, base_number=0)
    publish(session, assess(session, model_id, draft, credit_value, moment), NOTE, AUTHOR, moment)
    provider = session.get(ProviderRow, seed.provider)
    if provider is not None and provider.enabled and provider.api_key_sealed is not None:
        enable(session, assess_live(session, model_id, credit_value, moment), AUTHOR, moment)


def _seed_cost(session: Session, route_id: str, cost: SeedCost, moment: datetime) -> None:
    form = CostForm(cost.rule, cost.source, cost.observed_at, cost.observed_at, cost.verified)
    add_cost(session, route_id, form, AUTHOR, moment)
