"""Start a generation: validate → quote → hold, in one transaction with everything needed to carry it on.

Nothing has been asked of a provider when this returns; the hold is committed first.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from app.catalogue.operations import ADDRESSES, AS_JOBS
from app.generation import rows, telling
from app.generation.desk import HOLD_LIFETIME, Desk
from app.generation.lifecycle import State
from app.generation.price import Priced, price
from app.generation.rate import RateHeaders
from app.generation.untold import expected_of
from app.kernel import faults, tracing
from app.kernel.errors import (
    IdempotencyConflict,
    InsufficientCredits,
    InvalidInput,
    LimitReached,
    NotAllowed,
    PriceAboveMax,
    PriceChanged,
)
from app.kernel.ids import new_id
from app.kernel.money import Money, plain
from app.kernel.outside import check_url
from app.ledger.companion import Companion
from app.pricing.expect import expected_usage

MAX_KEY_LENGTH = 256
#: How often a request looks for another provider because the quota of the one it picked was taken meanwhile.
TURNS = 3


@dataclass(frozen=True, slots=True)
class Ask:
    """One customer request. `shown` is the version and maximum (micro-credits) the customer saw before pressing Run."""

    workspace_id: str
    model: str
    input: Mapping[str, Any]
    origin: str
    request_id: str
    user_id: str | None = None
    api_key_id: str | None = None
    max_credits: Decimal | None = None
    shown: tuple[str, int] | None = None
    idempotency_key: str | None = None
    webhook_url: str | None = None
    #: What makes it the same request where that is not `input`: files that came with it are named by their content.
    identity: Mapping[str, Any] | None = None

    def fingerprint(self) -> str:
        """The same for the same request, however its keys are ordered."""
        given = self.input if self.identity is None else self.identity
        body = {"model": self.model, "input": given, "origin": self.origin, "max": self.max_credits}
        if self.webhook_url is not None:
            body["webhook_url"] = self.webhook_url
        return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Started:
    generation_id: str
    replayed: bool
    rates: RateHeaders = field(default_factory=RateHeaders)


async def start(desk: Desk, ask: Ask) -> Started:
    """Hold the credits and write the generation down, then ask for it to be carried on.

    Raises what `price` raises, PriceChanged, PriceAboveMax, LimitReached, NotAllowed, InsufficientCredits,
    IdempotencyConflict.
    """
    if replay := await _replay(desk, ask):
        return replay
    priced = await asyncio.to_thread(price, desk, ask.model, ask.input, ask.workspace_id)
    if priced.offer.operation not in AS_JOBS:
        raise InvalidInput(
            f"{priced.offer.alias} answers at once: use {ADDRESSES[priced.offer.operation]} for it.",
            param="model",
            code="operation_elsewhere",
        )
    agree(priced, ask)
    ask = _with_address(desk, ask)
    rates = await desk.gate.admit(ask.workspace_id, ask.api_key_id, priced.offer)
    generation_id = new_id("gen")
    await desk.listeners.fresh()
    for turn in range(TURNS):
        try:
            with tracing.span("hold", generation_id=generation_id, request_id=ask.request_id):
                await _hold(desk, ask, priced, generation_id)
            break
        except (IntegrityError, InsufficientCredits, LimitReached, NotAllowed) as refused:
            if replay := await _replay(desk, ask):  # two requests with one key: the other one won, and took the credits
                return replay
            is_quota = isinstance(refused, LimitReached) and refused.stable_code == "provider_quota"
            if not is_quota or turn == TURNS - 1:
                raise
        # Others took the last of that provider's quota while this request was on its way: look where else it may go.
        priced = await asyncio.to_thread(price, desk, ask.model, ask.input, ask.workspace_id)
        agree(priced, ask)
    faults.point("start.after_hold")
    desk.work.follow(generation_id)
    return Started(generation_id, replayed=False, rates=rates)


def _with_address(desk: Desk, ask: Ask) -> Ask:
    """The address that is told how it ended, in its plain form; one that may not be called is refused before a hold."""
    if ask.webhook_url is None:
        return ask
    return replace(ask, webhook_url=check_url(ask.webhook_url, loopback=desk.is_demo, param="webhook_url"))


async def _hold(desk: Desk, ask: Ask, priced: Priced, generation_id: str) -> None:
    now, hold = desk.clock(), priced.quote.maximum
    await desk.ledger.hold(
        ask.workspace_id,
        generation_id,
        hold,
        deadline_at=now + HOLD_LIFETIME,
        also=_rows(desk, ask, priced, generation_id, now),
        checks=(
            *desk.gate.checks(priced.offer, ask.workspace_id, ask.api_key_id, hold.micros, now),
            *desk.router.rules.checks(ask.workspace_id, priced.route.provider_id, hold.micros),
            *(desk.entitled.checks(ask.workspace_id, priced.offer, priced.params) if desk.entitled else ()),
        ),
    )


def agree(priced: Priced, ask: Ask) -> None:
    """Refuse a price the customer did not see, or one above the maximum they set."""
    quote = priced.quote
    if ask.shown is not None and ask.shown != (priced.offer.version_id, quote.maximum.micros):
        raise PriceChanged(
            f"The price is now {plain(quote.maximum.amount)} credits. Nothing was charged; run again to accept it.",
            quote=quote.to_json(),
            version_id=priced.offer.version_id,
        )
    if ask.max_credits is not None and quote.maximum > Money.from_exact(ask.max_credits):
        raise PriceAboveMax(
            f"This request may cost {plain(quote.maximum.amount)} credits, more than max_credits {ask.max_credits}.",
            param="max_credits",
            quote=quote.to_json(),
        )


def _rows(desk: Desk, ask: Ask, priced: Priced, generation_id: str, now: datetime) -> list[Companion]:
    offer, quote = priced.offer, priced.quote
    generation = {
        "id": generation_id,
        "request_id": ask.request_id,
        "workspace_id": ask.workspace_id,
        "user_id": ask.user_id,
        "api_key_id": ask.api_key_id,
        "origin": ask.origin,
        "model_id": offer.model_id,
        "version_id": offer.version_id,
        "modality": offer.modality,
        "state": str(State.HELD),
        "params": priced.params,
        "estimate": quote.to_json() | _beside(desk, ask, priced),
        "hold_micros": quote.maximum.micros,
        "webhook_url": ask.webhook_url,
        "created_at": now,
        "updated_at": now,
        "next_check_at": now,
    }
    given = sorted(name for name, value in ask.input.items() if value is not None)
    found = [
        Companion(rows.INSERT_GENERATION, generation),
        Companion(
            rows.INSERT_ATTEMPT,
            rows.attempt_row(generation_id, 1, priced.route, now, priced.expected_cost_micros, priced.picked.to_json()),
        ),
        rows.event_companion(generation_id, "requested", now, {"given": given}),
        rows.event_companion(generation_id, "held", now, {"micros": quote.maximum.micros}),
        *telling.started(desk, generation, offer.alias, quote.total, now),
    ]
    if ask.idempotency_key is not None:
        found.append(key_companion(ask, generation_id, now))
    return found


def _beside(desk: Desk, ask: Ask, priced: Priced) -> dict[str, Any]:
    """What is kept with an estimate where a plan has a say in it."""
    found: dict[str, Any] = {"less": [one.to_json() for one in priced.less]} if priced.less else {}
    if desk.entitled is not None and desk.entitled.has_quotas(ask.workspace_id):
        found |= expected_of(expected_usage(priced.offer.schema, priced.params))
    return found


def key_companion(ask: Ask, generation_id: str, now: datetime) -> Companion:
    """The row that makes the request's key belong to this generation."""
    key = {
        "workspace_id": ask.workspace_id,
        "key": ask.idempotency_key,
        "request_hash": ask.fingerprint(),
        "generation_id": generation_id,
        "created_at": now,
    }
    return Companion(rows.INSERT_IDEMPOTENCY, key)


async def _replay(desk: Desk, ask: Ask) -> Started | None:
    generation_id = await stored_key(desk, ask)
    return None if generation_id is None else Started(generation_id, replayed=True)


async def stored_key(desk: Desk, ask: Ask) -> str | None:
    """The generation this request's key belongs to already; IdempotencyConflict when that was another request."""
    if ask.idempotency_key is None:
        return None
    if not (0 < len(ask.idempotency_key) <= MAX_KEY_LENGTH and ask.idempotency_key.isprintable()):
        raise InvalidInput(f"An idempotency key has 1 to {MAX_KEY_LENGTH} visible characters.", param="idempotency_key")
    known = await desk.read(_stored_key, ask.workspace_id, ask.idempotency_key)
    if known is None:
        return None
    request_hash, generation_id = known
    if request_hash != ask.fingerprint():
        raise IdempotencyConflict(
            "This idempotency key was used for another request. Use a new key for a new request.",
            param="idempotency_key",
        )
    return generation_id


def _stored_key(connection: Connection, workspace_id: str, key: str) -> tuple[str, str] | None:
    table = rows.IDEMPOTENCY
    found = select(table.c.request_hash, table.c.generation_id).where(
        table.c.workspace_id == workspace_id, table.c.key == key
    )
    row = connection.execute(found).first()
    return (row[0], row[1]) if row else None
