"""A synchronous call: hold → call → settle, here and now, without a workflow. Each step is committed before the next.

The hold commits with the generation already `calling`; then exactly one request goes to the first route. Another route
is tried only when it is proven that nothing was accepted. An answer that never came leaves the generation `unknown`
with its hold, and a crash leaves it `calling`: the sweeper ends both at their deadline (`docs/decisions/0009`).

The work is a task of its own: whoever asked may go away, what was bought is paid for all the same.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from app.generation.desk import Desk
from app.generation.inline.call import on_a_route
from app.generation.inline.hold import Job, begin
from app.generation.inline.settle import Brought, Outcome, settle
from app.generation.meter import text_of
from app.generation.plan import Plan
from app.generation.replays import Replayed, replay
from app.generation.start import Ask
from app.generation.usage import Told
from app.kernel import faults
from app.kernel.errors import InvalidInput, ProviderError, StillRunning
from app.providers.port import Answer

T = TypeVar("T")

log = logging.getLogger(__name__)
_running: set[asyncio.Task[Any]] = set()


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
    with begun(job):
        answer = await on_a_route(desk, plan, job, lambda direct, call: direct.call(call))
        faults.point("inline.after_answer")
        told = Told(answer.reported, lambda: _written(answer))
        brought = Brought(told, answer.resolved, answer, answer.upstream_request_id)
        return await settle(desk, ask, plan, job, brought)


@contextmanager
def begun(job: Job) -> Iterator[None]:
    """Whatever mistake of ours ends it from here on: it may have been bought, so nobody is told to ask again."""
    try:
        yield
    except (ProviderError, InvalidInput):
        raise
    except Exception as error:
        log.exception("%s was begun and could not be brought to its end", job.id)
        said = f"It was bought once, and its end is not written down yet. Ask GET /v1/generations/{job.id} how it ends."
        raise StillRunning(said, code="not_at_hand", generation_id=job.id) from error


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


def _written(answer: Answer) -> str:
    """Everything an answer says, to be counted when it does not tell its usage."""
    return text_of(answer.body or {})


async def finish(desk: Desk, seconds: float) -> None:
    """Let the calls under way end, at a shutdown; those that take longer are left to the sweeper."""
    if _running:
        await asyncio.wait(set(_running), timeout=seconds)
    await desk.providers.close()
    await desk.gate.close()
