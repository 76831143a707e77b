"""Any host that speaks OpenAI's API: chat (streamed too), images, speech, transcription, embeddings, and videos.

Quirks
- 429 means two things: too many requests, or (`insufficient_quota`) that our own account there is empty.
- A stream tells its usage only when asked to, in a last chunk without choices; a host that does not know the wish can
  be spared it (setting `stream_usage = false`).
- Some hosts answer a wish to stream with one whole answer; it is passed on as a single chunk.
- An error may come as an event in the middle of a stream that began with 200.
- Nothing here can be looked up again: only videos have an id. A call whose answer was lost stays unclear.
- A 5xx may have been billed unless the operator knows better (setting `unbilled_statuses`, such as [500, 502, 503]).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx

from app.kernel.errors import ProviderRefused, ProviderUnclear
from app.kernel.text import t
from app.providers import callbacks, download
from app.providers.exchange import Bounds, Exchange, Flow, Whole, request_id
from app.providers.http import Http, Wording
from app.providers.openai_answers import explain, files, is_chunk, meaning, reported, resolved
from app.providers.openai_jobs import Jobs, is_at_once
from app.providers.openai_videos import Videos
from app.providers.port import (
    Answer,
    Call,
    Callback,
    CancelAnswer,
    Connection,
    Download,
    Job,
    Progress,
    RemoteFile,
    UpstreamRef,
)
from app.providers.spool import SCHEME, Spool

NAME = "OpenAI-compatible"
BASE_URL = "https://api.openai.com/v1"
SETTINGS: Mapping[str, Any] = {
    "output_hosts": [],
    "call_seconds": 600,
    "idle_seconds": 120,
    "submit_timeout_seconds": 660,  # a picture comes with the answer to its submission
}

PATHS = {
    "chat": "/chat/completions",
    "images": "/images/generations",
    "image_edits": "/images/edits",
    "speech": "/audio/speech",
    "transcription": "/audio/transcriptions",
    "embeddings": "/embeddings",
}
#: What an answer must have to be one.
PARTS = {"chat": "choices", "images": "data", "image_edits": "data", "embeddings": "data"}
MAX_ANSWER_BYTES = 128 * 2**20
PICTURES = ("images", "image_edits")


class OpenAiCompatible:
    kind = "openai_compatible"

    def __init__(self, connection: Connection, transport: httpx.AsyncBaseTransport | None = None) -> None:
        settings = connection.settings
        wording = Wording(explain, meaning=meaning, busy=frozenset({429, *settings.get("unbilled_statuses", ())}))
        self._http = Http(
            str(settings.get("name") or NAME), connection, f"Bearer {connection.api_key}", wording, transport=transport
        )
        self._asks_usage = settings.get("stream_usage", True)
        bounds = Bounds(
            seconds=float(settings.get("call_seconds", SETTINGS["call_seconds"])),
            idle_seconds=float(settings.get("idle_seconds", SETTINGS["idle_seconds"])),
            max_bytes=MAX_ANSWER_BYTES,
        )
        self._exchange = Exchange(self._http, bounds)
        once = Exchange(self._http, bounds, keep=False)
        self._videos = Videos(self._http)
        self._jobs = Jobs(lambda call: self._ask(once, call), Spool())

    # At once

    async def call(self, call: Call) -> Answer:
        return await self._ask(self._exchange, call)

    async def _ask(self, exchange: Exchange, call: Call) -> Answer:
        url, body = self._address(call), {**call.body, "model": call.upstream_model}
        body.pop("stream", None)
        body.pop("stream_options", None)
        return self._answer(call, await exchange.buy(url, call, body))

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator["Stream"]:
        body = {**call.body, "model": call.upstream_model, "stream": True}
        if call.operation == "chat" and self._asks_usage:
            body["stream_options"] = {**(call.body.get("stream_options") or {}), "include_usage": True}
        async with self._exchange.flow(self._address(call), call, body) as flow:
            yield Stream(flow)

    async def close(self) -> None:
        """Close the connections kept for further calls."""
        await self._exchange.close()

    def _address(self, call: Call) -> str:
        path = PATHS.get(call.operation)
        if path is None:
            raise ProviderRefused(
                f"{self._http.name} cannot serve {call.operation!r} in one exchange.", code="provider_model_unknown"
            )
        return f"{self._http.base}{path}"

    def _answer(self, call: Call, whole: Whole) -> Answer:
        body = whole.payload if isinstance(whole.payload, dict) else None
        part = PARTS.get(call.operation)
        wanted = (body is not None and isinstance(body.get(part), list)) if part else bool(whole.body)
        if not wanted or (call.operation == "speech" and body is not None):
            raise ProviderUnclear(f"{self._http.name} answered with something else than it was asked for.")
        body = body or {}
        return Answer(
            body=body or None,
            raw=whole.body,
            mime=whole.mime,
            reported=_of_pictures(reported(body) or {}) if call.operation in PICTURES else reported(body) or {},
            files=files(body) if call.operation in PICTURES else (),
            resolved=resolved(body),
            upstream_request_id=whole.request_id or _text(body.get("id")),
            model=_text(body.get("model")),
        )

    # As jobs

    async def submit(self, job: Job) -> UpstreamRef:
        if job.operation in ("", "videos"):
            return await self._videos.submit(job)
        return await self._jobs.submit(job)

    async def status(self, ref: UpstreamRef) -> Progress:
        return await (self._jobs if is_at_once(ref.upstream_id) else self._videos).status(ref)

    async def cancel(self, ref: UpstreamRef) -> CancelAnswer:
        return CancelAnswer.TOO_LATE if is_at_once(ref.upstream_id) else CancelAnswer.UNSUPPORTED

    async def find(self, job: Job, since: datetime) -> UpstreamRef | None:
        if job.operation in ("", "videos"):
            return await self._videos.find(job, since)
        return await self._jobs.find(job)

    async def read_callback(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Callback:
        raise callbacks.refused("this kind of provider does not call back")

    async def download(self, file: RemoteFile, limit_bytes: int) -> Download:
        if file.url.startswith(SCHEME):
            return await self._jobs.download(file, limit_bytes)
        return await download.fetch(self._http, file, limit_bytes)

    async def check(self) -> str:
        listed = self._http.understood(await self._http.get(f"{self._http.base}/models")).get("data")
        return t("providers.openai.accepts", count=len(listed) if isinstance(listed, list) else 0)


class Stream:
    """A flowing answer; see `port.Streaming`."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._reported: Mapping[str, Decimal] | None = None
        self._finish_reason: str | None = None
        self._model: str | None = None
        self._id: str | None = None

    def reported(self) -> Mapping[str, Decimal] | None:
        return self._reported

    @property
    def finish_reason(self) -> str | None:
        return self._finish_reason

    @property
    def model(self) -> str | None:
        return self._model

    @property
    def upstream_request_id(self) -> str | None:
        return request_id(self._flow.headers) or self._id

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        async for event in self._events():
            told = reported(event)
            if told is not None:
                self._reported = told
            self._model = self._model or _text(event.get("model"))
            self._id = self._id or _text(event.get("id"))
            self._finish_reason = _finish_reason(event) or self._finish_reason
            yield event
        if self._finish_reason is None and not self._flow.is_done:
            raise self._flow.broken("it ended before it was complete")

    async def _events(self) -> AsyncIterator[dict[str, Any]]:
        if self._flow.headers.get("content-type", "").startswith("application/json"):
            yield _as_chunk(self._flow, await self._flow.whole())
            return
        async for event in self._flow.events():
            if event.get("error") and "choices" not in event:
                raise self._flow.broken(explain(event) or "it reported an error")
            if not is_chunk(event):
                raise self._flow.broken("an event is no part of a chat")
            yield event


def _as_chunk(flow: Flow, body: bytes) -> dict[str, Any]:
    """A whole answer as the one chunk of a stream."""
    answer = flow.parsed(body)
    choices = answer.get("choices")
    if not isinstance(choices, list):
        raise flow.broken("it is no chat")
    turned = [
        {
            "index": choice.get("index", 0),
            "delta": choice.get("message") or {},
            "finish_reason": choice.get("finish_reason"),
        }
        for choice in choices
        if isinstance(choice, dict)
    ]
    return {**answer, "object": "chat.completion.chunk", "choices": turned}


def _finish_reason(event: Mapping[str, Any]) -> str | None:
    choices = event.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("finish_reason"):
            return str(choice["finish_reason"])
    return None


def _of_pictures(told: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    """What comes out of a picture's request is picture, where the host does not say how much of it is text."""
    if "output_tokens" not in told or "image_output_tokens" in told:
        return told
    return {**told, "output_tokens": Decimal(0), "image_output_tokens": told["output_tokens"]}


def _text(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) and value else None
