"""Call the first route that takes it: exactly one request each, another route only when nothing was accepted."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import Connection

from app.catalogue.offers import RouteOffer
from app.generation import rows
from app.generation.desk import Desk
from app.generation.inline.hold import Job, attempt_on, call_seconds
from app.generation.plan import Plan
from app.generation.routing import may_ask_elsewhere
from app.generation.settle import closing, give_back
from app.generation.submit import lose
from app.kernel import meters, tracing
from app.kernel.errors import InvalidInput, ProviderBusy, ProviderError, ProviderRefused, ProviderUnclear
from app.providers.port import Call, Direct

T = TypeVar("T")

#: Refusals of what was asked, beside the plain one: every other host would refuse it too.
ABOUT_INPUT = frozenset({"content_policy_violation"})

log = logging.getLogger(__name__)


async def on_a_route(desk: Desk, plan: Plan, job: Job, use: Callable[[Direct, Call], Awaitable[T]]) -> T:
    """Use the first route that takes it. What is raised has been written down: the hold is given back, or unknown."""
    trouble: ProviderError | None = None
    for route in job.picked.choice.order:
        if trouble is not None:
            await _turn_to(desk, plan, job, route, trouble)
        try:
            direct = await desk.providers.direct(route.provider_id)
            async with asyncio.timeout(await call_seconds(desk, route)):
                with (
                    meters.provider_call(job.attempt["provider_id"]),
                    tracing.span("call", attempt_id=job.attempt["id"]),
                ):
                    answer = await use(direct, _call(plan, job))
            await desk.router.health.good(route)
            return answer
        except (ProviderBusy, ProviderRefused) as refused:
            await desk.router.note_trouble(route, refused)
            if not may_ask_elsewhere(refused) or refused.stable_code in ABOUT_INPUT:
                raise await _refused(desk, plan, job, refused) from refused
            log.warning("%s does not serve us: %s", route.provider_id, refused)
            trouble = refused
        except TimeoutError as late:
            unclear = ProviderUnclear(f"{route.provider_name} did not answer in time.")
            await desk.router.note_trouble(route, unclear)
            await lost(desk, job, unclear)
            raise unclear from late
        except Exception as unclear:
            if isinstance(unclear, ProviderError):
                await desk.router.note_trouble(route, unclear)
            await lost(desk, job, unclear)
            raise
    raise await _unserved(desk, plan, job, trouble)


def _call(plan: Plan, job: Job) -> Call:
    route = job.route
    body = plan.body
    if route.mapping:
        body = {
            theirs: value
            for name, value in body.items()
            if (theirs := route.mapping.get(name, name)) is not None
        }  # fmt: skip
    return Call(
        operation=plan.operation,
        upstream_model=route.upstream_model,
        body=body,
        files=plan.files,
        attempt_id=job.attempt["id"],
        route_settings=route.settings,
    )


async def _turn_to(desk: Desk, plan: Plan, job: Job, route: RouteOffer, trouble: ProviderError) -> None:
    """The attempt before took nothing: say so, and begin another on this route, before anything is sent."""
    now = desk.clock()
    before, number = job.attempt, int(job.attempt["number"]) + 1
    choice = {**job.picked.to_json(), "instead_of": job.picked.route.provider_id}
    following = attempt_on(job.id, number, route, plan, now) | {"choice": choice}
    closed = closing(before, "refused", now, trouble.stable_code, trouble.message)
    detail = {"attempt": before["number"], "provider": before["provider_id"], "why": trouble.message}

    def run(connection: Connection) -> None:
        connection.execute(rows.UPDATE_ATTEMPT, closed)
        connection.execute(rows.INSERT_ATTEMPT, following)
        rows.record(connection, job.id, "refused", now, detail, operator_only=True)

    await desk.write(run)
    job.attempt, job.route = following, route


async def _refused(desk: Desk, plan: Plan, job: Job, refused: ProviderError) -> InvalidInput:
    why = refused.details.get("upstream_message") or "it did not say why"
    said = f"The provider did not accept the request: {why}"
    code = refused.stable_code
    await give_back(
        desk, job.generation, job.attempt, plan.offer, "refused", code, f"{said} Nothing was charged.",
        private=refused.message,
    )  # fmt: skip
    return InvalidInput(said, code=code, generation_id=job.id)


async def _unserved(desk: Desk, plan: Plan, job: Job, trouble: ProviderError | None) -> ProviderBusy:
    """No route took it. Whose fault that is is not the customer's business; when to come back is."""
    code = "provider_busy" if isinstance(trouble, ProviderBusy) else "provider_unavailable"
    said = "The provider is busy or cannot be reached. Nothing was charged; try again shortly."
    if code == "provider_unavailable":
        said = "This model cannot be served at the moment. Nothing was charged."
    private = trouble.message if trouble is not None else None
    await give_back(desk, job.generation, job.attempt, plan.offer, "refused", code, said, private=private)
    wait = trouble.details.get("retry_after_seconds") if isinstance(trouble, ProviderBusy) else None
    waiting = {} if wait is None else {"retry_after_seconds": wait}
    return ProviderBusy(said, code=code, generation_id=job.id, **waiting)


async def lost(desk: Desk, job: Job, why: Exception) -> None:
    """It may have been bought: the hold stays until its deadline."""
    if not isinstance(why, ProviderError):
        log.error("the call of %s ended in an error of ours", job.id, exc_info=why)
    await lose(desk, job.generation, job.attempt, str(why) or type(why).__name__)
