"""What every gateway route needs: who asks, how it may be repeated, and how to wait for an end."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, repeat
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.types import Message

from app.accounts.keys import KeyHolder
from app.api.forms import announced
from app.api.gateway import present
from app.api.gateway.present import Wire
from app.api.request_log import HEADERS
from app.generation import views
from app.generation.desk import Desk
from app.generation.price import price
from app.generation.start import Ask, Started, agree, start
from app.generation.views import Seen
from app.kernel.errors import InvalidInput
from app.kernel.ids import new_id
from app.kernel.money import exact
from app.ledger.wallet import Ledger
from app.pricing.numbers import figure

LONGEST_MODEL = 120
MAX_BODY_BYTES = 4 * 1024 * 1024
WAIT_STEPS_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5)


@dataclass(frozen=True, slots=True)
class Gateway:
    """Handed to each router."""

    desk: Desk
    ledger: Ledger
    wire: Wire
    authenticate: Callable[..., Any]  # a FastAPI dependency that answers a KeyHolder


async def json_body(request: Request) -> dict[str, Any]:
    """The request's JSON object, with a clear refusal for anything else."""
    return (await sized_body(request, MAX_BODY_BYTES))[0]


def note_model(request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """The body, its model noted for the log of refusals."""
    model = body.get("model")
    request.state.asked_model = model[:LONGEST_MODEL] if isinstance(model, str) and model.isprintable() else None
    return body


async def plain_body(request: Request, limit_bytes: int) -> dict[str, Any]:
    """The JSON object of a request that buys nothing."""
    return _object(await _bounded(request, limit_bytes).body())


async def sized_body(request: Request, limit_bytes: int) -> tuple[dict[str, Any], int]:
    """The request's JSON object, and the bytes it came in."""
    request.state.billable = True
    raw = await _bounded(request, limit_bytes).body()
    return note_model(request, _object(raw)), len(raw)


def _bounded(request: Request, limit_bytes: int) -> Request:
    """The same request, broken off when its body grows too large: nobody has to be believed about its length, but who
    says that it is too long is."""
    received = 0
    if announced(request) > limit_bytes:
        raise _too_large(limit_bytes)

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit_bytes:
            raise _too_large(limit_bytes)
        return message

    return Request(request.scope, receive)


def _too_large(limit_bytes: int) -> InvalidInput:
    most = f"{limit_bytes // 2**20} MB" if limit_bytes >= 2**20 else f"{limit_bytes // 2**10} kB"
    return InvalidInput(f"The body is larger than {most}. Upload files separately.")


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw.decode("utf-8-sig") or "{}")
        if b"\\ud" in raw.lower():
            json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no text: nothing can store it
    except (ValueError, RecursionError):
        raise InvalidInput("The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise InvalidInput("The body must be a JSON object.")
    return body


def text_field(body: Mapping[str, Any], name: str) -> str:
    """A field that has to be there as text; `InvalidInput` names it where it is not."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"“{name}” is missing: give it as text.", param=name)
    if "\0" in value:  # PostgreSQL has no such text
        raise InvalidInput(f"“{name}” cannot be read.", param=name)
    return value


def only(body: Mapping[str, Any], known: frozenset[str]) -> None:
    """Refuse top-level fields nobody reads, so that a typing error is not silently ignored."""
    for name in body:
        if name not in known:
            raise InvalidInput(f"Unknown field “{name}”. Known: {', '.join(sorted(known))}.", param=name)


def only_filters(request: Request, known: frozenset[str]) -> None:
    """Refuse a filter nobody reads: a list that looks filtered and is not misleads whoever adds it up."""
    for name in request.query_params:
        if name not in known:
            raise InvalidInput(f"There is no filter “{name[:80]}”. Known: {', '.join(sorted(known))}.", param=name[:80])


def max_credits(body: Mapping[str, Any]) -> Decimal | None:
    """What this request may cost at the most, in credits; None: whatever its price is. Raises `InvalidInput`."""
    value = body.get("max_credits")
    if value is None:
        return None
    try:
        # A figure beyond all reason (1e999999999) would keep exact arithmetic, and with it the server, busy for hours.
        amount = figure(exact(str(value) if isinstance(value, float) else value))
    except ValueError:
        raise InvalidInput("max_credits must be a number of credits, such as 40.", param="max_credits") from None
    if amount < 0:
        raise InvalidInput("max_credits cannot be below zero.", param="max_credits")
    return amount


def idempotency_key(request: Request, body: Mapping[str, Any]) -> str | None:
    """From the header or the body; the two must agree when both are there."""
    header, field = request.headers.get("idempotency-key"), body.get("idempotency_key")
    if field is not None and not isinstance(field, str):
        raise InvalidInput("idempotency_key must be text.", param="idempotency_key")
    if header and field and header != field:
        raise InvalidInput("The Idempotency-Key header and idempotency_key differ. Send one.", param="idempotency_key")
    return header or field


def is_dry_run(request: Request) -> bool:
    """Whether only a quote is asked for; `InvalidInput` for a value that is neither yes nor no."""
    value = request.query_params.get("dryRun", "false").lower()
    if value not in ("true", "false", "1", "0", ""):
        raise InvalidInput("dryRun is true or false.", param="dryRun")
    return value in ("true", "1", "")


def parsed(answer: JSONResponse) -> dict[str, Any]:
    """What an answer of ours says."""
    return dict(json.loads(bytes(answer.body)))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a route made of a request body."""

    model: str
    input: Mapping[str, Any]
    origin: str
    max_credits: Decimal | None
    idempotency_key: str | None
    webhook_url: str | None = None
    identity: Mapping[str, Any] | None = None


async def dry_run(gateway: Gateway, holder: KeyHolder, wanted: Wanted) -> dict[str, Any]:
    """The documented estimate: everything about the request is checked, nothing is changed, nothing is held."""
    return await asyncio.to_thread(_estimate, gateway, holder, wanted)


def _estimate(gateway: Gateway, holder: KeyHolder, wanted: Wanted) -> dict[str, Any]:
    priced = price(gateway.desk, wanted.model, wanted.input, holder.workspace_id)
    gateway.desk.gate.require_model(holder.workspace_id, holder.key_id, priced.offer)
    agree(priced, ask_of(holder, wanted, ""))
    available = gateway.ledger.balance(holder.workspace_id).available
    return present.estimate(priced.offer, priced.quote, priced.route.provider_id, gateway.wire) | {
        "available": present.number(available.amount),
        "sufficient": available >= priced.quote.maximum,
    }


async def begin(gateway: Gateway, holder: KeyHolder, wanted: Wanted, request: Request) -> Started:
    started = await start(gateway.desk, ask_of(holder, wanted, request_id(request)))
    setattr(request.state, HEADERS, started.rates.openai())
    return started


def ask_of(holder: KeyHolder, wanted: Wanted, request_id: str) -> Ask:
    return Ask(
        workspace_id=holder.workspace_id,
        model=wanted.model,
        input=wanted.input,
        origin=wanted.origin,
        request_id=request_id,
        api_key_id=holder.key_id,
        max_credits=wanted.max_credits,
        idempotency_key=wanted.idempotency_key,
        webhook_url=wanted.webhook_url,
        identity=wanted.identity,
    )


def request_id(request: Request) -> str:
    """The id the error middleware gave this request, so that the header and the row agree."""
    return getattr(request.state, "request_id", None) or new_id("req")


async def seen(gateway: Gateway, generation_id: str, workspace_id: str) -> Seen:
    return await gateway.desk.read(views.find, generation_id, workspace_id)


async def wait_for_end(gateway: Gateway, generation_id: str, workspace_id: str, timeout_seconds: float) -> Seen:
    """Look until it is finished or the time is over; either way say how it stands."""
    clock = asyncio.get_running_loop().time
    end = clock() + timeout_seconds
    pauses = chain(WAIT_STEPS_SECONDS, repeat(WAIT_STEPS_SECONDS[-1]))
    found = await seen(gateway, generation_id, workspace_id)
    while not found.finished and clock() < end:
        await asyncio.sleep(next(pauses))
        found = await seen(gateway, generation_id, workspace_id)
    return found
