"""`POST /v1/images/generations` in OpenAI's shape: waits for the images and answers with them."""

import asyncio
import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from app.accounts.keys import KeyHolder
from app.api.gateway import common, present
from app.api.gateway.common import Gateway, Wanted
from app.api.gateway.openai_params import to_input
from app.generation.views import Seen
from app.kernel.errors import InvalidInput, ProviderError

CONTROL = frozenset({"model", "max_credits", "idempotency_key", "response_format"})
WAIT_SECONDS = 300.0
FORMATS = ("url", "b64_json")


def router(gateway: Gateway) -> APIRouter:
    """The image route; needs an API key."""
    api = APIRouter(prefix="/v1", tags=["OpenAI-shaped"])
    Key = Annotated[KeyHolder, Depends(gateway.authenticate)]

    @api.post("/images/generations", summary="Make images and wait for them")
    async def generate(request: Request, key: Key) -> JSONResponse:
        body = await common.json_body(request)
        form = body.get("response_format") or "url"
        if form not in FORMATS:
            raise InvalidInput("response_format is “url” or “b64_json”.", param="response_format")
        wanted = await asyncio.to_thread(_wanted, gateway, request, body)
        if common.is_dry_run(request):
            return JSONResponse(await common.dry_run(gateway, key, wanted))
        started = await common.begin(gateway, key, wanted, request)
        found = await common.wait_for_end(gateway, started.generation_id, key.workspace_id, WAIT_SECONDS)
        if found.status != "completed":
            raise _failure(found)
        return JSONResponse(await asyncio.to_thread(_answer, gateway, found, form))

    return api


def _wanted(gateway: Gateway, request: Request, body: dict[str, Any]) -> Wanted:
    offer = gateway.desk.offers.find(common.text_field(body, "model"))
    if offer.modality != "image":
        raise InvalidInput(f"{offer.alias} makes {offer.modality}, not images. Use /v1/generations.", param="model")
    return Wanted(
        model=offer.alias,
        input=to_input(offer, body, CONTROL),
        origin="images",
        max_credits=common.max_credits(body),
        idempotency_key=common.idempotency_key(request, body),
    )


def _failure(found: Seen) -> ProviderError:
    if not found.finished:
        return ProviderError(
            f"The images are not finished yet. Ask GET /v1/generations/{found.id} for them.",
            code="still_running",
            generation_id=found.id,
        )
    why = present.failure(found) or {"code": "failed", "message": "It failed. Nothing was charged."}
    return ProviderError(why["message"], code=why["code"], generation_id=found.id)


def _answer(gateway: Gateway, found: Seen, form: str) -> dict[str, Any]:
    return {
        "created": present.unix(found.row["created_at"]),
        "data": [_image(gateway, file["id"], form) for file in found.files],
        "metadata": present.metadata(found, gateway.wire),
    }


def _image(gateway: Gateway, file_id: str, form: str) -> dict[str, Any]:
    if form == "url":
        return {"url": gateway.wire.file_url(file_id)}
    _row, path = gateway.desk.files.open(file_id)
    return {"b64_json": base64.b64encode(path.read_bytes()).decode()}
