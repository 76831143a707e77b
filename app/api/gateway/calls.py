"""What the synchronous routes share: the caller, the body, the model, the price asked for, and the answer's trimmings.

These are plain routes put before all others, because they are the ones that are called a thousand times a second.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from app.accounts.keys import KeyHolder
from app.api.gateway import common, present
from app.api.gateway.common import Gateway
from app.api.gateway.dialects import Dialect, written
from app.catalogue.offers import Offer, RouteOffer
from app.catalogue.operations import ADDRESSES
from app.generation.flow import Flow, open_flow
from app.generation.inline.run import run_inline
from app.generation.inline.settle import Outcome
from app.generation.plan import Plan, agree
from app.generation.rate import RateHeaders
from app.generation.replays import Replayed
from app.generation.router import Asked as Routed
from app.generation.start import Ask
from app.kernel.errors import FareboxError, InsufficientCredits, InvalidInput, StillRunning
from app.kernel.money import MICRO, Money, plain

log = logging.getLogger(__name__)
MAX_BODY_BYTES = 20 * 1024 * 1024  # pictures travel inside a chat
Planner = Callable[..., Plan]
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as its route read it. `plan(exact=…)` prices it; `body` is in OpenAI's shape."""

    holder: KeyHolder
    offer: Offer
    ask: Ask
    plan: Callable[[bool], Plan]
    body: Mapping[str, Any]

    @property
    def streams(self) -> bool:
        return bool(self.body.get("stream"))


def guarded(handler: Handler, dialect: Dialect) -> Handler:
    """The handler, with its errors in the caller's dialect."""

    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except ClientDisconnect:
            raise
        except Exception as error:
            return dialect.refuse(error, request)

    return endpoint


@contextmanager
def showing(generation_id: str) -> Iterator[None]:
    """What goes wrong after it was bought, whatever it is, does not invite the caller to buy it again."""
    try:
        yield
    except StillRunning:
        raise
    except Exception as error:
        if not isinstance(error, FareboxError):
            log.exception("what generation %s made cannot be shown", generation_id)
        said = f"It was bought once, and cannot be shown now. Ask GET /v1/generations/{generation_id} for it."
        raise StillRunning(said, code="not_at_hand", generation_id=generation_id) from error


@contextmanager
def leading(flow: Flow, generation_id: str) -> Iterator[None]:
    """As `showing`, for an answer that flows: with nobody to read it, it is read for the bill alone."""
    try:
        with showing(generation_id):
            yield
    except StillRunning:
        flow.leave()
        raise


async def find(
    gateway: Gateway, holder: KeyHolder, body: Mapping[str, Any], operation: str
) -> tuple[Offer, str | None]:
    """The model that is asked for, when it serves what this route is about, and the provider named with it."""
    name, desk = common.text_field(body, "model"), gateway.desk
    resolve = desk.router.resolve
    asked = resolve(name) if desk.offers.is_fresh else await asyncio.to_thread(resolve, name)
    desk.router.check_forced(asked, holder.workspace_id)
    offer = asked.offer
    if offer.operation != operation:
        address = ADDRESSES[offer.operation]
        raise InvalidInput(f"{offer.alias} serves {offer.operation}, not {operation}. Use {address}.", param="model")
    return offer, asked.forced


async def buy(gateway: Gateway, asked: Asked) -> Outcome | Replayed:
    """Run it. The hold is made by the size of the request; only where that is too much is the text counted."""
    desk, ask = gateway.desk, asked.ask
    try:
        return await run_inline(desk, ask, asked.plan(ask.max_credits is not None))
    except InsufficientCredits:
        return await run_inline(desk, ask, asked.plan(True))


async def open_stream(gateway: Gateway, asked: Asked) -> Flow | Replayed:
    """As `buy`, for an answer that flows."""
    desk, ask = gateway.desk, asked.ask
    try:
        return await open_flow(desk, ask, asked.plan(ask.max_credits is not None))
    except InsufficientCredits:
        return await open_flow(desk, ask, asked.plan(True))


async def dry_run(gateway: Gateway, asked: Asked) -> JSONResponse:
    """The price of it, by the same code; nothing is held."""
    return JSONResponse(await asyncio.to_thread(_estimate, gateway, asked))


def _estimate(gateway: Gateway, asked: Asked) -> dict[str, Any]:
    plan = asked.plan(True)
    hold = plan.hold
    gateway.desk.gate.require_model(asked.holder.workspace_id, asked.holder.key_id, asked.offer)
    agree(asked.ask, hold)
    quote = replace(plan.quote(), maximum=hold)
    available = gateway.ledger.balance(asked.holder.workspace_id).available
    router, named = gateway.desk.router, Routed(plan.offer, plan.forced)
    picked = router.pick(named, asked.holder.workspace_id, hold, plan.cost_on, plan.params, hold=hold)
    return present.estimate(asked.offer, quote, picked.route.provider_id, gateway.wire) | {
        "available": present.number(available.amount),
        "sufficient": available >= hold,
    }


# --- what an answer says beside the answer


def metadata(gateway: Gateway, asked: Asked, outcome: Outcome) -> dict[str, Any]:
    """The `metadata` of every answer: what it cost, and who made it."""
    micros = _currency_micros(gateway, outcome.charged)
    route = outcome.route
    said: dict[str, Any] = {
        "model": asked.offer.alias,
        "executed_model": f"{route.provider_id}/{route.upstream_model}",
        "provider": route.provider_id,
        "provider_name": route.provider_name,
        "cost": micros / MICRO,
        "cost_currency": present.CURRENCY,
        "credits": _number(outcome.charged),
        "generation_id": outcome.generation_id,
        "request_id": asked.ask.request_id,
    }
    if outcome.estimated:
        said["usage_estimated"] = True
    return said


def as_texts(said: Mapping[str, Any]) -> dict[str, str]:
    """OpenAI's clients know a chat's `metadata` as text by text, and complain of numbers whenever they write it."""
    return {name: _as_text(value) for name, value in said.items()}


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain(Decimal(repr(value))) if isinstance(value, float) else str(value)


def headers(gateway: Gateway, asked: Asked, outcome: Outcome) -> dict[str, str]:
    cost = plain(Money(_currency_micros(gateway, outcome.charged)).amount)
    return route_headers(gateway, asked, outcome.route, outcome.rates) | {"X-Farebox-Cost": cost}


def route_headers(gateway: Gateway, asked: Asked, route: RouteOffer, rates: RateHeaders) -> dict[str, str]:
    """Who serves it and how its limits stand: all that can be said before it is finished."""
    shaped = rates.anthropic(gateway.desk.clock()) if asked.ask.origin == "messages" else rates.openai()
    return shaped | {
        "X-Farebox-Provider": route.provider_id,
        "X-Farebox-Model": asked.offer.alias,
        "x-request-id": asked.ask.request_id,
        "request-id": asked.ask.request_id,
    }


def replayed(body: Mapping[str, Any], asked: Asked) -> Response:
    sent = {"Idempotent-Replayed": "true", "X-Farebox-Model": asked.offer.alias, "x-request-id": asked.ask.request_id}
    return json_response(body, sent)


def json_response(body: Any, sent: Mapping[str, str]) -> Response:
    return Response(written(body), headers=dict(sent), media_type="application/json")


def _currency_micros(gateway: Gateway, credits: Money) -> int:
    """As `Wire.currency_micros`, in whole numbers."""
    return (2 * credits.micros * gateway.wire.credit_value_micros + MICRO) // (2 * MICRO)


def _number(credits: Money) -> float | int:
    whole, rest = divmod(credits.micros, MICRO)
    return credits.micros / MICRO if rest else whole
