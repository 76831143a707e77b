"""What a credit note gives back, and by which way: to the card it was paid with, into the wallet, by a transfer.

Written in the transaction that issues the note; the newest payment gives back first.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from app.accounts import audit
from app.billing import card_rows, paying_in_credits, payments
from app.billing.card_tables import billing_refund
from app.kernel.errors import Broken, Conflict, InvalidInput, NotFound
from app.kernel.fiat import Fiat
from app.kernel.ids import new_id
from app.payments.unmatched import Reason, dealt_with

REFUND = billing_refund
STRIPE, WALLET, TRANSFER = "stripe", "wallet", "transfer"
ASKED, PENDING, SUCCEEDED = "asked", "pending", "succeeded"
OPEN: Final = (ASKED, PENDING)
AT_ONCE: Final = timedelta(0)


def plan(connection: Connection, note: Row[Any], row: Row[Any], now: datetime) -> None:
    """Give the note's amount back to where the payments of its invoice came from."""
    left = note.amount
    for payment, room in _rooms(connection, row.id):
        part = min(left, room)
        if part <= 0:
            continue
        left -= part
        _give(connection, note, row, payment, part, now)
    if left:
        raise Broken(f"{note.id} gives back more than was paid of {row.id}.")


def _rooms(connection: Connection, invoice_id: str) -> Iterator[tuple[Row[Any], int]]:
    """The payments that came in, the newest first, and how much of each was not given back yet."""
    kept = payments.PAYMENT
    back = select(func.coalesce(func.sum(REFUND.c.amount), 0)).where(REFUND.c.payment_id == kept.c.id)
    query = (
        select(kept, back.scalar_subquery().label("back"))
        .where(kept.c.invoice_id == invoice_id, kept.c.state == payments.SUCCEEDED)
        .order_by(kept.c.succeeded_at.desc(), kept.c.id.desc())
    )
    for payment in connection.execute(query).all():
        yield payment, payment.amount - int(payment.back)


def _give(connection: Connection, note: Row[Any], row: Row[Any], payment: Row[Any], minor: int, now: datetime) -> None:
    charge = card_rows.find(connection, payment.id)
    way = TRANSFER
    if charge is not None and charge.state == card_rows.DONE:
        way = STRIPE
    elif payment.method == payments.CREDITS:
        way = WALLET
        amount = Fiat(minor, note.currency)
        paying_in_credits.to_wallet(connection, row.customer_id, amount, f"{note.id}:{payment.id}", now)
    done = way == WALLET
    connection.execute(
        insert(REFUND).values(
            id=new_id("brf"),
            note_id=note.id,
            payment_id=payment.id,
            way=way,
            state=SUCCEEDED if done else ASKED,
            currency=note.currency,
            amount=minor,
            looks=0,
            look_at=now if way == STRIPE else None,
            done_at=now if done else None,
            created_at=now,
            updated_at=now,
        )
    )


def find(connection: Connection, refund_id: str) -> Row[Any]:
    """The refund, or `NotFound`."""
    found = connection.execute(select(REFUND).where(REFUND.c.id == refund_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no refund {refund_id[:100]}.", code="refund_not_found")
    return found


def of_note(connection: Connection, note_id: str) -> list[Row[Any]]:
    return list(connection.execute(select(REFUND).where(REFUND.c.note_id == note_id).order_by(REFUND.c.id)))


def change(connection: Connection, refund_id: str, now: datetime, **values: Any) -> None:
    connection.execute(update(REFUND).where(REFUND.c.id == refund_id).values(updated_at=now, **values))


def sent(connection: Connection, refund_id: str, bank_reference: str, *, actor: str, now: datetime) -> Row[Any]:
    """The transfer of a refund was made; `bank_reference` is the bank's own. Again, it changes nothing.

    The case of a refund that did not arrive is closed by it."""
    reference = " ".join(bank_reference.split())
    if not reference or len(reference) > 140 or not reference.isprintable():
        raise InvalidInput("Write the bank's reference of the transfer.", param="bank_reference")
    row = find(connection, refund_id)
    if row.way != TRANSFER or row.state not in (*OPEN, SUCCEEDED):
        raise Conflict("Only a refund by transfer is sent by hand.", code="invalid_operation")
    if row.state != SUCCEEDED:
        kept = {"external_id": reference, "state": SUCCEEDED, "done_at": now}
        change(connection, refund_id, now, **kept)
        audit.note(connection, actor, "refund.sent", refund_id, reference, at=now)
        said = f"Sent by transfer: {reference}"
        dealt_with(connection, Reason.INVOICE_REFUND_FAILED, said, actor=actor, now=now, refund=refund_id)
    return find(connection, refund_id)
