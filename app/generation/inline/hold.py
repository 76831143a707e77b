"""Hold the most a call can cost, with its generation and its first attempt beside it, in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import IntegrityError

from app.catalogue.offers import RouteOffer
from app.generation import rows, telling
from app.generation.desk import HOLD_LIFETIME, Desk
from app.generation.lifecycle import State
from app.generation.plan import Plan, agree
from app.generation.rate import RateHeaders
from app.generation.replays import Replayed, replay
from app.generation.router import Asked, Picked
from app.generation.start import Ask, key_companion
from app.generation.untold import expected_of
from app.kernel import faults
from app.kernel.errors import InsufficientCredits, LimitReached, NotAllowed
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.ledger.companion import Companion

CALL_SECONDS = 600.0  # what the SDKs of the shapes we speak wait for
GRACE = timedelta(seconds=30)  # after a call's own limit, before the sweeper takes it for lost


@dataclass(slots=True)
class Job:
    """A call under way. `attempt` and `generation` are the rows as they were written."""

    generation: dict[str, Any]
    attempt: dict[str, Any]
    route: RouteOffer
    hold: Money
    rates: RateHeaders
    picked: Picked

    @property
    def id(self) -> str:
        return str(self.generation["id"])


async def begin(desk: Desk, ask: Ask, plan: Plan) -> Job | Replayed:
    """Hold the most it can cost, with the generation and its first attempt beside it."""
    hold = plan.hold
    agree(ask, hold)
    if desk.entitled is not None:
        await desk.entitled.covers(ask.workspace_id, plan.offer, plan.params)
    rates = await desk.gate.admit(ask.workspace_id, ask.api_key_id, plan.offer, plan.tokens)
    await desk.listeners.fresh()
    now = desk.clock()
    generation_id = new_id("gen")
    picked = await pick(desk, ask, plan, hold)
    route = picked.route
    limit = await call_seconds(desk, route)
    attempt = attempt_on(generation_id, 1, route, plan, now) | {"choice": picked.to_json()}
    generation = _generation(ask, plan, generation_id, hold, now, now + timedelta(seconds=limit) + GRACE)
    if desk.entitled is not None and desk.entitled.has_quotas(ask.workspace_id):
        generation["estimate"] |= expected_of(plan.expected)
    also = [
        Companion(rows.BEGIN_GENERATION, generation),
        Companion(rows.BEGIN_ATTEMPT, attempt),
        rows.event_companion(generation_id, "requested", now, {"given": sorted(plan.params), "micros": hold.micros}),
        *telling.started(desk, generation, plan.offer.alias, hold, now),
    ]
    if ask.idempotency_key is not None:
        also.append(key_companion(ask, generation_id, now))
    try:
        await desk.ledger.hold(
            ask.workspace_id,
            generation_id,
            hold,
            deadline_at=now + HOLD_LIFETIME,
            also=also,
            checks=(
                *desk.gate.checks(plan.offer, ask.workspace_id, ask.api_key_id, hold.micros, now),
                *desk.router.rules.checks(ask.workspace_id, route.provider_id, hold.micros),
                *(desk.entitled.checks(ask.workspace_id, plan.offer, plan.params) if desk.entitled else ()),
            ),
        )
    except (IntegrityError, InsufficientCredits, LimitReached, NotAllowed):
        if (known := await replay(desk, ask)) is not None:  # two requests with one key, and the other one won
            return known
        raise
    faults.point("inline.after_hold")
    return Job(generation, attempt, route, hold, rates, picked)


def _generation(
    ask: Ask, plan: Plan, generation_id: str, hold: Money, now: datetime, lost_at: datetime
) -> dict[str, Any]:
    offer = plan.offer
    return {
        "id": generation_id,
        "request_id": ask.request_id,
        "workspace_id": ask.workspace_id,
        "user_id": ask.user_id,
        "api_key_id": ask.api_key_id,
        "origin": ask.origin,
        "model_id": offer.model_id,
        "version_id": offer.version_id,
        "modality": offer.modality,
        "state": str(State.CALLING),
        "params": {**plan.params, **plan.details},
        "estimate": plan.estimate(hold),
        "hold_micros": hold.micros,
        "created_at": now,
        "updated_at": now,
        "next_check_at": lost_at,
        "webhook_url": None,
    }


def attempt_on(generation_id: str, number: int, route: RouteOffer, plan: Plan, now: datetime) -> dict[str, Any]:
    """The row, and `upstream_id` for whoever looks at it: such a call has none."""
    row = rows.attempt_row(generation_id, number, route, now, plan.cost_on(route))
    return row | {"state": "sending", "sent_at": now, "upstream_id": None}


async def pick(desk: Desk, ask: Ask, plan: Plan, hold: Money) -> Picked:
    """The routes to try and in which order; one that is only tried to see whether it is well again goes to one of us.

    Raises NotAllowed, LimitReached and Conflict, as `Router.pick` does.
    """
    router, passed = desk.router, set[str]()
    asked = Asked(plan.offer, plan.forced)
    while True:
        picked = router.pick(asked, ask.workspace_id, hold, plan.cost_on, plan.params, tried=passed, hold=hold)
        others = any(route.route_id != picked.route.route_id for route in picked.choice.order)
        if not others or not picked.is_well or await router.health.may_try(picked.route):
            return picked
        passed.add(picked.route.route_id)


async def call_seconds(desk: Desk, route: RouteOffer) -> float:
    """How long one call on this route may take, as its provider's settings say."""
    return await desk.providers.direct_setting(route.provider_id, "call_seconds", CALL_SECONDS)
