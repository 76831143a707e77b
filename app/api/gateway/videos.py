"""`/v1/videos` in OpenAI's shape: accepted with 202, asked after by id, fetched as content."""

import asyncio
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse, JSONResponse

from app.accounts.keys import KeyHolder
from app.api.gateway import common, present
from app.api.gateway.common import Gateway, Wanted
from app.api.gateway.openai_params import to_input
from app.generation import follow
from app.generation.views import Seen
from app.kernel.errors import Conflict, InvalidInput, NotFound
from app.kernel.money import plain

CONTROL = frozenset({"model", "max_credits", "idempotency_key"})
STATUS = {"queued": "queued", "running": "in_progress", "unknown": "in_progress", "completed": "completed"}


def router(gateway: Gateway) -> APIRouter:
    """The video routes; each needs an API key."""
    api = APIRouter(prefix="/v1", tags=["OpenAI-shaped"])
    Key = Annotated[KeyHolder, Depends(gateway.authenticate)]

    @api.post("/videos", status_code=202, summary="Start a video")
    async def create(request: Request, key: Key) -> JSONResponse:
        body = await common.body_of(request)
        wanted = await asyncio.to_thread(_wanted, gateway, request, body)
        if common.is_dry_run(request):
            return JSONResponse(await common.dry_run(gateway, key, wanted))
        started = await common.begin(gateway, key, wanted, request)
        found = await common.seen(gateway, started.generation_id, key.workspace_id)
        return JSONResponse(video(found, gateway), status_code=202)

    @api.get("/videos/{video_id}", summary="How a video stands")
    async def show(video_id: str, key: Key) -> dict[str, Any]:
        return video(await _video(gateway, video_id, key), gateway)

    @api.get("/videos/{video_id}/content", summary="The video itself")
    async def content(video_id: str, key: Key) -> FileResponse:
        found = await _video(gateway, video_id, key)
        if found.status != "completed" or not found.files:  # what is kept but not charged yet is not theirs yet
            raise Conflict(f"The video is {found.status}; there is no content yet.", code="not_ready")
        row, path = await asyncio.to_thread(gateway.desk.files.open, found.files[0]["id"])
        return FileResponse(path, media_type=row.mime, headers={"X-Content-Type-Options": "nosniff"})

    @api.delete("/videos/{video_id}", summary="Cancel a video that is not finished")
    async def cancel(video_id: str, key: Key) -> dict[str, Any]:
        found = await _video(gateway, video_id, key)
        if not await follow.ask_cancel(gateway.desk, found.id) and found.row["cancel_requested_at"] is None:
            raise Conflict("It has already finished or is being delivered.", code="too_late")
        return video(await _video(gateway, video_id, key), gateway)

    return api


async def _video(gateway: Gateway, video_id: str, key: KeyHolder) -> Seen:
    found = await common.seen(gateway, video_id, key.workspace_id)
    if found.row["modality"] != "video":
        raise NotFound(f"There is no video {video_id}.", code="video_not_found")
    return found


def _wanted(gateway: Gateway, request: Request, body: dict[str, Any]) -> Wanted:
    offer = gateway.desk.offers.find(common.text_field(body, "model"))
    if offer.modality != "video":
        raise InvalidInput(f"{offer.alias} makes {offer.modality}, not video. Use /v1/generations.", param="model")
    return Wanted(
        model=offer.alias,
        input=to_input(offer, body, CONTROL),
        origin="videos",
        max_credits=common.max_credits(body),
        idempotency_key=common.idempotency_key(request, body),
    )


def video(found: Seen, gateway: Gateway) -> dict[str, Any]:
    """OpenAI's video object, with ours in `output` and `metadata`."""
    row, file = found.row, (found.files[0] if found.files and found.status == "completed" else None)
    seconds = (
        None if file is None or file["duration_micros"] is None else plain(Decimal(file["duration_micros"]).scaleb(-6))
    )
    size = None if file is None or file["width"] is None else f"{file['width']}x{file['height']}"
    return {
        "id": found.id,
        "object": "video",
        "model": found.alias,
        "status": STATUS.get(found.status, "failed"),
        "progress": 100 if found.status == "completed" else row["percent"] or 0,
        "created_at": present.unix(row["created_at"]),
        "completed_at": present.unix(row["finished_at"]),
        "expires_at": None,
        "prompt": row["params"].get("prompt"),
        "seconds": seconds,
        "size": size,
        "remixed_from_video_id": None,
        "output": None if file is None or file["expired_at"] else {"url": gateway.wire.file_url(file["id"])},
        "error": present.failure(found),
        "metadata": present.metadata(found, gateway.wire),
    }
