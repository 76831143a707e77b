"""The media routes that take an order, twice: as plain routes put before all others, and as documentation."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.routing import Route

from app.accounts.keys import KeyHolder
from app.api.gateway import audio, images, videos
from app.api.gateway.calls import Handler
from app.api.gateway.common import Gateway
from app.api.gateway.dialects import openai

_TEXT = {"type": "string"}
_FILE = {"type": "string", "format": "binary"}
_COST = {"type": "number", "description": "Refuse if it may cost more credits than this."}
_KEY = {"type": "string", "maxLength": 256, "description": "A repetition with the same key gets the first answer."}
_IMAGE_FORMAT = {"type": "string", "enum": list(images.FORMATS)}
_PICTURE: dict[str, Any] = {
    "n": {"type": "integer", "minimum": 1},
    "size": _TEXT,
    "quality": _TEXT,
    "response_format": _IMAGE_FORMAT,
}


def _body(required: tuple[str, ...], files: dict[str, Any], *, json: bool = True, **fields: Any) -> dict[str, Any]:
    common = {"model": {**_TEXT, "description": "A model of GET /v1/models."}, "max_credits": _COST}
    fields = common | {"idempotency_key": _KEY} | fields
    schema = {"type": "object", "required": ["model", *required], "properties": fields}
    content: dict[str, Any] = {"application/json": {"schema": schema}} if json else {}
    if files:
        content["multipart/form-data"] = {"schema": schema | {"properties": {**fields, **files}}}
    return {"requestBody": {"required": True, "content": content}}


#: Path, summary, status, what the body looks like. Parameters of the model itself may be beside those named.
ABOUT: dict[str, tuple[str, int, dict[str, Any]]] = {
    "/v1/images/generations": ("Make pictures", 200, _body(("prompt",), {}, prompt=_TEXT, **_PICTURE)),
    "/v1/images/edits": (
        "Change pictures",
        200,
        _body(
            ("prompt",),
            {"image": {"type": "array", "items": _FILE}, "mask": _FILE},
            prompt=_TEXT,
            images={"type": "array", "items": {"type": "object"}},
            mask={"type": "object"},
            **_PICTURE,
        ),
    ),
    "/v1/audio/speech": (
        "Read a text aloud",
        200,
        _body(("input",), {}, input=_TEXT, voice=_TEXT, response_format=_TEXT, speed={"type": "number"}),
    ),
    "/v1/audio/transcriptions": (
        "Write down what is said",
        200,
        _body(
            ("file",),
            {"file": _FILE},
            json=False,
            language=_TEXT,
            prompt=_TEXT,
            response_format={"type": "string", "enum": list(audio.FORMATS)},
        ),
    ),
    "/v1/videos": (
        "Start a video",
        202,
        _body(
            ("prompt",),
            {"input_reference": _FILE},
            prompt=_TEXT,
            seconds=_TEXT,
            size=_TEXT,
            n={"type": "integer", "minimum": 1, "maximum": videos.MOST},
            webhook_url=_TEXT,
        ),
    ),
}


def plain(gateway: Gateway, top_up_url: str) -> list[Route]:
    """To be put before all other routes: nothing of FastAPI is on this way."""
    return [Route(path, handler, methods=["POST"]) for path, handler in _handlers(gateway, top_up_url).items()]


def documented(gateway: Gateway, top_up_url: str) -> APIRouter:
    """The same for the API's page; the plain ones answer first."""
    api = APIRouter(tags=["OpenAI-shaped"])
    for path, handler in _handlers(gateway, top_up_url).items():
        summary, status, body = ABOUT[path]
        api.add_api_route(
            path,
            _endpoint(handler, gateway),
            methods=["POST"],
            summary=summary,
            status_code=status,
            openapi_extra=body,
            response_model=None,
        )
    return api


def _handlers(gateway: Gateway, top_up_url: str) -> dict[str, Handler]:
    dialect = openai(top_up_url)
    return {
        "/v1/images/generations": images.generations(gateway, dialect),
        "/v1/images/edits": images.edits(gateway, dialect),
        "/v1/audio/speech": audio.speech(gateway, dialect),
        "/v1/audio/transcriptions": audio.transcriptions(gateway, dialect),
        "/v1/videos": videos.create(gateway, dialect),
    }


def _endpoint(handler: Handler, gateway: Gateway) -> Any:
    async def endpoint(request: Request, _key: Annotated[KeyHolder, Depends(gateway.authenticate)]) -> Response:
        return await handler(request)

    return endpoint
