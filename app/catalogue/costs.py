"""What a route costs us: dated profiles in the pricing rule's grammar, in USD. Appended, never edited."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from app.catalogue.param_schema import parse_schema
from app.catalogue.records import locked_model, record, touch
from app.catalogue.routes import read_route
from app.catalogue.tables import CostProfile, Model, ModelVersion
from app.kernel.clock import as_utc
from app.kernel.errors import InvalidInput
from app.kernel.ids import new_id
from app.pricing.rule import parse_rule

MAX_SOURCE = 500


@dataclass(frozen=True, slots=True)
class CostForm:
    """`source` says where the figure was read, `observed_at` when, `verified` whether somebody checked it."""

    rule: Mapping[str, Any]
    source: str
    effective_from: datetime
    observed_at: datetime | None = None
    verified: bool = False


def add_cost(session: Session, route_id: str, form: CostForm, actor: str, moment: datetime) -> str:
    """Append a profile; it takes effect on its date. Returns its id.

    Raises RuleRefused when the rule does not fit the model's parameters, InvalidInput when it would rewrite the past.
    """
    route = read_route(session, route_id)
    model = locked_model(session, route.model_id)
    source = form.source.strip()
    if not 0 < len(source) <= MAX_SOURCE:
        raise InvalidInput(f"Say where the figure comes from, in at most {MAX_SOURCE} characters.", param="source")
    effective_from = as_utc(form.effective_from)
    live = live_cost(session, route_id, moment)
    if live is not None and effective_from < live.effective_from:
        raise InvalidInput(
            f"This route's present cost holds since {live.effective_from:%d %b %Y}; a new one starts later.",
            param="effective_from",
        )
    _check_rule(session, model, form.rule)
    profile = CostProfile(
        id=new_id("cst"),
        route_id=route_id,
        rule=dict(form.rule),
        effective_from=effective_from,
        source=source,
        observed_at=None if form.observed_at is None else as_utc(form.observed_at),
        verified=form.verified,
        author=actor,
        created_at=moment,
    )
    session.add(profile)
    touch(session, model, moment)
    session.flush()
    detail = f"{route.provider_id}: from {effective_from:%Y-%m-%d}, {source}"
    record(session, actor, "cost.added", route.model_id, detail, moment)
    return profile.id


def live_cost(session: Session, route_id: str, moment: datetime) -> CostProfile | None:
    """The profile in effect at `moment`: of those that have begun, the last to begin."""
    newest_first = _newest_first(route_id).where(col(CostProfile.effective_from) <= moment)
    return session.exec(newest_first).first()


def cost_history(session: Session, route_id: str) -> list[CostProfile]:
    """Every profile of a route, the newest first, those of the future included."""
    return list(session.exec(_newest_first(route_id)).all())


def _newest_first(route_id: str) -> "SelectOfScalar[CostProfile]":
    return (
        select(CostProfile)
        .where(CostProfile.route_id == route_id)
        .order_by(
            col(CostProfile.effective_from).desc(), col(CostProfile.created_at).desc(), col(CostProfile.id).desc()
        )
    )


def _check_rule(session: Session, model: Model, rule: Mapping[str, Any]) -> None:
    """Against the live version's parameters; before the first version publishing checks it."""
    live = session.get(ModelVersion, model.live_version_id) if model.live_version_id else None
    parse_rule(rule, parse_schema(live.param_schema) if live else None)
