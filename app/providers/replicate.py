"""Replicate: predictions, created and polled; signed callbacks; a list in which a lost submission can be found.

Quirks
- Three addresses to create: an official model (`owner/name`), a version (`owner/name:version` or its 64 hex digits)
  and a deployment (`deployments/owner/name`).
- `canceled` is billed, `aborted` (stopped before it began) is not, `failed` is not for models priced by output.
- We never ask it to wait for the result: such an answer may carry an output without being finished.
- Only https addresses are called back, and any other fails the submission: then we go without a callback.
- Inputs, outputs and files are removed after an hour; `data_removed` then stands where the output was.
- What was charged is said nowhere. Metrics count what was made; the price is in our catalogue.
- The webhook's secret is the account's default one unless the operator entered another.
"""

import base64
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx

from app.kernel import secrets
from app.kernel.errors import ProviderBusy, ProviderRefused, ProviderUnclear
from app.kernel.text import t
from app.providers import callbacks, download, usage
from app.providers.http import Http, Wording
from app.providers.memory import Memory
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

NAME = "Replicate"
BASE_URL = "https://api.replicate.com/v1"
SETTINGS: Mapping[str, Any] = {"output_hosts": ["replicate.delivery", "*.replicate.delivery"]}

STATES = {
    "starting": UpstreamState.QUEUED,
    "processing": UpstreamState.RUNNING,
    "succeeded": UpstreamState.DONE,
    "failed": UpstreamState.FAILED,
    "canceled": UpstreamState.CANCELED,
    "aborted": UpstreamState.CANCELED,
}
BILLED_UNDELIVERED = frozenset({"canceled"})
CANCEL_ANSWERS = {
    UpstreamState.CANCELED: CancelAnswer.CANCELED,
    UpstreamState.DONE: CancelAnswer.TOO_LATE,
    UpstreamState.FAILED: CancelAnswer.TOO_LATE,
}
METRICS = {
    "image_count": "images",
    "video_output_duration_seconds": "seconds",
    "audio_output_duration_seconds": "seconds",
    "input_token_count": "input_tokens",
    "output_token_count": "output_tokens",
    "predict_time": "predict_seconds",
}
VERSION = re.compile(r"([\w.-]+/[\w.-]+:)?[0-9a-f]{64}")
MODEL = re.compile(r"(deployments/)?[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
MAX_PAGES = 20  # of 100 predictions, when looking for a lost one

_secrets: Memory[str] = Memory()


class Replicate:
    kind = "replicate"

    def __init__(self, connection: Connection, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._connection = connection
        self._http = Http(NAME, connection, f"Bearer {connection.api_key}", Wording(explain), transport=transport)

    async def submit(self, job: Job) -> UpstreamRef:
        path, body = _target(job.upstream_model)
        body["input"] = dict(job.params)
        if self._can_call_back(job):
            body |= {"webhook": job.callback_url, "webhook_events_filter": ["completed"]}
        prediction = await self._http.post_once(f"{self._http.base}{path}", body)
        if not isinstance(prediction.get("id"), str) or not prediction["id"]:
            raise ProviderUnclear("Replicate took the submission but did not say under which id.")
        return self._ref(prediction, job.upstream_model)

    async def status(self, ref: UpstreamRef) -> Progress:
        prediction = await self._http.read(ref.status_url or self._prediction_url(ref))
        word = str(prediction.get("status"))
        state = STATES.get(word)
        if state is None:
            raise ProviderBusy(f"Replicate reports a state we do not know: {word[:40]!r}.")
        if state in (UpstreamState.QUEUED, UpstreamState.RUNNING):
            return Progress(state, percent=usage.percent_in_logs(str(prediction.get("logs") or "").splitlines()))
        if state is UpstreamState.DONE:
            return _delivered(prediction)
        message = usage.sentence(str(prediction.get("error") or t(f"providers.{word}")))
        return Progress(
            state,
            reported=_reported(prediction),
            error_code=usage.failure_code(message) if state is UpstreamState.FAILED else word,
            error_message=message,
            charged_anyway=word in BILLED_UNDELIVERED,
        )

    async def cancel(self, ref: UpstreamRef) -> CancelAnswer:
        answer = await self._http.get(ref.cancel_url or f"{self._prediction_url(ref)}/cancel", method="POST")
        if answer.status in (404, 409, 422):
            return CancelAnswer.TOO_LATE
        state = STATES.get(str(self._http.about_job(answer).get("status")), UpstreamState.RUNNING)
        return CANCEL_ANSWERS.get(state, CancelAnswer.REQUESTED)

    async def find(self, job: Job, since: datetime) -> UpstreamRef | None:
        """By the callback address, which names our attempt; without one, by an input that only one job has."""
        sent = self._http.as_sent(job.params)
        lookalikes: list[Mapping[str, Any]] = []
        async for prediction in self._created_since(since):
            webhook = prediction.get("webhook")
            if webhook and webhook == job.callback_url:
                return self._ref(prediction, job.upstream_model)
            if not webhook and _is_of(prediction, job.upstream_model) and prediction.get("input") == sent:
                lookalikes.append(prediction)
        return self._ref(lookalikes[0], job.upstream_model) if len(lookalikes) == 1 else None

    async def read_callback(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Callback:
        signed = callbacks.SignedHeaders(headers)
        callbacks.check_age(signed["webhook-timestamp"], now)
        own = self._connection.callback_secret
        if own:
            genuine = _is_signed(headers, body, own)
        else:
            account = f"{self._http.base} {secrets.digest(self._connection.api_key)}"
            genuine = _is_signed(headers, body, await _secrets.get(account, now, self._fetch_secret))
            if not genuine and (rotated := await _secrets.newer(account, now, self._fetch_secret)):
                genuine = _is_signed(headers, body, rotated)
        if not genuine:
            raise callbacks.refused("its signature does not match")
        return Callback(callbacks.identifier(callbacks.parsed(body).get("id")))

    async def download(self, file: RemoteFile, limit_bytes: int) -> Download:
        return await download.fetch(self._http, file, limit_bytes)

    async def check(self) -> str:
        account = self._http.understood(await self._http.get(f"{self._http.base}/account"))
        return t("providers.replicate.accepts", who=account.get("username") or account.get("name") or "?")

    async def schema(self, upstream_model: str) -> Mapping[str, Any]:
        model, _, version = upstream_model.partition(":")
        if not MODEL.fullmatch(model) or model.startswith("deployments/"):
            raise ProviderRefused(
                "Name a Replicate model as owner/name or owner/name:version.", code="provider_model_unknown"
            )
        path = f"/models/{model}/versions/{quote(version, safe='')}" if version else f"/models/{model}"
        return self._http.understood(await self._http.get(f"{self._http.base}{path}"))

    async def _created_since(self, since: datetime) -> AsyncIterator[Mapping[str, Any]]:
        """Predictions from the newest back to `since`; `ProviderBusy` when there are too many to look through."""
        url = f"{self._http.base}/predictions"
        for _ in range(MAX_PAGES):
            page = await self._http.read(url)
            for prediction in page.get("results") or ():
                if _created_at(prediction) < since:
                    return
                yield prediction
            if not page.get("next"):
                return
            url = str(page["next"])
        raise ProviderBusy("Replicate lists too many predictions to find one among them.")

    async def _fetch_secret(self) -> str:
        key = (await self._http.credentials(f"{self._http.base}/webhooks/default/secret")).get("key")
        if not isinstance(key, str):
            raise ProviderBusy("Replicate does not tell the secret of its webhooks.")
        return key

    def _can_call_back(self, job: Job) -> bool:
        return job.callback_url.startswith("https://") or (bool(job.callback_url) and not self._http.is_public)

    def _prediction_url(self, ref: UpstreamRef) -> str:
        return f"{self._http.base}/predictions/{quote(ref.upstream_id, safe='')}"

    def _ref(self, prediction: Mapping[str, Any], upstream_model: str) -> UpstreamRef:
        urls = prediction.get("urls")
        urls = urls if isinstance(urls, dict) else {}
        return UpstreamRef(
            str(prediction["id"]),
            upstream_model,
            status_url=self._http.own(urls.get("get")),
            cancel_url=self._http.own(urls.get("cancel")),
        )


def explain(payload: Any) -> str | None:
    """Replicate's own sentence: `detail`, below a short `title`."""
    if not isinstance(payload, dict):
        return None
    said = payload.get("detail") or payload.get("title")
    return said if isinstance(said, str) else None


def _target(upstream_model: str) -> tuple[str, dict[str, Any]]:
    """Where a prediction of this model is created, and what its body must name."""
    if VERSION.fullmatch(upstream_model):
        return "/predictions", {"version": upstream_model}
    if not MODEL.fullmatch(upstream_model):
        raise ProviderRefused(
            f"{upstream_model!r} is not a Replicate model: it is written owner/name, owner/name:version or "
            "deployments/owner/name.",
            code="provider_model_unknown",
        )
    collection = "" if upstream_model.startswith("deployments/") else "/models"
    return f"{collection}/{upstream_model}/predictions", {}


def _created_at(prediction: Any) -> datetime:
    try:
        return datetime.fromisoformat(prediction["created_at"])
    except (KeyError, TypeError, ValueError) as error:
        raise ProviderBusy("Replicate lists predictions in a way we cannot read.") from error


def _is_of(prediction: Mapping[str, Any], upstream_model: str) -> bool:
    name, _, version = upstream_model.rpartition(":")
    if VERSION.fullmatch(upstream_model):
        return prediction.get("version") == version or (bool(name) and prediction.get("model") == name)
    return upstream_model.removeprefix("deployments/") in (prediction.get("model"), prediction.get("deployment"))


def _delivered(prediction: Mapping[str, Any]) -> Progress:
    if prediction.get("data_removed") and not prediction.get("output"):
        return Progress(
            UpstreamState.FAILED,
            error_code="result_expired",
            error_message=t("providers.result_expired"),
            charged_anyway=True,
        )
    return Progress(
        UpstreamState.DONE,
        percent=100,
        files=tuple(RemoteFile(url) for url in dict.fromkeys(_urls(prediction.get("output")))),
        reported=_reported(prediction),
        resolved=usage.resolved(prediction.get("input")),
    )


def _urls(output: Any) -> Iterator[str]:
    """Every file in an output, which is an address, a list of them, or an object that has some."""
    if usage.is_file_url(output):
        yield output
    elif isinstance(output, list | dict):
        for item in output.values() if isinstance(output, dict) else output:
            yield from _urls(item)


def _reported(prediction: Mapping[str, Any]) -> dict[str, Decimal]:
    metrics = prediction.get("metrics") or {}
    figures = {ours: usage.number(metrics[theirs]) for theirs, ours in METRICS.items() if theirs in metrics}
    return {name: figure for name, figure in figures.items() if figure is not None}


def _is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """Whether any of the signatures is ours; the SDK compares in constant time and raises ValueErrors of many kinds."""
    from replicate.webhook import Webhooks, WebhookSigningSecret  # with the first callback: it is a tenth of a second

    try:
        if not base64.b64decode(secret.removeprefix("whsec_")):
            return False  # an empty key would let anybody sign
        Webhooks.validate(headers=dict(headers), body=body.decode(), secret=WebhookSigningSecret(key=secret))
    except ValueError:
        return False
    return True
