"""What a request would cost: the one road shared by the playground, `?dryRun=true` and the start of a generation."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.catalogue.offers import Offer, RouteOffer
from app.catalogue.param_schema import coerce
from app.generation.desk import Desk
from app.generation.inputs import check_owned, lengths
from app.generation.router import CostOf, Picked
from app.plans.allowed import Change
from app.pricing.expect import expected_usage
from app.pricing.quote import Quote, estimate


@dataclass(frozen=True, slots=True)
class Priced:
    """A checked request and its price. `params` are coerced, with every default filled in."""

    offer: Offer
    params: dict[str, Any]
    quote: Quote
    picked: Picked
    less: tuple[Change, ...] = ()  # what the customer's plan makes less than was asked

    @property
    def route(self) -> RouteOffer:
        return self.picked.route

    @property
    def expected_cost_micros(self) -> int | None:
        return self.picked.expected_cost_micros


def price(desk: Desk, model: str, given: Mapping[str, Any], workspace_id: str) -> Priced:
    """Check the input against the model's parameters, quote it and pick its route. Changes nothing.

    `model` is an alias, or `provider/alias` to force a provider. Raises NotFound for an unknown or disabled model,
    InvalidInput or UnknownParameter naming the parameter, NotAllowed when the customer's plan does not cover it,
    Unpriced when the model's rule gives no price for it, and what `Router.pick` raises when no route may serve it.
    """
    asked = desk.router.resolve(model)
    desk.router.check_forced(asked, workspace_id)
    offer = asked.offer
    params = coerce(offer.schema, given)
    less = desk.entitled.decide(workspace_id, offer, params) if desk.entitled else ()
    params |= {change.parameter: change.given for change in less}
    check_owned(desk.files, params, workspace_id)
    known = lengths(desk.files, offer.schema, params)
    quote = estimate(offer.card, offer.schema, params, lengths=known)
    costs = costs_of(offer, params, known)
    picked = desk.router.pick(asked, workspace_id, quote.total, costs, params, hold=quote.maximum)
    return Priced(offer, params, quote, picked, less)


def costs_of(offer: Offer, params: Mapping[str, Any], known: Mapping[str, Decimal]) -> CostOf:
    """What each route should bill us for these parameters, in micro-USD; None without a cost profile."""

    usage = expected_usage(offer.schema, params, lengths=known)

    def cost(route: RouteOffer) -> int | None:
        return None if route.cost_card is None else route.cost_card.amount(usage, params)

    return cost
