"""fal: submitted to a queue, polled, fetched; signed callbacks.

Quirks
- A model's sub-path is part of the submit address only: `fal-ai/flux/schnell` is polled at `fal-ai/flux/requests/…`.
  Status, result and cancel addresses come with the answer; we keep those on our own host and rebuild any other.
- COMPLETED does not mean success: it may carry `error`, and older models say so only by the status of the result.
- What is billed is in a header of the result (`x-fal-billable-units`), never in a body or a callback. So a finished
  job is always fetched once, a failed one too.
- A result is kept for an hour, a large one for minutes. Once it is gone the job is paid and undeliverable.
- There is no list of requests: a submit whose answer was lost is recovered by its callback or not at all.
- 5xx on submit is documented as never charged for runs, but not as never queued, hence `unclear`.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.kernel.errors import ProviderBusy, ProviderRefused, ProviderUnclear
from app.kernel.text import t
from app.providers import callbacks, download, usage
from app.providers.http import Answer, Http, Wording
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

if TYPE_CHECKING:
    from fal_client.client import AppId

NAME = "fal"
BASE_URL = "https://queue.fal.run"
SETTINGS: Mapping[str, Any] = {
    "api_url": "https://api.fal.ai",
    "jwks_url": "https://rest.fal.ai/.well-known/jwks.json",
    "output_hosts": ["v3.fal.media", "v3b.fal.media", "fal.media", "*.fal.media"],
}

STATES = {
    "IN_QUEUE": UpstreamState.QUEUED,
    "IN_PROGRESS": UpstreamState.RUNNING,
    "COMPLETED": UpstreamState.DONE,
}
CANCEL_ANSWERS = {
    "OK": CancelAnswer.CANCELED,
    "CANCELLATION_REQUESTED": CancelAnswer.REQUESTED,
    "ALREADY_COMPLETED": CancelAnswer.TOO_LATE,
    "NOT_FOUND": CancelAnswer.TOO_LATE,
}
CANCELED_ERRORS = frozenset({"client_cancelled"})
#: Statuses of a result that come from the road to it; any other error is the run's own.
NOT_ABOUT_THE_RUN = frozenset({401, 402, 403, 404, 502, 503, 504})
OUTPUT_KEYS = ("images", "image", "videos", "video", "audio", "audios", "audio_file", "audio_url", "files", "file")
BILLABLE_UNITS = "x-fal-billable-units"
MODEL_PATH = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)+")
CHECKED_MODEL = "fal-ai/flux/schnell"

_public_keys: Memory[tuple[Ed25519PublicKey, ...]] = Memory()


class Fal:
    kind = "fal"

    def __init__(self, connection: Connection, transport: httpx.AsyncBaseTransport | None = None) -> None:
        base = connection.base_url.rstrip("/")
        # Elsewhere than at fal itself, everything is expected under the base URL; the key must not go to fal then.
        own = SETTINGS if base == BASE_URL else {"jwks_url": f"{base}/.well-known/jwks.json"}
        self._api_url: str | None = connection.settings.get("api_url") or own.get("api_url")
        self._jwks_url: str = connection.settings.get("jwks_url") or own["jwks_url"]
        self._http = Http(
            NAME,
            connection,
            f"Key {connection.api_key}",
            Wording(explain),
            own_urls=[url for url in (self._api_url, self._jwks_url) if url],
            transport=transport,
        )

    async def submit(self, job: Job) -> UpstreamRef:
        _app(job.upstream_model)
        query = {"fal_webhook": job.callback_url} if job.callback_url else None
        answer = await self._http.post_once(f"{self._http.base}/{job.upstream_model}", job.params, query=query)
        request_id = answer.get("request_id")
        if not isinstance(request_id, str) or not request_id:
            raise ProviderUnclear("fal took the submission but did not say under which id.")
        return UpstreamRef(
            request_id,
            job.upstream_model,
            status_url=self._http.own(answer.get("status_url")),
            response_url=self._http.own(answer.get("response_url")),
            cancel_url=self._http.own(answer.get("cancel_url")),
        )

    async def status(self, ref: UpstreamRef) -> Progress:
        url = httpx.URL(ref.status_url or self._request_url(ref, "/status")).copy_merge_params({"logs": "1"})
        answer = await self._http.read(str(url))
        state = STATES.get(str(answer.get("status")))
        if state is None:
            raise ProviderBusy(f"fal reports a state we do not know: {str(answer.get('status'))[:40]!r}.")
        if state is UpstreamState.DONE:
            return await self._finished(ref, answer)
        position = answer.get("queue_position")
        return Progress(
            state,
            queue_position=position if isinstance(position, int) else None,
            percent=usage.percent_in_logs(_log_lines(answer.get("logs"))),
        )

    async def _finished(self, ref: UpstreamRef, status: Mapping[str, Any]) -> Progress:
        error = status.get("error")
        try:
            result = await self._http.get(ref.response_url or self._request_url(ref))
        except ProviderBusy as busy:
            if not error or busy.details.get("status", 429) < 500:
                raise
            return _failed(status, None)  # a broken run may have a broken result; fal does not bill those
        if result.status == 400 and "in progress" in (explain(result.payload) or ""):
            raise ProviderBusy("fal says the run is over but does not hand over its result yet.")
        if error or not (result.ok or result.status in NOT_ABOUT_THE_RUN):
            return _failed(status, result)
        if result.status == 404:
            return Progress(
                UpstreamState.FAILED,
                error_code="result_expired",
                error_message=t("providers.result_expired"),
                charged_anyway=True,
            )
        output = self._http.about_job(result)
        return Progress(
            UpstreamState.DONE,
            percent=100,
            files=tuple(_files(output)),
            billable_units=_billable_units(result),
            reported=_reported(output),
            resolved=usage.resolved(output),
        )

    async def cancel(self, ref: UpstreamRef) -> CancelAnswer:
        answer = await self._http.get(ref.cancel_url or self._request_url(ref, "/cancel"), method="PUT")
        said = answer.payload.get("status") if isinstance(answer.payload, dict) else None
        if said in CANCEL_ANSWERS:
            return CANCEL_ANSWERS[said]
        if answer.status in (400, 404):
            return CancelAnswer.TOO_LATE
        self._http.about_job(answer)
        return CancelAnswer.REQUESTED

    async def find(self, job: Job, since: datetime) -> UpstreamRef | None:
        return None

    async def read_callback(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Callback:
        signed = callbacks.SignedHeaders(headers)
        timestamp = signed["X-Fal-Webhook-Timestamp"]
        lines = (
            signed["X-Fal-Webhook-Request-Id"],
            signed["X-Fal-Webhook-User-Id"],
            timestamp,
            hashlib.sha256(body).hexdigest(),
        )
        try:
            signature = bytes.fromhex(signed["X-Fal-Webhook-Signature"])
        except ValueError:
            raise callbacks.refused("its signature cannot be read") from None
        callbacks.check_age(timestamp, now)
        message = "\n".join(lines).encode()
        if not _verifies(signature, message, await _public_keys.get(self._jwks_url, now, self._fetch_keys)):
            rotated = await _public_keys.newer(self._jwks_url, now, self._fetch_keys)
            if rotated is None or not _verifies(signature, message, rotated):
                raise callbacks.refused("its signature does not match")
        return Callback(callbacks.identifier(callbacks.parsed(body).get("request_id")))

    async def download(self, file: RemoteFile, limit_bytes: int) -> Download:
        return await download.fetch(self._http, file, limit_bytes)

    async def check(self) -> str:
        if self._api_url:
            platform = self._api_url.rstrip("/").removesuffix("/v1")
            prices = await self._http.get(f"{platform}/v1/models/pricing?endpoint_id={quote(CHECKED_MODEL, safe='')}")
            self._http.understood(prices)
            return t("providers.fal.accepts")
        nobody = UpstreamRef("00000000-0000-0000-0000-000000000000", CHECKED_MODEL)
        answer = await self._http.get(self._request_url(nobody, "/status"))
        if answer.status != 404:  # an id nobody has: 404 says that the key was read and found good
            self._http.understood(answer)
        return t("providers.fal.accepts")

    async def schema(self, upstream_model: str) -> Mapping[str, Any]:
        """From the platform's list of models, which tells an endpoint's OpenAPI when asked to."""
        _app(upstream_model)
        if not self._api_url:
            raise ProviderRefused("fal's platform address is not set on the provider page.", code="provider_address")
        platform = self._api_url.rstrip("/").removesuffix("/v1")
        query = f"endpoint_id={quote(upstream_model, safe='')}&expand=openapi-3.0"
        listed = self._http.understood(await self._http.get(f"{platform}/v1/models?{query}")).get("models")
        found = listed[0] if isinstance(listed, list) and listed else None
        if not isinstance(found, dict) or not isinstance(found.get("openapi"), dict):
            raise ProviderRefused(f"fal does not describe {upstream_model}.", code="provider_model_unknown")
        return found

    def _request_url(self, ref: UpstreamRef, action: str = "") -> str:
        app = _app(ref.upstream_model)
        namespace = f"{app.namespace}/" if app.namespace else ""
        request_id = quote(ref.upstream_id, safe="")
        return f"{self._http.base}/{namespace}{app.owner}/{app.alias}/requests/{request_id}{action}"

    async def _fetch_keys(self) -> tuple[Ed25519PublicKey, ...]:
        published = await self._http.credentials(self._jwks_url, with_key=False)
        return tuple(_ed25519_keys(published.get("keys")))


def explain(payload: Any) -> str | None:
    """fal's own sentence: `detail` is a text or a list of problems, each with the place it is about."""
    detail = payload.get("detail") if isinstance(payload, dict) else None
    if isinstance(detail, str):
        return detail
    if not isinstance(detail, list):
        return None
    problems = [problem for problem in detail if isinstance(problem, dict) and problem.get("msg")]
    return "; ".join(_problem(problem) for problem in problems) or None


def _problem(problem: Mapping[str, Any]) -> str:
    place = [str(part) for part in problem.get("loc") or () if part != "body"]
    return f"{'.'.join(place)}: {problem['msg']}" if place else str(problem["msg"])


def _failed(status: Mapping[str, Any], result: Answer | None) -> Progress:
    """A run that went wrong, told by whichever of the two answers says more."""
    payload = result.payload if result and isinstance(result.payload, dict) else {}
    detail = payload.get("detail")
    problem = detail[0] if isinstance(detail, list) and detail and isinstance(detail[0], dict) else {}
    header = result.headers.get("x-fal-error-type") if result else None
    code = problem.get("type") or status.get("error_type") or payload.get("error_type") or header
    message = explain(payload) or str(status.get("error") or t("providers.failed"))
    units = _billable_units(result) if result else None
    return Progress(
        UpstreamState.CANCELED if code in CANCELED_ERRORS else UpstreamState.FAILED,
        billable_units=units,
        error_code=str(code or "generation_failed"),
        error_message=usage.sentence(message),
        charged_anyway=bool(units),
    )


def _app(upstream_model: str) -> "AppId":
    """Owner, alias and namespace of a model; one that is not written like a model would change the address we call."""
    from fal_client.client import AppId  # only when something is sent: a start does not wait for the SDK

    try:
        if MODEL_PATH.fullmatch(upstream_model):
            return AppId.from_endpoint_id(upstream_model)
    except (ValueError, IndexError):
        pass
    raise ProviderRefused(
        f"{upstream_model!r} is not a fal model: it is written owner/model.", code="provider_model_unknown"
    )


def _log_lines(logs: Any) -> Iterator[str]:
    for line in logs if isinstance(logs, list) else ():
        if isinstance(line, dict):
            yield str(line.get("message") or "")


def _billable_units(result: Answer) -> Decimal | None:
    """What fal bills, in the unit of the model's price; a header that is absent or no figure is not a zero."""
    return usage.number(result.headers.get(BILLABLE_UNITS))


def _files(output: Mapping[str, Any]) -> Iterator[RemoteFile]:
    seen: set[str] = set()
    for key in OUTPUT_KEYS:
        value = output.get(key)
        for item in value if isinstance(value, list) else [value]:
            entry = item if isinstance(item, dict) else {"url": item}
            url = entry.get("url")
            if usage.is_file_url(url) and url not in seen:
                seen.add(url)
                yield RemoteFile(
                    url, entry.get("content_type"), usage.whole(entry.get("width")), usage.whole(entry.get("height"))
                )


def _reported(output: Mapping[str, Any]) -> dict[str, Decimal]:
    reported = usage.tokens(output.get("usage"))
    for key in ("video", "audio"):
        media = output.get(key)
        seconds = usage.number(media.get("duration")) if isinstance(media, dict) else None
        if seconds is not None:
            reported["seconds"] = seconds
    milliseconds = usage.number(output.get("duration_ms"))
    if milliseconds is not None:
        reported["seconds"] = milliseconds / 1000
    return reported


def _verifies(signature: bytes, message: bytes, keys: tuple[Ed25519PublicKey, ...]) -> bool:
    for key in keys:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            continue
        return True
    return False


def _ed25519_keys(keys: Any) -> Iterator[Ed25519PublicKey]:
    for key in keys if isinstance(keys, list) else ():
        if isinstance(key, dict) and key.get("crv", "Ed25519") == "Ed25519" and isinstance(key.get("x"), str):
            try:
                yield Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "=="))
            except (ValueError, binascii.Error):
                continue  # one malformed key must not hide the good ones
