"""Money that goes back by bank transfer, which an operator makes: of orders and of invoices, in one list."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select

from app.accounts.tables import Workspace
from app.billing import invoices, refund_rows, tables
from app.billing.collecting import Collecting
from app.kernel.db import metadata
from app.kernel.errors import NotFound
from app.kernel.fiat import Fiat
from app.payments import refund_rows as order_refunds
from app.payments.orders import MANUAL
from app.payments.refunds import NOT_CALLED_OFF, Refunds
from app.payments.return_tables import refund
from app.payments.tables import payment_order

MOST: Final = 200
_WORKSPACE = metadata.tables[str(Workspace.__tablename__)].c
_NOTE, _BACK = tables.billing_credit_note.c, refund_rows.REFUND.c


@dataclass(frozen=True, slots=True)
class Owed:
    """A transfer to be made. `named` is the order's reference or the invoice's number, `place` the id of that order or
    document; `failure` is why the money could not go back the way it came."""

    refund_id: str
    is_of_order: bool
    amount: Fiat
    workspace_id: str
    customer: str
    named: str
    place: str
    note_number: str
    failure: str
    since: datetime


def owed(connection: Connection, limit: int = MOST) -> list[Owed]:
    """What waits to be sent, the oldest first."""
    found = [*_of_orders(connection, limit), *_of_invoices(connection, limit)]
    return sorted(found, key=lambda one: (one.since, one.refund_id))[:limit]


def count(connection: Connection) -> int:
    """How many transfers wait."""
    orders = select(func.count()).select_from(refund).where(*_BY_HAND)
    bills = select(func.count()).select_from(refund_rows.REFUND).where(*_TO_SEND)
    return sum(int(connection.execute(query).scalar_one()) for query in (orders, bills))


class Sending:
    """Noting that a transfer was made."""

    def __init__(self, refunds: Refunds, collecting: Collecting) -> None:
        self._refunds, self._collecting = refunds, collecting

    async def sent(self, one: Owed, bank_reference: str, *, actor: str) -> None:
        """The money is on its way; `bank_reference` is the bank's own. Refuses what was ended meanwhile."""
        if one.is_of_order:
            await self._refunds.confirm_sent(one.refund_id, bank_reference, actor=actor)
        else:
            await asyncio.to_thread(self._collecting.refund_sent, one.refund_id, bank_reference, actor=actor)


def find(connection: Connection, refund_id: str) -> Owed:
    """One that waits; `NotFound` where it was sent or called off."""
    found = next((one for one in owed(connection) if one.refund_id == refund_id), None)
    if found is None:
        raise NotFound("This transfer was noted or called off meanwhile.", code="refund_not_found")
    return found


_BY_HAND: Final = (refund.c.provider == MANUAL, refund.c.state.in_(order_refunds.OPEN), NOT_CALLED_OFF)
_TO_SEND: Final = (_BACK.way == refund_rows.TRANSFER, _BACK.state.in_(refund_rows.OPEN))


def _of_orders(connection: Connection, limit: int) -> Iterable[Owed]:
    query = (
        select(refund, payment_order.c.reference, _WORKSPACE.name)
        .join(payment_order, payment_order.c.id == refund.c.order_id)
        .join(_WORKSPACE.name.table, _WORKSPACE.id == refund.c.workspace_id)
        .where(*_BY_HAND)
        .order_by(refund.c.created_at)
        .limit(limit)
    )
    for row in connection.execute(query):
        amount = Fiat(row.amount_minor, row.currency)
        yield _owed(
            row, amount, row.workspace_id, (row.reference, row.order_id), row.credit_note_number, is_of_order=True
        )


def _of_invoices(connection: Connection, limit: int) -> Iterable[Owed]:
    bill = invoices.INVOICE.c
    query = (
        select(
            refund_rows.REFUND,
            _NOTE.number.label("note_number"),
            bill.number,
            bill.document_id,
            bill.workspace_id,
            _WORKSPACE.name,
        )
        .join(tables.billing_credit_note, _NOTE.id == _BACK.note_id)
        .join(invoices.INVOICE, bill.id == _NOTE.invoice_id)
        .join(_WORKSPACE.name.table, _WORKSPACE.id == bill.workspace_id)
        .where(*_TO_SEND)
        .order_by(_BACK.created_at)
        .limit(limit)
    )
    for row in connection.execute(query):
        place = (row.number or "", row.document_id or "")
        yield _owed(row, Fiat(row.amount, row.currency), row.workspace_id, place, row.note_number, row.failure)


def _owed(
    row: Any,
    amount: Fiat,
    workspace_id: str,
    paid_for: tuple[str, str],
    note_number: str | None,
    failure: str | None = None,
    *,
    is_of_order: bool = False,
) -> Owed:
    named, place = paid_for
    return Owed(
        row.id,
        is_of_order,
        amount,
        workspace_id,
        row.name,
        named,
        place,
        note_number or "",
        failure or "",
        row.created_at,
    )
