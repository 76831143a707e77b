"""The streaming twin of `inline/run.py`: chunks are passed on as they come and metered as they flow.

Whoever asked may leave: the provider is then read to its end in the background, for `DRAIN_SECONDS` at most, and what
it made is charged, because it is billed to us (`docs/decisions/0009`). An answer that breaks off is charged for what
had come until then and marked `answer_cut`; one that broke before its first chunk stays `unknown`, like a lost call.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

from app.generation.desk import Desk
from app.generation.inline.call import lost, on_a_route
from app.generation.inline.hold import Job, begin, call_seconds
from app.generation.inline.run import begun, detached
from app.generation.inline.settle import Brought, Outcome, settle
from app.generation.meter import Meter
from app.generation.plan import Plan
from app.generation.replays import Replayed, replay
from app.generation.start import Ask
from app.generation.usage import Told
from app.kernel import faults
from app.kernel.errors import ProviderError, ProviderUnclear
from app.providers.port import Streaming

DRAIN_SECONDS = 60.0
#: Chunks that may wait for a slow reader before the provider has to wait for it too.
MOST_WAITING = 1_024

Chunk = dict[str, Any]


class Flow:
    """An answer on its way to whoever asked. Iterate it for the chunks, then `await outcome()`."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Chunk | None] = asyncio.Queue(MOST_WAITING)
        loop = asyncio.get_running_loop()
        self.begun: asyncio.Future[Job | Replayed] = loop.create_future()
        self.job: Job | None = None
        self._outcome: asyncio.Future[Outcome] = loop.create_future()
        self._timer: asyncio.Timeout | None = None
        self.has_left = False

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        while (chunk := await self._waiting.get()) is not None:
            yield chunk

    async def outcome(self) -> Outcome:
        """What it came to, once it is settled; raises what went wrong on the way."""
        return await asyncio.shield(self._outcome)

    def leave(self) -> None:
        """Nobody reads any more; the rest is read for the bill alone."""
        self.has_left = True
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)
        self._hurry()

    # --- the task's side

    def watch(self, timer: asyncio.Timeout) -> None:
        self._timer = timer
        if self.has_left:
            self._hurry()

    def unwatch(self) -> None:
        self._timer = None

    def _hurry(self) -> None:
        timer = self._timer
        if timer is not None and not timer.expired() and (now := timer.when()) is not None:
            timer.reschedule(min(now, asyncio.get_running_loop().time() + DRAIN_SECONDS))

    async def pass_on(self, chunk: Chunk) -> None:
        if not self.has_left:
            await self._waiting.put(chunk)

    async def end(self) -> None:
        """No more chunks; the outcome follows."""
        if not self.has_left:
            await self._waiting.put(None)

    def settled(self, outcome: Outcome) -> None:
        self._outcome.set_result(outcome)

    async def fail(self, error: BaseException) -> None:
        for future in (self.begun, self._outcome):
            if not future.done():
                future.set_exception(error)
                future.exception()  # it may be that nobody waits any more
        if not self.has_left:
            await self._waiting.put(None)


async def open_flow(desk: Desk, ask: Ask, plan: Plan) -> Flow | Replayed:
    """Hold, and begin to receive. Raises what `run_inline` raises, as long as nothing has come."""
    if (known := await replay(desk, ask)) is not None:
        return known
    flow = Flow()
    detached(_carry(desk, ask, plan, flow))
    begun = await asyncio.shield(flow.begun)
    return begun if isinstance(begun, Replayed) else flow


async def _carry(desk: Desk, ask: Ask, plan: Plan, flow: Flow) -> None:
    try:
        job = await begin(desk, ask, plan)
        if isinstance(job, Replayed):
            flow.begun.set_result(job)
            return
        with begun(job):
            async with AsyncExitStack() as stack:
                streaming = await on_a_route(
                    desk, plan, job, lambda direct, call: stack.enter_async_context(direct.stream(call))
                )
                flow.job = job
                flow.begun.set_result(job)
                brought = await _receive(desk, job, streaming, flow)
            faults.point("inline.after_answer")
            await flow.end()
            flow.settled(await settle(desk, ask, plan, job, brought))
    except BaseException as error:
        await flow.fail(error)
        raise


async def _receive(desk: Desk, job: Job, streaming: Streaming, flow: Flow) -> Brought:
    """Pass on what comes and say what it was. Raises, with the hold left standing, when nothing came."""
    meter, cut = Meter(), None
    try:
        async with asyncio.timeout(await call_seconds(desk, job.route)) as timer:
            flow.watch(timer)
            try:
                async for chunk in streaming:
                    meter.add(chunk)
                    await flow.pass_on(chunk)
            finally:
                flow.unwatch()  # before the timer ends: whoever leaves now has nothing left to hurry
    except (TimeoutError, ProviderUnclear) as broken:
        unclear = broken if isinstance(broken, ProviderError) else None
        if unclear is not None:
            await desk.router.note_trouble(job.route, unclear)
        if not meter.chunks:
            unclear = unclear or ProviderUnclear(f"{job.route.provider_name} sent nothing in time.")
            await lost(desk, job, unclear)
            raise unclear from broken
        cut = "The answer broke off." if unclear else "The answer took too long."
    figures: Mapping[str, Any] = streaming.reported() or {}
    told = Told(figures, lambda: meter.text)
    return Brought(
        told, request_id=streaming.upstream_request_id, cut=cut, client_left=flow.has_left, said=lambda: meter.said
    )
