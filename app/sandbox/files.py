"""Serving outputs as the providers' file hosts do: by an address nobody guesses, for a while, without a key."""

import time
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from app.sandbox.engine import FILES_LIVE_SECONDS, Engine


def server(engine: Engine, provider: str) -> Callable[[Request], Awaitable[Response]]:
    """The route that serves `{job}/{name}` of one provider."""

    async def serve(request: Request) -> Response:
        job = engine.book.get(request.path_params["job"])
        if job is None or job.provider != provider or "file-404" in job.faults:
            return _gone()
        made = next((made for made in job.outputs if made.name == request.path_params["name"]), None)
        path = engine.path_of(job, made) if made else None
        if made is None or path is None or not path.exists():
            return _gone()
        if job.finished_at and time.time() - job.finished_at > FILES_LIVE_SECONDS[provider]:
            return _gone()
        return FileResponse(path, media_type=made.mime)

    return serve


def _gone() -> Response:
    return JSONResponse({"detail": "Not found"}, 404)
