"""The end of a generation: charge for what arrived, or give everything back. One ledger operation either way.

The ledger closes the hold and these rows move in the same transaction, so a finished generation and a closed hold are
one fact. Both roads may be walked any number of times.
"""

import logging
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, Update

from app.catalogue.offers import Offer
from app.catalogue.param_schema import resolved_values
from app.files.store import Files
from app.generation import rows, telling
from app.generation.desk import Desk
from app.generation.fallback import route_of, was_rerouted
from app.generation.inputs import lengths
from app.generation.measure import Delivered, customer_usage, in_our_words, upstream_usage
from app.kernel import events, tracing
from app.kernel.money import USD, Money
from app.ledger.companion import Companion, CompanionFailed
from app.ledger.operations import Released, Settled
from app.pricing.expect import expected_usage
from app.pricing.quote import Quote, final

log = logging.getLogger(__name__)


async def settle(desk: Desk, generation: RowMapping, attempt: RowMapping, offer: Offer, delivered: Delivered) -> None:
    """Charge the delivered usage by the version the request was held at, and return the rest of the hold."""
    priced = _prices(desk.files, generation, attempt, offer, delivered)
    if not delivered.files:
        await give_back(
            desk,
            generation,
            attempt,
            offer,
            "failed",
            "nothing_delivered",
            "The provider finished without a usable file. Nothing was charged.",
            cost_micros=priced.cost.micros if priced.cost is not None else None,
        )
        return
    now = desk.clock()
    await desk.listeners.fresh()
    told = telling.ended(desk, generation, events.GENERATION_COMPLETED, now)
    with tracing.span("settle", generation_id=generation["id"]):
        await desk.ledger.settle(
            generation["id"],
            priced.quote.total,
            # The price was shown for another route: what this one measures may lower the charge, and never raise it.
            overage="cap" if was_rerouted(attempt) else offer.overage.value,
            cost=priced.cost,
            provider_id=attempt["provider_id"],
            actor="system",
            also=lambda settled: _settled_rows(generation, attempt, priced, settled, delivered, now, told),
        )


class _Prices(NamedTuple):
    quote: Quote
    cost: Money | None


def _prices(files: Files, generation: RowMapping, attempt: RowMapping, offer: Offer, delivered: Delivered) -> _Prices:
    """The customer's price and our cost, from one usage and one set of conditions."""
    route = route_of(offer, attempt)
    params = generation["params"]
    asked = resolved_values(offer.schema, params, in_our_words(attempt["resolved"], route.mapping))
    expected = expected_usage(offer.schema, params, lengths=lengths(files, offer.schema, params))
    quote = final(offer.card, customer_usage(delivered), asked, expected=expected)
    if route.cost_card is None:
        return _Prices(quote, None)
    if delivered.billable_units == 0:  # the provider says it billed nothing, which is not the same as saying nothing
        return _Prices(quote, Money.zero(USD))
    return _Prices(quote, final(route.cost_card, upstream_usage(delivered), asked, expected=expected).total)


def _settled_rows(
    generation: RowMapping,
    attempt: RowMapping,
    priced: _Prices,
    settled: Settled,
    delivered: Delivered,
    now: datetime,
    told: list[Companion],
) -> list[Companion]:
    if settled.late or settled.already:
        return []
    cost_micros = priced.cost.micros if priced.cost is not None else None
    done = {
        "b_id": generation["id"],
        "b_now": now,
        "b_next": None,
        "b_final": priced.quote.to_json(),
        "b_charged": settled.charged.micros,
        "b_cost": cost_micros,
    }
    usage = {"asked": delivered.expected_count, "delivered": len(delivered.files), "billed": delivered.billed_text}
    money = {"micros": settled.charged.micros, "measured_micros": priced.quote.total.micros}
    return [
        Companion(rows.SETTLE, done),
        Companion(rows.UPDATE_ATTEMPT, closing(attempt, "delivered", now, cost_micros=cost_micros)),
        rows.event_companion(generation["id"], "measured", now, usage),
        rows.event_companion(generation["id"], "settled", now, money),
        *told,
    ]


async def give_back(
    desk: Desk,
    generation: rows.Row,
    attempt: rows.Row,
    offer: Offer,
    attempt_state: str,
    code: str,
    message: str,
    *,
    cost_micros: int | None = None,
    unknown: bool = False,
    close: Update = rows.UPDATE_ATTEMPT,
    private: str | None = None,
) -> None:
    """Release the whole hold; `message` is for the customer, `private` (the provider's own words) for the operator.

    What the provider bills all the same (`cost_micros`, micro-USD) is our own expense. A price that is charged on
    submit and not refunded on failure stays charged once a provider had accepted the job. `close` may hold for some
    attempts only (`rows.CLOSE_UNSENT`, `rows.CLOSE_UNFOUND`): should this one be another meanwhile, nothing happens.
    """
    if _is_forfeit(offer, attempt):
        await _forfeit(desk, generation, attempt, attempt_state, code, cost_micros)
        return
    now = desk.clock()
    await desk.listeners.fresh()
    told = telling.ended(desk, generation, telling.type_of_failure(code), now)
    failed = {
        "b_id": generation["id"],
        "b_now": now,
        "b_next": None,
        "b_cost": cost_micros,
        "b_code": code,
        "b_message": message,
    }

    def also(released: Released) -> list[Companion]:
        if released.already:
            return []
        return [
            Companion(rows.FAIL, failed),
            Companion(close, closing(attempt, attempt_state, now, code, private or message, cost_micros)),
            rows.event_companion(generation["id"], "released", now, {"code": code, "why": message}),
            *told,
        ]

    try:
        await desk.ledger.release(
            generation["id"],
            reason=code,
            cost=Money(cost_micros, USD) if cost_micros else None,
            provider_id=attempt["provider_id"],
            unknown=unknown,
            also=also,
        )
    except CompanionFailed:
        if close is rows.UPDATE_ATTEMPT:
            raise
        log.info("%s went on before it could be released; its next step sees to it", generation["id"])
    desk.news.publish(generation["workspace_id"])


def _is_forfeit(offer: Offer, attempt: rows.Row) -> bool:
    charged_on_submit = offer.billing_mode == "charge_on_submit" and not offer.refund_on_failure
    return charged_on_submit and attempt["upstream_id"] is not None


async def _forfeit(
    desk: Desk,
    generation: rows.Row,
    attempt: rows.Row,
    attempt_state: str,
    code: str,
    cost_micros: int | None,
) -> None:
    now, quote = desk.clock(), generation["estimate"]
    message = "It did not succeed. This model is charged when it starts and not refunded."
    await desk.listeners.fresh()
    told = telling.ended(desk, generation, telling.type_of_failure(code), now)

    def also(settled: Settled) -> list[Companion]:
        if settled.late or settled.already:
            return []
        ended = {
            "b_id": generation["id"],
            "b_now": now,
            "b_next": None,
            "b_final": quote,
            "b_charged": settled.charged.micros,
            "b_cost": cost_micros,
            "b_code": code,
            "b_message": message,
        }
        return [
            Companion(rows.FORFEIT, ended),
            Companion(rows.UPDATE_ATTEMPT, closing(attempt, attempt_state, now, code, message, cost_micros)),
            rows.event_companion(generation["id"], "settled", now, {"micros": settled.charged.micros, "code": code}),
            *told,
        ]

    await desk.ledger.settle(
        generation["id"],
        Money(int(quote["total_micros"])),
        cost=Money(cost_micros, USD) if cost_micros else None,
        provider_id=attempt["provider_id"],
        actor="system",
        also=also,
    )


def closing(
    attempt: rows.Row,
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
