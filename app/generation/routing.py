"""Which route serves a request, and why: PURE. Health, quotas, costs and the dice are passed in.

    order   what the policy says: by priority and weight, by weight alone, by cost, or by measured time
    out     what may not serve this request, whatever the policy says: switched off, not allowed to this workspace,
            its quota used up, another provider asked for by name, tried already, cost above what the margin permits
    last    what is unwell comes after everything that is well: it is used when nothing else is there

Every route ends up either in `Choice.order` or with the reason it is not, so a page can show the whole decision.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from app.catalogue.offers import RouteOffer
from app.catalogue.route_policy import PolicyKind, RoutingPolicy
from app.generation.breaker import Breaker
from app.kernel.errors import ProviderBusy, ProviderError, ProviderRefused

#: How often *fastest* begins with a route that was never timed, so that it comes to be.
EXPLORED = 0.05


@dataclass(frozen=True, slots=True)
class RouteFacts:
    """What is known of one route at this moment. `cost_micros` (micro-USD) is what this request should cost there."""

    breaker: Breaker = Breaker.CLOSED
    probe_free: bool = False
    cost_micros: int | None = None
    milliseconds: int | None = None
    unwell_because: str = ""
    dropped: tuple[str, ...] = ()  # parameters the customer set and this route does not pass on


NOTHING_KNOWN = RouteFacts()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the request. `price_micros`: what the customer would pay, in micro-USD. `roll` is in [0, 1)."""

    routes: Mapping[str, RouteFacts] = field(default_factory=dict)
    price_micros: int | None = None
    roll: float = 0.0
    forced: str | None = None  # a provider's id
    allowed: frozenset[str] | None = None
    spent: frozenset[str] = frozenset()  # providers whose quota this request does not fit into
    tried: frozenset[str] = frozenset()  # routes that said no to this request
    begun: frozenset[str] = frozenset()  # routes it was sent to before, which the policy has answered for

    def of(self, route: RouteOffer) -> RouteFacts:
        return self.routes.get(route.route_id, NOTHING_KNOWN)

    def margin(self, route: RouteOffer) -> Fraction | None:
        """What is left of the price, as a share of it; None without a known cost or for a gift."""
        cost = self.of(route).cost_micros
        if cost is None or not self.price_micros:
            return None
        return Fraction(self.price_micros - cost, self.price_micros)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a route stands where it stands. `place` counts from 1 and is None for a route that is out."""

    route_id: str
    provider_id: str
    place: int | None
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "route_id": self.route_id,
            "provider_id": self.provider_id,
            "place": self.place,
            "code": self.code,
            "values": dict(self.values),
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """`order`: the routes that may serve the request, the one to ask first; `reasons`: one for every route."""

    order: tuple[RouteOffer, ...]
    reasons: tuple[Reason, ...]

    @property
    def first(self) -> RouteOffer | None:
        return self.order[0] if self.order else None

    def why(self, route_id: str) -> Reason:
        """The reason of one route."""
        return next(reason for reason in self.reasons if reason.route_id == route_id)


def choose(routes: Sequence[RouteOffer], policy: RoutingPolicy, facts: Facts) -> Choice:
    """Put the routes in the order in which they are to be asked. Same values in, same answer out."""
    out = {route.route_id: why for route in routes if (why := _ruled_out(route, facts))}
    placed, places = _by_policy([route for route in routes if route.route_id not in out], policy, facts)
    kept: list[RouteOffer] = []
    for position, route in enumerate(placed):
        preferred = (position == 0 and not facts.tried) or route.route_id in facts.begun
        why = _off_margin(route, policy, facts, preferred=preferred)
        if why is None:
            kept.append(route)
        else:
            out[route.route_id] = why
    kept = _fitting(kept, facts, out)
    order = sorted(kept, key=lambda route: not _is_well(facts.of(route)))
    reasons = [_placed(route, place, places, facts) for place, route in enumerate(order, 1)]
    reasons += [_out(route, out[route.route_id]) for route in routes if route.route_id in out]
    return Choice(tuple(order), tuple(reasons))


def may_ask_elsewhere(error: ProviderError) -> bool:
    """Whether this error proves that nothing was bought and says nothing against the customer's input.

    An unclear answer never does: the job may have been bought. A refused input would be refused everywhere.
    """
    if isinstance(error, ProviderBusy):
        return True
    return isinstance(error, ProviderRefused) and error.stable_code not in INPUT_AT_FAULT


def is_our_account(error: ProviderError) -> bool:
    """Trouble with our key or our balance there: every route of the provider has it, and one answer is enough."""
    return error.stable_code in ACCOUNT_AT_FAULT


INPUT_AT_FAULT = frozenset({"provider_input_refused"})
ACCOUNT_AT_FAULT = frozenset({"provider_key_refused", "provider_out_of_credit"})


def _ruled_out(route: RouteOffer, facts: Facts) -> tuple[str, dict[str, Any]] | None:
    """What no policy can overrule."""
    if not route.usable:
        return ("route_off" if not route.enabled else "provider_off"), {}
    if facts.forced is not None and route.provider_id != facts.forced:
        return "not_asked", {"provider": facts.forced}
    if facts.allowed is not None and route.provider_id not in facts.allowed:
        return "not_allowed", {}
    if route.provider_id in facts.spent:
        return "quota", {}
    if route.route_id in facts.tried:
        return "tried", {}
    return None


def _off_margin(
    route: RouteOffer, policy: RoutingPolicy, facts: Facts, *, preferred: bool
) -> tuple[str, dict[str, Any]] | None:
    """The operator's guard. Without one, a loss is only made where the policy itself put that route first."""
    margin, guard = facts.margin(route), policy.min_margin
    if guard is not None:
        if margin is None:
            return None if facts.price_micros == 0 else ("no_cost", {})
        return ("margin", {"margin": _bp(margin), "least": _bp(guard)}) if margin < guard else None
    if margin is not None and margin < 0 and not preferred:
        return "loss", {"margin": _bp(margin)}
    return None


def _fitting(kept: list[RouteOffer], facts: Facts, out: dict[str, tuple[str, dict[str, Any]]]) -> list[RouteOffer]:
    """Leave out what would drop a parameter the customer set, as long as another route takes it."""
    fitting = [route for route in kept if not facts.of(route).dropped]
    if not fitting:
        return kept
    for route in kept:
        if route not in fitting:
            out[route.route_id] = ("drops", {"parameters": ", ".join(facts.of(route).dropped)})
    return fitting


def _is_well(known: RouteFacts) -> bool:
    return known.breaker is Breaker.CLOSED or (known.breaker is Breaker.HALF_OPEN and known.probe_free)


def _by_policy(
    routes: list[RouteOffer], policy: RoutingPolicy, facts: Facts
) -> tuple[list[RouteOffer], dict[str, tuple[str, dict[str, Any]]]]:
    """The order the policy gives, and what to say of each route when it is placed."""
    match policy.kind:
        case PolicyKind.PRIORITY:
            groups = sorted({route.priority for route in routes})
            ordered = [
                route
                for group in groups
                for route in _drawn([one for one in routes if one.priority == group], facts.roll)
            ]
            return ordered, {
                route.route_id: ("priority", {"priority": route.priority, "share": _share(route, routes, True)})
                for route in routes
            }
        case PolicyKind.WEIGHTED:
            return _drawn(routes, facts.roll), {
                route.route_id: ("weighted", {"share": _share(route, routes, False)}) for route in routes
            }
        case PolicyKind.CHEAPEST:
            ordered = sorted(routes, key=lambda route: (_or_last(facts.of(route).cost_micros), *_stated(route)))
            return ordered, {
                route.route_id: ("cheapest", {"cost_micros": facts.of(route).cost_micros}) for route in routes
            }
        case PolicyKind.FASTEST:
            ordered = sorted(routes, key=lambda route: (_or_last(facts.of(route).milliseconds), *_stated(route)))
            untimed = [route for route in ordered if facts.of(route).milliseconds is None]
            if untimed and facts.roll < EXPLORED:
                ordered = [untimed[0], *(route for route in ordered if route is not untimed[0])]
            return ordered, {
                route.route_id: (
                    ("untimed", {}) if route in untimed else ("fastest", {"milliseconds": facts.of(route).milliseconds})
                )
                for route in routes
            }


def _drawn(routes: list[RouteOffer], roll: float) -> list[RouteOffer]:
    """A random order by weight from one number: each draw leaves a number for the next. Weight 0 comes last."""
    left = sorted((route for route in routes if route.weight > 0), key=_stated)
    never = sorted((route for route in routes if route.weight <= 0), key=_stated)
    drawn: list[RouteOffer] = []
    while left:
        point = roll * sum(route.weight for route in left)
        for route in left:
            if point < route.weight or route is left[-1]:
                roll = min(point / route.weight, 0.999999999)
                drawn.append(route)
                left.remove(route)
                break
            point -= route.weight
    return drawn + never


def _share(route: RouteOffer, routes: Iterable[RouteOffer], within_group: bool) -> int:
    """The percentage of requests that should begin here, of its group or of all."""
    peers = [one for one in routes if not within_group or one.priority == route.priority]
    total = sum(max(one.weight, 0) for one in peers)
    return round(100 * max(route.weight, 0) / total) if total else round(100 / len(peers))


def _stated(route: RouteOffer) -> tuple[int, str]:
    return route.priority, route.route_id


def _or_last(value: int | None) -> tuple[bool, int]:
    return value is None, value or 0


def _placed(route: RouteOffer, place: int, places: Mapping[str, tuple[str, dict[str, Any]]], facts: Facts) -> Reason:
    known, (code, values) = facts.of(route), places[route.route_id]
    margin = facts.margin(route)
    values = values | {"margin": None if margin is None else _bp(margin), "cost_micros": known.cost_micros}
    if known.breaker is not Breaker.CLOSED:
        code = "probe" if _is_well(known) else "last_resort"
        values = values | {"because": known.unwell_because}
    elif facts.forced is not None:
        code, values = "forced", values | {"provider": facts.forced}
    return Reason(route.route_id, route.provider_id, place, code, values)


def _out(route: RouteOffer, why: tuple[str, dict[str, Any]]) -> Reason:
    return Reason(route.route_id, route.provider_id, None, *why)


def _bp(share: Fraction) -> int:
    """Basis points, half away from zero."""
    scaled = abs(share) * 10_000
    return (1 if share >= 0 else -1) * int(scaled + Fraction(1, 2))
