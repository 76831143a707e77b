"""kie: tasks, created and polled; callbacks that are only ever a hint.

Quirks
- The HTTP status says little: errors arrive as `code` in the body of a 200.
- Veo and Flux Kontext have addresses, bodies and states of their own; every other model is a "market" task.
- Results are JSON inside a JSON string. Some families spell the task's id `task_id`.
- A callback's signature covers the task's id and the time, not the body: a captured one fits any forged result.
  Nothing but the id is read from it. Without a configured HMAC key callbacks are not signed at all, and the address
  that carries our own signature is what vouches for them.
- Excess submissions answer 429 and 455 (maintenance) and are not queued.
- There is no cancel and no list: a submit whose answer was lost is recovered by its callback or not at all.
- Credits are taken at submit and returned on failure; what a task cost is said nowhere.
- A fresh task may be unknown to the query for a moment (422, "recordInfo is null").
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx

from app.kernel import secrets
from app.kernel.errors import ProviderBusy, ProviderRefused, ProviderUnclear
from app.kernel.money import exact, plain
from app.kernel.text import t
from app.providers import callbacks, download, usage
from app.providers.http import Http, Wording
from app.providers.port import (
    Callback,
    CancelAnswer,
    Connection,
    Download,
    Job,
    Progress,
    RemoteFile,
    UpstreamRef,
    UpstreamState,
)

NAME = "kie"
BASE_URL = "https://api.kie.ai"
SETTINGS: Mapping[str, Any] = {"output_hosts": ["*.aiquickdraw.com", "*.redpandaai.co"]}

MARKET_STATES = {
    "waiting": UpstreamState.QUEUED,
    "queuing": UpstreamState.QUEUED,
    "queueing": UpstreamState.QUEUED,
    "generating": UpstreamState.RUNNING,
    "success": UpstreamState.DONE,
    "fail": UpstreamState.FAILED,
}
FLAG_STATES = {
    "0": UpstreamState.RUNNING,
    "1": UpstreamState.DONE,
    "2": UpstreamState.FAILED,  # the task could not be created
    "3": UpstreamState.FAILED,  # it was, and failed
    "4": UpstreamState.DONE,  # it was made, and only their callback to us failed
}
BUSY = frozenset({429, 455})
REFUSED = frozenset({505})  # the feature is switched off
RESULT_KEYS = ("resultUrls", "result_urls", "resultImageUrl", "resultUrl")


@dataclass(frozen=True, slots=True)
class Family:
    """The addresses of a family of models, and how it words where a task stands."""

    create: str
    query: str
    state: Callable[[Mapping[str, Any]], UpstreamState | None]
    result: str
    request: str
    is_market: bool = False


def _flag(data: Mapping[str, Any]) -> UpstreamState | None:
    return FLAG_STATES.get(str(data.get("successFlag")))


MARKET = Family(
    "/api/v1/jobs/createTask",
    "/api/v1/jobs/recordInfo",
    lambda data: MARKET_STATES.get(str(data.get("state"))),
    result="resultJson",
    request="param",
    is_market=True,
)
#: By how the model's name begins; anything else is a market model.
FAMILIES = {
    "veo3": Family("/api/v1/veo/generate", "/api/v1/veo/record-info", _flag, "response", "paramJson"),
    "flux-kontext": Family(
        "/api/v1/flux/kontext/generate", "/api/v1/flux/kontext/record-info", _flag, "response", "paramJson"
    ),
}


class Kie:
    kind = "kie"

    def __init__(self, connection: Connection, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._callback_secret = connection.callback_secret
        wording = Wording(explain, _code, busy=BUSY, refused=REFUSED)
        self._http = Http(NAME, connection, f"Bearer {connection.api_key}", wording, transport=transport)

    async def submit(self, job: Job) -> UpstreamRef:
        family = _family(job.upstream_model)
        body: dict[str, Any] = {"input": dict(job.params)} if family.is_market else dict(job.params)
        body["model"] = job.upstream_model
        if job.callback_url:
            body["callBackUrl"] = job.callback_url
        answer = await self._http.post_once(f"{self._http.base}{family.create}", body)
        data = answer.get("data")
        task_id = (data.get("taskId") or data.get("task_id")) if isinstance(data, dict) else None
        if not isinstance(task_id, str) or not task_id:
            raise ProviderUnclear("kie took the submission but did not say under which id.")
        return UpstreamRef(task_id, job.upstream_model)

    async def status(self, ref: UpstreamRef) -> Progress:
        family = _family(ref.upstream_model)
        data = await self._record(family, ref)
        state = family.state(data)
        if state is None:
            raise ProviderBusy("kie reports a state we do not know.")
        if state in (UpstreamState.QUEUED, UpstreamState.RUNNING):
            percent = usage.whole(data.get("progress"))
            return Progress(state, percent=None if percent is None else min(percent, 100))
        if state is UpstreamState.FAILED:
            message = usage.sentence(str(data.get("failMsg") or data.get("errorMessage") or t("providers.failed")))
            return Progress(state, error_code=usage.failure_code(message), error_message=message)
        result = _object(data.get(family.result))
        if result is None:
            raise ProviderBusy("kie says the task is done but does not hand over a result we can read.")
        return Progress(
            state,
            percent=100,
            files=tuple(RemoteFile(url) for url in dict.fromkeys(_urls(result))),
            resolved=usage.resolved(_request(data.get(family.request))) | usage.resolved(result),
        )

    async def _record(self, family: Family, ref: UpstreamRef) -> Mapping[str, Any]:
        url = f"{self._http.base}{family.query}?taskId={quote(ref.upstream_id, safe='')}"
        try:
            data = (await self._http.read(url)).get("data")
        except ProviderRefused as refused:
            if refused.details.get("status") != 422:
                raise
            raise ProviderBusy("kie does not show this task at the moment.") from refused
        if not isinstance(data, dict):
            raise ProviderBusy("kie does not show this task at the moment.")
        return data

    async def cancel(self, ref: UpstreamRef) -> CancelAnswer:
        return CancelAnswer.UNSUPPORTED

    async def find(self, job: Job, since: datetime) -> UpstreamRef | None:
        return None

    async def read_callback(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Callback:
        payload = callbacks.parsed(body)
        data = payload.get("data")
        inner = data if isinstance(data, dict) else {}
        task_id = callbacks.identifier(
            inner.get("task_id"), inner.get("taskId"), payload.get("taskId"), payload.get("task_id")
        )
        if self._callback_secret:
            signed = callbacks.SignedHeaders(headers)
            timestamp = signed["X-Webhook-Timestamp"]
            callbacks.check_age(timestamp, now)
            message = f"{task_id}.{timestamp}".encode()
            digest = hmac.new(self._callback_secret.encode(), message, hashlib.sha256).digest()
            if not secrets.same(signed["X-Webhook-Signature"], base64.b64encode(digest).decode()):
                raise callbacks.refused("its signature does not match")
        return Callback(task_id)

    async def download(self, file: RemoteFile, limit_bytes: int) -> Download:
        return await download.fetch(self._http, file, limit_bytes)

    async def check(self) -> str:
        balance = self._http.understood(await self._http.get(f"{self._http.base}/api/v1/chat/credit"))
        return t("providers.kie.accepts", credits=_figure(balance.get("data")))


def _figure(said: Any) -> str:
    """A figure as a person writes it, or what was said instead of one."""
    try:
        return f"{Decimal(plain(exact(str(said)))):,f}"
    except ValueError:
        return str(said)


def explain(payload: Any) -> str | None:
    said = (payload.get("msg") or payload.get("message")) if isinstance(payload, dict) else None
    return said if isinstance(said, str) else None


def _code(payload: Any) -> int | None:
    return usage.whole(payload.get("code")) if isinstance(payload, dict) else None


def _family(upstream_model: str) -> Family:
    if not upstream_model:
        raise ProviderRefused("The route names no kie model.", code="provider_model_unknown")
    return next((family for prefix, family in FAMILIES.items() if upstream_model.startswith(prefix)), MARKET)


def _object(value: Any) -> Mapping[str, Any] | None:
    """An object, or the JSON text of one."""
    parsed = _parsed(value)
    return parsed if isinstance(parsed, dict) else None


def _parsed(value: Any) -> Any:
    """A value that may be written as JSON text once more; text that is no JSON stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_float=Decimal)
    except ValueError:
        return value


def _request(value: Any) -> Any:
    """The parameters kie says it used: those of a market task are one level down."""
    request = _object(value) or {}
    return request.get("input", request)


def _urls(result: Mapping[str, Any]) -> Iterator[str]:
    for key in RESULT_KEYS:
        value = _parsed(result.get(key))
        for url in value if isinstance(value, list) else [value]:
            if usage.is_file_url(url):
                yield url
