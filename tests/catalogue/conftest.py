"""A small catalogue: two providers, one image model at three qualities, and a clock that is turned by hand."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

import app.accounts.tables  # noqa: F401  the audit's table
from app.catalogue.costs import CostForm
from app.catalogue.details import Details
from app.catalogue.drafts import Draft
from app.catalogue.editing import Editing
from app.catalogue.offers import Offers
from app.catalogue.provider_access import ProviderForm
from app.catalogue.routes import RouteForm
from app.kernel.db import Database, metadata
from app.kernel.secrets import Vault, new_vault_key

ACTOR = "usr_operator"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string", "title": "Prompt", "x-order": 1},
        "quality": {
            "type": "string",
            "enum": ["standard", "high", "ultra"],
            "default": "standard",
            "title": "Quality",
            "x-order": 2,
        },
        "n": {"type": "integer", "minimum": 1, "maximum": 2, "default": 1, "x-meter": "image", "x-order": 3},
        "format": {"type": "string", "enum": ["jpeg", "png"], "default": "jpeg", "x-order": 4},
    },
    "required": ["prompt"],
}
RULE: dict[str, Any] = {
    "type": "formula",
    "billingMode": "charge_on_complete",
    "unit": "image",
    "price": {"perImage": 10},
    "tiers": [
        {"match": {"quality": "high"}, "price": {"perImage": 16}},
        {"match": {"quality": "ultra"}, "price": {"perImage": 24}},
    ],
}
COST: dict[str, Any] = {
    "type": "formula",
    "unit": "image",
    "price": {"perImage": 0.003},
    "tiers": [{"match": {"quality": "ultra"}, "price": {"perImage": 0.0125}}],
}
FIRST = Draft(SCHEMA, None, RULE, base_number=0)


class HandClock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Shop:
    """The catalogue under test, with one unpublished model `picture` on one route."""

    db: Database
    vault: Vault
    clock: HandClock
    offers: Offers
    editing: Editing
    model_id: str
    route_id: str

    def publish(self, *, sign_off: tuple[str, ...] = (), note: str = "A note", **changes: Any) -> int:
        """Publish the live version with these parts of the draft changed."""
        draft = replace(self.editing.read_draft(self.model_id), **changes)
        return self.editing.publish(self.model_id, draft, note, ACTOR, sign_off=sign_off).number

    def open(self) -> None:
        """The first version, enabled."""
        self.editing.publish(self.model_id, FIRST, "First price", ACTOR)
        self.editing.enable(self.model_id, ACTOR)

    def audit(self) -> list[tuple[str, str]]:
        """Every audit line, oldest first, as action and detail."""
        table = metadata.tables["audit_event"]
        with self.db.read() as connection:
            return [
                tuple(row) for row in connection.execute(select(table.c.action, table.c.detail).order_by(table.c.id))
            ]


def rule(**changes: Any) -> dict[str, Any]:
    return {**RULE, **changes}


def details(**changes: Any) -> Details:
    return replace(Details("picture", "Picture", "image", "Makes pictures."), **changes)


def cost_form(**changes: Any) -> CostForm:
    return replace(CostForm(COST, "price list", NOON - timedelta(days=30), NOON, True), **changes)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def vault() -> Vault:
    return Vault([new_vault_key()])


@pytest.fixture
def editing(database: Database, vault: Vault, clock: HandClock) -> Editing:
    """The operator's side of an empty catalogue that knows one provider, `fal`, with a key."""
    made = Editing(database, vault, Offers(database, clock=clock), Decimal("0.001"), clock)
    made.add_provider("fal", "fal", ACTOR)
    made.save_provider("fal", ProviderForm("fal", "https://queue.fal.run", api_key="key-0123456789"), ACTOR)
    return made


@pytest.fixture
def shop(editing: Editing, clock: HandClock) -> Shop:
    model_id = editing.create(details(), RouteForm("fal", "fal-ai/picture"), ACTOR)
    route_id = editing.read(model_id).routes[0].route_id
    editing.add_cost(route_id, cost_form(), ACTOR)
    return Shop(editing.db, editing.vault, clock, editing.offers, editing, model_id, route_id)


@pytest.fixture
def other_process(shop: Shop) -> Callable[..., Offers]:
    """Another process's view of the same catalogue, which trusts its snapshot for so many seconds."""
    return lambda seconds: Offers(shop.db, clock=shop.clock, fresh_seconds=seconds)
