"""`/webhooks`: where an operator's own systems hear of what happens in billing, and what was sent there.

Signed as Standard Webhooks says. The published SDK has no such group; its `webhook_events` are what is sent.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from app.api.billing import wire
from app.api.billing.common import Billing, Body, OptionalBody, Query
from app.kernel import events
from app.kernel.errors import NotFound
from app.notify.webhook_endpoints import Endpoint
from app.notify.webhooks import Webhooks
from app.plans.keys import BillingKey
from app.plans.search import bounds

SHOWN = ("id", "type", "url", "message_id", "state", "attempts", "replay", "is_test", "status", "error")


def router(billing: Billing) -> APIRouter:
    api = APIRouter(tags=["webhooks"])
    Key = Annotated[BillingKey, billing.key("webhooks")]
    _endpoint_routes(api, billing.services.webhooks, Key)
    _event_routes(api, billing.services.webhooks, Key)
    return api


def _endpoint_routes(api: APIRouter, webhooks: Webhooks, Key: Any) -> None:
    """Where events go."""
    endpoints = webhooks.endpoints

    @api.get("/webhooks/event-types")
    def types(_key: Key) -> dict[str, Any]:
        return {"items": list(events.BILLING_TYPES)}

    @api.post("/webhooks/endpoints", status_code=201)
    def create(_key: Key, body: Body) -> dict[str, Any]:
        url, description = body.text("url", longest=2_000), body.maybe("description") or ""
        made, secret = endpoints.create(None, url, types=body.texts("event_types"), description=description)
        return {**shown(made), "secret": secret}

    @api.get("/webhooks/endpoints")
    def every(_key: Key) -> dict[str, Any]:
        found = [shown(one) for one in endpoints.all(None)]
        return wire.listed(found, len(found), max(len(found), 1), 0)

    @api.get("/webhooks/endpoints/{endpoint_id}")
    def get(_key: Key, endpoint_id: str) -> dict[str, Any]:
        return shown(endpoints.find(None, endpoint_id))

    @api.put("/webhooks/endpoints/{endpoint_id}")
    def change(_key: Key, endpoint_id: str, body: Body) -> dict[str, Any]:
        given: dict[str, Any] = {}
        if body.has("url"):
            given["url"] = body.text("url", longest=2_000)
        if body.has("event_types"):
            given["types"] = body.texts("event_types")
        if body.has("description"):
            given["description"] = body.maybe("description")
        found = endpoints.change(None, endpoint_id, **given)
        if body.has("enabled"):
            found = (endpoints.enable if body.flag("enabled") else endpoints.disable)(None, endpoint_id)
        return shown(found)

    @api.delete("/webhooks/endpoints/{endpoint_id}", status_code=204)
    def delete(_key: Key, endpoint_id: str) -> Response:
        endpoints.delete(None, endpoint_id)
        return Response(status_code=204)

    @api.post("/webhooks/endpoints/{endpoint_id}/rotate")
    def rotate(_key: Key, endpoint_id: str) -> dict[str, Any]:
        return {**shown(endpoints.find(None, endpoint_id)), "secret": endpoints.rotate(None, endpoint_id)}

    @api.post("/webhooks/endpoints/{endpoint_id}/test")
    def test(_key: Key, endpoint_id: str) -> dict[str, Any]:
        return delivery(webhooks.open(None, webhooks.test(None, endpoint_id)).delivery)


def _event_routes(api: APIRouter, webhooks: Webhooks, Key: Any) -> None:
    """What was sent, what became of it, and sending it once more."""

    @api.get("/webhooks/events")
    def sent(_key: Key, query: Query) -> dict[str, Any]:
        limit, _ = bounds(query)
        found = webhooks.deliveries(
            None,
            endpoint_id=query.maybe("endpoint_id"),
            state=query.maybe("state"),
            type_=query.maybe("event_type"),
            before=query.maybe("before"),
            limit=limit,
        )
        items = [delivery(row) for row in found]
        return {"items": items, "has_more": len(items) == limit, "before": items[-1]["id"] if items else None}

    @api.get("/webhooks/events/{delivery_id}")
    def opened(_key: Key, delivery_id: str) -> dict[str, Any]:
        found = webhooks.open(None, delivery_id)
        attempts = [
            {"number": one.number, "status": one.status, "error": one.error, "started_at": wire.moment(one.started_at)}
            for one in found.attempts
        ]
        return {**delivery(found.delivery), "body": found.delivery.body, "attempt_list": attempts}

    @api.post("/webhooks/retry")
    def retry(_key: Key, body: OptionalBody) -> dict[str, Any]:
        sought = body.maybe("id") or body.maybe("event_id")
        if sought is None:
            raise NotFound(
                "Say which: id is a delivery of GET /webhooks/events.", param="id", code="delivery_not_found"
            )
        return delivery(webhooks.open(None, webhooks.replay(None, sought)).delivery)


def shown(endpoint: Endpoint) -> dict[str, Any]:
    """An endpoint without its secret."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "event_types": list(endpoint.types),
        "enabled": endpoint.is_enabled,
        "disabled_reason": endpoint.disabled_reason,
        "failing_since": wire.moment(endpoint.failing_since),
        "last_success_at": wire.moment(endpoint.last_success_at),
        "created_at": wire.moment(endpoint.created_at),
    }


def delivery(row: Any) -> dict[str, Any]:
    """What was or is to be sent, without its body."""
    known = row._mapping
    named = {("event_type" if name == "type" else name): known[name] for name in SHOWN}
    return {**named, "endpoint_id": row.endpoint_id, "created_at": wire.moment(row.created_at),
            "finished_at": wire.moment(row.finished_at)}  # fmt: skip
