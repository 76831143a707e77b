"""What a request would cost: the one road shared by the playground, `?dryRun=true` and the start of a generation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.catalogue.offers import Offer, RouteOffer
from app.catalogue.param_schema import coerce
from app.generation.desk import Desk
from app.kernel.errors import Conflict
from app.pricing.quote import Quote, estimate


@dataclass(frozen=True, slots=True)
class Priced:
    """A checked request and its price. `params` are coerced, with every default filled in."""

    offer: Offer
    params: dict[str, Any]
    quote: Quote
    route: RouteOffer
    expected_cost_micros: int | None


def price(desk: Desk, model: str, given: Mapping[str, Any]) -> Priced:
    """Check the input against the model's parameters and quote it. Changes nothing.

    Raises NotFound for an unknown or disabled model, InvalidInput or UnknownParameter naming the parameter, Unpriced
    when the model's rule gives no price for it.
    """
    offer = desk.offers.find(model)
    params = coerce(offer.schema, given)
    return Priced(
        offer, params, estimate(offer.card, offer.schema, params), _route(offer), expected_cost(offer, params)
    )


def _route(offer: Offer) -> RouteOffer:
    if not offer.routes:
        raise Conflict(f"{offer.alias} has no provider at the moment. Try again later.", code="no_route")
    return offer.routes[0]


def expected_cost(offer: Offer, params: Mapping[str, Any]) -> int | None:
    """What the first route should bill us for these parameters, in micro-USD; None without a cost profile."""
    card = offer.routes[0].cost_card if offer.routes else None
    return estimate(card, offer.schema, params).total.micros if card else None
