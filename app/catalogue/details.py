"""What stands on a model's first page: its name, its kind, its limits, and whether customers may use it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from app.catalogue.drafts import STARTING_SCHEMA
from app.catalogue.offers import Limits
from app.catalogue.operations import MODALITIES, OPERATIONS
from app.catalogue.records import locked_model, record, touch
from app.catalogue.tables import Model
from app.kernel.errors import Conflict, InvalidInput
from app.kernel.ids import new_id
from app.kernel.money import MAX_MICROS

ALIAS = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
MAX_TITLE = 120
MAX_DESCRIPTION = 2_000
#: Far above any real limit; keeps a slip of the finger out of the arithmetic.
MAX_COUNT = 1_000_000


@dataclass(frozen=True, slots=True)
class Details:
    """`alias` is the name customers use in the API; `example` an input to try the model with."""

    alias: str
    title: str
    modality: str
    description: str = ""
    example: Mapping[str, Any] | None = None
    limits: Limits = field(default_factory=Limits)
    sort: int = 0
    operation: str = ""  # empty for the usual one of the modality


def create_model(session: Session, details: Details, actor: str, moment: datetime) -> str:
    """A new model, disabled, with a draft that takes only a prompt and has no price. Returns its id."""
    _check(session, details, None)
    model = Model(
        id=new_id("mdl"),
        alias=details.alias,
        title=details.title.strip(),
        modality=details.modality,
        draft={"param_schema": STARTING_SCHEMA, "credit_cost": None, "pricing_rule": None, "base_number": 0},
        created_at=moment,
        updated_at=moment,
    )
    model.draft = {**(model.draft or {}), "saved_at": moment.isoformat()}
    _fill(model, details)
    session.add(model)
    session.flush()
    record(session, actor, "model.created", model.id, details.alias, moment)
    return model.id


def edit_details(session: Session, model_id: str, details: Details, actor: str, moment: datetime) -> None:
    """Replace the details. Takes effect at once: none of them is part of a published version."""
    model = locked_model(session, model_id)
    _check(session, details, model)
    before = {name: getattr(model, name) for name in _FIELDS}
    _fill(model, details)
    changed = [
        f"{name} {before[name]!r} → {getattr(model, name)!r}"
        for name in _FIELDS
        if before[name] != getattr(model, name)
    ]
    if not changed:
        return
    touch(session, model, moment)
    record(session, actor, "model.edited", model_id, "; ".join(changed), moment)


def disable(session: Session, model_id: str, actor: str, moment: datetime) -> None:
    """Stop new requests. Running ones finish at the price they were held at."""
    model = locked_model(session, model_id)
    if not model.enabled:
        return
    model.enabled = False
    touch(session, model, moment)
    record(session, actor, "model.disabled", model_id, model.alias, moment)


_FIELDS = (
    "alias",
    "title",
    "description",
    "modality",
    "operation",
    "sort",
    "example",
    "requests_per_minute",
    "concurrent_jobs",
    "credits_per_day_micros",
    "tokens_per_minute",
    "credits_per_month_micros",
)


def _fill(model: Model, details: Details) -> None:
    model.alias = details.alias
    model.title = details.title.strip()
    model.description = details.description.strip()
    model.modality = details.modality
    model.operation = details.operation
    model.sort = details.sort
    model.example = dict(details.example) if details.example else None
    model.requests_per_minute = details.limits.requests_per_minute
    model.concurrent_jobs = details.limits.concurrent_jobs
    model.credits_per_day_micros = details.limits.credits_per_day_micros
    model.tokens_per_minute = details.limits.tokens_per_minute
    model.credits_per_month_micros = details.limits.credits_per_month_micros


def _check(session: Session, details: Details, model: Model | None) -> None:
    if not ALIAS.fullmatch(details.alias):
        raise InvalidInput(
            "An alias has lower-case letters, digits, dots, dashes and underscores, at most 64, such as flux-schnell.",
            param="alias",
        )
    if details.modality not in MODALITIES:
        raise InvalidInput(f"The modality is one of {', '.join(MODALITIES)}.", param="modality")
    if details.operation and details.operation not in OPERATIONS[details.modality]:
        raise InvalidInput(
            f"A model for {details.modality} serves {', '.join(OPERATIONS[details.modality])}.", param="operation"
        )
    if not 0 < len(details.title.strip()) <= MAX_TITLE:
        raise InvalidInput(f"Give the model a title of at most {MAX_TITLE} characters.", param="title")
    if len(details.description) > MAX_DESCRIPTION:
        raise InvalidInput(f"The description has at most {MAX_DESCRIPTION} characters.", param="description")
    _check_limits(details.limits)
    holder = session.exec(select(Model).where(Model.alias == details.alias)).first()
    if holder is not None and (model is None or holder.id != model.id):
        raise Conflict(f"There is already a model called {details.alias}.", param="alias", code="alias_taken")


def _check_limits(limits: Limits) -> None:
    bounds = {
        "requests_per_minute": (limits.requests_per_minute, MAX_COUNT),
        "concurrent_jobs": (limits.concurrent_jobs, MAX_COUNT),
        "credits_per_day": (limits.credits_per_day_micros, MAX_MICROS),
        "tokens_per_minute": (limits.tokens_per_minute, MAX_COUNT),
        "credits_per_month": (limits.credits_per_month_micros, MAX_MICROS),
    }
    for name, (value, most) in bounds.items():
        if value is not None and not 0 < value <= most:
            raise InvalidInput("A limit is above zero; leave it empty for no limit.", param=name)
