"""Charge what an answer used, at the price it was held at; the rest of the hold goes back."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from app.catalogue.offers import RouteOffer
from app.catalogue.param_schema import resolved_values
from app.files.store import INSERT_FILE
from app.generation import rows, telling
from app.generation.desk import Desk
from app.generation.inline.call import lost
from app.generation.inline.hold import Job
from app.generation.measure import in_our_words
from app.generation.plan import KeepText, Kept, Plan
from app.generation.rate import RateHeaders
from app.generation.settle import closing, give_back
from app.generation.start import Ask
from app.generation.usage import Told, measured, tokens_of
from app.kernel import events, faults
from app.kernel.errors import ProviderError, ProviderUnclear
from app.kernel.money import USD, Money
from app.ledger.companion import Companion
from app.ledger.operations import Settled
from app.pricing.brief import brief
from app.pricing.usage import Usage
from app.providers.port import Answer

#: What an answer of an idempotent request may measure to be kept for its repetition.
MOST_KEPT_BYTES = 256 * 1024

log = logging.getLogger(__name__)


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
    """What came back, to be settled. `cut` says why the answer is not whole; `said` is the text of one that flowed."""

    told: Told
    resolved: Mapping[str, Any] = field(default_factory=dict)
    answer: Answer | None = None
    request_id: str | None = None
    cut: str | None = None
    client_left: bool = False
    kept: Kept | None = None
    said: Callable[[], str] | None = None


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
    if plan.keep_text is not None and brought.said is not None:
        await _keep_text(plan.keep_text, job, brought.said())
    await desk.listeners.fresh()
    now = desk.clock()
    heard = telling.ended(desk, job.generation, events.GENERATION_COMPLETED, now)
    files = [] if kept is None else [Companion(INSERT_FILE, row.model_dump()) for row in kept.files]

    def also(settled: Settled) -> list[Companion]:
        if settled.already:
            return []
        if settled.late:  # it was answered all the same
            return files
        return [*files, *_ended(ask, job, brought, quote, settled.charged.micros, cost, estimated, now), *heard]

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
    desk.news.publish(ask.workspace_id)
    await desk.gate.add_tokens(ask.workspace_id, ask.api_key_id, offer, tokens_of(usage) - plan.tokens)
    return Outcome(
        job.id, route, usage, settled.charged, brought.answer, estimated, settled.late, brought.cut, job.rates, kept
    )


async def _kept(desk: Desk, plan: Plan, job: Job, brought: Brought) -> Kept | None:
    """What was made, on our disk. Where that fails it is bought and not delivered: its hold stays, as of a lost one."""
    if plan.keep is None or brought.answer is None:
        return None
    try:
        kept = await plan.keep(job.id, job.route.provider_id, brought.answer)
    except Exception as error:
        await lost(desk, job, error)
        raise ProviderUnclear("What the provider made could not be kept.") from error
    faults.point("inline.after_files")
    return kept


async def _keep_text(keep: KeepText, job: Job, text: str) -> None:
    """Whoever asked has read it already: where it cannot be kept, it is paid for all the same."""
    if not text:
        return
    try:
        await keep(job.id, text)
    except Exception:
        log.exception("the answer of %s was delivered and cannot be kept", job.id)


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
