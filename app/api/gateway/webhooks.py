"""`/v1/webhooks`: what an owner does on the page of that name, for programs whose key may."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from app.accounts.keys import KeyHolder
from app.api.gateway import common, present
from app.api.gateway.common import Gateway
from app.kernel import events
from app.kernel.errors import InvalidInput, NotAllowed
from app.kernel.ids import is_id
from app.notify.webhook_endpoints import Endpoint, checked_types, described
from app.notify.webhooks import MOST_PAGE, PAGE, STATES, Webhooks

FIELDS = frozenset({"url", "types", "description"})
CHANGES = FIELDS | {"enabled"}
MOST_BYTES = 64 * 1024
NO_STORE = {"Cache-Control": "no-store"}
WRITTEN = {
    "url": {"type": "string", "description": "https, by name, on port 443 or 8443."},
    "types": {"type": "array", "items": {"type": "string", "enum": list(events.TYPES)}, "description": "None is all."},
    "description": {"type": "string"},
}
ON = {"enabled": {"type": "boolean", "description": "Whether anything is sent."}}


def _body(required: list[str], properties: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "required": required, "properties": properties, "additionalProperties": False}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def router(gateway: Gateway, webhooks: Webhooks, wake: Callable[[str], None]) -> APIRouter:
    """Every route needs a key that may manage webhooks, and tells of that key's workspace only."""

    async def permitted(holder: Annotated[KeyHolder, Depends(gateway.authenticate)]) -> KeyHolder:
        if not holder.manages_webhooks:
            raise NotAllowed(
                "This key may not manage webhooks. An owner allows it under API keys.", code="key_not_permitted"
            )
        return holder

    api = APIRouter(prefix="/v1/webhooks", tags=["Webhooks"])
    holder = Depends(permitted)
    _log_routes(api, holder, webhooks, wake)
    _secret_routes(api, holder, webhooks)
    _endpoint_routes(api, holder, webhooks)
    _test_route(api, holder, webhooks, wake)
    return api


def _endpoint_routes(api: APIRouter, holder: Any, webhooks: Webhooks) -> None:
    endpoints = webhooks.endpoints
    Key = Annotated[KeyHolder, holder]

    @api.get("", summary="Your endpoints, newest first")
    async def index(key: Key) -> dict[str, Any]:
        found = await asyncio.to_thread(endpoints.all, key.workspace_id)
        return present.listing([_endpoint(one) for one in found])

    @api.post("", status_code=201, summary="Add an endpoint", openapi_extra=_body(["url"], WRITTEN))
    async def create(key: Key, request: Request) -> JSONResponse:
        """The secret is in this answer and in no later one."""
        given = await _given(request, FIELDS)
        url = common.text_field(given, "url")
        rest = {"types": given.get("types", ()), "description": given.get("description", "")}
        if common.is_dry_run(request):
            said = {"url": webhooks.check(url), "types": _types(checked_types(rest["types"], key.workspace_id))}
            return JSONResponse(said | {"dry_run": True, "description": described(rest["description"])})
        made, secret = await asyncio.to_thread(endpoints.create, key.workspace_id, url, **rest)
        return JSONResponse(_endpoint(made) | {"secret": secret}, 201, NO_STORE)

    @api.get("/{endpoint_id}", summary="One endpoint")
    async def show(endpoint_id: str, key: Key) -> dict[str, Any]:
        return _endpoint(await asyncio.to_thread(endpoints.find, key.workspace_id, endpoint_id))

    @api.patch("/{endpoint_id}", summary="Change an endpoint", openapi_extra=_body([], WRITTEN | ON))
    async def change(endpoint_id: str, key: Key, request: Request) -> dict[str, Any]:
        given = await _given(request, CHANGES)
        enabled = given.pop("enabled", None)
        if enabled is not None and not isinstance(enabled, bool):
            raise InvalidInput("enabled is true or false.", param="enabled")
        if "url" in given:
            common.text_field(given, "url")
        found = await asyncio.to_thread(lambda: endpoints.change(key.workspace_id, endpoint_id, **given))
        if enabled is not None:
            switch = endpoints.enable if enabled else endpoints.disable
            found = await asyncio.to_thread(switch, key.workspace_id, endpoint_id)
        return _endpoint(found)

    @api.delete("/{endpoint_id}", summary="Delete an endpoint; its log stays until it is old")
    async def delete(endpoint_id: str, key: Key) -> dict[str, Any]:
        await asyncio.to_thread(endpoints.delete, key.workspace_id, endpoint_id)
        return {"id": endpoint_id, "object": "webhook", "deleted": True}


def _secret_routes(api: APIRouter, holder: Any, webhooks: Webhooks) -> None:
    """Secrets, each in one answer and in no later one."""
    endpoints = webhooks.endpoints
    Key = Annotated[KeyHolder, holder]

    @api.post("/secret", summary="A new secret for addresses that requests name (webhook_url)")
    async def request_secret(key: Key, request: Request) -> JSONResponse:
        if common.is_dry_run(request):
            return JSONResponse({"dry_run": True})
        secret = await asyncio.to_thread(endpoints.request_secret, key.workspace_id)
        return JSONResponse({"object": "webhook.secret", "secret": secret}, headers=NO_STORE)

    @api.post("/{endpoint_id}/rotate", summary="A new secret; the old one signs as well for a day")
    async def rotate(endpoint_id: str, key: Key, request: Request) -> JSONResponse:
        found = await asyncio.to_thread(endpoints.find, key.workspace_id, endpoint_id)
        if common.is_dry_run(request):
            return JSONResponse(_endpoint(found))
        secret = await asyncio.to_thread(endpoints.rotate, key.workspace_id, endpoint_id)
        found = await asyncio.to_thread(endpoints.find, key.workspace_id, endpoint_id)
        return JSONResponse(_endpoint(found) | {"secret": secret}, headers=NO_STORE)


def _test_route(api: APIRouter, holder: Any, webhooks: Webhooks, wake: Callable[[str], None]) -> None:
    endpoints = webhooks.endpoints
    Key = Annotated[KeyHolder, holder]

    @api.post("/{endpoint_id}/test", status_code=202, summary="Send a test event to this endpoint alone")
    async def test(endpoint_id: str, key: Key, request: Request) -> dict[str, Any]:
        if common.is_dry_run(request):
            return _endpoint(await asyncio.to_thread(endpoints.find, key.workspace_id, endpoint_id))
        delivery_id = await asyncio.to_thread(webhooks.test, key.workspace_id, endpoint_id)
        wake("webhooks.send")
        return _delivery((await asyncio.to_thread(webhooks.open, key.workspace_id, delivery_id)).delivery)


def _log_routes(api: APIRouter, holder: Any, webhooks: Webhooks, wake: Callable[[str], None]) -> None:
    Key = Annotated[KeyHolder, holder]

    @api.get("/deliveries", summary="What was or is to be sent, newest first")
    async def deliveries(
        key: Key,
        endpoint: str | None = None,
        status: Annotated[str | None, Query(description=", ".join(STATES))] = None,
        type: Annotated[str | None, Query(description="An event")] = None,
        before: Annotated[str | None, Query(description="The last_id of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST_PAGE)] = PAGE,
    ) -> dict[str, Any]:
        wanted = {
            "endpoint_id": _id(endpoint, "whe", "endpoint"),
            "state": _one_of(status, STATES, "status"),
            "type_": _one_of(type, (*events.TYPES, events.TEST), "type"),
            "before": _id(before, "whd", "before"),
        }
        found = await asyncio.to_thread(lambda: webhooks.deliveries(key.workspace_id, limit=limit, **wanted))
        said = present.listing([_delivery(row) for row in found])
        return said | {"has_more": len(found) == limit, "last_id": found[-1].id if found else None}

    @api.get("/deliveries/{delivery_id}", summary="One delivery with every attempt")
    async def delivery(delivery_id: str, key: Key) -> dict[str, Any]:
        found = await asyncio.to_thread(webhooks.open, key.workspace_id, delivery_id)
        attempts = [_attempt(row) for row in found.attempts]
        return _delivery(found.delivery) | {"body": found.delivery.body, "tries": attempts}

    @api.post("/deliveries/{delivery_id}/replay", status_code=202, summary="Send the same message again")
    async def replay(delivery_id: str, key: Key, request: Request) -> dict[str, Any]:
        if not common.is_dry_run(request):
            delivery_id = await asyncio.to_thread(webhooks.replay, key.workspace_id, delivery_id)
            wake("webhooks.send")
        return _delivery((await asyncio.to_thread(webhooks.open, key.workspace_id, delivery_id)).delivery)


async def _given(request: Request, known: frozenset[str]) -> dict[str, Any]:
    given = await common.plain_body(request, MOST_BYTES)
    common.only(given, known)
    types, words = given.get("types", ()), given.get("description", "")
    if not isinstance(types, list | tuple) or not all(isinstance(name, str) for name in types):
        raise InvalidInput("types is a list of events.", param="types")
    if not isinstance(words, str):
        raise InvalidInput("description is text.", param="description")
    return given


def _id(value: str | None, kind: str, param: str) -> str | None:
    if value is not None and not is_id(value, kind):
        raise InvalidInput(f"{param} is an id that begins with {kind}_.", param=param)
    return value


def _one_of(value: str | None, known: tuple[str, ...], param: str) -> str | None:
    if value is not None and value not in known:
        raise InvalidInput(f"{param} is one of {', '.join(known)}.", param=param)
    return value


def _types(chosen: tuple[str, ...]) -> list[str]:
    """All of them by name: a program need not know that none means all."""
    return list(chosen or events.TYPES)


def _endpoint(one: Endpoint) -> dict[str, Any]:
    return {
        "id": one.id,
        "object": "webhook",
        "url": one.url,
        "types": _types(one.types),
        "description": one.description,
        "enabled": one.is_enabled,
        "disabled_reason": one.disabled_reason,
        "created_at": present.unix(one.created_at),
        "last_success_at": present.unix(one.last_success_at),
        "failing_since": present.unix(one.failing_since),
        "previous_secret_until": present.unix(one.previous_until),
    }


def _delivery(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "webhook.delivery",
        "endpoint": row.endpoint_id,
        "message_id": row.message_id,
        "type": row.type,
        "url": row.url,
        "status": row.state,
        "attempts": row.attempts,
        "replay": row.replay,
        "is_test": row.is_test,
        "created_at": present.unix(row.created_at),
        "finished_at": present.unix(row.finished_at),
        "next_at": present.unix(row.next_at) if row.state == STATES[0] else None,
        "http_status": row.status,
        "error": row.error,
    }


def _attempt(row: Any) -> dict[str, Any]:
    return {
        "number": row.number,
        "at": present.unix(row.started_at),
        "milliseconds": row.milliseconds,
        "http_status": row.status,
        "error": row.error,
        "request_headers": row.request_headers,
        "response_headers": row.response_headers,
        "response_body": row.response_body,
    }
