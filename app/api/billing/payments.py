"""`/payments`: what was paid of an invoice, and what was tried."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import Connection, Row

from app.api.billing import wire
from app.api.billing.common import Billing, Body, Query
from app.billing import card_rows, payments, tables
from app.billing import invoices as books
from app.kernel.errors import Conflict
from app.kernel.fiat import Fiat
from app.kernel.given import Given
from app.plans import customers as customer_book
from app.plans.keys import BillingKey
from app.plans.search import chosen
from app.plans.search import search as page_of

PAYMENT = tables.billing_payment
DESTINATION = "INVOICE"
#: What may be said of a payment that is made elsewhere. What goes back is a credit note.
REPORTED = (payments.SUCCEEDED, payments.FAILED, payments.PROCESSING)


def router(billing: Billing) -> APIRouter:
    api = APIRouter(tags=["payments"])
    Key = Annotated[BillingKey, billing.key("invoices")]
    _making_routes(api, billing, Key)
    _following_routes(api, billing, Key)
    return api


def _making_routes(api: APIRouter, billing: Billing, Key: Any) -> None:
    """Payments made and found."""
    db, clock = billing.db, billing.clock

    @api.post("/payments", status_code=201)
    def create(key: Key, body: Body) -> dict[str, Any]:
        now = clock()
        body.choice("destination_type", (DESTINATION,))
        method = body.choice("payment_method_type", payments.METHODS)
        amount = body.fiat("amount", customer_book.currency(body))
        at_once = body.flag("process_payment", True)
        with db.write() as connection:
            made, new = payments.create(
                connection,
                body.text("destination_id"),
                amount,
                method,
                key=body.maybe("idempotency_key"),
                actor=key.id,
                now=now,
                meta=body.labels(),
            )
            if new and method == payments.OFFLINE and at_once:
                made = payments.succeed(connection, made.id, now=now)
            if method == payments.CREDITS and at_once:
                made = payments.from_credits(connection, made.id, now=now)
        return shown(db, made)

    @api.get("/payments")
    def search(_key: Key, query: Query) -> dict[str, Any]:
        wanted = [
            *chosen(PAYMENT.c.invoice_id, query, "destination_id"),
            *chosen(PAYMENT.c.state, query, "payment_status"),
            *chosen(PAYMENT.c.method, query, "payment_method_type"),
            *chosen(PAYMENT.c.id, query, "payment_ids"),
            *chosen(PAYMENT.c.reference, query, "gateway_payment_id"),
        ]
        query.maybe_choice("destination_type", (DESTINATION,))
        if query.has("currency"):
            wanted.append(PAYMENT.c.currency == customer_book.currency(query))
        with db.read() as connection:
            found = page_of(connection, PAYMENT, query, *wanted)
            rows = [payments.find(connection, row["id"]) for row in found.items]
        return wire.listed([shown(db, row) for row in rows], found.total, found.limit, found.offset)

    @api.get("/payments/{payment_id}")
    def get(_key: Key, payment_id: str) -> dict[str, Any]:
        with db.read() as connection:
            row = payments.find(connection, payment_id)
        return shown(db, row)


def _following_routes(api: APIRouter, billing: Billing, Key: Any) -> None:
    """What becomes of one."""
    db, clock = billing.db, billing.clock

    @api.put("/payments/{payment_id}")
    def change(_key: Key, payment_id: str, body: Body) -> dict[str, Any]:
        with db.write() as connection:
            row = _report(connection, payment_id, body, clock())
        return shown(db, row)

    @api.delete("/payments/{payment_id}")
    def call_off(_key: Key, payment_id: str) -> dict[str, Any]:
        with db.write() as connection:
            card_rows.require_reportable(connection, payment_id, payments.FAILED)
            payments.call_off(connection, payment_id, now=clock())
        return {"message": "The payment is called off."}

    @api.post("/payments/{payment_id}/process")
    def process(_key: Key, payment_id: str) -> dict[str, Any]:
        with db.write() as connection:
            row = _process(connection, payment_id, clock())
        return shown(db, row)


def _report(connection: Connection, payment_id: str, body: Given, now: datetime) -> Row[Any]:
    """What became of a payment that is made elsewhere."""
    state = body.maybe_choice("payment_status", REPORTED)
    if state != payments.FAILED and body.maybe("error_message"):
        raise body.wrong("error_message", "is for payments that FAILED.")
    if state is not None or body.has("gateway_payment_id"):
        card_rows.require_reportable(connection, payment_id, state or payments.PROCESSING)
    row = payments.note(connection, payment_id, body, now=now)
    if state == payments.SUCCEEDED:
        return payments.succeed(connection, payment_id, now=now)
    if state == payments.FAILED:
        return payments.fail(connection, payment_id, error=body.maybe("error_message") or "failed", now=now)
    return payments.process(connection, payment_id, now=now) if state == payments.PROCESSING else row


def _process(connection: Connection, payment_id: str, now: datetime) -> Row[Any]:
    """Take it now: from credits, or as received. Other ways of paying are reported."""
    row = payments.find(connection, payment_id)
    card_rows.require_reportable(connection, payment_id, payments.SUCCEEDED)
    if row.method == payments.CREDITS:
        return payments.from_credits(connection, payment_id, now=now)
    if row.method == payments.OFFLINE:
        return payments.succeed(connection, payment_id, now=now)
    raise Conflict(
        f"A payment by {row.method} is reported with PUT when it succeeded or failed.", code="invalid_operation"
    )


def shown(db: Any, row: Row[Any]) -> dict[str, Any]:
    """A payment on the wire."""
    with db.read() as connection:
        invoice = books.find(connection, row.invoice_id)
    return {
        "id": row.id,
        "idempotency_key": None if row.key == row.id else row.key,
        "destination_type": DESTINATION,
        "destination_id": row.invoice_id,
        "invoice_number": invoice.number,
        "payment_method_type": row.method,
        "payment_status": row.state,
        "amount": wire.decimal(Fiat(row.amount, row.currency).amount),
        "currency": row.currency.lower(),
        "gateway_payment_id": row.reference,
        "error_message": row.error,
        "metadata": row.meta,
        "track_attempts": False,
        "succeeded_at": wire.moment(row.succeeded_at),
        "failed_at": wire.moment(row.failed_at),
        "created_at": wire.moment(row.created_at),
        "created_by": row.created_by,
        "updated_at": wire.moment(row.updated_at),
        "updated_by": row.created_by,
    }
