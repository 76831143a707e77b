"""A dispute's row: written once, listed, and how much of it had not gone back otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.kernel.fiat import CURRENCIES, Fiat, from_psp
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.payments.dispute_rules import State
from app.payments.return_notes import Note, notes_by_cause
from app.payments.return_tables import dispute as disputes
from app.payments.stripe_returns import DisputeSeen

MOST: Final = 500


@dataclass(frozen=True, slots=True)
class DisputeView:
    """A dispute. `credits` are set aside while it is open; `shortfall` was used already when it was lost."""

    id: str
    order_id: str
    workspace_id: str
    provider: str
    external_id: str
    state: State
    status: str
    reason: str
    amount: Fiat
    credits: Money
    shortfall: Money
    credit_notes: tuple[Note, ...]
    due_by: datetime | None
    created_at: datetime
    closed_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state in (State.OPEN, State.FLAGGED)


def listed(
    connection: Connection,
    *,
    order_id: str | None = None,
    workspace_id: str | None = None,
    open_only: bool = False,
    limit: int = 100,
) -> list[DisputeView]:
    """Disputes, the newest first."""
    query = select(disputes).order_by(disputes.c.created_at.desc(), disputes.c.id.desc()).limit(min(limit, MOST))
    if order_id is not None:
        query = query.where(disputes.c.order_id == order_id)
    if workspace_id is not None:
        query = query.where(disputes.c.workspace_id == workspace_id)
    if open_only:
        query = query.where(disputes.c.state.in_([str(State.OPEN), str(State.FLAGGED)]))
    return views(connection, connection.execute(query).all())


def views(connection: Connection, found: Sequence[Row[Any]]) -> list[DisputeView]:
    """Rows as they are shown."""
    notes = notes_by_cause(connection, {row.order_id for row in found})
    return [_view(row, notes.get(row.id, ())) for row in found]


def _view(row: Row[Any], notes: tuple[Note, ...]) -> DisputeView:
    return DisputeView(
        id=row.id,
        order_id=row.order_id,
        workspace_id=row.workspace_id,
        provider=row.provider,
        external_id=row.external_id,
        state=State(row.state),
        status=row.status,
        reason=row.reason,
        amount=Fiat(row.amount_minor, row.currency),
        credits=Money(row.credits_micros),
        shortfall=Money(row.shortfall_micros),
        credit_notes=notes,
        due_by=row.due_by,
        created_at=row.created_at,
        closed_at=row.closed_at,
    )


def still_here(row: Row[Any], order: Row[Any], before: Fiat) -> Fiat:
    """What of the disputed amount had not gone back otherwise; all of it when the bank counts in another currency."""
    left = max(Fiat.zero(order.currency), Fiat(order.gross_minor, order.currency) - before)
    return min(Fiat(row.amount_minor, row.currency), left) if row.currency == order.currency else left


def new_row(payment: Row[Any], seen: DisputeSeen, now: datetime) -> dict[str, Any]:
    """A dispute that was not known before, of a payment that was."""
    known = seen.currency in CURRENCIES
    amount = from_psp(seen.amount, seen.currency) if known else Fiat(payment.amount_minor, payment.currency)
    return {
        "id": new_id("dsp"),
        "order_id": payment.order_id,
        "payment_id": payment.id,
        "workspace_id": payment.workspace_id,
        "provider": payment.provider,
        "livemode": payment.livemode,
        "external_id": seen.external_id,
        "charge_id": seen.charge_id,
        "state": str(State.NEW),
        "status": seen.status,
        "reason": seen.reason,
        "currency": amount.currency,
        "amount_minor": amount.minor,
        "booked_minor": 0,
        "credits_micros": 0,
        "shortfall_micros": 0,
        "round": 0,
        "due_by": seen.due_by,
        "created_at": now,
        "updated_at": now,
    }
