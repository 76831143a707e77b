"""Enabled models that sell some combination below its present cost, whether or not somebody signed that off."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from sqlmodel import Session, col, select

from app.catalogue.assess import assess_live
from app.catalogue.tables import Model
from app.kernel.errors import FareboxError


@dataclass(frozen=True, slots=True)
class Loss:
    """`count` combinations sell at a loss; `worst` names the worst of them. `problem`: why it could not be told."""

    model_id: str
    alias: str
    version: int
    count: int
    worst: str
    margin: Fraction | None
    problem: str = ""


def losses(session: Session, credit_value: Decimal, moment: datetime) -> list[Loss]:
    """Worst margin first. A model that can no longer be assessed is listed with its problem, before the others."""
    live = col(Model.live_version_id).is_not(None)
    query = select(Model.id, Model.alias).where(col(Model.enabled), live).order_by(col(Model.alias))
    found = [_loss(session, *one, credit_value, moment) for one in session.exec(query).all()]
    return sorted((one for one in found if one is not None), key=lambda one: (not one.problem, one.margin or 0))


def _loss(session: Session, model_id: str, alias: str, credit_value: Decimal, moment: datetime) -> Loss | None:
    try:
        assessed = assess_live(session, model_id, credit_value, moment)
    except FareboxError as refused:
        return Loss(model_id, alias, 0, 0, "", None, refused.message)
    if not assessed.losses:
        return None
    worst = min(assessed.losses, key=lambda change: change.new_margin if change.new_margin is not None else -999)
    combination = ", ".join(worst.combination.values())
    return Loss(model_id, alias, assessed.live_number, len(assessed.losses), combination, worst.new_margin)
