"""The counter of one host: who may buy, what a fault spoils, and the line in the book. Booked before it is answered."""

import asyncio
import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from app.sandbox import faults
from app.sandbox.door import attempt_of, hang_up
from app.sandbox.engine import Engine
from app.sandbox.jobs import SUCCEEDED, FaultSet, Job
from app.sandbox.openai import errors
from app.sandbox.openai.prices import Spent, bill, quantity, tariff_of

#: Real seconds before an answer, at speed 1.
THINKING_SECONDS = (0.25, 0.6)
#: Too short to be worth a turn of the event loop.
SHORTEST_SLEEP_SECONDS = 0.001
CLIENT_ID = "x-client-request-id"


@dataclass(frozen=True, slots=True)
class Order:
    """A request that passed the counter and is not yet bought."""

    request: Request
    family: str
    model: str
    given: Mapping[str, Any]
    faults: FaultSet


class Counter:
    def __init__(self, provider: str, engine: Engine, script: faults.Script) -> None:
        self.provider = provider
        self._engine = engine
        self._script = script
        self._dice = random.Random(provider)

    async def order(self, request: Request, family: str, given: Mapping[str, Any], text: str) -> Order:
        """Let a request in, or refuse it. `text` is where fault markers are looked for."""
        errors.require_key(request)
        model = str(given.get("model") or "")
        if not model:
            raise errors.bad_request("you must provide a model parameter", "model")
        if "no-such" in model:
            raise errors.unknown_model(model)
        try:
            wanted = {**(faults.in_text(text) if "[[" in text else {}), **self._script.take(self.provider)}
        except faults.BadFault as bad:
            raise errors.bad_request(str(bad)) from bad
        for name in errors.REFUSALS:
            if name in wanted:
                raise errors.No(errors.refusal(name, wanted[name]))
        if "hang-before-accept" in wanted:
            await asyncio.sleep(float(wanted["hang-before-accept"]))
            raise errors.No(hang_up(request))
        return Order(request, family, model, given, wanted)

    def buy(self, order: Order, spent: Spent, outputs: int = 1) -> Job:
        """From here on it is bought."""
        now = time.time()
        free = "zero-usage" in order.faults
        job = Job(
            id=f"{order.family}_{secrets.token_hex(12)}",
            provider=self.provider,
            model=order.model,
            family=order.family,
            input=order.given,
            callback_url=None,
            events=(),
            attempt=attempt_of(order.request.headers.get(CLIENT_ID)),
            base="",
            faults=order.faults,
            state=SUCCEEDED,
            unit=tariff_of(order.model).unit,
            quantity=quantity(order.model, spent),
            price_micros=0 if free else bill(order.model, spent).micros,
            billed=True,
            refunded=False,
            accepted_at=now,
            starts_at=now,
            ends_at=now,
            started_at=now,
            finished_at=now,
            called_back=True,
        )
        return self._engine.book.add(job)

    def amend(self, job: Job, spent: Spent) -> None:
        """The client went away before the end: only what was made is billed."""
        if self._engine.book.get(job.id) is not None:
            price = bill(job.model, spent).micros
            self._engine.book.update(job.id, price_micros=price, quantity=quantity(job.model, spent))

    async def spoil(self, order: Order) -> None:
        """What a fault does to the answer to something that is bought."""
        if "drop-after-accept" in order.faults:
            raise errors.No(hang_up(order.request))
        if "hang" in order.faults:
            await asyncio.sleep(float(order.faults["hang"]))
        if "500-after-accept" in order.faults:
            raise errors.No(errors.refusal("500"))

    async def think(self, order: Order, factor: float = 1) -> None:
        """Take the time such an answer takes."""
        if "slow" in order.faults:
            await asyncio.sleep(float(order.faults["slow"]))
        await self.rest(self._dice.uniform(*THINKING_SECONDS) * factor)

    async def rest(self, seconds: float) -> None:
        """Sleep, at the sandbox's speed."""
        if (left := seconds / self._engine.speed) >= SHORTEST_SLEEP_SECONDS:
            await asyncio.sleep(left)


def headers(job_id: str) -> dict[str, str]:
    """What comes with every answer."""
    return {
        "x-request-id": f"req_{job_id}",
        "openai-processing-ms": "12",
        "x-ratelimit-limit-requests": "10000",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-reset-requests": "6ms",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-tokens": "1999990",
        "x-ratelimit-reset-tokens": "1ms",
    }


async def json_object(request: Request) -> dict[str, Any]:
    """The body as an object."""
    try:
        body = await request.json()
    except ValueError:
        body = None
    if isinstance(body, dict):
        return body
    raise errors.bad_request("We could not parse the JSON body of your request.")
