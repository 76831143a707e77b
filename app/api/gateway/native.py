"""`/v1/generations`, `/v1/models`, `/v1/balance`: Farebox's own shapes, for any modality."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse

from app.accounts.keys import KeyHolder
from app.api.gateway import calls, common, present
from app.api.gateway.common import Gateway, Wanted
from app.api.gateway.dialects import ANTHROPIC
from app.catalogue.offers import Offer
from app.generation import follow, views
from app.kernel.errors import Conflict, InvalidInput
from app.kernel.ids import is_id

FIELDS = frozenset({"model", "input", "max_credits", "idempotency_key"})
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["model"],
                    "additionalProperties": False,
                    "properties": {
                        "model": {"type": "string", "description": "A model of GET /v1/models."},
                        "input": {"type": "object", "description": "The model's parameters."},
                        "max_credits": {"type": "number", "description": "Refuse if it may cost more than this."},
                        "idempotency_key": {"type": "string", "description": "As the header Idempotency-Key."},
                    },
                }
            }
        },
    }
}
FILTERS = frozenset({"status", "model", "before", "limit"})
_PAGED = "For Anthropic's clients, who read the list by pages."
STATUSES = ("queued", "running", "unknown", "completed", "failed", "canceled")


def router(gateway: Gateway) -> APIRouter:
    """The native routes; every one needs an API key."""
    api = APIRouter(prefix="/v1", tags=["Farebox"])
    Key = Annotated[KeyHolder, Depends(gateway.authenticate)]
    _reading_routes(api, gateway, Key)
    _starting_routes(api, gateway, Key)
    _generation_routes(api, gateway, Key)
    return api


def _reading_routes(api: APIRouter, gateway: Gateway, Key: Any) -> None:
    """What can be run, and with how much."""

    @api.get("/models", summary="Models you can run")
    async def models(
        request: Request,
        key: Key,
        modality: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1_000, description=_PAGED)] = 1_000,
        after_id: Annotated[str | None, Query(description=_PAGED)] = None,
        before_id: Annotated[str | None, Query(description=_PAGED)] = None,
    ) -> dict[str, Any]:
        """In Anthropic's shape for a client that sends `anthropic-version`."""
        offers = await asyncio.to_thread(_offers, gateway, key, modality)
        if ANTHROPIC in request.headers:
            return present.anthropic_listing(offers, limit, after_id, before_id)
        return present.listing([present.model(offer) for offer in offers])

    @api.get("/models/{model_id:path}", summary="One model: its parameters and its price")
    async def model(request: Request, model_id: str, _key: Key) -> dict[str, Any]:
        offer = await asyncio.to_thread(gateway.desk.offers.find, model_id)
        return present.anthropic_model(offer) if ANTHROPIC in request.headers else present.model_in_full(offer)

    @api.get("/balance", summary="Credits you can spend")
    async def balance(key: Key) -> dict[str, Any]:
        stands = await asyncio.to_thread(gateway.ledger.balance, key.workspace_id)
        return {
            "object": "balance",
            "billing_type": "postpaid" if stands.credit_limit.micros else "prepaid",
            "available": {"amount": gateway.wire.currency(stands.available), "currency": present.CURRENCY.lower()},
            "credits": {
                "balance": present.number(stands.balance.amount),
                "held": present.number(stands.held.amount),
                "available": present.number(stands.available.amount),
            },
        }


def _starting_routes(api: APIRouter, gateway: Gateway, Key: Any) -> None:
    @api.post("/generations", status_code=202, summary="Start a generation of any modality", openapi_extra=BODY)
    async def create(request: Request, key: Key) -> JSONResponse:
        body = await common.json_body(request)
        common.only(body, FIELDS)
        given = body.get("input", {})
        if not isinstance(given, dict):
            raise InvalidInput("input must be an object of the model's parameters.", param="input")
        wanted = Wanted(
            model=common.text_field(body, "model"),
            input=given,
            origin="api",
            max_credits=common.max_credits(body),
            idempotency_key=common.idempotency_key(request, body),
        )
        if common.is_dry_run(request):
            return JSONResponse(await common.dry_run(gateway, key, wanted))
        started = await common.begin(gateway, key, wanted, request)
        with calls.showing(started.generation_id):
            found = await common.seen(gateway, started.generation_id, key.workspace_id)
            headers = {"Idempotent-Replayed": "true"} if started.replayed else None
            return JSONResponse(present.generation(found, gateway.wire), status_code=202, headers=headers)


def _generation_routes(api: APIRouter, gateway: Gateway, Key: Any) -> None:
    """What was started."""

    @api.get("/generations", summary="Your generations, newest first")
    async def index(
        key: Key,
        request: Request,
        status: str | None = None,
        model: str | None = None,
        before: str | None = None,
        limit: Annotated[int, Query(ge=1, le=views.MAX_PAGE)] = views.PAGE,
    ) -> dict[str, Any]:
        common.only_filters(request, FILTERS)
        if status is not None and status not in STATUSES:
            raise InvalidInput(f"status is one of {', '.join(STATUSES)}.", param="status")
        if before is not None and not is_id(before, "gen"):
            raise InvalidInput("before is a generation's id: the last_id of the page before.", param="before")
        if model is not None and not model.isprintable():
            raise InvalidInput("model is the id of a model.", param="model")
        wanted = views.Filter(workspace_id=key.workspace_id, status=status, model=model, before=before, limit=limit)
        found = await gateway.desk.read(views.page, wanted)
        said = present.listing([present.generation(seen, gateway.wire) for seen in found])
        return said | {"has_more": len(found) == limit, "last_id": found[-1].id if found else None}

    @api.get("/generations/{generation_id}", summary="How a generation stands, and what it cost")
    async def show(generation_id: str, key: Key) -> dict[str, Any]:
        found = await common.seen(gateway, generation_id, key.workspace_id)
        return present.generation(found, gateway.wire)

    @api.post("/generations/{generation_id}/cancel", summary="Stop a generation; its hold is released")
    async def cancel(generation_id: str, request: Request, key: Key) -> dict[str, Any]:
        found = await common.seen(gateway, generation_id, key.workspace_id)
        if common.is_dry_run(request):
            return present.generation(found, gateway.wire)
        if not await follow.ask_cancel(gateway.desk, generation_id) and found.row["cancel_requested_at"] is None:
            raise Conflict("It has already finished or is being delivered.", code="too_late")
        return present.generation(await common.seen(gateway, generation_id, key.workspace_id), gateway.wire)


def _offers(gateway: Gateway, key: KeyHolder, modality: str | None) -> list[Offer]:
    """The models this key may use."""
    may_use = gateway.desk.gate.may_use(key.workspace_id, key.key_id)
    return [offer for offer in gateway.desk.offers.list(modality) if may_use(offer)]
