"""Replicate: predictions, models with their schema, and webhooks signed the Standard Webhooks way.

Quirks kept on purpose: `Prefer: wait` answers a finished run as `processing` with its output, and one that is not
finished as `starting`; a canceled prediction is billed; `aborted` is a state old clients do not know; input, output and
logs are removed an hour after the end.
"""

import base64
import hashlib
import json
import re
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.sandbox import files
from app.sandbox.callbacks import COMPLETED, LOGS, OUTPUT, START, Message
from app.sandbox.door import ELSEWHERE, Door, base_of, other_host
from app.sandbox.engine import Engine, Order, resolved_input
from app.sandbox.jobs import CANCELED, FAILED, QUEUED, RUNNING, SUCCEEDED, Job, Made, iso
from app.sandbox.plan import AUDIO, IMAGE, BadInput, kind_of, plan_of
from app.sandbox.replicate_errors import error, invalid, not_found, refusal, unauthorized
from app.sandbox.replicate_models import listing, model_of_version, version_of
from app.sandbox.signers import Keys

PAGE = 100
DATA_LIVES_SECONDS = 3600
WAIT_SECONDS = 60
RUN_LIMIT_SECONDS = 1800
EVENTS = (START, OUTPUT, LOGS, COMPLETED)
DEFAULT_EVENTS = (OUTPUT, COMPLETED)
STATES = {QUEUED: "starting", RUNNING: "processing"}

#: Models that answer one address instead of a list of them.
SINGLE_OUTPUT = ("flux-1.1-pro", "flux-pro", "kontext", "nano-banana", "imagen", "seedream-3")


class Replicate:
    provider = "replicate"

    def __init__(self, engine: Engine, door: Door, keys: Keys) -> None:
        self._engine = engine
        self._door = door
        self._keys = keys

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/delivery/{job}/{name}", files.server(self._engine, self.provider)),
            Route("/v1/account", self.account),
            Route("/v1/hardware", self.hardware),
            Route("/v1/webhooks/default/secret", self.secret),
            Route("/v1/models/{owner}/{name}/predictions", self.create, methods=["POST"]),
            Route("/v1/deployments/{owner}/{name}/predictions", self.create, methods=["POST"]),
            Route("/v1/models/{owner}/{name}/versions", self.versions),
            Route("/v1/models/{owner}/{name}/versions/{id}", self.version),
            Route("/v1/models/{owner}/{name}", self.model),
            Route("/v1/predictions", self.create, methods=["POST"]),
            Route("/v1/predictions", self.listed),
            Route("/v1/predictions/{id}", self.get),
            Route("/v1/predictions/{id}/cancel", self.cancel, methods=["POST"]),
        ]

    # What clients call

    async def create(self, request: Request) -> Response:
        if refused := unauthorized(request):
            return refused
        body = await _object(request)
        given = body.get("input") if body else None
        if body is None or not isinstance(given, dict):
            return invalid({"field": "input", "message": "input is required", "type": "required"})
        model, family = self._model_of(request, body)
        if model is None:
            return error(422, "Invalid version or not permitted", "The specified version does not exist.")
        if "no-such" in model:
            return not_found()
        try:
            plan_of(self.provider, model, given)
        except BadInput as bad:
            return invalid(*bad.problems)
        return await self._create(request, body, given, model, family)

    async def _create(
        self, request: Request, body: Mapping[str, Any], given: dict[str, Any], model: str, family: str
    ) -> Response:
        events = body.get("webhook_events_filter")
        if events is not None and (not isinstance(events, list) or not set(events) <= set(EVENTS)):
            return invalid(
                {"field": "webhook_events_filter", "message": f"must be among {', '.join(EVENTS)}", "type": "enum"}
            )
        webhook = body.get("webhook")
        if webhook is not None and not str(webhook).startswith(("http://", "https://")):
            return invalid({"field": "webhook", "message": "must be a URL", "type": "url"})
        order = Order(
            id=_prediction_id(),
            provider=self.provider,
            model=model,
            family=family,
            input=given,
            base=base_of(request, self.provider),
            faults={},
            callback_url=webhook,
            events=tuple(events) if events else DEFAULT_EVENTS,
            end_within=_seconds(request.headers.get("cancel-after")),
        )
        wait = _wait_seconds(request.headers.get("prefer"))
        answer = await self._door.submit(request, self, order, lambda job: JSONResponse(self._prediction(job), 201))
        job = self._engine.book.get(order.id)
        if wait is None or job is None or answer.status_code != 201:
            return answer
        return await self._waited(job, wait)

    async def _waited(self, job: Job, seconds: float) -> Response:
        done = await self._engine.ended(job.id, seconds)
        job = self._engine.book.get(job.id) or job
        body = self._prediction(job)
        if not done:
            return JSONResponse(body | {"status": "starting"}, 202)
        if job.state == SUCCEEDED:
            body |= {"status": "processing", "completed_at": None, "metrics": None}
        return JSONResponse(body, 201)

    async def get(self, request: Request) -> Response:
        job = self._find(request)
        if isinstance(job, Response):
            return job
        for fault, answered in (("poll-429", "refuse-429"), ("poll-500", "500")):
            if self._engine.spends(job, fault):
                return refusal(answered, "1")
        if "result-404" in job.faults and not job.is_open:
            return not_found()
        return JSONResponse(self._prediction(job))

    async def listed(self, request: Request) -> Response:
        """Newest first. A cursor holds the direction and the time of the row at the page's edge."""
        if refused := unauthorized(request):
            return refused
        query = request.query_params
        try:
            before = float(_decoded(query["cursor"])) if query.get("cursor") else 1e12
            since, until = _moment(query.get("created_after"), 0.0), _moment(query.get("created_before"), 1e12)
        except ValueError:
            return error(400, "Bad request", "The cursor or a date is not valid.")
        rows = self._engine.book.page(self.provider, limit=PAGE + 1, before=before, since=since, until=until)
        page, more = rows[:PAGE], len(rows) > PAGE
        address = base_of(request, self.provider) + "/v1/predictions?cursor="
        newer = (
            self._engine.book.page(self.provider, limit=100_000, before=1e12, after=page[0].accepted_at) if page else []
        )
        previous = None
        if newer:
            edge = newer[-PAGE - 1].accepted_at if len(newer) > PAGE else 1e12
            previous = address + _encoded(repr(edge))
        return JSONResponse(
            {
                "next": address + _encoded(repr(page[-1].accepted_at)) if more else None,
                "previous": previous,
                "results": [self._prediction(job) | {"source": "api"} for job in page],
            }
        )

    async def cancel(self, request: Request) -> Response:
        job = self._find(request)
        if isinstance(job, Response):
            return job
        return JSONResponse(self._prediction(self._engine.cancel(job)))

    async def model(self, request: Request) -> Response:
        if refused := unauthorized(request):
            return refused
        owner, name = request.path_params["owner"], request.path_params["name"]
        if "no-such" in name:
            return not_found()
        return JSONResponse(listing(f"{owner}/{name}", base_of(request, self.provider)))

    async def versions(self, request: Request) -> Response:
        if refused := unauthorized(request):
            return refused
        model = f"{request.path_params['owner']}/{request.path_params['name']}"
        return JSONResponse({"previous": None, "next": None, "results": [listing(model, "")["latest_version"]]})

    async def version(self, request: Request) -> Response:
        if refused := unauthorized(request):
            return refused
        model = f"{request.path_params['owner']}/{request.path_params['name']}"
        found = request.path_params["id"] == version_of(model)
        return JSONResponse(listing(model, "")["latest_version"]) if found else not_found()

    async def account(self, request: Request) -> Response:
        if refused := unauthorized(request):
            return refused
        return JSONResponse({"type": "organization", "username": "sandbox", "name": "Sandbox", "github_url": None})

    async def hardware(self, request: Request) -> Response:
        if refused := unauthorized(request):
            return refused
        kinds = (
            ("CPU", "cpu"),
            ("Nvidia T4 GPU", "gpu-t4"),
            ("Nvidia L40S GPU", "gpu-l40s"),
            ("Nvidia H100 GPU", "gpu-h100"),
        )
        return JSONResponse([{"name": name, "sku": sku} for name, sku in kinds])

    async def secret(self, request: Request) -> Response:
        if refused := unauthorized(request):
            return refused
        return JSONResponse({"key": self._keys.replicate_secret})

    # Desk

    def refusal(self, fault: str, arg: str) -> Response:
        return refusal(fault, arg)

    def bad_request(self, message: str) -> Response:
        return invalid({"field": "input", "message": message, "type": "value"})

    # Voice

    def message(self, job: Job, event: str) -> Message | None:
        body = json.dumps(self._prediction(job)).encode()
        message_id = "msg_" + hashlib.sha256(f"{job.id} {event}".encode()).hexdigest()[:24]
        timestamp = str(int(time.time()))
        signature = self._keys.replicate(message_id, timestamp, body)
        if "webhook-forged" in job.faults:
            signature = "v1," + base64.b64encode(bytes(32)).decode()
        return Message(body, {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": signature})

    def forged(self, job: Job) -> Message | None:
        return None

    # Bodies

    def _prediction(self, job: Job) -> dict[str, Any]:
        removed = not job.is_open and time.time() - (job.finished_at or 0) > DATA_LIVES_SECONDS
        api = f"{ELSEWHERE}/replicate" if other_host(job, "status") else job.base
        address = f"{api}/v1/predictions/{job.id}"
        return {
            "id": job.id,
            "model": job.model,
            "version": version_of(job.model) if job.family == "version" else "hidden",
            "input": {} if removed else dict(_used_input(job)),
            "logs": "" if removed else _logs(job),
            "output": None if removed else _output(job),
            "data_removed": removed,
            "error": _error_text(job),
            "status": STATES.get(job.state, job.state),
            "created_at": iso(job.accepted_at),
            "started_at": iso(job.started_at),
            "completed_at": iso(job.finished_at),
            "deadline": iso(job.deadline_at or job.accepted_at + RUN_LIMIT_SECONDS),
            "deployment": None,
            "metrics": _metrics(job),
            "urls": {
                "get": address,
                "cancel": f"{address}/cancel",
                "stream": f"{address}/stream",
                "web": f"https://replicate.com/p/{job.id}",
            },
        }

    def _model_of(self, request: Request, body: Mapping[str, Any]) -> tuple[str | None, str]:
        owner, name = request.path_params.get("owner"), request.path_params.get("name")
        if owner and name:
            return f"{owner}/{name}", "model"
        named, _, version = str(body.get("version") or "").rpartition(":")
        if "/" in named or "/" in version:
            return named or version, "version"
        known = model_of_version(version)
        return known, "version"

    def _find(self, request: Request) -> Job | Response:
        if refused := unauthorized(request):
            return refused
        job = self._engine.book.get(request.path_params["id"])
        return job if job and job.provider == self.provider else not_found()


def _output(job: Job) -> Any:
    if job.state not in {SUCCEEDED, RUNNING} or not (job.outputs or job.state == SUCCEEDED):
        return None
    if job.state == RUNNING and job.finished_at is None and time.time() < job.ends_at:
        return None
    addresses = [_address(job, made) for made in job.outputs]
    if kind_of(job.model) == IMAGE and not any(part in job.model for part in SINGLE_OUTPUT):
        return addresses
    return addresses[0] if addresses else None


def _address(job: Job, made: Made) -> str:
    return f"{ELSEWHERE if other_host(job, 'file') else job.base}/delivery/{job.id}/{made.name}"


def _metrics(job: Job) -> dict[str, Any] | None:
    if job.is_open or job.started_at is None or job.finished_at is None:
        return {} if job.is_open else None
    spent: dict[str, Any] = {
        "predict_time": round(job.finished_at - job.started_at, 6),
        "total_time": round(job.finished_at - job.accepted_at, 6),
    }
    if job.state != SUCCEEDED or "missing-usage" in job.faults:
        return spent
    kind, none = kind_of(job.model), "zero-usage" in job.faults
    if kind == IMAGE:
        return spent | {"image_count": 0 if none else len(job.outputs)}
    if kind == AUDIO:
        return spent | {
            "input_token_count": 0 if none else len(str(job.input.get("text") or job.input.get("prompt") or ""))
        }
    seconds = sum(float(made.seconds or 0) for made in job.outputs)
    return spent | {
        "video_output_count": 0 if none else len(job.outputs),
        "video_output_duration_seconds": 0 if none else seconds,
    }


def _used_input(job: Job) -> Mapping[str, Any]:
    return resolved_input(job) if job.state == SUCCEEDED else job.input


def _error_text(job: Job) -> str | None:
    return job.error.message if job.error and job.state == FAILED else None


def _logs(job: Job) -> str:
    if job.started_at is None:
        return ""
    if job.state == CANCELED:
        return "Canceled\n"
    percent = job.percent(time.time())
    lines = [f"Using seed: {job.input.get('seed', 4711)}"]
    lines += [f"{done:3d}%|{'█' * (done // 10):<10}| {done}/100 [00:00<00:00]" for done in range(0, percent + 1, 25)]
    return "\n".join(lines)


async def _object(request: Request) -> dict[str, Any] | None:
    try:
        body = await request.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _prediction_id() -> str:
    return base64.b32encode(secrets.token_bytes(16)).decode().lower().rstrip("=")


def _wait_seconds(prefer: str | None) -> float | None:
    """Seconds to hold the answer back, from `Prefer: wait` or `wait=N`; None when it was not asked for."""
    for part in (prefer or "").split(","):
        name, _, value = part.strip().partition("=")
        if name == "wait":
            return float(value) if value.isdigit() and 1 <= int(value) <= WAIT_SECONDS else WAIT_SECONDS
    return None


def _seconds(text: str | None) -> float | None:
    """`30s`, `1m` or `90` as seconds; None for nothing, and for what cannot be read."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([smh]?)", text or "")
    return float(found[1]) * {"m": 60, "h": 3600}.get(found[2], 1) if found else None


def _moment(text: str | None, default: float) -> float:
    return datetime.fromisoformat(text).timestamp() if text else default


def _encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decoded(text: str) -> str:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
