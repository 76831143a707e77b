"""What a request would do now, and why: the decision a request makes, asked with every route and changing nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.catalogue.offers import Offer
from app.catalogue.param_schema import coerce
from app.generation.desk import Desk
from app.generation.price import costs_of
from app.generation.router import Asked
from app.generation.routing import Choice, Facts
from app.kernel.errors import FareboxError
from app.kernel.money import Money
from app.pricing.quote import Quote, estimate


@dataclass(frozen=True, slots=True)
class Simulated:
    """`refusal` is what the customer would be told; `choice` has a reason for every route all the same."""

    offer: Offer
    params: Mapping[str, Any] = field(default_factory=dict)
    quote: Quote | None = None
    choice: Choice | None = None
    facts: Facts | None = None
    refusal: str = ""


def simulate(
    desk: Desk,
    version_id: str,
    given: Mapping[str, Any],
    *,
    workspace_id: str | None = None,
    forced: str | None = None,
    roll: float = 0.5,
) -> Simulated:
    """Decide for this input as if it were asked now; `roll` stands for the dice. Raises NotFound for the version."""
    offer = desk.offers.of_version(version_id)
    asked = Asked(offer, forced)
    try:
        params = coerce(offer.schema, given)
        quote = estimate(offer.card, offer.schema, params)
    except FareboxError as refused:
        return Simulated(offer, given, refusal=refused.message)
    choice, facts = decide(desk, asked, params, quote, workspace_id, roll)
    return Simulated(offer, params, quote, choice, facts, _refusal(desk, asked, params, quote, workspace_id, choice))


def decide(
    desk: Desk, asked: Asked, params: Mapping[str, Any], quote: Quote, workspace_id: str | None, roll: float
) -> tuple[Choice, Facts]:
    """The decision over every route of the model, those that are switched off included."""
    costs = costs_of(asked.offer, params, {})
    return desk.router.weigh(
        asked.offer.routes, asked, workspace_id, quote.total, costs, params, roll=roll, hold=quote.maximum
    )


def _refusal(
    desk: Desk, asked: Asked, params: Mapping[str, Any], quote: Quote, workspace_id: str | None, choice: Choice
) -> str:
    """The sentence the customer would get instead of a result; empty when the request would be served."""
    try:
        if workspace_id is not None:
            desk.router.check_forced(asked, workspace_id)
        if choice.first is None:
            desk.router.pick(asked, workspace_id or "", Money(quote.total.micros), lambda _: None, params)
    except FareboxError as refused:
        return refused.message
    return "" if choice.first is not None else f"{asked.offer.alias} has no provider at the moment. Try again later."
