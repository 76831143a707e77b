"""Refunds as rows and as values. Within the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from app.kernel.errors import NotFound
from app.kernel.fiat import Fiat
from app.kernel.money import Money
from app.payments import tables
from app.payments.return_notes import Note, notes_by_cause
from app.payments.return_rows import ASKED, PENDING, SEEN
from app.payments.return_tables import refund
from app.payments.stripe_returns import RefundSeen

OPERATOR, PROVIDER = "operator", "provider"
#: Not over yet.
OPEN: Final = (ASKED, SEEN, PENDING)
MOST: Final = 500


@dataclass(frozen=True, slots=True)
class RefundView:
    """A refund. `credits` go with it; `shortfall` is what of them was used already and became debt."""

    id: str
    order_id: str
    workspace_id: str
    provider: str
    external_id: str | None
    origin: str
    state: str
    amount: Fiat
    credits: Money
    shortfall: Money
    reason: str
    note: str
    failure_code: str | None
    credit_notes: tuple[Note, ...]
    created_by: str
    created_at: datetime
    done_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def find(connection: Connection, refund_id: str) -> Row[Any]:
    """The refund; `NotFound` "refund_not_found"."""
    row = connection.execute(select(refund).where(refund.c.id == refund_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no refund {refund_id[:64]}.", code="refund_not_found")
    return row


def by_key(connection: Connection, order_id: str, key: str) -> Row[Any] | None:
    query = select(refund).where(refund.c.order_id == order_id, refund.c.idempotency_key == key)
    return connection.execute(query).one_or_none()


def by_external(connection: Connection, provider: str, external_id: str) -> Row[Any] | None:
    query = select(refund).where(refund.c.provider == provider, refund.c.external_id == external_id)
    return connection.execute(query).one_or_none()


def seen_before(connection: Connection, provider: str, seen: RefundSeen) -> str | None:
    """The refund that the provider means, by its own id or by ours that it was given."""
    known = by_external(connection, provider, seen.external_id)
    if known is None and seen.refund_id is not None:
        known = connection.execute(select(refund).where(refund.c.id == seen.refund_id)).one_or_none()
    return None if known is None else str(known.id)


def change(
    connection: Connection, refund_id: str, now: datetime, *, states: Sequence[str] = OPEN, **values: Any
) -> bool:
    """Write facts about a refund while it is in one of these states; whether it was."""
    mine = update(refund).where(refund.c.id == refund_id, refund.c.state.in_(states))
    return connection.execute(mine.values(updated_at=now, **values)).rowcount == 1


def payment_of(connection: Connection, order: Row[Any]) -> Row[Any] | None:
    """The payment that the order was credited for."""
    query = select(tables.payment).where(tables.payment.c.id == order.payment_id)
    return connection.execute(query).one_or_none()


def payment_behind(
    connection: Connection, provider: str, payment_id: str | None, charge_id: str | None
) -> Row[Any] | None:
    """The payment that something at the provider is about."""
    kept = tables.payment
    for column, value in ((kept.c.external_id, payment_id), (kept.c.charge_id, charge_id)):
        if value:
            found = connection.execute(select(kept).where(kept.c.provider == provider, column == value)).first()
            if found is not None:
                return found
    return None


def listed(
    connection: Connection,
    *,
    order_id: str | None = None,
    workspace_id: str | None = None,
    open_only: bool = False,
    limit: int = 100,
) -> list[RefundView]:
    """Refunds, the newest first."""
    query = select(refund).order_by(refund.c.created_at.desc(), refund.c.id.desc()).limit(min(limit, MOST))
    if order_id is not None:
        query = query.where(refund.c.order_id == order_id)
    if workspace_id is not None:
        query = query.where(refund.c.workspace_id == workspace_id)
    if open_only:
        query = query.where(refund.c.state.in_(OPEN))
    return views(connection, connection.execute(query).all())


def views(connection: Connection, found: Sequence[Row[Any]]) -> list[RefundView]:
    """Rows as they are shown."""
    notes = notes_by_cause(connection, {row.order_id for row in found})
    return [_view(row, notes.get(row.id, ())) for row in found]


def _view(row: Row[Any], notes: tuple[Note, ...]) -> RefundView:
    return RefundView(
        id=row.id,
        order_id=row.order_id,
        workspace_id=row.workspace_id,
        provider=row.provider,
        external_id=row.external_id,
        origin=row.origin,
        state=row.state,
        amount=Fiat(row.amount_minor, row.currency),
        credits=Money(row.credits_micros),
        shortfall=Money(row.shortfall_micros),
        reason=row.reason,
        note=row.note,
        failure_code=row.failure_code,
        credit_notes=notes,
        created_by=row.created_by,
        created_at=row.created_at,
        done_at=row.done_at,
    )
