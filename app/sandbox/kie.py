"""kie.ai: market tasks, Veo and Flux Kontext, each with its own status words, all in one envelope.

Quirks kept on purpose: every answer is HTTP 200 and the truth is in `code`; results are JSON inside a string; credits
are taken when a task is accepted and given back when it fails; the callback's signature does not cover its body; there
is no cancel and no list.
"""

import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from app.sandbox import files
from app.sandbox.callbacks import COMPLETED, Message
from app.sandbox.door import ELSEWHERE, Door, base_of, other_host
from app.sandbox.engine import Engine, Order, resolved_input
from app.sandbox.jobs import QUEUED, SUCCEEDED, Job
from app.sandbox.plan import BadInput, plan_of
from app.sandbox.signers import Keys

JOBS, VEO, KONTEXT = "jobs", "veo", "kontext"
OPENING_CREDITS = 100_000
CREDIT_MICRO_USD = 5_000
VEO_SECONDS = 8
#: What the family's fields are called elsewhere, so that one reader of inputs serves all.
_NOT_INPUT = {"model", "callBackUrl", "enableTranslation", "watermark", "enableFallback"}

_REFUSALS: Mapping[str, tuple[int, str]] = {
    "401": (401, "You do not have access permissions"),
    "402": (402, "Credits insufficient. Your current balance isn't enough to run this request. Please top up."),
    "409": (409, "Conflict"),
    "500": (500, "Server exception, please try again later or contact customer service"),
    "refuse-429": (429, "Your call frequency is too high. Please try again later."),
    "refuse-503": (455, "The service is under maintenance. Please try again later."),
}


class Kie:
    provider = "kie"

    def __init__(self, engine: Engine, door: Door, keys: Keys) -> None:
        self._engine = engine
        self._door = door
        self._keys = keys

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/files/{job}/{name}", files.server(self._engine, self.provider)),
            Route("/api/v1/jobs/createTask", self.create_task, methods=["POST"]),
            Route("/api/v1/jobs/recordInfo", self._reader(JOBS, self._record)),
            Route("/api/v1/veo/generate", self.generate_veo, methods=["POST"]),
            Route("/api/v1/veo/record-info", self._reader(VEO, self._veo)),
            Route("/api/v1/flux/kontext/generate", self.generate_kontext, methods=["POST"]),
            Route("/api/v1/flux/kontext/record-info", self._reader(KONTEXT, self._kontext)),
            Route("/api/v1/chat/credit", self.credit),
            Route("/api/v1/common/download-url", self.download_url, methods=["POST"]),
        ]

    # What clients call

    async def create_task(self, request: Request) -> Response:
        body = await _object(request)
        if isinstance(body, Response):
            return body
        given = body.get("input")
        if not body.get("model") or not isinstance(given, dict):
            return _envelope(422, "model and input are required")
        return await self._create(request, JOBS, str(body["model"]), given, body)

    async def generate_veo(self, request: Request) -> Response:
        body = await _object(request)
        if isinstance(body, Response):
            return body
        given = {
            "duration": VEO_SECONDS,
            "generate_audio": True,
            "aspect_ratio": body.get("aspectRatio"),
            **_input(body),
        }
        return await self._create(request, VEO, str(body.get("model") or "veo3"), given, body)

    async def generate_kontext(self, request: Request) -> Response:
        body = await _object(request)
        if isinstance(body, Response):
            return body
        given = {"aspect_ratio": body.get("aspectRatio"), **_input(body)}
        return await self._create(request, KONTEXT, str(body.get("model") or "flux-kontext-pro"), given, body)

    async def _create(
        self, request: Request, family: str, model: str, given: dict[str, Any], body: Mapping[str, Any]
    ) -> Response:
        if "no-such" in model:
            return _envelope(422, "The model name you specified is not supported. Please verify it and try again.")
        try:
            plan_of(self.provider, model, given)
        except BadInput as error:
            return _envelope(422, str(error))
        order = Order(
            id=secrets.token_hex(16),
            provider=self.provider,
            model=model,
            family=family,
            input=given,
            base=base_of(request, self.provider),
            faults={},
            callback_url=body.get("callBackUrl") or None,
            events=(COMPLETED,),
        )
        return await self._door.submit(
            request, self, order, lambda job: _envelope(200, "success", {"taskId": job.id, "recordId": job.id})
        )

    def _reader(self, family: str, words: Callable[[Job], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
        """The query endpoint of one family."""

        async def read(request: Request) -> Response:
            if refused := _unauthorized(request):
                return refused
            job = self._engine.book.get(request.query_params.get("taskId") or "")
            if job is None or job.provider != self.provider or job.family != family:
                return _envelope(422, "recordInfo is null")
            for fault, refusal in (("poll-429", "refuse-429"), ("poll-500", "500")):
                if self._engine.spends(job, fault):
                    return self.refusal(refusal, "")
            if "result-404" in job.faults and not job.is_open:
                return _envelope(404, "recordInfo is null")
            return _envelope(200, "success", words(job))

        return read

    async def credit(self, request: Request) -> Response:
        if refused := _unauthorized(request):
            return refused
        return _envelope(
            200, "success", OPENING_CREDITS - self._engine.book.spent_micros(self.provider) / CREDIT_MICRO_USD
        )

    async def download_url(self, request: Request) -> Response:
        body = await _object(request)
        if isinstance(body, Response):
            return body
        return _envelope(200, "success", body.get("url"))

    # Desk

    def refusal(self, fault: str, arg: str) -> Response:
        return _envelope(*_REFUSALS[fault])

    def bad_request(self, message: str) -> Response:
        return _envelope(422, message)

    # Voice

    def message(self, job: Job, event: str) -> Message | None:
        if event != COMPLETED:
            return None
        return self._signed(job, self._callback(job))

    def forged(self, job: Job) -> Message | None:
        """Success with somebody else's file: the signature is good because it never covered the body."""
        data = self._callback(job)
        data["code"], data["msg"] = 200, "success"
        data["data"] |= {"state": "success", "resultJson": json.dumps({"resultUrls": [f"{ELSEWHERE}/stolen.png"]})}
        data["data"]["info"] = {"resultUrls": [f"{ELSEWHERE}/stolen.mp4"], "resultImageUrl": f"{ELSEWHERE}/stolen.png"}
        return self._signed(job, data)

    def _signed(self, job: Job, body: Mapping[str, Any]) -> Message:
        timestamp = str(int(time.time()))
        headers = {"x-webhook-timestamp": timestamp, "x-webhook-signature": self._keys.kie(job.id, timestamp)}
        return Message(json.dumps(body).encode(), headers)

    def _callback(self, job: Job) -> dict[str, Any]:
        failed = job.error is not None
        body: dict[str, Any] = {
            "code": job.error.status if job.error and job.error.status in {422, 500} else 501 if failed else 200,
            "msg": job.error.message if job.error else "success",
            "data": self._callback_data(job),
        }
        data = body["data"]
        if "callback-snake-id" in job.faults or "callback-top-level-id" in job.faults:
            data.pop("taskId", None)
            data.pop("task_id", None)
        if "callback-snake-id" in job.faults:
            data["task_id"] = job.id
        if "callback-top-level-id" in job.faults:
            body["taskId"] = job.id
        return body

    def _callback_data(self, job: Job) -> dict[str, Any]:
        """Market tasks and Veo write `taskId`, Kontext `task_id`: clients must take either."""
        if job.family == JOBS:
            return self._record(job)
        addresses = _addresses(job)
        if job.family == VEO:
            info = {"resultUrls": addresses, "originUrls": None, "resolution": _lines(job)} if addresses else None
            return {"taskId": job.id, "info": info, "fallbackFlag": False}
        return {
            "task_id": job.id,
            "info": {"originImageUrl": None, "resultImageUrl": addresses[0] if addresses else None},
        }

    # Bodies

    def _record(self, job: Job) -> dict[str, Any]:
        result = {"resultUrls": _addresses(job)}
        used = resolved_input(job) if job.state == SUCCEEDED else job.input
        return {
            "taskId": job.id,
            "model": job.model,
            "state": _state(job),
            "param": json.dumps({"model": job.model, "callBackUrl": job.callback_url, "input": dict(used)}),
            "resultJson": json.dumps(result) if job.state == SUCCEEDED else "",
            "failCode": str(job.error.status) if job.error and not job.is_open else None,
            "failMsg": job.error.message if job.error and not job.is_open else None,
            "costTime": _millis(job.finished_at - job.accepted_at) if job.finished_at else None,
            "completeTime": _millis(job.finished_at),
            "createTime": _millis(job.accepted_at),
            "updateTime": _millis(job.finished_at or job.started_at or job.accepted_at),
        }

    def _veo(self, job: Job) -> dict[str, Any]:
        addresses = _addresses(job)
        return {
            "taskId": job.id,
            "paramJson": json.dumps(dict(job.input)),
            "successFlag": _flag(job),
            "response": {"taskId": job.id, "resultUrls": addresses, "originUrls": None, "resolution": _lines(job)}
            if job.state == SUCCEEDED
            else None,
            "fallbackFlag": False,
            **_common(job),
        }

    def _kontext(self, job: Job) -> dict[str, Any]:
        addresses = _addresses(job)
        return {
            "taskId": job.id,
            "paramJson": json.dumps(dict(job.input)),
            "successFlag": _flag(job),
            "response": {"originImageUrl": None, "resultImageUrl": addresses[0] if addresses else None}
            if job.state == SUCCEEDED
            else None,
            **_common(job),
        }


def _unauthorized(request: Request) -> Response | None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not key.strip() or "bad" in key:
        return _envelope(401, "You do not have access permissions")
    return None


async def _object(request: Request) -> dict[str, Any] | Response:
    """The body of an authorized request, or the refusal."""
    if refused := _unauthorized(request):
        return refused
    try:
        body = await request.json()
    except ValueError:
        body = None
    return body if isinstance(body, dict) else _envelope(422, "The body must be a JSON object")


def _envelope(code: int, message: str, data: Any = None) -> Response:
    return JSONResponse({"code": code, "msg": message, "data": data})


def _input(body: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in _NOT_INPUT}


def _state(job: Job) -> str:
    if job.is_open:
        return "generating" if job.state != QUEUED else "waiting" if time.time() - job.accepted_at < 0.2 else "queuing"
    return "success" if job.state == SUCCEEDED else "fail"


def _flag(job: Job) -> int:
    if job.is_open:
        return 0
    return 1 if job.state == SUCCEEDED else 3


def _common(job: Job) -> dict[str, Any]:
    failed = job.error is not None and not job.is_open
    return {
        "errorCode": job.error.status if job.error and failed else None,
        "errorMessage": job.error.message if job.error and failed else None,
        "createTime": _millis(job.accepted_at),
        "completeTime": _millis(job.finished_at),
    }


def _addresses(job: Job) -> list[str]:
    base = ELSEWHERE if other_host(job, "file") else job.base
    return [f"{base}/files/{job.id}/{made.name}" for made in job.outputs] if job.state == SUCCEEDED else []


def _lines(job: Job) -> str | None:
    return f"{min(job.outputs[0].width or 0, job.outputs[0].height or 0)}p" if job.outputs else None


def _millis(moment: float | None) -> int | None:
    return int(moment * 1000) if moment is not None else None
