"""The life of a job: accepted, queued, running, done, and every callback on the way.

Everything that matters is in the book; a restarted sandbox picks its open jobs up where they were.
"""

import asyncio
import random
import shutil
import sys
import time
import traceback
from collections import Counter
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from app.sandbox import prices, render
from app.sandbox.book import Book
from app.sandbox.callbacks import COMPLETED, LOGS, OUTPUT, START, TRIES, TRIES_ON_THE_WAY, Caller, Voice
from app.sandbox.jobs import ABORTED, CANCELED, FAILED, QUEUED, RUNNING, SUCCEEDED, Failure, FaultSet, Input, Job, Made
from app.sandbox.plan import AUDIO, IMAGE, VIDEO, BadInput, Plan, altered, kind_of, plan_of
from app.sandbox.render import source

#: A long clip never keeps a picture waiting.
CLIP_RENDERERS, OTHER_RENDERERS = 1, 2
QUEUE_SECONDS = (0.4, 1.0)
RUN_SECONDS = {IMAGE: (1.6, 2.2), VIDEO: (5.5, 8.0), AUDIO: (1.2, 2.0)}
#: States each provider charges for. kie takes the credits when it accepts and gives them back on failure.
BILLED_WHEN = {
    "fal": {SUCCEEDED},
    "replicate": {SUCCEEDED, CANCELED},
    "kie": set(),
    "openai": {SUCCEEDED},
    "mirror": {SUCCEEDED},
}
FILES_LIVE_SECONDS = {"fal": 3600.0, "replicate": 3600.0, "kie": 86400.0, "openai": 3600.0, "mirror": 3600.0}
SWEEP_SECONDS = 60.0
#: How far a callback that comes too early is ahead of the status.
EARLY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Order:
    """A submit that passed the door."""

    id: str
    provider: str
    model: str
    family: str
    input: Input
    base: str
    faults: FaultSet
    callback_url: str | None = None
    events: tuple[str, ...] = ()
    attempt: str | None = None
    start_within: float | None = None  # seconds, else it fails (fal)
    end_within: float | None = None  # seconds, else it is ended (Replicate)


class Engine:
    def __init__(self, book: Book, files: Path, speed: float) -> None:
        self.book = book
        self.files = files
        self.speed = speed
        self.voices: dict[str, Voice] = {}
        self._caller = Caller(speed)
        self._clips = ThreadPoolExecutor(CLIP_RENDERERS, thread_name_prefix="clip")
        self._stills = ThreadPoolExecutor(OTHER_RENDERERS, thread_name_prefix="render")
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._ended: dict[str, asyncio.Event] = {}
        self._polls: Counter[tuple[str, str]] = Counter()

    def start(self) -> None:
        """Take up what an earlier process left, and begin to sweep."""
        for job in self.book.open_jobs():
            self._begin(job)
        for job in self.book.uncalled():
            self._spawn(self._close(job))
        self._spawn(self._sweep())

    async def stop(self) -> None:
        for task in [*self._runs.values(), *self._others]:
            task.cancel()
        for pool in (self._clips, self._stills):
            pool.shutdown(wait=False, cancel_futures=True)
        await self._caller.close()

    def accept(self, order: Order) -> Job:
        """Write the job into the book and start it. From here on it is bought."""
        now = round(time.time(), 6)  # what a client sees of it must lead back to the same job
        plan, failure = _read(order)
        if failure is None:
            failure = _scripted_failure(order)
        starts_at, ends_at = self._timing(order, now)
        if plan is None:
            ends_at = starts_at  # a bad input is noticed at once
        if order.start_within is not None and starts_at - now > order.start_within:
            failure = Failure(504, "request_timeout", "Request timed out before it could start", platform=True)
        asked = prices.bill(order.provider, order.model, order.input, plan) if plan else None
        job = Job(
            id=order.id,
            provider=order.provider,
            model=order.model,
            family=order.family,
            input=order.input,
            callback_url=order.callback_url,
            events=order.events,
            attempt=order.attempt,
            base=order.base,
            faults=order.faults,
            state=QUEUED,
            unit=asked.unit if asked else prices.tariff_of(order.provider, order.model).unit,
            quantity=asked.quantity_text if asked else "0",
            price_micros=asked.price.micros if asked else 0,
            billed=order.provider == "kie",
            refunded=False,
            accepted_at=now,
            starts_at=starts_at,
            ends_at=ends_at,
            deadline_at=now + order.end_within if order.end_within else None,
            error=failure,
        )
        self.book.add(job)
        self._begin(job)
        return job

    def cancel(self, job: Job) -> Job:
        """End an open job now; a finished one stays as it is."""
        if not job.is_open:
            return job
        if task := self._runs.pop(job.id, None):
            task.cancel()
        failure = Failure(499, "client_cancelled", "Request was cancelled by the client", platform=True)
        job = self._end(job, CANCELED, error=failure)
        self._spawn(self._close(job))
        return job

    async def ended(self, job_id: str, timeout_seconds: float) -> bool:
        """Wait until the job is over; False when the time ran out first."""
        job = self.book.get(job_id)
        if job is None or not job.is_open:
            return True
        try:
            await asyncio.wait_for(self._ended.setdefault(job_id, asyncio.Event()).wait(), timeout_seconds)
        except TimeoutError:
            return False
        return True

    async def announced(self, job_id: str, timeout_seconds: float) -> None:
        """Wait until the job's last callback was taken, or the time is over."""
        if task := self._runs.get(job_id):
            await asyncio.wait({task}, timeout=timeout_seconds)

    def spends(self, job: Job, fault: str) -> bool:
        """Whether this status request is one of the first N that `fault=N` spoils."""
        if fault not in job.faults:
            return False
        self._polls[job.id, fault] += 1
        return self._polls[job.id, fault] <= int(job.faults[fault])

    def path_of(self, job: Job, made: Made) -> Path:
        return self.folder_of(job) / made.name

    def folder_of(self, job: Job) -> Path:
        return self.files / job.provider / job.id

    def forget(self) -> None:
        """Empty the book: running jobs and their callbacks stop, files go."""
        for task in [*self._runs.values(), *self._others]:
            task.cancel()
        self._runs.clear()
        self._polls.clear()
        self._spawn(self._sweep())
        self.book.clear()
        shutil.rmtree(self.files, ignore_errors=True)

    def _begin(self, job: Job) -> None:
        self._ended.setdefault(job.id, asyncio.Event())
        task = asyncio.create_task(self._run(job))
        self._runs[job.id] = task
        task.add_done_callback(lambda done: self._finished(job.id, done))

    def _finished(self, job_id: str, task: asyncio.Task[None]) -> None:
        self._runs.pop(job_id, None)
        self._ended.pop(job_id, None)
        _report(task)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        task.add_done_callback(_report)
        return task

    def _timing(self, order: Order, now: float) -> tuple[float, float]:
        dice = random.Random(order.id)
        starts_at = now + dice.uniform(*QUEUE_SECONDS) / self.speed
        length = dice.uniform(*RUN_SECONDS[kind_of(order.model)]) / self.speed
        if "slow" in order.faults:
            length = max(length, float(order.faults["slow"]))
        return starts_at, starts_at + length

    async def _run(self, job: Job) -> None:
        if await self._overdue(job, job.starts_at, ABORTED):
            return
        if "aborted" in job.faults:
            state = ABORTED if job.provider == "replicate" else FAILED
            failure = Failure(504, "startup_timeout", "The job did not start in time", platform=True)
            await self._close(self._end(job, state, error=failure))
            return
        job = self.book.update(job.id, state=RUNNING, started_at=job.started_at or time.time())
        opening = self._spawn(self._open_up(job))
        if job.error is None:
            job = await self._produce(job)
        if await self._overdue(job, job.ends_at, CANCELED):
            return
        state = SUCCEEDED if job.error is None else FAILED
        if state is SUCCEEDED and "webhook-out-of-order" in job.faults and job.provider != "replicate":
            await self._call(replace(job, state=state, finished_at=time.time()), COMPLETED)
            await asyncio.sleep(EARLY_SECONDS)
        job = self._end(job, state, error=job.error)
        await asyncio.wait({opening})
        await self._close(job)

    async def _overdue(self, job: Job, moment: float, state: str) -> bool:
        """Sleep until the moment, or until the deadline if that comes first; then the job ends in `state`."""
        late = job.deadline_at is not None and job.deadline_at < moment
        await asyncio.sleep(max(0.0, (job.deadline_at if late and job.deadline_at else moment) - time.time()))
        if late:
            failure = Failure(504, "deadline", "The deadline passed", platform=True)
            await self._close(self._end(job, state, error=failure))
        return late

    async def _produce(self, job: Job) -> Job:
        """Render the outputs; a bug in here fails the job loudly instead of hanging it."""
        plan = altered(plan_of(job.provider, job.model, job.input), job.faults)
        pool = self._clips if plan.kind == VIDEO else self._stills
        draw = partial(
            render.outputs,
            plan,
            job.model,
            self.folder_of(job),
            picture=source.address_in(job.input),
            damage=job.faults.get("corrupt-file"),
        )
        try:
            outputs = await asyncio.get_running_loop().run_in_executor(pool, draw)
        except source.UnreadableSource as error:
            return self.book.update(job.id, error=Failure(422, "file_download_error", str(error)))
        except Exception:
            traceback.print_exc()
            failure = Failure(500, "internal_server_error", "The sandbox could not render this output")
            return self.book.update(job.id, error=failure)
        bill = prices.bill(job.provider, job.model, resolved_input(job), plan)
        price = 0 if "zero-usage" in job.faults else bill.price.micros
        return self.book.update(job.id, outputs=outputs, quantity=bill.quantity_text, price_micros=price)

    def _end(self, job: Job, state: str, *, error: Failure | None) -> Job:
        is_lie = state == FAILED and "fail-billed" in job.faults
        billed = job.provider == "kie" or state in BILLED_WHEN[job.provider] or is_lie
        job = self.book.update(
            job.id,
            state=state,
            error=error,
            billed=billed,
            refunded=job.provider == "kie" and state != SUCCEEDED and not is_lie,
            finished_at=time.time(),
        )
        if event := self._ended.get(job.id):
            event.set()
        return job

    async def _open_up(self, job: Job) -> None:
        """What is said while the job runs."""
        voice = self.voices[job.provider]
        if "webhook-forged" in job.faults and job.callback_url and (lie := voice.forged(job)):
            await self._caller.deliver(job.callback_url, lambda: lie, tries=1)
        if "webhook-out-of-order" not in job.faults:
            await self._call(job, START)
            await self._call(job, LOGS)

    async def _close(self, job: Job) -> None:
        """What is said when it is over."""
        late = job.provider == "replicate" and "webhook-out-of-order" in job.faults
        if job.state == SUCCEEDED and not late:
            await self._call(replace(job, state=RUNNING, finished_at=None), OUTPUT)
        times = int(job.faults["webhook-duplicate"]) if "webhook-duplicate" in job.faults else 1
        for _ in range(times):
            await self._call(job, COMPLETED)
        if late:
            for event in (START, LOGS, OUTPUT):
                await self._call(replace(job, state=RUNNING, finished_at=None), event)
        if self.book.get(job.id):
            self.book.update(job.id, called_back=True)

    async def _call(self, job: Job, event: str) -> None:
        url = job.callback_url
        if url is None or "webhook-none" in job.faults or event not in job.events:
            return
        tries = TRIES if event == COMPLETED else TRIES_ON_THE_WAY
        await self._caller.deliver(url, lambda: self.voices[job.provider].message(job, event), tries)

    async def _sweep(self) -> None:
        """Delete files whose time is over; the book keeps its rows."""
        while True:
            now = time.time()
            for job in self.book.finished_before(now - min(FILES_LIVE_SECONDS.values())):
                if job.finished_at and now - job.finished_at > FILES_LIVE_SECONDS[job.provider]:
                    await asyncio.to_thread(shutil.rmtree, self.folder_of(job), ignore_errors=True)
            await asyncio.sleep(SWEEP_SECONDS)


def resolved_input(job: Job) -> Mapping[str, Any]:
    """The input as it was really used: once the job is done, `quality: auto` has become a quality."""
    if job.state not in {RUNNING, SUCCEEDED}:
        return job.input
    if "quality-resolved" in job.faults:
        return {**job.input, "quality": job.faults["quality-resolved"]}
    if str(job.input.get("quality") or "").lower() == "auto":
        return {**job.input, "quality": "high"}
    return job.input


def _read(order: Order) -> tuple[Plan | None, Failure | None]:
    try:
        return plan_of(order.provider, order.model, order.input), None
    except BadInput as error:
        return None, error.failure()


def _scripted_failure(order: Order) -> Failure | None:
    if "completed-with-error" in order.faults:
        kind = order.faults["completed-with-error"]
        return Failure(422, kind, f"The output was refused: {kind.replace('_', ' ')}")
    for name in ("fail", "fail-billed"):
        if name in order.faults:
            return Failure(500, order.faults[name], "Internal error, please try again later")
    return None


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        traceback.print_exception(error, file=sys.stderr)
