"""One way to make media for whoever waits: at once where every provider of the model answers in the same exchange, as a
job that is waited for where one does not. Price, hold, repetition and what is said about it are the same either way."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from fastapi import Request
from fastapi.responses import JSONResponse

from app.accounts.keys import KeyHolder
from app.api.gateway import calls, common, present
from app.api.gateway.bodies import Inputs
from app.api.gateway.calls import Asked
from app.api.gateway.common import Gateway, Wanted
from app.catalogue.offers import Offer
from app.files.tables import StoredFile
from app.generation.inline.run import run_inline
from app.generation.inline.settle import Outcome
from app.generation.media import PASSED, answers_at_once, plan_media, takes_files
from app.generation.replays import Replayed
from app.generation.start import stored_key
from app.generation.views import Seen
from app.kernel.errors import Broken, Conflict, FareboxError, InvalidInput, ProviderError, Rejected, StillRunning
from app.kernel.money import Money, plain
from app.providers.port import RemoteFile

WAIT_SECONDS = 300.0
CONTROL = frozenset({"model", "max_credits", "idempotency_key"})
#: Refusals of what was asked, which no other attempt would mend.
ABOUT_INPUT = frozenset({"content_policy_violation", "provider_input_refused"})


@dataclass(frozen=True, slots=True)
class Order:
    """What a route made of a request: the model's `input`, and `passed`, what goes to a provider of its shape as it is.

    `repeats` is what must be the same again, besides them, for a repetition with the same key."""

    offer: Offer
    forced: str | None
    origin: str
    body: Mapping[str, Any]
    input: Mapping[str, Any]
    passed: Mapping[str, Any]
    inputs: Inputs
    repeats: Mapping[str, Any]

    @property
    def at_once(self) -> bool:
        return answers_at_once(self.offer, self.forced)

    @property
    def model(self) -> str:
        return self.offer.alias if self.forced is None else f"{self.forced}/{self.offer.alias}"


class File(NamedTuple):
    """An output; `base64` where it came with the answer."""

    id: str
    mime: str
    base64: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """What came of it. `answer` is what the provider said beside the files, empty for a job."""

    files: tuple[File, ...]  # in order
    created_at: int
    answer: Mapping[str, Any]
    metadata: Mapping[str, Any]
    headers: Mapping[str, str]


def order(
    found: tuple[Offer, str | None],
    origin: str,
    body: Mapping[str, Any],
    given: dict[str, Any],
    inputs: Inputs,
    repeats: Mapping[str, Any] | None = None,
) -> Order:
    """Part `given` into what the model declares and what only passes through to a provider of OpenAI's shape."""
    offer, forced = found
    passing = PASSED.get(offer.operation, frozenset()) if answers_at_once(offer, forced) else frozenset()
    passed = {name: given.pop(name) for name in list(given) if name in passing and name not in offer.schema.names}
    return Order(offer, forced, origin, body, given, passed, inputs, repeats or {})


@asynccontextmanager
async def inputs_of(gateway: Gateway, holder: KeyHolder) -> AsyncIterator[Inputs]:
    """The files of a request, let go when it was refused before anything was held for it."""
    inputs = Inputs(gateway.desk.files, holder.workspace_id)
    try:
        yield inputs
    except Rejected as refused:
        if "generation_id" not in refused.details or isinstance(refused, Conflict):
            await inputs.forget()  # nothing was begun with them, or they came once more with a key in use
        raise


async def dry_run(gateway: Gateway, holder: KeyHolder, request: Request, asked: Order) -> JSONResponse:
    """The price of it; what came with the request is not kept."""
    try:
        if asked.at_once:
            return await calls.dry_run(gateway, await _asked(gateway, holder, request, asked))
        return JSONResponse(await common.dry_run(gateway, holder, wanted(request, asked)))
    finally:
        await asked.inputs.forget()


async def make(gateway: Gateway, holder: KeyHolder, request: Request, asked: Order) -> Made:
    """Buy it and wait for it.

    Raises what a start or a call raises; ProviderError when it failed (nothing is charged), InvalidInput when the
    input was to blame, StillRunning when a job takes longer than a caller waits."""
    if asked.at_once:
        return await _at_once(gateway, holder, request, asked)
    started = await common.begin(gateway, holder, wanted(request, asked), request)
    with calls.showing(started.generation_id):
        if started.replayed:
            await asked.inputs.forget()
        found = await common.wait_for_end(gateway, started.generation_id, holder.workspace_id, WAIT_SECONDS)
    if found.status != "completed":
        raise failure(found)
    with calls.showing(started.generation_id):
        return _made(gateway, found, {}, {"Idempotent-Replayed": "true"} if started.replayed else {})


def wanted(request: Request, asked: Order, webhook_url: str | None = None) -> Wanted:
    """The order as the road of jobs takes it."""
    return Wanted(
        model=asked.model,
        input=asked.input,
        origin=asked.origin,
        max_credits=common.max_credits(asked.body),
        idempotency_key=common.idempotency_key(request, asked.body),
        webhook_url=webhook_url,
        identity=_identity(asked),
    )


def numbered(one: Wanted, key: str | None) -> Wanted:
    """The same order once more, under a key of its own."""
    return replace(one, idempotency_key=key)


async def is_known(gateway: Gateway, holder: KeyHolder, asked: Wanted, request: Request) -> bool:
    """Whether this very request was made before with its key."""
    ask = common.ask_of(holder, asked, common.request_id(request))
    return await stored_key(gateway.desk, ask) is not None


def _identity(asked: Order) -> dict[str, Any] | None:
    """What the same request is known by; None where its input says it all."""
    if not (asked.inputs.digests or asked.passed or asked.repeats):
        return None
    return {**asked.repeats, **asked.passed, "input": asked.inputs.identity(asked.input)}


# --- at once


async def _asked(gateway: Gateway, holder: KeyHolder, request: Request, asked: Order) -> Asked:
    given = (gateway.desk, asked.offer, asked.input, asked.passed, holder.workspace_id, asked.forced)
    if takes_files(asked.offer, asked.input):
        plan = await asyncio.to_thread(plan_media, *given)
    else:
        plan = plan_media(*given)
    ask = common.ask_of(holder, wanted(request, asked), common.request_id(request))
    return Asked(holder, asked.offer, ask, lambda _exact: plan, asked.body)


async def _at_once(gateway: Gateway, holder: KeyHolder, request: Request, asked: Order) -> Made:
    call = await _asked(gateway, holder, request, asked)
    outcome = await run_inline(gateway.desk, call.ask, call.plan(True))
    if isinstance(outcome, Replayed):
        with calls.showing(outcome.seen.id):
            await asked.inputs.forget()
            found = await common.seen(gateway, outcome.seen.id, holder.workspace_id)
            return _made(gateway, found, outcome.body, {"Idempotent-Replayed": "true"})
    with calls.showing(outcome.generation_id):
        return _bought(gateway, call, outcome)


def _bought(gateway: Gateway, call: Asked, outcome: Outcome) -> Made:
    if outcome.kept is None:
        raise Broken("A plan of media kept nothing of what it brought.")
    came = outcome.answer.files if outcome.answer else ()
    return Made(
        files=tuple(File(row.id, row.mime, _inside(came, row)) for row in outcome.kept.files),
        created_at=int(gateway.desk.clock().timestamp()),
        answer=outcome.kept.answer,
        metadata=calls.metadata(gateway, call, outcome),
        headers=calls.headers(gateway, call, outcome),
    )


def _inside(came: Sequence[RemoteFile], row: StoredFile) -> str | None:
    """Its content, where the provider sent it along; it was decoded before it was kept."""
    url = came[row.position].url if row.position is not None and row.position < len(came) else ""
    return url.partition(",")[2] if url.startswith("data:") else None


# --- as a job, and again


def _made(gateway: Gateway, found: Seen, answer: Mapping[str, Any], more: Mapping[str, str]) -> Made:
    return Made(
        files=tuple(File(file["id"], file["mime"]) for file in found.files),
        created_at=present.unix(found.row["created_at"]) or 0,
        answer=answer,
        metadata=present.metadata(found, gateway.wire),
        headers={**headers(gateway, found), **more},
    )


def headers(gateway: Gateway, found: Seen) -> dict[str, str]:
    """What a finished generation says in headers; the price once it is known."""
    said = {"X-Farebox-Model": found.alias, "x-request-id": str(found.row["request_id"])}
    if found.attempt is not None:
        said["X-Farebox-Provider"] = str(found.attempt["provider_id"])
    if (charged := present.charged(found)) is not None:
        said["X-Farebox-Cost"] = plain(Money(gateway.wire.currency_micros(charged)).amount)
    return said


def failure(found: Seen) -> FareboxError:
    """Why a caller who waited gets nothing."""
    if not found.finished:
        said = f"It is not finished yet. It was bought once; ask GET /v1/generations/{found.id} for it."
        return StillRunning(said, generation_id=found.id)
    why = present.failure(found) or {"code": "failed", "message": "It failed. Nothing was charged."}
    kind = InvalidInput if why["code"] in ABOUT_INPUT else ProviderError
    return kind(why["message"], code=why["code"], generation_id=found.id)
