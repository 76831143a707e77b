"""The end of a generation: charge for what arrived, or give everything back. One ledger operation either way.

The ledger closes the hold and these rows move in the same transaction, so a finished generation and a closed hold are
one fact. Both roads may be walked any number of times.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from app.catalogue.offers import Offer
from app.generation import rows
from app.generation.desk import Desk
from app.generation.measure import Delivered, conditions, customer_usage, upstream_usage
from app.kernel.money import USD, Money
from app.ledger.companion import Companion
from app.pricing.quote import Quote, final


async def settle(desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer, delivered: Delivered) -> None:
    """Charge the delivered usage by the version the request was held at, and return the rest of the hold."""
    asked = conditions(generation["params"], attempt["resolved"])
    quote = final(offer.card, customer_usage(generation["params"], offer, delivered), asked)
    cost = _cost(offer, generation["params"], attempt, delivered, asked)
    if not delivered.files:
        await give_back(
            desk,
            generation,
            attempt,
            "failed",
            "nothing_delivered",
            "The provider finished without a usable file. Nothing was charged.",
            cost_micros=cost.micros if cost else None,
        )
        return
    now = desk.clock()
    await desk.ledger.settle(
        generation["id"],
        quote.total,
        overage=offer.overage,
        cost=cost,
        provider_id=attempt["provider_id"],
        actor="system",
        also=_settled_rows(generation, attempt, quote, cost, delivered, now),
    )


def _cost(offer: Offer, params: Mapping[str, Any], attempt: RowMapping, delivered: Delivered, asked: dict[str, Any]) -> Money | None:
    route = next(route for route in offer.routes if route.route_id == attempt["route_id"])
    if route.cost_card is None:
        return None
    return final(route.cost_card, upstream_usage(params, offer, route.settings, delivered), asked).total


def _settled_rows(
    generation: RowMapping,
    attempt: RowMapping,
    quote: Quote,
    cost: Money | None,
    delivered: Delivered,
    now: datetime,
) -> list[Companion]:
    charged = min(quote.total.micros, generation["hold_micros"])
    cost_micros = cost.micros if cost else None
    done = {
        "b_id": generation["id"],
        "b_now": now,
        "b_next": None,
        "b_final": quote.to_json(),
        "b_charged": charged,
        "b_cost": cost_micros,
    }
    usage = {"asked": delivered.expected_count, "delivered": len(delivered.files), "billed": delivered.billed_text}
    return [
        Companion(rows.SETTLE, done),
        Companion(rows.UPDATE_ATTEMPT, closing(attempt, "delivered", now, cost_micros=cost_micros)),
        rows.event_companion(generation["id"], "measured", now, usage),
        rows.event_companion(generation["id"], "settled", now, {"micros": charged, "measured_micros": quote.total.micros}),
    ]


async def give_back(
    desk: Desk,
    generation: RowMapping,
    attempt: RowMapping,
    attempt_state: str,
    code: str,
    message: str,
    *,
    cost_micros: int | None = None,
    unknown: bool = False,
) -> None:
    """Release the whole hold. What the provider bills all the same (`cost_micros`, micro-USD) is our own expense."""
    now = desk.clock()
    failed = {
        "b_id": generation["id"],
        "b_now": now,
        "b_next": None,
        "b_cost": cost_micros,
        "b_code": code,
        "b_message": message,
    }
    also = [
        Companion(rows.FAIL, failed),
        Companion(rows.UPDATE_ATTEMPT, closing(attempt, attempt_state, now, code, message, cost_micros)),
        rows.event_companion(generation["id"], "released", now, {"code": code, "why": message}),
    ]
    await desk.ledger.release(
        generation["id"],
        reason=code,
        cost=Money(cost_micros, USD) if cost_micros else None,
        provider_id=attempt["provider_id"],
        unknown=unknown,
        also=also,
    )


def closing(
    attempt: RowMapping,
    state: str,
    now: datetime,
    code: str | None = None,
    message: str | None = None,
    cost_micros: int | None = None,
) -> dict[str, Any]:
    """The parameters of `rows.UPDATE_ATTEMPT` that close an attempt."""
    return {
        "b_id": attempt["id"],
        "b_state": state,
        "b_cost": cost_micros,
        "b_code": code,
        "b_message": message,
        "b_now": now,
    }
