"""`/v1/videos` in OpenAI's shape: accepted with 202, asked after by id or in a list, fetched as content, deleted."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from sqlalchemy import RowMapping

from app.accounts.keys import KeyHolder
from app.api.gateway import bodies, calls, common, making, present
from app.api.gateway.common import Gateway
from app.api.gateway.dialects import Dialect
from app.api.gateway.making import Order
from app.api.gateway.openai_params import pictures_of, to_input
from app.generation import follow, views
from app.generation.removal import remove_outputs
from app.generation.views import Seen
from app.kernel.errors import (
    Broken,
    Conflict,
    FareboxError,
    InsufficientCredits,
    InvalidInput,
    NotFound,
    UnknownParameter,
)
from app.kernel.ids import is_id
from app.kernel.money import Money, plain
from app.pricing.expect import expected_usage
from app.pricing.parameters import Meter
from app.pricing.usage import Output

log = logging.getLogger(__name__)

REFERENCE = "input_reference"
CONTROL = making.CONTROL | {REFERENCE, "webhook_url", "n"}
STATUS = {"queued": "queued", "running": "in_progress", "unknown": "in_progress", "completed": "completed"}
MOST = 4
COUNTS = tuple(str(count) for count in range(1, MOST + 1))
MOST_LISTED = 100


def create(gateway: Gateway, dialect: Dialect) -> calls.Handler:
    """`POST /v1/videos`."""

    async def handle(request: Request) -> Response:
        holder = await gateway.authenticate(request)
        async with bodies.read(request) as body, making.inputs_of(gateway, holder) as inputs:
            asked, count, webhook_url = await _order(gateway, holder, body.fields, inputs)
            if common.is_dry_run(request):
                return await _dry_run(gateway, holder, request, asked, count)
            started = await _start(gateway, holder, request, asked, count, webhook_url)
            return JSONResponse(started, status_code=202)

    return calls.guarded(handle, dialect)


async def _order(
    gateway: Gateway, holder: KeyHolder, fields: Mapping[str, Any], inputs: bodies.Inputs
) -> tuple[Order, int, str | None]:
    """What is to be made, how many times, and who is told."""
    found = await calls.find(gateway, holder, fields, "videos")
    offer = found[0]
    given = to_input(offer, fields, CONTROL)
    if fields.get(REFERENCE):
        pictures = await inputs.references(fields[REFERENCE], REFERENCE)
        given |= pictures_of(offer, pictures, None, REFERENCE)
    count = _count(fields.get("n"))
    if count > 1 and (several := offer.schema.metered(Meter.IMAGE)):
        given[several[0].name], count = count, 1  # the model makes several by itself
    webhook_url = fields.get("webhook_url")
    if webhook_url is not None and not isinstance(webhook_url, str):
        raise InvalidInput("webhook_url is an address.", param="webhook_url")
    return making.order(found, "videos", fields, given, inputs), count, webhook_url


def _count(given: Any) -> int:
    if given is None:
        return 1
    if isinstance(given, bool) or str(given) not in COUNTS:
        raise UnknownParameter(f"n is a whole number from 1 to {MOST}.", param="n")
    return int(given)


async def _dry_run(gateway: Gateway, holder: KeyHolder, request: Request, asked: Order, count: int) -> JSONResponse:
    answer = await making.dry_run(gateway, holder, request, asked)
    if count == 1:
        return answer
    return JSONResponse(present.times(common.parsed(answer), count))


async def _start(
    gateway: Gateway, holder: KeyHolder, request: Request, asked: Order, count: int, webhook_url: str | None
) -> dict[str, Any]:
    """One generation a video, each held for itself; all are begun, or as many as could be once the first was."""
    wanted = making.wanted(request, asked, webhook_url)
    if count > 1:
        await _afford(gateway, holder, request, asked, count)
    shown: list[dict[str, Any]] = []
    refused: FareboxError | None = None
    for number in range(1, count + 1):
        each = making.numbered(wanted, _key(wanted.idempotency_key, number))
        try:
            started = await common.begin(gateway, holder, each, request)
        except Exception as error:
            if not shown:
                raise
            refused = _why(error)
            break
        with calls.showing(started.generation_id):
            if started.replayed and number == 1:
                await asked.inputs.forget()
            found = await common.seen(gateway, started.generation_id, holder.workspace_id)
            shown.append(await asyncio.to_thread(video, found, gateway))
    if count == 1:
        return shown[0]
    more = {} if refused is None else {"refused": {"code": refused.stable_code, "message": refused.message}}
    return {**shown[0], "n": len(shown), "videos": shown, **more}


def _why(error: Exception) -> FareboxError:
    """Why there are no more of them: those before are bought, whatever it is."""
    if isinstance(error, FareboxError):
        return error
    log.error("one of several videos could not be begun", exc_info=error)
    return Broken("It could not be begun.")


async def _afford(gateway: Gateway, holder: KeyHolder, request: Request, asked: Order, count: int) -> None:
    """Nothing is begun where all of it could not be paid; each is still held for itself."""
    plain_wanted = making.wanted(request, asked)
    if plain_wanted.idempotency_key is not None and await making.is_known(gateway, holder, plain_wanted, request):
        return
    estimate = await common.dry_run(gateway, holder, plain_wanted)
    whole = Money.from_exact(Decimal(str(estimate["credits_maximum"])) * count)
    available = await asyncio.to_thread(lambda: gateway.ledger.balance(holder.workspace_id).available)
    if whole > available:
        raise InsufficientCredits(
            "There are not enough credits for all of them.", required=whole.micros, available=available.micros
        )


def _key(key: str | None, number: int) -> str | None:
    """Each of several has a key of its own, made of the request's."""
    if key is None or number == 1:
        return key
    return f"{number}-{hashlib.sha256(key.encode()).hexdigest()}"


def router(gateway: Gateway) -> APIRouter:
    """The other video routes; each needs an API key."""
    api = APIRouter(prefix="/v1", tags=["OpenAI-shaped"])
    Key = Annotated[KeyHolder, Depends(gateway.authenticate)]

    @api.get("/videos", summary="Your videos, newest first")
    async def index(
        key: Key,
        after: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 20,
        order: Literal["asc", "desc"] = "desc",
    ) -> dict[str, Any]:
        if after is not None and not is_id(after, "gen"):
            raise InvalidInput("after is a video's id: the last_id of the page before.", param="after")
        wanted = views.Filter(
            workspace_id=key.workspace_id, modality="video", before=after, limit=limit + 1,
            oldest_first=order == "asc", without_deleted=True,
        )  # fmt: skip
        found = await gateway.desk.read(views.page, wanted)
        shown = await asyncio.to_thread(lambda: [video(seen, gateway) for seen in found[:limit]])
        ends = {"first_id": shown[0]["id"] if shown else None, "last_id": shown[-1]["id"] if shown else None}
        return present.listing(shown) | {"has_more": len(found) > limit, **ends}

    @api.get("/videos/{video_id}", summary="How a video stands")
    async def show(video_id: str, key: Key) -> JSONResponse:
        found = await _video(gateway, video_id, key)
        return JSONResponse(await asyncio.to_thread(video, found, gateway), headers=making.headers(gateway, found))

    @api.get("/videos/{video_id}/content", summary="The video itself", response_class=FileResponse)
    async def content(
        video_id: str,
        key: Key,
        variant: Literal["video", "thumbnail"] = "video",
        index: Annotated[int, Query(ge=0, le=MOST)] = 0,
    ) -> FileResponse:
        found = await _video(gateway, video_id, key)
        if found.status != "completed" or not found.files:  # what is kept but not charged yet is not theirs yet
            raise Conflict(f"The video is {found.status}; there is no content yet.", code="not_ready")
        if index >= len(found.files):
            raise NotFound(f"There are {len(found.files)} of it, counted from 0.", code="video_not_found")
        file_id, safe = found.files[index]["id"], {"X-Content-Type-Options": "nosniff"}
        if variant == "thumbnail":
            path = await asyncio.to_thread(gateway.desk.files.preview, file_id)
            return FileResponse(path, media_type="image/webp", headers=safe)
        row, path = await asyncio.to_thread(gateway.desk.files.open, file_id)
        return FileResponse(path, media_type=row.mime, headers=safe)

    @api.delete("/videos/{video_id}", summary="Cancel a video, or delete one that is finished")
    async def delete(video_id: str, key: Key) -> dict[str, Any]:
        """A finished video is deleted and stays charged; one under way is stopped, and its hold released."""
        found = await _video(gateway, video_id, key)
        removed = await remove_outputs(gateway.desk, found.id)
        if not removed and not await follow.ask_cancel(gateway.desk, found.id):
            found = await _video(gateway, video_id, key)
            if found.row["cancel_requested_at"] is None:
                raise Conflict("It is being delivered at this moment. Try again shortly.", code="too_late")
        return {"id": found.id, "object": "video.deleted", "deleted": True}

    return api


async def _video(gateway: Gateway, video_id: str, key: KeyHolder) -> Seen:
    found = await common.seen(gateway, video_id, key.workspace_id)
    if found.row["modality"] != "video" or found.row["deleted_at"] is not None:
        raise NotFound(f"There is no video {video_id}.", code="video_not_found")
    return found


def video(found: Seen, gateway: Gateway) -> dict[str, Any]:
    """OpenAI's video object, with ours in `output` and `metadata`. Length and size are those asked for until it is
    there."""
    row = found.row
    files = found.files if found.status == "completed" else ()
    like = _measured(files[0]) if files else _expected(found, gateway)
    links = [{"url": gateway.wire.file_url(file["id"])} for file in files if not file["expired_at"]]
    several = {"outputs": links} if len(links) > 1 else {}
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
        "seconds": None if like.seconds is None else plain(like.seconds),
        "size": None if like.width is None else f"{like.width}x{like.height}",
        "remixed_from_video_id": None,
        "output": links[0] if links else None,
        **several,
        "error": present.failure(found),
        "metadata": present.metadata(found, gateway.wire),
    }


def _measured(file: RowMapping) -> Output:
    micros = file["duration_micros"]
    return Output(file["width"], file["height"], None if micros is None else Decimal(micros).scaleb(-6))


def _expected(found: Seen, gateway: Gateway) -> Output:
    offer = gateway.desk.offers.of_version(found.row["version_id"])
    outputs = expected_usage(offer.schema, found.row["params"]).outputs
    return outputs[0] if outputs else Output()
