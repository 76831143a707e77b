"""`/creditnotes`: what goes back of an invoice, or is not asked for after all."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import Connection, Row

from app.api.billing import invoice_wire, wire
from app.api.billing.common import Billing, Body, OptionalBody, require
from app.billing import credit_notes, refund_rows
from app.billing import invoices as books
from app.kernel.fiat import Fiat
from app.plans.keys import BillingKey


def router(billing: Billing) -> APIRouter:
    api = APIRouter(tags=["credit notes"])
    Key = Annotated[BillingKey, billing.key("invoices")]
    db, clock = billing.db, billing.clock

    @api.post("/creditnotes", status_code=201)
    def credit(key: Key, body: Body) -> dict[str, Any]:
        now = clock()
        with db.write() as connection:
            note = credit_notes.create(connection, body, actor=key.id, now=now)
            if body.flag("process_credit_note", True):
                note = _issued(connection, key, note.id, now)
            return shown(connection, note)

    @api.get("/creditnotes/{note_id}")
    def get_note(_key: Key, note_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return shown(connection, credit_notes.find(connection, note_id))

    @api.post("/creditnotes/{note_id}/finalize")
    def finalize(key: Key, note_id: str, body: OptionalBody) -> dict[str, Any]:
        target = body.maybe_choice("refund_target", (credit_notes.WALLET, credit_notes.SOURCE))
        with db.write() as connection:
            return shown(connection, _issued(connection, key, note_id, clock(), target))

    @api.post("/creditnotes/{note_id}/void")
    def void(_key: Key, note_id: str) -> dict[str, Any]:
        with db.write() as connection:
            return shown(connection, credit_notes.void(connection, note_id, now=clock()))

    @api.post("/creditnotes/{note_id}/sent")
    def sent(key: Key, note_id: str, body: Body) -> dict[str, Any]:
        """Our own: the transfer of what this note gives back was made."""
        with db.write() as connection:
            note = credit_notes.find(connection, note_id)
            for refund in refund_rows.of_note(connection, note_id):
                if refund.way == refund_rows.TRANSFER:
                    reference = body.text("bank_reference")
                    refund_rows.sent(connection, refund.id, reference, actor=key.id, now=clock())
            return shown(connection, note)

    return api


def _issued(
    connection: Connection, key: BillingKey, note_id: str, now: datetime, target: str | None = None
) -> Row[Any]:
    """The note with its number. One that gives credits needs a key that may change wallets, or nothing is done."""
    note = credit_notes.finalize(connection, note_id, now=now, target=target)
    if credit_notes.gives_credits(note):
        require(key, "wallets")
    return note


def shown(connection: Connection, note: Row[Any]) -> dict[str, Any]:
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
