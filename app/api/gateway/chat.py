"""`POST /v1/chat/completions` and `/v1/embeddings` in OpenAI's shape: passed on, metered, told what they cost."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from fastapi import Request, Response

from app.accounts.keys import KeyHolder
from app.api.gateway import calls, common
from app.api.gateway.calls import Asked, Planner
from app.api.gateway.common import Gateway
from app.api.gateway.dialects import Dialect, written
from app.api.gateway.events import Events
from app.catalogue.offers import Offer
from app.generation.flow import Chunk, Flow
from app.generation.inline.settle import Outcome
from app.generation.replays import Replayed
from app.generation.start import Ask
from app.generation.text import plan_chat, plan_embeddings
from app.kernel.errors import InvalidInput, ProviderUnclear

DONE = b"data: [DONE]\n\n"
#: An answer beyond this is not taken apart to be given our fields: they are put at its end.
SPLICED_BYTES = 64 * 1024


def chat(gateway: Gateway, dialect: Dialect) -> calls.Handler:
    async def handle(request: Request) -> Response:
        asked = await ask_for(gateway, request, "chat", plan_chat)
        if common.is_dry_run(request):
            return await calls.dry_run(gateway, asked)
        if asked.streams:
            return await _streamed(gateway, dialect, request, asked)
        return await _whole(gateway, asked)

    return calls.guarded(handle, dialect)


def embeddings(gateway: Gateway, dialect: Dialect) -> calls.Handler:
    async def handle(request: Request) -> Response:
        asked = await ask_for(gateway, request, "embeddings", plan_embeddings)
        if common.is_dry_run(request):
            return await calls.dry_run(gateway, asked)
        return await _whole(gateway, asked)

    return calls.guarded(handle, dialect)


async def ask_for(gateway: Gateway, request: Request, operation: str, planner: Planner) -> Asked:
    """Who asks for what: the key, the body, the model."""
    holder = await gateway.authenticate(request)
    body, size = await common.sized_body(request, calls.MAX_BODY_BYTES)
    found = await calls.find(gateway, holder, body, operation)
    return asked_of(request, holder, found, body, size, operation, planner)


def asked_of(
    request: Request,
    holder: KeyHolder,
    found: tuple[Offer, str | None],
    body: Mapping[str, Any],
    size: int,
    origin: str,
    planner: Planner,
) -> Asked:
    offer, forced = found
    if not isinstance(body.get("stream"), bool | None):
        raise InvalidInput("stream is true or false.", param="stream")
    ask = Ask(
        workspace_id=holder.workspace_id,
        model=offer.alias if forced is None else f"{forced}/{offer.alias}",
        input=body,
        origin=origin,
        request_id=common.request_id(request),
        api_key_id=holder.key_id,
        max_credits=common.max_credits(body),
        idempotency_key=common.idempotency_key(request, body),
    )
    return Asked(
        holder, offer, ask, lambda exact: replace(planner(offer, body, size, exact=exact), forced=forced), body
    )


async def _whole(gateway: Gateway, asked: Asked) -> Response:
    outcome = await calls.buy(gateway, asked)
    if isinstance(outcome, Replayed):
        return calls.replayed({**outcome.body, "model": asked.offer.alias}, asked)
    with calls.showing(outcome.generation_id):
        return _answer(gateway, asked, outcome)


def _answer(gateway: Gateway, asked: Asked, outcome: Outcome) -> Response:
    answer = outcome.answer
    assert answer is not None  # noqa: S101 - a call that returned has one
    said = calls.metadata(gateway, asked, outcome)
    if asked.ask.origin == "chat":
        said = calls.as_texts(said)
    sent = calls.headers(gateway, asked, outcome)
    if answer.raw is not None and len(answer.raw) > SPLICED_BYTES and answer.raw.rstrip().endswith(b"}"):
        named = under_alias(answer.raw, answer.model, asked.offer.alias)
        spliced = b'%s,"metadata":%s}' % (named.rstrip()[:-1], written(said))
        return Response(spliced, headers=sent, media_type="application/json")
    return calls.json_response({**(answer.body or {}), "model": asked.offer.alias, "metadata": said}, sent)


def under_alias(raw: bytes, model: str | None, alias: str) -> bytes:
    """The answer with the model called as its caller called it; within a text the quotes would be escaped."""
    for said in (b'"model":%s', b'"model": %s'):
        raw = raw.replace(said % written(model), said % written(alias), 1)
    return raw


# --- streamed


async def _streamed(gateway: Gateway, dialect: Dialect, request: Request, asked: Asked) -> Response:
    options = asked.body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise InvalidInput("stream_options is an object.", param="stream_options")
    flow = await calls.open_stream(gateway, asked)
    if isinstance(flow, Replayed):
        return calls.replayed({**flow.body, "model": asked.offer.alias}, asked)
    assert flow.job is not None  # noqa: S101 - it has begun
    with calls.leading(flow, flow.job.id):
        sent = calls.route_headers(gateway, asked, flow.job.route, flow.job.rates)
        pieces = _pieces(gateway, dialect, request, asked, flow, bool(options.get("include_usage")))
        return Events(pieces, flow.leave, sent)


async def _pieces(
    gateway: Gateway, dialect: Dialect, request: Request, asked: Asked, flow: Flow, wants_usage: bool
) -> AsyncIterator[bytes]:
    telling = Telling(asked.offer.alias, wants_usage)
    async for chunk in flow:
        if piece := telling.chunk(chunk):
            yield piece
    try:
        outcome = await flow.outcome()
        with calls.showing(outcome.generation_id):
            said = calls.as_texts(calls.metadata(gateway, asked, outcome))
    except Exception as error:
        yield telling.kept() + dialect.event(dialect.told(error, request)[1])
        return
    if outcome.cut is None:
        yield telling.end(outcome, said)
        return
    cut = ProviderUnclear(f"{outcome.cut} You were charged for what was delivered.", code="answer_cut")
    yield telling.kept() + dialect.event({**dialect.told(cut, request)[1], "metadata": said})


class Telling:
    """The chunks as they go out. The last with a choice is kept until the bill is written, to say what it came to."""

    def __init__(self, alias: str, wants_usage: bool) -> None:
        self._alias, self._wants_usage = alias, wants_usage
        self._kept: Chunk | None = None
        self._usage: Any = None
        self._about: Chunk = {}

    def chunk(self, chunk: Chunk) -> bytes:
        """The bytes of it, empty while it is kept."""
        chunk["model"] = self._alias
        usage = chunk.pop("usage", None)
        self._usage = usage or self._usage
        if self._wants_usage:
            chunk["usage"] = None
        if not self._about:
            self._about = {name: chunk[name] for name in ("id", "object", "created") if name in chunk}
        choices = chunk.get("choices")
        if not choices:
            return b"" if usage is not None else _line(chunk)
        before = self.kept()
        if any(choice.get("finish_reason") for choice in choices):
            self._kept = chunk
            return before
        return before + _line(chunk)

    def kept(self) -> bytes:
        """What was kept, if anything was."""
        kept, self._kept = self._kept, None
        return b"" if kept is None else _line(kept)

    def end(self, outcome: Outcome, metadata: Mapping[str, Any]) -> bytes:
        ending: Chunk = {**self._about, "object": "chat.completion.chunk", "model": self._alias, "choices": []}
        if self._wants_usage:
            ending |= {"usage": self._usage or usage_of(outcome), "metadata": metadata}
            return self.kept() + _line(ending) + DONE
        return _line((self._kept or ending) | {"metadata": metadata}) + DONE


def usage_of(outcome: Outcome) -> dict[str, int]:
    """OpenAI's usage, from what was measured."""
    usage = outcome.usage
    taken = int((usage.input_tokens or 0) + (usage.cached_input_tokens or 0))
    made = int(usage.output_tokens or 0)
    return {"prompt_tokens": taken, "completion_tokens": made, "total_tokens": taken + made}


def _line(chunk: Mapping[str, Any]) -> bytes:
    return b"data: %s\n\n" % written(chunk)
