"""Payments of invoices: recorded once, counted when they succeed. In the caller's transaction; no network in here.

A payment is changed under its invoice's lock, and read again once that is held.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from app.billing import finalizing, invoices, paying_in_credits, period_events, tables
from app.kernel.errors import Conflict, IdempotencyConflict, InvalidInput, NotFound
from app.kernel.fiat import Fiat
from app.kernel.given import Given
from app.kernel.ids import new_id

PAYMENT = tables.billing_payment
CARD, OFFLINE, CREDITS = "CARD", "OFFLINE", "CREDITS"
LINK: Final = "PAYMENT_LINK"
METHODS: Final = (CARD, "ACH", OFFLINE, CREDITS, LINK, "UPI")
INITIATED, PENDING, PROCESSING, SUCCEEDED, FAILED = "INITIATED", "PENDING", "PROCESSING", "SUCCEEDED", "FAILED"
OPEN: Final = (INITIATED, PENDING, PROCESSING)


def create(
    connection: Connection,
    invoice_id: str,
    amount: Fiat,
    method: str,
    *,
    key: str | None,
    actor: str,
    now: datetime,
    meta: dict[str, str] | None = None,
    reference: str | None = None,
    state: str = PENDING,
) -> tuple[Row[Any], bool]:
    """A payment to be made of a finalised invoice, and whether it is new; the same key answers the first one.

    Raises `Conflict` for more than is left to be paid, `IdempotencyConflict` for the same key with other figures.
    """
    row = invoices.locked(connection, invoice_id)
    if key is not None and (known := by_key(connection, key)) is not None:
        if (known.invoice_id, known.amount, known.currency) != (invoice_id, amount.minor, amount.currency):
            raise IdempotencyConflict("This idempotency_key was used for another payment.", param="idempotency_key")
        return known, False
    if row.state != invoices.FINALIZED:
        raise Conflict(f"This invoice is {row.state}: finalize it before it is paid.", code="invalid_operation")
    if amount.currency != row.currency:
        raise InvalidInput(f"The invoice is in {row.currency}.", param="currency")
    if amount.minor <= 0:
        raise InvalidInput("The amount is above 0.", param="amount")
    left = invoices.remaining(row).minor - _under_way(connection, invoice_id)
    if amount.minor > left:
        raise Conflict(f"{Fiat(max(left, 0), row.currency)} is left to be paid.", code="invalid_operation")
    payment_id = new_id("pay")
    connection.execute(
        insert(PAYMENT).values(
            id=payment_id,
            invoice_id=invoice_id,
            key=key or payment_id,
            method=method,
            state=state,
            currency=amount.currency,
            amount=amount.minor,
            reference=reference,
            meta=meta or {},
            created_at=now,
            created_by=actor,
            updated_at=now,
        )
    )
    made = find(connection, payment_id)
    period_events.payment(connection, "payment.created", made)
    return made, True


def succeed(connection: Connection, payment_id: str, *, now: datetime, reference: str | None = None) -> Row[Any]:
    """The money is here: the invoice is paid by so much. Again, it changes nothing.

    Raises `Conflict` for a payment in credits: it succeeds when they are taken (`from_credits`).
    """
    payment, row = locked(connection, payment_id)
    if payment.state == SUCCEEDED:
        return payment
    if payment.method == CREDITS:
        raise Conflict("A payment in credits is processed, not reported.", code="invalid_operation")
    return _succeed(connection, payment, row, now, reference)


def _succeed(
    connection: Connection, payment: Row[Any], row: Row[Any], now: datetime, reference: str | None
) -> Row[Any]:
    _change(connection, payment.id, now, state=SUCCEEDED, succeeded_at=now, reference=reference or payment.reference)
    paid = row.paid + payment.amount
    left = row.total - paid - row.adjusted
    state = invoices.SUCCEEDED if left == 0 else invoices.OVERPAID if left < 0 else invoices.PENDING
    values: dict[str, Any] = {"paid": paid, "payment_state": state}
    if left <= 0:
        values["paid_at"] = now
    changed = invoices.change(connection, row, now, **values)
    if left <= 0:
        finalizing.paid(connection, changed, now)
    done = find(connection, payment.id)
    period_events.payment(connection, "payment.success", done)
    return done


def from_credits(connection: Connection, payment_id: str, *, now: datetime) -> Row[Any]:
    """Pay with what the customer's wallets hold, in the same transaction. `Conflict` when it is not enough, or not
    asked for (any more): credits that are taken for nothing would have to be given back by hand."""
    payment, row = locked(connection, payment_id)
    if payment.state == SUCCEEDED:
        return payment
    if payment.state not in OPEN or row.state != invoices.FINALIZED:
        raise Conflict(
            f"This payment is {payment.state} and its invoice {row.state}: make another one.", code="invalid_operation"
        )
    left = invoices.remaining(row).minor - _under_way(connection, row.id, besides=payment.id)
    if payment.amount > left:
        raise Conflict(f"{Fiat(max(left, 0), row.currency)} is left to be paid.", code="invalid_operation")
    reference = paying_in_credits.pay(connection, payment, row.workspace_id, now)
    return _succeed(connection, payment, row, now, reference)


def fail(connection: Connection, payment_id: str, *, error: str, now: datetime) -> Row[Any]:
    """It did not come; the invoice is still to be paid."""
    payment, row = locked(connection, payment_id)
    if payment.state in OPEN:
        _change(connection, payment_id, now, state=FAILED, failed_at=now, error=error[:500])
        if row.payment_state in (invoices.PENDING, invoices.PROCESSING):
            invoices.change(connection, row, now, payment_state=invoices.FAILED)
        period_events.payment(connection, "payment.failed", find(connection, payment_id))
    return find(connection, payment_id)


def drop(connection: Connection, payment_id: str, *, error: str, now: datetime) -> None:
    """It was never made: the invoice stands as before, and nobody is told of a failure."""
    payment, _ = locked(connection, payment_id)
    if payment.state in OPEN:
        _change(connection, payment_id, now, state=FAILED, failed_at=now, error=error[:500])


def call_off(connection: Connection, payment_id: str, *, now: datetime) -> None:
    """It is not to be made after all. `Conflict` for one that was sent off or made: it is reported, or credited."""
    payment, _ = locked(connection, payment_id)
    if payment.state not in (INITIATED, PENDING):
        raise Conflict(f"A payment that is {payment.state} stays.", code="invalid_operation")
    drop(connection, payment_id, error="called off", now=now)


def note(connection: Connection, payment_id: str, given: Given, *, now: datetime) -> Row[Any]:
    """Take down the integrator's notes and the gateway's id of it. The id of a payment that succeeded stays."""
    payment, _ = locked(connection, payment_id)
    values: dict[str, Any] = {"meta": given.labels()} if given.has("metadata") else {}
    if given.maybe("gateway_payment_id"):
        values["reference"] = given.text("gateway_payment_id")
        if payment.state == SUCCEEDED and values["reference"] != payment.reference:
            raise Conflict("A payment that succeeded keeps its gateway_payment_id.", code="invalid_operation")
    if values:
        _change(connection, payment_id, now, **values)
    return find(connection, payment_id)


def process(connection: Connection, payment_id: str, *, now: datetime) -> Row[Any]:
    """It was sent off, and its end is not known yet."""
    payment, _ = locked(connection, payment_id)
    if payment.state in (INITIATED, PENDING):
        _change(connection, payment_id, now, state=PROCESSING)
    return find(connection, payment_id)


def attempt(connection: Connection, invoice_id: str, *, actor: str, now: datetime) -> Row[Any]:
    """Pay what is left of an invoice with what the customer's wallets hold; `Conflict` where that is not enough, or
    nothing is asked for. A saved card is charged by itself."""
    row = invoices.locked(connection, invoice_id)
    left = Fiat(invoices.remaining(row).minor - _under_way(connection, invoice_id), row.currency)
    if row.state == invoices.FINALIZED and left.minor <= 0:
        raise Conflict("Nothing is left to be paid of this invoice.", code="invalid_operation")
    made, _ = create(connection, invoice_id, left, CREDITS, key=None, actor=actor, now=now)
    return from_credits(connection, made.id, now=now)


def mark(
    connection: Connection, invoice_id: str, state: str, amount: Fiat | None, *, actor: str, now: datetime
) -> Row[Any]:
    """An operator says how an invoice stands: paid outside, or not to be had."""
    row = invoices.locked(connection, invoice_id)
    if state == invoices.SUCCEEDED:
        left = amount or invoices.remaining(row)
        if left:
            made, _ = create(connection, invoice_id, left, OFFLINE, key=None, actor=actor, now=now)
            succeed(connection, made.id, now=now)
        return invoices.find(connection, invoice_id)
    if row.state != invoices.FINALIZED or not invoices.remaining(row):
        raise Conflict(f"This invoice is {row.state} and {row.payment_state}.", code="invalid_operation")
    if state not in (invoices.PENDING, invoices.PROCESSING, invoices.FAILED):
        raise InvalidInput("An invoice is set to PENDING, PROCESSING, FAILED or SUCCEEDED.", param="payment_status")
    return invoices.change(connection, row, now, payment_state=state)


def find(connection: Connection, payment_id: str) -> Row[Any]:
    """The payment, or `NotFound`."""
    found = connection.execute(select(PAYMENT).where(PAYMENT.c.id == payment_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no payment {payment_id[:100]}.", code="payment_not_found")
    return found


def locked(connection: Connection, payment_id: str) -> tuple[Row[Any], Row[Any]]:
    """The payment and its invoice, as they stand once the invoice is locked."""
    row = invoices.locked(connection, find(connection, payment_id).invoice_id)
    return find(connection, payment_id), row


def by_key(connection: Connection, key: str) -> Row[Any] | None:
    return connection.execute(select(PAYMENT).where(PAYMENT.c.key == key)).one_or_none()


def _under_way(connection: Connection, invoice_id: str, besides: str = "") -> int:
    still = select(func.coalesce(func.sum(PAYMENT.c.amount), 0)).where(
        PAYMENT.c.invoice_id == invoice_id, PAYMENT.c.state.in_((INITIATED, PROCESSING)), PAYMENT.c.id != besides
    )
    return int(connection.execute(still).scalar_one())


def _change(connection: Connection, payment_id: str, now: datetime, **values: Any) -> None:
    connection.execute(update(PAYMENT).where(PAYMENT.c.id == payment_id).values(**values, updated_at=now))
