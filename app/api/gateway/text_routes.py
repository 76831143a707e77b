"""The text routes, twice: as plain routes put before all others, and as documentation."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.routing import Route

from app.accounts.keys import KeyHolder
from app.api.gateway import chat, messages
from app.api.gateway.calls import Handler
from app.api.gateway.common import Gateway
from app.api.gateway.dialects import anthropic, openai

_MESSAGES = {"type": "array", "items": {"type": "object"}, "description": "The conversation so far."}
_STREAM = {"type": "boolean", "description": "Answer as server-sent events."}
_MODEL = {"type": "string", "description": "A model of GET /v1/models."}
_COST = {"type": "number", "description": "Refuse if it may cost more credits than this."}


def _body(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "required": ["model", *required], "properties": {"model": _MODEL, **properties}}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


#: Path, summary, tag, what the body looks like.
ABOUT: dict[str, tuple[str, str, dict[str, Any]]] = {
    "/v1/chat/completions": (
        "Chat, whole or streamed",
        "OpenAI-shaped",
        _body(
            ("messages",),
            messages=_MESSAGES,
            stream=_STREAM,
            max_completion_tokens={"type": "integer", "minimum": 1},
            max_credits=_COST,
        ),
    ),
    "/v1/embeddings": (
        "Embeddings",
        "OpenAI-shaped",
        _body(("input",), input={"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]}, max_credits=_COST),
    ),
    "/v1/messages": (
        "Messages, whole or streamed",
        "Anthropic-shaped",
        _body(
            ("messages", "max_tokens"),
            messages=_MESSAGES,
            max_tokens={"type": "integer", "minimum": 1},
            stream=_STREAM,
        ),
    ),
    "/v1/messages/count_tokens": (
        "Tokens a message would put in",
        "Anthropic-shaped",
        _body(("messages",), messages=_MESSAGES),
    ),
}


def plain(gateway: Gateway, top_up_url: str) -> list[Route]:
    """To be put before all other routes: nothing of FastAPI is on this way."""
    return [Route(path, handler, methods=["POST"]) for path, handler in _handlers(gateway, top_up_url).items()]


def documented(gateway: Gateway, top_up_url: str) -> APIRouter:
    """The same for the API's page; the plain ones answer first."""
    api = APIRouter()
    for path, handler in _handlers(gateway, top_up_url).items():
        summary, tag, body = ABOUT[path]
        api.add_api_route(
            path,
            _endpoint(handler, gateway),
            methods=["POST"],
            summary=summary,
            tags=[tag],
            openapi_extra=body,
            response_model=None,
        )
    return api


def _handlers(gateway: Gateway, top_up_url: str) -> dict[str, Handler]:
    as_openai, as_anthropic = openai(top_up_url), anthropic(top_up_url)
    return {
        "/v1/chat/completions": chat.chat(gateway, as_openai),
        "/v1/embeddings": chat.embeddings(gateway, as_openai),
        "/v1/messages": messages.create(gateway, as_anthropic),
        "/v1/messages/count_tokens": messages.count_tokens(gateway, as_anthropic),
    }


def _endpoint(handler: Handler, gateway: Gateway) -> Any:
    async def endpoint(request: Request, _key: Annotated[KeyHolder, Depends(gateway.authenticate)]) -> Response:
        return await handler(request)

    return endpoint
