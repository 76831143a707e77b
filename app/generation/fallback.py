"""Another route for a request: before anything was sent, or after a refusal that proves nothing was bought.

What the customer saw stays: the same price version, the same hold, and never a charge above it. Only our cost is
reckoned anew, and the operator's margin guard is asked again with it. Each try is an attempt of its own.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from app.catalogue.offers import Offer, RouteOffer
from app.generation import rows
from app.generation.desk import Desk
from app.generation.inputs import lengths
from app.generation.price import costs_of
from app.generation.router import Asked, Picked
from app.generation.routing import may_ask_elsewhere
from app.kernel.errors import FareboxError, ProviderBusy, ProviderError
from app.kernel.money import Money

#: How often one route is asked by one request, and all of them together.
TRIES_ON_A_ROUTE = 3
TRIES_IN_ALL = 6

MOVE_UNSENT = (
    update(rows.ATTEMPT)
    .where(rows.ATTEMPT.c.id == bindparam("b_id"), rows.ATTEMPT.c.state == "intent")
    .values(
        route_id=bindparam("b_route"),
        provider_id=bindparam("b_provider"),
        upstream_model=bindparam("b_model"),
        expected_cost_micros=bindparam("b_expected"),
        choice=bindparam("b_choice"),
        updated_at=bindparam("b_now"),
    )
)


def route_of(offer: Offer, attempt: RowMapping) -> RouteOffer:
    """The route an attempt is on."""
    return next(route for route in offer.routes if route.route_id == attempt["route_id"])


def was_rerouted(attempt: RowMapping) -> bool:
    """Whether another route was to serve this request when its price was shown."""
    return bool((attempt["choice"] or {}).get("instead_of"))


async def steer(desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer) -> RowMapping:
    """The attempt to send now. One whose route went bad since it was chosen is moved before anything has left us.

    A route that is half-open lets one request through at a time; where no other is well it is asked all the same.
    """
    route = route_of(offer, attempt)
    if await desk.router.health.may_try(route):
        return attempt
    passed = {route.route_id}
    while (picked := await next_pick(desk, generation, attempt, offer, passed)) is not None:
        if not picked.is_well:
            return attempt
        if await desk.router.health.may_try(picked.route):
            return await desk.write(_move, attempt, picked, desk.clock())
        passed.add(picked.route.route_id)
    return attempt


def _move(connection: Connection, attempt: RowMapping, picked: Picked, now: Any) -> RowMapping:
    moved = {
        "b_id": attempt["id"],
        "b_route": picked.route.route_id,
        "b_provider": picked.route.provider_id,
        "b_model": picked.route.upstream_model,
        "b_expected": picked.expected_cost_micros,
        "b_choice": picked.to_json(),
        "b_now": now,
    }
    connection.execute(MOVE_UNSENT, moved)
    return connection.execute(select(rows.ATTEMPT).where(rows.ATTEMPT.c.id == attempt["id"])).mappings().one()


async def after_refusal(
    desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer, error: ProviderError
) -> tuple[Picked, bool] | None:
    """Where to go after this error, and whether it is the same route again (which is worth a wait). None: nowhere.

    First every route that has not been asked; then, once all were, those that were only busy.
    """
    if not may_ask_elsewhere(error):
        return None
    before = await desk.read(rows.attempts, generation["id"])
    if len(before) >= TRIES_IN_ALL:
        return None
    asked = [one["route_id"] for one in before]
    picked = await next_pick(desk, generation, attempt, offer, set(asked))
    if picked is not None:
        return picked, False
    again = _worth_repeating(before, attempt, error)
    if not again:
        return None
    passed = {route.route_id for route in offer.routes} - again
    picked = await next_pick(desk, generation, attempt, offer, passed, begun=again)
    if picked is not None and picked.route.route_id == attempt["route_id"]:
        picked = replace(picked, instead_of=(attempt["choice"] or {}).get("instead_of"))
    return (picked, True) if picked is not None else None


def _worth_repeating(before: Collection[RowMapping], attempt: RowMapping, error: ProviderError) -> set[str]:
    """Routes that were busy every time they were asked, and not too often."""
    busy = ProviderBusy.code
    final = {one["route_id"] for one in before if one["id"] != attempt["id"] and one["error_code"] != busy}
    if not isinstance(error, ProviderBusy):
        final.add(attempt["route_id"])
    asked = [one["route_id"] for one in before]
    return {route_id for route_id in set(asked) - final if asked.count(route_id) < TRIES_ON_A_ROUTE}


async def next_pick(
    desk: Desk,
    generation: RowMapping,
    attempt: RowMapping,
    offer: Offer,
    passed: Collection[str],
    begun: Collection[str] = (),
) -> Picked | None:
    """The best route that is left for a running request, at the price it was held at; None when there is none."""
    choice: Mapping[str, Any] = attempt["choice"] or {}
    params = generation["params"]

    def pick() -> Picked | None:
        known = lengths(desk.files, offer.schema, params)
        try:
            picked = desk.router.pick(
                Asked(offer, choice.get("forced")),
                generation["workspace_id"],
                Money(int(generation["estimate"]["total_micros"])),
                costs_of(offer, params, known),
                params,
                tried=passed,
                begun=begun,
                hold=Money(int(generation["hold_micros"])),
            )
        except FareboxError:  # every way of saying that none is left: by policy, by quota, by margin
            return None
        return replace(picked, instead_of=choice.get("instead_of") or attempt["provider_id"])

    return await desk.run(pick)
