"""What a request would cost: the one road shared by the playground, `?dryRun=true` and the start of a generation."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.catalogue.offers import Offer, RouteOffer
from app.catalogue.param_schema import coerce
from app.generation.desk import Desk
from app.generation.inputs import check_owned, lengths
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


def price(desk: Desk, model: str, given: Mapping[str, Any], workspace_id: str) -> Priced:
    """Check the input against the model's parameters and quote it. Changes nothing.

    Raises NotFound for an unknown or disabled model, InvalidInput or UnknownParameter naming the parameter, Unpriced
    when the model's rule gives no price for it.
    """
    offer = desk.offers.find(model)
    params = coerce(offer.schema, given)
    check_owned(desk.files, params, workspace_id)
    known = lengths(desk.files, offer.schema, params)
    quote = estimate(offer.card, offer.schema, params, lengths=known)
    return Priced(offer, params, quote, _route(offer), _expected_cost(offer, params, known))


def _route(offer: Offer) -> RouteOffer:
    if not offer.routes:
        raise Conflict(f"{offer.alias} has no provider at the moment. Try again later.", code="no_route")
    return offer.routes[0]


def _expected_cost(offer: Offer, params: Mapping[str, Any], known: Mapping[str, Decimal]) -> int | None:
    """What the first route should bill us for these parameters, in micro-USD; None without a cost profile."""
    card = offer.routes[0].cost_card if offer.routes else None
    return estimate(card, offer.schema, params, lengths=known).total.micros if card else None
