"""Videos: created, polled, listed, fetched with the key, deleted. The engine runs them like any other job."""

import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from app.sandbox import engine as running
from app.sandbox.door import attempt_of
from app.sandbox.engine import Engine
from app.sandbox.jobs import CANCELED, QUEUED, RUNNING, SUCCEEDED, Job
from app.sandbox.openai import errors
from app.sandbox.openai.counter import CLIENT_ID, Counter
from app.sandbox.openai.counter import Order as Let
from app.sandbox.openai.media import form_of
from app.sandbox.plan import BadInput, plan_of

STATES = {QUEUED: "queued", RUNNING: "in_progress", SUCCEEDED: "completed", CANCELED: "cancelled"}
SECONDS = ("4", "8", "12")
SIZES = ("720x1280", "1280x720", "1024x1792", "1792x1024")
PAGE, MOST = 20, 100


class Videos:
    def __init__(self, counter: Counter, engine: Engine) -> None:
        self._counter = counter
        self._engine = engine
        self._deleted: set[str] = set()

    async def create(self, request: Request) -> Response:
        given, files = await form_of(request)
        given = {"model": "sora-2", "seconds": "4", "size": "720x1280", **given}
        if files:
            given["input_reference"] = files[0][1].filename
        let = await self._counter.order(request, "video", given, str(given.get("prompt") or ""))
        if not given.get("prompt"):
            raise errors.bad_request("Missing required parameter: 'prompt'.", "prompt")
        if str(given["seconds"]) not in SECONDS or given["size"] not in SIZES:
            raise errors.bad_request(f"seconds is one of {SECONDS} and size one of {SIZES}", "seconds")
        job = self._engine.accept(self._order(let, given))
        await self._counter.spoil(let)
        return JSONResponse(_video(job))

    async def get(self, request: Request) -> Response:
        return JSONResponse(_video(self._job(request, polled=True)))

    async def content(self, request: Request) -> Response:
        job = self._job(request)
        if job.state != SUCCEEDED or not job.outputs or "file-404" in job.faults:
            raise errors.No(errors.error(404, "Video content is not available.", code="video_not_ready"))
        return FileResponse(self._engine.path_of(job, job.outputs[0]), media_type="video/mp4")

    async def delete(self, request: Request) -> Response:
        job = self._job(request)
        self._engine.cancel(job)
        self._deleted.add(job.id)
        return JSONResponse({"id": job.id, "object": "video.deleted", "deleted": True})

    async def listed(self, request: Request) -> Response:
        errors.require_key(request)
        limit = min(int(request.query_params.get("limit") or PAGE), MOST)
        after = self._engine.book.get(request.query_params.get("after") or "")
        before = after.accepted_at if after else 1e12
        page = self._engine.book.page(self._counter.provider, limit=MOST, before=before)
        jobs = [job for job in page if job.family == "video" and job.id not in self._deleted]
        shown = [_video(job) for job in jobs[:limit]]
        ends = {"first_id": shown[0]["id"] if shown else None, "last_id": shown[-1]["id"] if shown else None}
        return JSONResponse({"object": "list", "data": shown, "has_more": len(jobs) > limit, **ends})

    def _order(self, let: Let, given: Mapping[str, Any]) -> running.Order:
        try:
            plan_of(self._counter.provider, let.model, given)
        except BadInput as error:
            raise errors.bad_request(str(error)) from error
        return running.Order(
            id=f"video_{int(time.time() * 1e6):x}",
            provider=self._counter.provider,
            model=let.model,
            family="video",
            input=given,
            base="",
            faults=let.faults,
            attempt=attempt_of(let.request.headers.get(CLIENT_ID)),
        )

    def _job(self, request: Request, *, polled: bool = False) -> Job:
        errors.require_key(request)
        job = self._engine.book.get(request.path_params["id"])
        if job is None or job.provider != self._counter.provider or job.id in self._deleted:
            raise errors.No(errors.error(404, "Video not found.", code="not_found"))
        for fault, refusal in (("poll-429", "refuse-429"), ("poll-500", "500")):
            if polled and self._engine.spends(job, fault):
                raise errors.No(errors.refusal(refusal, "1"))
        return job


def _video(job: Job) -> dict[str, Any]:
    failed = job.error is not None and not job.is_open
    return {
        "id": job.id,
        "object": "video",
        "created_at": int(job.accepted_at),
        "completed_at": int(job.finished_at) if job.finished_at else None,
        "expires_at": int(job.finished_at + 3600) if job.finished_at else None,
        "status": "failed" if failed else STATES.get(job.state, "failed"),
        "model": job.model,
        "progress": job.percent(time.time()),
        "prompt": job.input.get("prompt"),
        "seconds": str(job.outputs[0].seconds)
        if "long-output" in job.faults and job.outputs
        else str(job.input["seconds"]),
        "size": job.input["size"],
        "remixed_from_video_id": None,
        "error": {"code": job.error.type, "message": job.error.message} if job.error and failed else None,
    }
