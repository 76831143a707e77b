"""fal: the queue, its results, the webhook, and the two platform endpoints a reseller reads.

Quirks kept on purpose: inputs are checked only when the job runs, so a bad one is accepted and ends COMPLETED with an
error; COMPLETED is not success; status and result live under owner/alias without the model's sub-path; a result
is gone after an hour, or after six minutes when it is large; a running job cannot really be stopped; MiniMax speech
answers hexadecimal text unless a URL is asked for.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from app.sandbox import files, prices
from app.sandbox.callbacks import COMPLETED, Message
from app.sandbox.door import ELSEWHERE, Door, base_of, other_host
from app.sandbox.engine import Engine, Order, resolved_input
from app.sandbox.fal_models import listed
from app.sandbox.jobs import QUEUED, Failure, Job, Made, iso
from app.sandbox.plan import AUDIO, IMAGE, kind_of
from app.sandbox.signers import Keys

RESULT_LIVES_SECONDS = 3600
LARGE_RESULT_LIVES_SECONDS = 360
LARGE_RESULT_BYTES = 10_000
NAMESPACES = {"workflows", "comfy"}
MAX_PRICED = 50

_REFUSALS: Mapping[str, tuple[int, str]] = {
    "401": (401, "No user found for Key ID and Secret"),
    "402": (403, "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."),
    "409": (409, "Conflict"),
    "500": (500, "Internal Server Error"),
    "refuse-429": (429, "Too many requests"),
    "refuse-503": (503, "Service temporarily unavailable"),
}
_ERROR_TYPES = {"500": "internal_error", "refuse-503": "runner_scheduling_failure"}


class Fal:
    provider = "fal"

    def __init__(self, engine: Engine, door: Door, keys: Keys) -> None:
        self._engine = engine
        self._door = door
        self._keys = keys

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/.well-known/jwks.json", self.jwks),
            Route("/v1/models", self.models),
            Route("/v1/models/pricing", self.pricing),
            Route("/v1/models/pricing/estimate", self.estimate, methods=["POST"]),
            Route("/v1/models/billing-events", self.billing_events),
            Route("/files/{job}/{name}", files.server(self._engine, self.provider)),
            Route("/{path:path}", self.submit, methods=["POST"]),
            Route("/{app:path}/requests/{id}/status/stream", self.stream),
            Route("/{app:path}/requests/{id}/status", self.status),
            Route("/{app:path}/requests/{id}/cancel", self.cancel, methods=["PUT"]),
            Route("/{app:path}/requests/{id}", self.result),
        ]

    # What clients call

    async def submit(self, request: Request) -> Response:
        if refused := _unauthorized(request):
            return refused
        model = request.path_params["path"].strip("/")
        if len(model.split("/")) < 2 or "no-such" in model:
            return JSONResponse({"detail": f"Application '{model}' not found"}, 404)
        try:
            given = await request.json()
        except ValueError:
            given = None
        if not isinstance(given, dict):
            return self.bad_request("The body must be a JSON object")
        callback_url = request.query_params.get("fal_webhook")
        patience = request.headers.get("x-fal-request-timeout", "")
        order = Order(
            id=str(uuid.uuid4()),
            provider=self.provider,
            model=model,
            family="queue",
            input=given,
            base=base_of(request, self.provider),
            faults={},
            callback_url=callback_url,
            events=(COMPLETED,),
            start_within=float(patience) if patience.replace(".", "", 1).isdigit() else None,
        )
        return await self._door.submit(request, self, order, self._accepted)

    async def status(self, request: Request) -> Response:
        job = self._find(request)
        if isinstance(job, Response):
            return job
        for fault, code in (("poll-429", 429), ("poll-500", 500)):
            if self._engine.spends(job, fault):
                return JSONResponse({"detail": "Please try again"}, code, {"retry-after": "1"})
        with_logs = request.query_params.get("logs") in {"1", "true", "True"}
        return JSONResponse(self._status(job, with_logs=with_logs), 202 if job.is_open else 200, _ids(job))

    async def stream(self, request: Request) -> Response:
        job = self._find(request)
        if isinstance(job, Response):
            return job
        return StreamingResponse(self._statuses(job), media_type="text/event-stream")

    async def result(self, request: Request) -> Response:
        job = self._find(request)
        if isinstance(job, Response):
            return job
        if job.is_open:
            return JSONResponse({"detail": "Request is still in progress"}, 400, _ids(job))
        if "result-404" in job.faults:
            return JSONResponse({"detail": "Request not found"}, 404)
        if job.error:
            headers = {**_ids(job), **({"x-fal-error-type": job.error.type} if job.error.platform else {})}
            return JSONResponse(_error_body(job.error), job.error.status, headers)
        headers = _ids(job)
        if "missing-usage" not in job.faults:
            headers["x-fal-billable-units"] = _units(job)
        answer = JSONResponse(self._payload(job), 200, headers)
        lives = LARGE_RESULT_LIVES_SECONDS if len(answer.body) >= LARGE_RESULT_BYTES else RESULT_LIVES_SECONDS
        if time.time() - (job.finished_at or 0) > lives:
            return JSONResponse({"detail": "Request not found"}, 404)
        return answer

    async def cancel(self, request: Request) -> Response:
        job = self._find(request)
        if isinstance(job, Response):
            return JSONResponse({"status": "NOT_FOUND"}, 404) if job.status_code == 404 else job
        if not job.is_open:
            return JSONResponse({"status": "ALREADY_COMPLETED"}, 400)
        if job.state == QUEUED:
            self._engine.cancel(job)
        return JSONResponse({"status": "CANCELLATION_REQUESTED"}, 202)

    async def jwks(self, request: Request) -> Response:
        return JSONResponse(self._keys.jwks())

    async def models(self, request: Request) -> Response:
        """The models asked for by id; their OpenAPI only when it is to be expanded."""
        if refused := _unauthorized(request):
            return refused
        asked = [name for name in request.query_params.getlist("endpoint_id") if "no-such" not in name]
        found = [listed(name) for name in asked]
        if "openapi-3.0" not in request.query_params.getlist("expand"):
            found = [{name: one[name] for name in ("endpoint_id", "metadata")} for one in found]
        return JSONResponse({"models": found, "next_cursor": None, "has_more": False})

    async def pricing(self, request: Request) -> Response:
        if refused := _unauthorized(request):
            return refused
        asked = [name for value in request.query_params.getlist("endpoint_id") for name in value.split(",") if name]
        if not 1 <= len(asked) <= MAX_PRICED:
            return JSONResponse({"error": {"type": "validation_error", "message": "Give 1 to 50 endpoint_id"}}, 400)
        listed = [
            {"endpoint_id": name, "unit_price": float(tariff.list_rate), "unit": tariff.unit, "currency": "USD"}
            for name in asked
            for tariff in (prices.tariff_of(self.provider, name),)
        ]
        return JSONResponse({"prices": listed, "next_cursor": None, "has_more": False})

    async def estimate(self, request: Request) -> Response:
        if refused := _unauthorized(request):
            return refused
        given = await request.json()
        total = Decimal(0)
        for name, amount in dict(given.get("endpoints") or {}).items():
            units = amount.get("unit_quantity", amount.get("call_quantity", 0))
            total += prices.tariff_of(self.provider, name).list_rate * Decimal(str(units))
        answer = {"estimate_type": given.get("estimate_type"), "total_cost": float(total), "currency": "USD"}
        return JSONResponse(answer)

    async def billing_events(self, request: Request) -> Response:
        if refused := _unauthorized(request):
            return refused
        events = [
            {
                "request_id": job.id,
                "endpoint_id": job.model,
                "timestamp": iso(job.finished_at),
                "output_units": float(job.quantity),
                "cost_total": job.cost_micros / 1_000_000,
                "cost_estimate_nano_usd": job.cost_micros * 1000,
            }
            for job in self._engine.book.entries(self.provider)
            if job.billed
        ]
        return JSONResponse({"billing_events": events, "next_cursor": None, "has_more": False})

    # Desk

    def refusal(self, fault: str, arg: str) -> Response:
        status, detail = _REFUSALS[fault]
        body = {"detail": detail}
        if fault in _ERROR_TYPES:
            body["error_type"] = _ERROR_TYPES[fault]
        headers = {"retry-after": arg} if fault in {"refuse-429", "refuse-503"} else {}
        return JSONResponse(body, status, headers)

    def bad_request(self, message: str) -> Response:
        failure = Failure(422, "value_error", message)
        return JSONResponse(_error_body(failure), 422)

    # Voice

    def message(self, job: Job, event: str) -> Message | None:
        if event != COMPLETED:
            return None
        body: dict[str, Any] = {"request_id": job.id, "gateway_request_id": job.id, "status": "OK"}
        if job.error:
            body |= {
                "status": "ERROR",
                "error": f"Invalid status code: {job.error.status}",
                "payload": _error_body(job.error),
            }
        else:
            body["payload"] = self._payload(job)
        raw = json.dumps(body).encode()
        timestamp = str(int(time.time()))
        signature = self._keys.fal(job.id, timestamp, raw)
        if "webhook-forged" in job.faults:
            signature = "00" * 64
        headers = {
            "x-fal-webhook-request-id": job.id,
            "x-fal-webhook-user-id": self._keys.fal_user_id,
            "x-fal-webhook-timestamp": timestamp,
            "x-fal-webhook-signature": signature,
        }
        return Message(raw, headers)

    def forged(self, job: Job) -> Message | None:
        return None

    # Bodies

    def _accepted(self, job: Job) -> Response:
        body: dict[str, Any] = {"status": "IN_QUEUE", **_addresses(job), "queue_position": 0}
        if job.callback_url:
            body["gateway_request_id"] = job.id
        return JSONResponse(body, 200, _ids(job))

    def _status(self, job: Job, *, with_logs: bool) -> dict[str, Any]:
        position = self._engine.book.queued_before(job) if job.state == QUEUED else 0
        body: dict[str, Any] = {"status": "IN_QUEUE", **_addresses(job), "queue_position": position, "logs": None}
        if job.state == QUEUED:
            return body
        body["logs"] = _logs(job) if with_logs else None
        if job.is_open:
            return body | {"status": "IN_PROGRESS"}
        spent = (job.finished_at or 0) - (job.started_at or job.finished_at or 0)
        body |= {"status": "COMPLETED", "metrics": {"inference_time": round(spent, 4)}}
        if job.error:
            body |= {"error": job.error.message, "error_type": job.error.type}
        return body

    async def _statuses(self, job: Job) -> AsyncIterator[str]:
        while True:
            job = self._engine.book.get(job.id) or job
            yield f"data: {json.dumps(self._status(job, with_logs=True))}\n\n"
            if not job.is_open:
                return
            await asyncio.sleep(0.2)

    def _payload(self, job: Job) -> dict[str, Any]:
        made = [_file(job, output) for output in job.outputs]
        kind = kind_of(job.model)
        seed = job.input.get("seed")
        if kind == AUDIO:
            seconds = Decimal(job.outputs[0].seconds or 0) if job.outputs else Decimal(0)
            audio: Any = made[0] if made else None
            if made and "minimax" in job.model and job.input.get("output_format", "hex") == "hex":
                audio = self._engine.path_of(job, job.outputs[0]).read_bytes().hex()
            return {"audio": audio, "duration_ms": int(seconds * 1000)}
        if kind != IMAGE:
            return {"video": made[0] if made else None, "seed": seed}
        payload: dict[str, Any] = {
            "images": made,
            "timings": {"inference": round((job.finished_at or 0) - (job.started_at or 0), 4)},
            "seed": seed,
            "has_nsfw_concepts": [False] * len(made),
            "prompt": job.input.get("prompt"),
        }
        resolved = resolved_input(job)
        if resolved.get("quality") != job.input.get("quality"):
            payload["quality"] = resolved["quality"]
        return payload

    def _find(self, request: Request) -> Job | Response:
        if refused := _unauthorized(request):
            return refused
        job = self._engine.book.get(request.path_params["id"])
        if job is None or job.provider != self.provider or _app_of(job.model) != request.path_params["app"].strip("/"):
            return JSONResponse({"detail": "Request not found"}, 404)
        return job


def _unauthorized(request: Request) -> Response | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme != "Key" or not key.strip():
        return JSONResponse({"detail": "Authentication is required to access this application."}, 401)
    if "bad" in key:
        return JSONResponse({"detail": "No user found for Key ID and Secret"}, 401)
    return None


def _app_of(model: str) -> str:
    """owner/alias, with the namespace some applications live in."""
    parts = model.split("/")
    return "/".join(parts[:3] if parts[0] in NAMESPACES else parts[:2])


def _ids(job: Job) -> dict[str, str]:
    return {"x-fal-request-id": job.id}


def _addresses(job: Job) -> dict[str, str]:
    base = f"{ELSEWHERE}/fal" if other_host(job, "status") else job.base
    url = f"{base}/{_app_of(job.model)}/requests/{job.id}"
    return {"request_id": job.id, "response_url": url, "status_url": f"{url}/status", "cancel_url": f"{url}/cancel"}


def _file(job: Job, made: Made) -> dict[str, Any]:
    base = ELSEWHERE if other_host(job, "file") else job.base
    file: dict[str, Any] = {
        "url": f"{base}/files/{job.id}/{made.name}",
        "content_type": made.mime,
        "file_name": made.name,
        "file_size": made.size_bytes,
    }
    return file | {"width": made.width, "height": made.height} if made.mime.startswith("image/") else file


def _logs(job: Job) -> list[dict[str, Any]]:
    """A progress line for every tenth of the run so far."""
    began = job.started_at or job.accepted_at
    percent = job.percent(time.time())
    return [
        {
            "message": f"{done}%|{'█' * (done // 10)}{' ' * (10 - done // 10)}| {done}/100",
            "level": "INFO",
            "source": "USER",
            "timestamp": iso(began + (job.ends_at - began) * done / 100),
        }
        for done in range(0, percent + 1, 10)
    ]


def _error_body(failure: Failure) -> dict[str, Any]:
    if failure.platform:
        return {"detail": failure.message, "error_type": failure.type}
    problems = failure.problems or ({"field": "", "message": failure.message, "type": failure.type},)
    return {
        "detail": [
            {
                "loc": ["body", problem["field"]] if problem["field"] else ["body"],
                "msg": problem["message"],
                "type": problem["type"],
                "url": f"https://docs.fal.ai/errors#{problem['type']}",
                "ctx": {},
            }
            for problem in problems
        ]
    }


def _units(job: Job) -> str:
    """What the provider says it counted."""
    if "zero-usage" in job.faults:
        return "0"
    times = int(job.faults.get("overcount", 1))
    return job.quantity if times == 1 else str(Decimal(job.quantity) * times)
