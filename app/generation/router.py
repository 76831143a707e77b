"""From a request to the route that serves it: gathers the facts, asks `routing.choose`, and says no in plain words.

asked = router.resolve("flux-schnell")             or "fal/flux-schnell", which forces one provider
picked = router.pick(asked, workspace_id, quote.total, cost_of, params)
…the provider refuses in a way that is safe to repeat…
picked = router.pick(asked, workspace_id, quote.total, cost_of, params, tried={picked.route.route_id})
"""

import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.catalogue.offers import Offer, Offers, RouteOffer
from app.generation.health import Health
from app.generation.provider_rules import ProviderRules, quota_reached
from app.generation.routing import INPUT_AT_FAULT, Choice, Facts, RouteFacts, choose, is_our_account
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, FareboxError, NotAllowed, NotFound, ProviderError
from app.kernel.money import Money
from app.pricing.parameters import ParamSchema

#: What a route should cost for this request, in micro-USD; None when nobody knows.
CostOf = Callable[[RouteOffer], int | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A model by its alias, with the provider the customer named, if any."""

    offer: Offer
    forced: str | None = None


@dataclass(frozen=True, slots=True)
class Picked:
    """The route to ask, what it should cost us, and the whole decision for the trace."""

    route: RouteOffer
    expected_cost_micros: int | None
    choice: Choice
    facts: Facts
    policy: str
    instead_of: str | None = None  # the provider that was to serve it first

    @property
    def is_well(self) -> bool:
        """False for a last resort: it is asked because nothing else is there."""
        return self.choice.why(self.route.route_id).code != "last_resort"

    def to_json(self) -> dict[str, Any]:
        """For `attempt.choice`: operators read it in the trace."""
        margin = self.facts.margin(self.route)
        return {
            "policy": self.policy,
            "forced": self.facts.forced,
            "instead_of": self.instead_of,
            "price_micros": self.facts.price_micros,
            "margin": None if margin is None else str(round(Decimal(margin.numerator) / margin.denominator, 6)),
            "reasons": [reason.to_json() for reason in self.choice.reasons],
        }


class Router:
    """One per process, at `desk.router`. `credit_value` is USD per credit."""

    def __init__(self, db: Database, offers: Offers, clock: Clock, credit_value: Decimal) -> None:
        self.health = Health(db, clock)
        self.rules = ProviderRules(db, clock)
        self._offers = offers
        self._credit_value = credit_value

    def resolve(self, model: str) -> Asked:
        """The model, and the provider named before a slash. Raises NotFound as `Offers.find` does."""
        provider, slash, alias = model.partition("/")
        if not slash:
            return Asked(self._offers.find(model))
        offer = self._offers.find(alias)
        if all(route.provider_id != provider for route in offer.routes):
            served = sorted({route.provider_id for route in offer.routes})
            hint = f" It is served by {', '.join(served)}." if served else ""
            raise NotFound(
                f"{alias} is not served by {provider}.{hint}", param="model", code="provider_not_serving", served=served
            )
        return Asked(offer, provider)

    def pick(
        self,
        asked: Asked,
        workspace_id: str,
        price: Money,
        cost_of: CostOf,
        params: Mapping[str, Any],
        *,
        tried: Collection[str] = (),
        begun: Collection[str] = (),
        roll: float | None = None,
        hold: Money | None = None,
    ) -> Picked:
        """The route this request should go to now. Reads; changes nothing.

        `price` is what the customer would pay, in credits; `hold` (the price without it) must fit into the provider's
        quota. Raises NotAllowed (`provider_not_allowed`), LimitReached (`provider_quota`) or Conflict (`no_route`).
        """
        choice, facts = self.weigh(
            asked.offer.routes,
            asked,
            workspace_id,
            price,
            cost_of,
            params,
            tried=tried,
            begun=begun,
            roll=roll,
            hold=hold,
        )
        if choice.first is None:
            raise self._refusal(asked, workspace_id, facts, choice)
        cost = facts.of(choice.first).cost_micros
        return Picked(choice.first, cost, choice, facts, asked.offer.policy.in_words())

    def weigh(
        self,
        routes: tuple[RouteOffer, ...],
        asked: Asked,
        workspace_id: str | None,
        price: Money,
        cost_of: CostOf,
        params: Mapping[str, Any],
        *,
        tried: Collection[str] = (),
        begun: Collection[str] = (),
        roll: float | None = None,
        hold: Money | None = None,
    ) -> tuple[Choice, Facts]:
        """The whole decision, also when no route is left; the simulator asks it with routes that are switched off."""
        rule = self.rules.of(workspace_id) if workspace_id else None
        standing = self.health.of(routes)
        facts = Facts(
            routes={
                route.route_id: RouteFacts(
                    breaker=standing[route.route_id].breaker,
                    probe_free=standing[route.route_id].probe_free,
                    cost_micros=cost_of(route),
                    milliseconds=standing[route.route_id].milliseconds,
                    unwell_because=standing[route.route_id].because,
                    dropped=_dropped(route, asked.offer.schema, params),
                )
                for route in routes
            },
            price_micros=self.in_usd_micros(price),
            roll=random.random() if roll is None else roll,
            forced=asked.forced,
            allowed=rule.allowed if rule else None,
            spent=self.rules.spent(workspace_id, (hold or price).micros) if workspace_id else frozenset(),
            tried=frozenset(tried),
            begun=frozenset(begun),
        )
        return choose(routes, asked.offer.policy, facts), facts

    async def note_trouble(self, route: RouteOffer, error: ProviderError) -> None:
        """Remember what an error of a paid call says about the route. One about the customer's input says nothing."""
        if is_our_account(error):
            await self.health.provider_down(route.provider_id, error.message)
        elif error.stable_code == "provider_model_unknown":
            await self.health.route_down(route, error.message)
        elif error.stable_code not in INPUT_AT_FAULT:
            await self.health.bad(route, error.message)

    def in_usd_micros(self, price: Money) -> int:
        """Credits as micro-USD, for comparing a price with a cost."""
        return int(Decimal(price.micros) * self._credit_value)

    def check_forced(self, asked: Asked, workspace_id: str) -> None:
        """Refuse a named provider that this workspace may not name."""
        if asked.forced is None:
            return
        rule = self.rules.of(workspace_id)
        if not rule.may_force:
            raise NotAllowed(
                f"This workspace does not choose providers: ask for {asked.offer.alias} without {asked.forced}/.",
                param="model",
                code="provider_not_allowed",
            )
        if rule.allowed is not None and asked.forced not in rule.allowed:
            raise NotAllowed(f"This workspace may not use {asked.forced}.", param="model", code="provider_not_allowed")

    def _refusal(self, asked: Asked, workspace_id: str, facts: Facts, choice: Choice) -> FareboxError:
        codes = {reason.code for reason in choice.reasons if reason.code != "not_asked"}
        if "quota" in codes and codes <= {"quota", "not_allowed"}:
            provider = next(reason.provider_id for reason in choice.reasons if reason.code == "quota")
            quota = self.rules.of(workspace_id).quotas[provider]
            return quota_reached(provider, quota, self.rules.now())
        if codes and codes <= {"not_allowed", "provider_off", "route_off"} and "not_allowed" in codes:
            return NotAllowed(
                f"{asked.offer.alias} is served by providers this workspace may not use.", code="provider_not_allowed"
            )
        return Conflict(f"{asked.offer.alias} has no provider at the moment. Try again later.", code="no_route")


def _dropped(route: RouteOffer, schema: ParamSchema, params: Mapping[str, Any]) -> tuple[str, ...]:
    """What the customer set to something else than its default and this route does not send."""
    unsent = {name for name, theirs in route.mapping.items() if theirs is None}
    return tuple(
        name
        for name in sorted(unsent)
        if params.get(name) is not None and name in schema.by_name and params[name] != schema.by_name[name].default
    )
