"""A synchronous call: hold → call → settle, here and now, without a workflow. Each step is committed before the next.

The hold commits with the generation already `calling`; then exactly one request goes to the first route. Another route
is tried only when it is proven that nothing was accepted. An answer that never came leaves the generation `unknown`
with its hold, and a crash leaves it `calling`: the sweeper ends both at their deadline (`docs/decisions/0009`).

The work is a task of its own: whoever asked may go away, what was bought is paid for all the same.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from app.catalogue.offers import RouteOffer
from app.catalogue.param_schema import resolved_values
from app.generation import rows, telling
from app.generation.desk import HOLD_LIFETIME, Desk
from app.generation.lifecycle import State
from app.generation.measure import in_our_words
from app.generation.meter import text_of
from app.generation.plan import Kept, Plan, agree
from app.generation.rates import RateHeaders
from app.generation.replays import Replayed, replay
from app.generation.router import Asked, Picked
from app.generation.routing import may_ask_elsewhere
from app.generation.settle import closing, give_back
from app.generation.start import Ask, key_companion
from app.generation.submit import lose
from app.generation.usage import Told, measured, tokens_of
from app.kernel import events, faults, meters, tracing
from app.kernel.errors import (
    InsufficientCredits,
    InvalidInput,
    LimitReached,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnclear,
)
from app.kernel.ids import new_id
from app.kernel.money import USD, Money
from app.ledger.companion import Companion
from app.ledger.operations import Settled
from app.pricing.brief import brief
from app.pricing.usage import Usage
from app.providers.port import Answer, Call, Direct

T = TypeVar("T")

CALL_SECONDS = 600.0  # what the SDKs of the shapes we speak wait for
GRACE = timedelta(seconds=30)  # after a call's own limit, before the sweeper takes it for lost
#: What an answer of an idempotent request may measure to be kept for its repetition.
MOST_KEPT_BYTES = 256 * 1024
#: Refusals of what was asked, beside the plain one: every other host would refuse it too.
ABOUT_INPUT = frozenset({"content_policy_violation"})

log = logging.getLogger(__name__)
_running: set[asyncio.Task[Any]] = set()


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended. `estimated`: the provider gave no usage. `late`: the hold was gone, nothing is charged."""

    generation_id: str
    route: RouteOffer
    usage: Usage
    charged: Money
    answer: Answer | None = None
    estimated: bool = False
    late: bool = False
    cut: str | None = None
    rates: RateHeaders = field(default_factory=RateHeaders)
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Brought:
    """What came back, to be settled. `cut` says why the answer is not whole."""

    told: Told
    resolved: Mapping[str, Any] = field(default_factory=dict)
    answer: Answer | None = None
    request_id: str | None = None
    cut: str | None = None
    client_left: bool = False
    kept: Kept | None = None


async def run_inline(desk: Desk, ask: Ask, plan: Plan) -> Outcome | Replayed:
    """Buy it, wait for it, charge for it.

    Raises PriceAboveMax, LimitReached, InsufficientCredits, IdempotencyConflict and Conflict before anything is held;
    InvalidInput when the provider did not accept the input, ProviderBusy when no route could serve it, and
    ProviderUnclear (the hold stays) when nobody knows whether it was bought.
    """
    if (known := await replay(desk, ask)) is not None:
        return known
    return await asyncio.shield(detached(_run(desk, ask, plan)))


async def _run(desk: Desk, ask: Ask, plan: Plan) -> Outcome | Replayed:
    job = await begin(desk, ask, plan)
    if isinstance(job, Replayed):
        return job
    answer = await on_a_route(desk, plan, job, lambda direct, call: direct.call(call))
    faults.point("inline.after_answer")
    told = Told(answer.reported, lambda: _written(answer))
    brought = Brought(told, answer.resolved, answer, answer.upstream_request_id)
    return await settle(desk, ask, plan, job, brought)


def detached(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Run to its end whoever stops waiting for it."""
    task = asyncio.get_running_loop().create_task(work)
    _running.add(task)
    task.add_done_callback(_over)
    return task


def _over(task: "asyncio.Task[Any]") -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # whoever waited has it; nobody waiting is no reason to complain


async def finish(desk: Desk, seconds: float) -> None:
    """Let the calls under way end, at a shutdown; those that take longer are left to the sweeper."""
    if _running:
        await asyncio.wait(set(_running), timeout=seconds)
    await desk.providers.close()
    await desk.gate.close()


# --- hold


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
    attempt = _attempt(generation_id, 1, route, plan, now) | {"choice": picked.to_json()}
    generation = _generation(ask, plan, generation_id, hold, now, now + timedelta(seconds=limit) + GRACE)
    also = [
        Companion(rows.INSERT_GENERATION, generation),
        Companion(rows.INSERT_ATTEMPT, attempt),
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
            ),
        )
    except (IntegrityError, InsufficientCredits, LimitReached):
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


def _attempt(generation_id: str, number: int, route: RouteOffer, plan: Plan, now: datetime) -> dict[str, Any]:
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


# --- call


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
    following = _attempt(job.id, number, route, plan, now) | {"choice": choice}
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


# --- settle


async def settle(desk: Desk, ask: Ask, plan: Plan, job: Job, brought: Brought) -> Outcome:
    """Charge what was used, at the price it was held at; the rest of the hold goes back."""
    offer, route, told = plan.offer, job.route, brought.told
    kept = await _kept(desk, plan, job, brought)
    if kept is not None:
        brought = replace(brought, kept=kept)
        usage, billed, estimated = kept.usage, kept.billed, kept.estimated
    else:
        usage, estimated = await measured(told, plan.count_input, writes=plan.operation != "embeddings")
        billed = usage
    conditions: Mapping[str, Any] = plan.params
    if brought.resolved:
        conditions = resolved_values(offer.schema, plan.params, in_our_words(brought.resolved, route.mapping))
    micros, quote = brief(offer.card, usage, conditions)
    cost = None if route.cost_card is None else Money(route.cost_card.amount(billed, conditions), USD)
    if kept is not None and kept.is_nothing:
        raise await _nothing(desk, plan, job, cost)
    await desk.listeners.fresh()
    now = desk.clock()
    heard = telling.ended(desk, job.generation, events.GENERATION_COMPLETED, now)

    def also(settled: Settled) -> list[Companion]:
        if settled.late or settled.already:
            return []
        return [*_ended(ask, job, brought, quote, settled.charged.micros, cost, estimated, now), *heard]

    settled = await desk.ledger.settle(
        job.id,
        Money(micros),
        overage=offer.overage.value,
        cost=cost,
        provider_id=route.provider_id,
        actor="system",
        also=also,
    )
    faults.point("inline.after_settle")
    await desk.gate.add_tokens(ask.workspace_id, ask.api_key_id, offer, tokens_of(usage) - plan.tokens)
    return Outcome(
        job.id, route, usage, settled.charged, brought.answer, estimated, settled.late, brought.cut, job.rates, kept
    )


async def _kept(desk: Desk, plan: Plan, job: Job, brought: Brought) -> Kept | None:
    """What was made, on our disk. Where that fails it is bought and not delivered: its hold stays, as of a lost one."""
    if plan.keep is None or brought.answer is None:
        return None
    try:
        return await plan.keep(job.id, job.route.provider_id, brought.answer)
    except Exception as error:
        await lost(desk, job, error)
        raise ProviderUnclear("What the provider made could not be kept.") from error


async def _nothing(desk: Desk, plan: Plan, job: Job, cost: Money | None) -> ProviderError:
    """It was answered, and there is nothing to be charged for; what the provider bills all the same is our expense."""
    said = "The provider finished without a usable file. Nothing was charged."
    cost_micros = None if cost is None else cost.micros
    await give_back(
        desk, job.generation, job.attempt, plan.offer, "failed", "nothing_delivered", said, cost_micros=cost_micros
    )
    return ProviderError(said, code="nothing_delivered", generation_id=job.id)


def _ended(
    ask: Ask,
    job: Job,
    brought: Brought,
    quote: dict[str, Any],
    charged_micros: int,
    cost: Money | None,
    estimated: bool,
    now: datetime,
) -> list[Companion]:
    cost_micros = None if cost is None else cost.micros
    code = message = None
    if brought.cut is not None:
        code, message = "answer_cut", f"{brought.cut} You were charged for what was delivered."
    used: dict[str, Any] = {"reported": {name: str(figure) for name, figure in brought.told.figures.items()}}
    if brought.request_id:
        used["request_id"] = brought.request_id
    if ask.idempotency_key is not None and brought.kept is not None:
        used["answer"] = brought.kept.answer
    elif ask.idempotency_key is not None and brought.answer is not None:
        raw = brought.answer.raw
        if brought.answer.body is not None and raw is not None and len(raw) <= MOST_KEPT_BYTES:
            used["answer"] = dict(brought.answer.body)
    detail: dict[str, Any] = {"micros": charged_micros, "measured_micros": quote["total_micros"]}
    detail |= {"estimated": True} if estimated else {}
    detail |= {"client_left": True} if brought.client_left else {}
    ended = {
        "b_id": job.id,
        "b_now": now,
        "b_next": None,
        "b_final": quote,
        "b_charged": charged_micros,
        "b_cost": cost_micros,
        "b_code": code,
        "b_message": message,
    }
    closed = closing(job.attempt, "delivered", now, code, brought.cut, cost_micros)
    return [
        Companion(rows.ANSWER, ended),
        Companion(rows.ANSWER_ATTEMPT, closed | {"b_usage": used, "b_resolved": dict(brought.resolved) or None}),
        rows.event_companion(job.id, "settled", now, detail),
    ]


def _written(answer: Answer) -> str:
    """Everything an answer says, to be counted when it does not tell its usage."""
    return text_of(answer.body or {})
