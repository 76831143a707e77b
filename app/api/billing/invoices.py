"""`/invoices`: looked at before they are made, made, finalised, voided, drawn."""

from typing import Annotated, Any

from fastapi import APIRouter, Response

from app.api.billing import invoice_wire as show
from app.api.billing import wire
from app.api.billing.common import Billing, Body, OptionalBody, Query
from app.api.billing.unserved import expands
from app.billing import drafts, drilling, facts, finalizing, one_off, payments, period_events, tables
from app.billing import invoices as books
from app.kernel.errors import Conflict, InvalidInput
from app.kernel.given import Given
from app.kernel.ids import new_id
from app.metering.aggregate import Span
from app.plans.keys import BillingKey

INVOICE, LINE = tables.billing_invoice, tables.billing_invoice_line
DONE = {"success": True, "message": "done"}


def deeds(billing: Billing) -> APIRouter:
    """What becomes of an invoice."""
    api = APIRouter(tags=["invoices"])
    Key = Annotated[BillingKey, billing.key("invoices")]
    db, clock = billing.db, billing.clock

    @api.post("/invoices/{invoice_id}/finalize")
    def finalize(_key: Key, invoice_id: str) -> dict[str, Any]:
        with db.write() as connection:
            finalizing.finalize(connection, invoice_id, now=clock())
        return dict(DONE)

    @api.post("/invoices/{invoice_id}/void")
    def void(_key: Key, invoice_id: str) -> dict[str, Any]:
        with db.write() as connection:
            finalizing.void(connection, invoice_id, now=clock())
        return dict(DONE)

    @api.post("/invoices/{invoice_id}/recalculate", status_code=202)
    def recalculate(_key: Key, invoice_id: str) -> dict[str, Any]:
        with db.write() as connection:
            finalizing.recalculate(connection, invoice_id, now=clock())
        return {"message": "recalculated", "workflow_id": invoice_id, "run_id": invoice_id}

    @api.post("/invoices/{invoice_id}/recalculate-v2")
    def recalculate_now(_key: Key, invoice_id: str, query: Query) -> dict[str, Any]:
        now = clock()
        with db.write() as connection:
            row = finalizing.recalculate(connection, invoice_id, now=now)
            if query.raw.get("finalize") in ("true", True):
                row = finalizing.finalize(connection, invoice_id, now=now)
            return show.shown(connection, row)

    @api.post("/invoices/{invoice_id}/payment/attempt")
    def attempt(key: Key, invoice_id: str) -> dict[str, Any]:
        with db.write() as connection:
            payments.attempt(connection, invoice_id, actor=key.id, now=clock())
        return dict(DONE)

    @api.post("/invoices/{invoice_id}/comms/trigger")
    def trigger(_key: Key, invoice_id: str) -> dict[str, Any]:
        with db.write() as connection:
            row = books.find(connection, invoice_id)
            if row.state != books.FINALIZED:
                raise Conflict(f"This invoice is {row.state}: finalize it first.", code="invalid_operation")
            key = f"{period_events.COMMUNICATION}:{row.id}:{new_id('event')}"
            period_events.invoice_is(connection, period_events.COMMUNICATION, row, key=key)
        return dict(DONE)

    @api.put("/invoices/{invoice_id}/payment")
    def pay(key: Key, invoice_id: str, body: Body) -> dict[str, Any]:
        with db.write() as connection:
            row = books.find(connection, invoice_id)
            amount = body.fiat("amount", row.currency) if body.has("amount") else None
            state = body.text("payment_status")
            done = payments.mark(connection, invoice_id, state, amount, actor=key.id, now=clock())
            return show.shown(connection, done)

    return api


def making(billing: Billing) -> APIRouter:
    """Invoices looked at before they are made, and made."""
    api = APIRouter(tags=["invoices"])
    Key = Annotated[BillingKey, billing.key("invoices")]
    db, clock = billing.db, billing.clock

    @api.post("/invoices", status_code=201)
    def create(key: Key, body: Body) -> dict[str, Any]:
        now = clock()
        with db.write() as connection:
            row = one_off.create(connection, body, actor=key.id, now=now)
            if body.choice("invoice_status", (books.DRAFT, books.FINALIZED), books.DRAFT) == books.FINALIZED:
                row = finalizing.finalize(connection, row.id, now=now)
            return show.shown(connection, row)

    @api.post("/invoices/preview")
    def preview(_key: Key, body: Body) -> dict[str, Any]:
        span = _span(body)
        keep_zero = not body.flag("hide_zero_charges_line_items")
        with db.read() as connection:
            row, built = drafts.preview(
                connection, body.text("subscription_id"), now=clock(), span=span, keep_zero=keep_zero
            )
            return show.previewed(row, built)

    return api


def router(billing: Billing) -> APIRouter:
    """Invoices found, noted on, drawn."""
    api = APIRouter(tags=["invoices"])
    Key = Annotated[BillingKey, billing.key("invoices")]
    db, clock = billing.db, billing.clock

    @api.post("/invoices/search")
    def search(_key: Key, body: OptionalBody) -> dict[str, Any]:
        with db.read() as connection:
            found = show.find_all(connection, body)
            lines, wish = not body.flag("skip_line_items"), expands(body.raw)
            rows = (books.find(connection, row["id"]) for row in found.items)
            items = [show.shown(connection, row, lines=lines, wish=wish) for row in rows]
            return wire.listed(items, found.total, found.limit, found.offset)

    @api.get("/customers/{customer_id}/invoices/summary")
    def summary(_key: Key, customer_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return show.summed(connection, facts.customer_of(connection, customer_id), clock())

    @api.get("/invoices/{invoice_id}")
    def get(_key: Key, invoice_id: str, query: Query) -> dict[str, Any]:
        with db.read() as connection:
            return show.shown(connection, books.find(connection, invoice_id), wish=expands(query.raw))

    @api.put("/invoices/{invoice_id}")
    def change(_key: Key, invoice_id: str, body: Body) -> dict[str, Any]:
        with db.write() as connection:
            row = books.find(connection, invoice_id, lock=True)
            values: dict[str, Any] = {"meta": body.labels()} if body.has("metadata") else {}
            if body.has("due_date"):
                if row.state != books.DRAFT:
                    raise Conflict("The day a finalised invoice is due stands on it.", code="invalid_operation")
                values["due_at"] = body.moment("due_date")
            return show.shown(connection, books.change(connection, row, clock(), **values) if values else row)

    @api.get("/invoices/{invoice_id}/pdf")
    def pdf(_key: Key, invoice_id: str) -> Response:
        with db.read() as connection:
            row = books.find(connection, invoice_id)
        if row.document_id is None:
            raise Conflict("A draft has no document: finalize it first.", code="invalid_operation")
        file = billing.services.invoicing.invoices.file(row.document_id, "pdf")
        names = {"content-disposition": f'attachment; filename="{file.name}"'}
        return Response(file.content, media_type=file.mime, headers=names)

    @api.get("/invoices/{invoice_id}/lines/{line_id}/events")
    def events(_key: Key, invoice_id: str, line_id: str) -> dict[str, Any]:
        with db.read() as connection:
            return {"items": drilling.kinds_of(connection, invoice_id, line_id)}

    return api


def _span(body: Given) -> Span | None:
    """The time that a preview is to be over; None: the running period."""
    if not body.has("period_start") and not body.has("period_end"):
        return None
    span = Span(body.moment("period_start"), body.moment("period_end"))
    if span.start >= span.end:
        raise InvalidInput("period_end lies after period_start.", param="period_end")
    return span
