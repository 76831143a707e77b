"""`/payments` and `/creditnotes`: what was paid of an invoice, and what goes back."""

from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import Connection, Row

from app.api.billing import invoice_wire, wire
from app.api.billing.common import Billing, Body, OptionalBody, Query
from app.billing import card_rows, credit_notes, payments, refund_rows, tables
from app.billing import invoices as books
from app.kernel.errors import Conflict
from app.kernel.fiat import Fiat
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
        ]
        with db.read() as connection:
            found = page_of(connection, PAYMENT, query, *wanted)
            rows = [payments.find(connection, row["id"]) for row in found.items]
        return wire.listed([shown(db, row) for row in rows], found.total, found.limit, found.offset)

    @api.get("/payments/{payment_id}")
    def get(_key: Key, payment_id: str) -> dict[str, Any]:
        with db.read() as connection:
            row = payments.find(connection, payment_id)
        return shown(db, row)

    @api.put("/payments/{payment_id}")
    def change(_key: Key, payment_id: str, body: Body) -> dict[str, Any]:
        now, state = clock(), body.maybe_choice("payment_status", REPORTED)
        if state != payments.FAILED and body.maybe("error_message"):
            raise body.wrong("error_message", "is for payments that FAILED.")
        with db.write() as connection:
            if state is not None or body.has("gateway_payment_id"):
                card_rows.require_reportable(connection, payment_id, state or payments.PROCESSING)
            row = payments.note(connection, payment_id, body, now=now)
            if state == payments.SUCCEEDED:
                row = payments.succeed(connection, payment_id, now=now)
            elif state == payments.FAILED:
                row = payments.fail(connection, payment_id, error=body.maybe("error_message") or "failed", now=now)
            elif state == payments.PROCESSING:
                row = payments.process(connection, payment_id, now=now)
        return shown(db, row)

    @api.post("/payments/{payment_id}/process")
    def process(_key: Key, payment_id: str) -> dict[str, Any]:
        with db.write() as connection:
            row = payments.find(connection, payment_id)
            card_rows.require_reportable(connection, payment_id, payments.SUCCEEDED)
            if row.method == payments.CREDITS:
                row = payments.from_credits(connection, payment_id, now=clock())
            elif row.method == payments.OFFLINE:
                row = payments.succeed(connection, payment_id, now=clock())
            else:
                raise Conflict(
                    f"A payment by {row.method} is reported with PUT when it succeeded or failed.",
                    code="invalid_operation",
                )
        return shown(db, row)

    return api


def credit_notes_router(billing: Billing) -> APIRouter:
    """What goes back of an invoice, or is not asked for after all."""
    api = APIRouter(tags=["credit notes"])
    Key = Annotated[BillingKey, billing.key("invoices")]
    db, clock = billing.db, billing.clock

    @api.post("/creditnotes", status_code=201)
    def credit(key: Key, body: Body) -> dict[str, Any]:
        now = clock()
        with db.write() as connection:
            note = credit_notes.create(connection, body, actor=key.id, now=now)
            if body.flag("process_credit_note", True):
                note = credit_notes.finalize(connection, note.id, now=now)
            return credited(connection, note)

    @api.get("/creditnotes/{note_id}")
    def get_note(_key: Key, note_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return credited(connection, credit_notes.find(connection, note_id))

    @api.post("/creditnotes/{note_id}/finalize")
    def finalize(_key: Key, note_id: str, body: OptionalBody) -> dict[str, Any]:
        target = body.maybe_choice("refund_target", (credit_notes.WALLET, credit_notes.SOURCE))
        with db.write() as connection:
            return credited(connection, credit_notes.finalize(connection, note_id, now=clock(), target=target))

    @api.post("/creditnotes/{note_id}/void")
    def void(_key: Key, note_id: str) -> dict[str, Any]:
        with db.write() as connection:
            return credited(connection, credit_notes.void(connection, note_id, now=clock()))

    @api.post("/creditnotes/{note_id}/sent")
    def sent(key: Key, note_id: str, body: Body) -> dict[str, Any]:
        """Our own: the transfer of what this note gives back was made."""
        with db.write() as connection:
            note = credit_notes.find(connection, note_id)
            for refund in refund_rows.of_note(connection, note_id):
                if refund.way == refund_rows.TRANSFER:
                    reference = body.text("bank_reference")
                    refund_rows.sent(connection, refund.id, reference, actor=key.id, now=clock())
            return credited(connection, note)

    return api


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


def credited(connection: Connection, note: Row[Any]) -> dict[str, Any]:
    """A credit note on the wire."""
    invoice = books.find(connection, note.invoice_id)
    return {
        "id": note.id,
        "idempotency_key": None if note.key == note.id else note.key,
        "credit_note_number": note.number,
        "credit_note_status": note.state,
        "credit_note_type": note.kind,
        "customer_id": invoice.customer_id,
        "subscription_id": invoice.subscription_id,
        "invoice_id": note.invoice_id,
        "invoice": invoice_wire.shown(connection, invoice, lines=False),
        "currency": note.currency.lower(),
        "total_amount": wire.decimal(Fiat(note.amount, note.currency).amount),
        "reason": note.reason,
        "memo": note.memo or None,
        "metadata": note.meta,
        "refunds": [_refund(each) for each in refund_rows.of_note(connection, note.id)],
        "line_items": [
            {
                "id": each["id"],
                "credit_note_id": note.id,
                "invoice_line_item_id": each["line_id"],
                "display_name": each["name"] or None,
                "amount": wire.decimal(Fiat(each["minor"], note.currency).amount),
                "currency": note.currency.lower(),
                "metadata": each["meta"],
            }
            for each in note.lines
        ],
        "finalized_at": wire.moment(note.finalized_at),
        "voided_at": wire.moment(note.voided_at),
        "created_at": wire.moment(note.created_at),
        "created_by": note.created_by,
        "updated_at": wire.moment(note.updated_at),
    }


def _refund(row: Row[Any]) -> dict[str, Any]:
    """By which way a part of it goes back, and how far that is."""
    return {
        "id": row.id,
        "payment_id": row.payment_id,
        "way": row.way,
        "status": row.state,
        "amount": wire.decimal(Fiat(row.amount, row.currency).amount),
        "reference": row.external_id,
        "failure": row.failure,
    }
