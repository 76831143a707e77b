"""What a refund would take along: the credits, the bonus, the rows it is written down as."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from app.kernel.errors import Conflict, InvalidInput
from app.kernel.fiat import Fiat, from_psp, psp_minor
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.payments import claims, return_rows, rows
from app.payments.refund_rows import PROVIDER
from app.payments.return_tables import refund
from app.payments.stripe_returns import RefundSeen
from app.payments.waiting import BEING_ASKED

#: The provider's words for a refund that never happened, or came to nothing.
NOT_MADE: Final = (return_rows.FAILED, return_rows.CANCELED)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a refund would do: credits and bonus that go with it, and the credit note. `whole`: nothing of the order is
    left after it; `by_transfer`: an operator sends the money."""

    amount: Fiat
    credits: Money
    bonus: Money
    net: Fiat
    tax: Fiat
    whole: bool
    by_transfer: bool


@dataclass(frozen=True, slots=True)
class Plan:
    order: Row[Any]
    payment: Row[Any]
    amount: Fiat
    before: Fiat
    credits: Money
    bonus: Money


def planned(connection: Connection, order: Row[Any], payment: Row[Any], amount: Fiat) -> Plan:
    """Which credits go with an amount after everything that went back before, and no more than are left to go."""
    before, sold = return_rows.returned(connection, order), return_rows.sold(order)
    bonus = sold.share(Money(order.bonus_micros), amount, before)
    most = claims.most(connection, claims.lots_of(connection, order).paid)
    return Plan(order, payment, amount, before, min(sold.credits_for(amount, before), most), bonus)


def row_of(refund_id: str, plan: Plan, now: datetime, *, state: str, look_at: datetime | None) -> dict[str, Any]:
    return {
        "id": refund_id,
        "order_id": plan.order.id,
        "payment_id": plan.payment.id,
        "workspace_id": plan.order.workspace_id,
        "provider": plan.payment.provider,
        "livemode": plan.payment.livemode,
        "state": state,
        "currency": plan.amount.currency,
        "amount_minor": plan.amount.minor,
        "credits_micros": plan.credits.micros,
        "bonus_micros": plan.bonus.micros,
        "shortfall_micros": 0,
        "created_at": now,
        "updated_at": now,
        "look_at": look_at,
        "looks": 0,
    }


def expressible(amount: Fiat) -> None:
    """`InvalidInput` for an amount that the provider has no figure for."""
    try:
        psp_minor(amount)
    except ValueError as error:
        raise InvalidInput(str(error), param="amount") from None


def note_seen(connection: Connection, order: Row[Any], payment: Row[Any], seen: RefundSeen, now: datetime) -> str:
    """Write down a refund that we were not asked for, under the lock of its order.

    `Conflict` "refund_busy" when it and ours that are under way are more than was paid: one of them is not made, and
    which one is not known yet.
    """
    amount = from_psp(seen.amount, seen.currency)
    others = return_rows.refunded(connection, order)
    if seen.status not in NOT_MADE and others.minor + amount.minor > order.gross_minor:
        raise Conflict(f"{seen.external_id} waits for the end of another refund.", code="refund_busy")
    plan = planned(connection, order, payment, amount)
    row = row_of(new_id("rfd"), plan, now, state=return_rows.SEEN, look_at=now + BEING_ASKED)
    made = {"origin": PROVIDER, "reason": "at_provider", "note": "", "created_by": rows.SYSTEM}
    connection.execute(refund.insert().values({**row, **made, "external_id": seen.external_id}))
    rows.note(connection, order.id, "refund_seen", now, refund=row["id"], amount=str(amount), at=seen.external_id)
    return str(row["id"])
