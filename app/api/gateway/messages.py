"""`POST /v1/messages` in Anthropic's shape, over whatever chat serves the model; `/v1/messages/count_tokens`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request, Response

from app.api.gateway import calls, chat, common
from app.api.gateway.anthropic_answer import Telling, message
from app.api.gateway.anthropic_request import to_chat
from app.api.gateway.calls import Asked
from app.api.gateway.common import Gateway
from app.api.gateway.dialects import Dialect
from app.api.gateway.events import Events
from app.generation.flow import Flow
from app.generation.inline.settle import Outcome
from app.generation.replays import Replayed
from app.generation.text import plan_chat
from app.generation.tokens import count_request
from app.kernel.errors import ProviderUnclear


def create(gateway: Gateway, dialect: Dialect) -> calls.Handler:
    async def handle(request: Request) -> Response:
        holder = await gateway.authenticate(request)
        body, size = await common.sized_body(request, calls.MAX_BODY_BYTES)
        found = await calls.find(gateway, holder, body, "chat")
        asked = chat.asked_of(request, holder, found, to_chat(body), size, "messages", plan_chat)
        if common.is_dry_run(request):
            return await calls.dry_run(gateway, asked)
        if asked.streams:
            return await _streamed(gateway, dialect, request, asked)
        return await _whole(gateway, asked)

    return calls.guarded(handle, dialect)


def count_tokens(gateway: Gateway, dialect: Dialect) -> calls.Handler:
    async def handle(request: Request) -> Response:
        holder = await gateway.authenticate(request)
        body, _size = await common.sized_body(request, calls.MAX_BODY_BYTES)
        await calls.find(gateway, holder, body, "chat")
        counted = await asyncio.to_thread(count_request, to_chat(body, needs_cap=False))
        return calls.json_response({"input_tokens": counted}, {"request-id": common.request_id(request)})

    return calls.guarded(handle, dialect)


async def _whole(gateway: Gateway, asked: Asked) -> Response:
    outcome = await calls.buy(gateway, asked)
    if isinstance(outcome, Replayed):
        with calls.showing(outcome.seen.id):
            return _replayed(asked, outcome)
    with calls.showing(outcome.generation_id):
        answer = outcome.answer
        body = (answer.body if answer is not None else None) or {}
        told = message(body, alias=asked.offer.alias, message_id=_id(outcome.generation_id), usage=outcome.usage)
        told["metadata"] = calls.metadata(gateway, asked, outcome)
        return calls.json_response(told, calls.headers(gateway, asked, outcome))


def _replayed(asked: Asked, replay: Replayed) -> Response:
    return calls.replayed(message(replay.body, alias=asked.offer.alias, message_id=_id(replay.seen.id)), asked)


async def _streamed(gateway: Gateway, dialect: Dialect, request: Request, asked: Asked) -> Response:
    flow = await calls.open_stream(gateway, asked)
    if isinstance(flow, Replayed):
        return _replayed(asked, flow)
    assert flow.job is not None  # noqa: S101 - it has begun
    with calls.leading(flow, flow.job.id):
        sent = calls.route_headers(gateway, asked, flow.job.route, flow.job.rates)
        return Events(_pieces(gateway, dialect, request, asked, flow, flow.job.id), flow.leave, sent)


async def _pieces(
    gateway: Gateway, dialect: Dialect, request: Request, asked: Asked, flow: Flow, generation_id: str
) -> AsyncIterator[bytes]:
    telling = Telling(asked.offer.alias, _id(generation_id))
    yield telling.start()
    async for chunk in flow:
        if piece := telling.chunk(chunk):
            yield piece
    try:
        outcome: Outcome = await flow.outcome()
        with calls.showing(outcome.generation_id):
            said: dict[str, Any] = calls.metadata(gateway, asked, outcome)
    except Exception as error:
        yield dialect.event(dialect.told(error, request)[1])
        return
    if outcome.cut is not None:
        cut = ProviderUnclear(f"{outcome.cut} You were charged for what was delivered.", code="answer_cut")
        yield dialect.event({**dialect.told(cut, request)[1], "metadata": said})
        return
    yield telling.rest() + telling.end(outcome.usage, said)


def _id(generation_id: str) -> str:
    return f"msg_{generation_id.removeprefix('gen_')}"
