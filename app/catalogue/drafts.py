"""Drafts: what an operator is typing, saved as typed. A draft may be wrong in any way; nothing of it is live."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session

from app.catalogue.records import locked_model
from app.catalogue.tables import Model, ModelVersion
from app.kernel.errors import InvalidInput, NotFound
from app.kernel.money import Money, exact, plain
from app.pricing.numbers import figure

STARTING_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"prompt": {"type": "string", "title": "Prompt", "x-order": 1}},
    "required": ["prompt"],
}


@dataclass(frozen=True, slots=True)
class Draft:
    """`param_schema` and `pricing_rule` are JSON, or the text itself while it does not parse as JSON.

    `credit_cost` is in credits, as typed. `base_number` is the version the draft started from, 0 before the first;
    `saved_at` is None while nothing differs from it.
    """

    param_schema: Any
    credit_cost: str | None
    pricing_rule: Any
    base_number: int
    saved_at: datetime | None = None


def read_draft(session: Session, model_id: str) -> Draft:
    """The saved draft, or the live version as the place to start from."""
    model = session.get(Model, model_id)
    if model is None:
        raise NotFound(f"There is no model {model_id}.", code="model_not_found")
    return draft_of(session, model)


def draft_of(session: Session, model: Model) -> Draft:
    """`read_draft` for a model already at hand."""
    saved = model.draft
    if saved is not None:
        saved_at = saved.get("saved_at")
        return Draft(
            param_schema=saved.get("param_schema"),
            credit_cost=saved.get("credit_cost"),
            pricing_rule=saved.get("pricing_rule"),
            base_number=int(saved.get("base_number", 0)),
            saved_at=datetime.fromisoformat(saved_at) if saved_at else None,
        )
    live = session.get(ModelVersion, model.live_version_id) if model.live_version_id else None
    if live is None:
        return Draft(STARTING_SCHEMA, None, None, 0)
    return draft_of_version(live)


def draft_of_version(version: ModelVersion, base_number: int | None = None) -> Draft:
    """A version as something to edit, or to publish again on top of version `base_number`."""
    cost = version.credit_cost_micros
    return Draft(
        param_schema=version.param_schema,
        credit_cost=None if cost is None else plain(Money(cost).amount),
        pricing_rule=version.pricing_rule,
        base_number=version.number if base_number is None else base_number,
    )


def save_draft(session: Session, model_id: str, draft: Draft, moment: datetime) -> None:
    """Keep what is being typed. No audit line and no new stamp: customers cannot see a draft."""
    model = locked_model(session, model_id)
    model.draft = {
        "param_schema": draft.param_schema,
        "credit_cost": draft.credit_cost,
        "pricing_rule": draft.pricing_rule,
        "base_number": draft.base_number,
        "saved_at": moment.isoformat(),
    }
    session.add(model)


def discard_draft(session: Session, model_id: str) -> None:
    """Go back to the live version."""
    model = locked_model(session, model_id)
    model.draft = None
    session.add(model)


def credits_of(text: str | None) -> int | None:
    """A fixed price as typed, in micro-credits; None when empty. ValueError says what is wrong with it."""
    if text is None or not str(text).strip():
        return None
    credits = figure(exact(str(text).strip()))
    if credits < 0:
        raise ValueError("a price cannot be negative")
    micros = Money.from_exact(credits)
    if micros.amount != credits:
        raise ValueError("a price has at most six decimals")
    return micros.micros


def json_of(value: Any, name: str) -> dict[str, Any]:
    """The JSON object of a draft's part, figures as numbers; InvalidInput (code `not_json`) when it is not one."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as wrong:
            where = f" at line {wrong.lineno}" if isinstance(wrong, json.JSONDecodeError) else ""
            raise InvalidInput(f"This is not JSON yet{where}.", param=name, code="not_json") from None
    if not isinstance(value, Mapping):
        raise InvalidInput("An object in braces is expected here.", param=name, code="not_json")
    return {str(key): _storable(item) for key, item in value.items()}


def _storable(value: Any) -> Any:
    """Decimals as JSON numbers: an int where whole, else the float that reads the same."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case Mapping():
            return {str(key): _storable(item) for key, item in value.items()}
        case list() | tuple():
            return [_storable(item) for item in value]
        case _:
            return value
