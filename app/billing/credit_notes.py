"""Credit notes over finalised invoices: before it is paid one lowers what is due, afterwards it gives back.

Finalising numbers a document in the same transaction. No line is credited beyond what it came to, no invoice beyond
what is left of it.
"""

from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from app.billing import documents, finalizing, invoices, mailing, paying_in_credits, refund_rows, tables
from app.billing.proration import capped_credit
from app.invoicing.issue import CreditDraft, issue_credit_note
from app.kernel.errors import Broken, Conflict, IdempotencyConflict, InvalidInput, NotFound
from app.kernel.fiat import Fiat
from app.kernel.given import Given
from app.kernel.ids import new_id

NOTE = tables.billing_credit_note
ADJUSTMENT, REFUND = "ADJUSTMENT", "REFUND"
DRAFT, FINALIZED, VOIDED = "DRAFT", "FINALIZED", "VOIDED"
WALLET, SOURCE = "PREPAID_WALLET", "BACK_TO_SOURCE"
REASONS: Final = (
    "DUPLICATE", "FRAUDULENT", "ORDER_CHANGE", "UNSATISFACTORY", "SERVICE_ISSUE", "BILLING_ERROR",
    "SUBSCRIPTION_CANCELLATION",
)  # fmt: skip
_OF_STATE: Final = {
    invoices.SUCCEEDED: REFUND,
    invoices.PARTIALLY_REFUNDED: REFUND,
    invoices.OVERPAID: REFUND,
    invoices.PENDING: ADJUSTMENT,
    invoices.PROCESSING: ADJUSTMENT,
    invoices.FAILED: ADJUSTMENT,
}


def create(connection: Connection, given: Given, *, actor: str, now: datetime) -> Row[Any]:
    """A draft of a credit note; without lines, of everything that is left. `finalize` gives it its number."""
    invoice_id = given.text("invoice_id")
    reason = given.choice("reason", REASONS)
    target = given.choice("refund_target", (WALLET, SOURCE), WALLET)
    row = invoices.locked(connection, invoice_id)
    key = given.maybe("idempotency_key")
    if key and (known := _by_key(connection, key)) is not None:
        if not _is_asked_again(known, row, given):
            raise IdempotencyConflict("This idempotency_key was used for another credit note.", param="idempotency_key")
        return known
    kind = _kind(row)
    lines = _lines(connection, row, given)
    amount = sum(int(line["minor"]) for line in lines)
    left = room(row)
    if not 0 < amount <= left:
        raise Conflict(
            f"{Fiat(amount, row.currency)} cannot be credited: {Fiat(left, row.currency)} is left of the invoice.",
            code="invalid_operation",
        )
    note_id = new_id("cn")
    connection.execute(
        insert(NOTE).values(
            id=note_id,
            invoice_id=invoice_id,
            key=key or note_id,
            kind=kind,
            state=DRAFT,
            reason=reason,
            memo=given.maybe("memo", longest=2_000) or "",
            refund_target=target,
            currency=row.currency,
            amount=amount,
            lines=lines,
            meta=given.labels(),
            created_at=now,
            created_by=actor,
            updated_at=now,
        )
    )
    return find(connection, note_id)


def finalize(connection: Connection, note_id: str, *, now: datetime, target: str | None = None) -> Row[Any]:
    """Number it, and lower what is due or note what goes back. Again, it answers what was done."""
    row = invoices.locked(connection, find(connection, note_id).invoice_id)
    note = find(connection, note_id)
    if note.state == FINALIZED:
        return note
    if note.state == VOIDED:
        raise Conflict("This credit note was voided.", code="invalid_operation")
    kind = _kind(row)
    if note.amount > room(row):
        raise Conflict("More was credited meanwhile: less than this is left of the invoice.", code="invalid_operation")
    if row.document_id is None:
        raise Broken(f"{row.id} is finalised and has no document.")
    issued = issue_credit_note(
        connection,
        CreditDraft(
            invoice_id=row.document_id,
            gross=Fiat(note.amount, note.currency),
            issued_at=now,
            source_id=note.id,
            source_kind=documents.SOURCE_KIND,
            reason=note.memo or note.reason.replace("_", " ").capitalize(),
        ),
    )
    _change(
        connection,
        note_id,
        now,
        state=FINALIZED,
        kind=kind,
        finalized_at=now,
        document_id=issued.invoice_id,
        number=issued.number,
        refund_target=target or note.refund_target,
    )
    note = find(connection, note_id)
    if gives_credits(note):
        paying_in_credits.refund(connection, note, row, now)
    elif kind == REFUND:
        refund_rows.plan(connection, note, row, now)
    _apply(connection, row, kind, note.amount, now)
    mailing.credit_note(connection, row, issued, Fiat(note.amount, note.currency), now)
    return find(connection, note_id)


def gives_credits(note: Row[Any]) -> bool:
    """Whether what it gives back are credits."""
    return bool(note.kind == REFUND and note.refund_target == WALLET)


def void(connection: Connection, note_id: str, *, now: datetime) -> Row[Any]:
    """Drop a draft; one that was issued stays."""
    invoices.find(connection, find(connection, note_id).invoice_id, lock=True)
    note = find(connection, note_id)
    if note.state == FINALIZED:
        raise Conflict("A credit note that was issued stays.", code="invalid_operation")
    if note.state == DRAFT:
        _change(connection, note_id, now, state=VOIDED, voided_at=now)
    return find(connection, note_id)


def find(connection: Connection, note_id: str) -> Row[Any]:
    """The credit note, or `NotFound`."""
    found = connection.execute(select(NOTE).where(NOTE.c.id == note_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no credit note {note_id[:100]}.", code="credit_note_not_found")
    return found


def room(row: Row[Any]) -> int:
    """What can still be credited of an invoice: what is due of it, or what was paid and not given back."""
    if _kind(row) == ADJUSTMENT:
        return invoices.remaining(row).minor
    paid = Fraction(row.paid)
    return int(capped_credit(paid, paid, Fraction(row.refunded)))


def _apply(connection: Connection, row: Row[Any], kind: str, amount: int, now: datetime) -> None:
    if kind == REFUND:
        refunded = row.refunded + amount
        state = invoices.REFUNDED if refunded >= row.paid else invoices.PARTIALLY_REFUNDED
        invoices.change(connection, row, now, refunded=refunded, payment_state=state)
        return
    adjusted = row.adjusted + amount
    if row.paid + adjusted < row.total:
        invoices.change(connection, row, now, adjusted=adjusted)
        return
    done = {"payment_state": invoices.SUCCEEDED, "paid_at": now}
    finalizing.paid(connection, invoices.change(connection, row, now, adjusted=adjusted, **done), now)


def _kind(row: Row[Any]) -> str:
    kind = _OF_STATE.get(row.payment_state)
    if row.state != invoices.FINALIZED or kind is None:
        raise Conflict(
            f"Nothing is credited of an invoice that is {row.state} and {row.payment_state}.", code="invalid_operation"
        )
    return kind


def _lines(connection: Connection, row: Row[Any], given: Given) -> list[dict[str, Any]]:
    """What of which line; each up to what it came to, its tax included, less what was credited of it before."""
    kept = {line.id: line for line in invoices.lines_of(connection, row.id)}
    before = _credited(connection, row.id)
    wanted = given.objects("line_items", most=1_000)
    if not wanted:
        return [{"id": new_id("cn_line"), "line_id": None, "minor": room(row), "name": "", "meta": {}}]
    lines = []
    for each in wanted:
        line_id = each.text("invoice_line_item_id")
        line = kept.get(line_id)
        if line is None:
            raise InvalidInput(f"The invoice has no line {line_id[:100]}.", param=each.at("invoice_line_item_id"))
        amount = each.fiat("amount", row.currency).minor
        most = gross_of(row, line) - before.get(line_id, 0)
        before[line_id] = before.get(line_id, 0) + amount
        if not 0 < amount <= most:
            raise InvalidInput(f"{Fiat(max(most, 0), row.currency)} is left of this line.", param=each.at("amount"))
        name = each.maybe("display_name") or line.name
        lines.append(
            {"id": new_id("cn_line"), "line_id": line_id, "minor": amount, "name": name, "meta": each.labels()}
        )
    return lines


def gross_of(row: Row[Any], line: Row[Any]) -> int:
    """What a line came to with its part of the tax, rounded up: the invoice's own total is what finally counts."""
    net = row.subtotal - row.discount - row.credits
    own: int = line.amount - line.discount - line.credits
    return own if not net else own + int(-(-row.tax * own // net))


def _is_asked_again(known: Row[Any], row: Row[Any], given: Given) -> bool:
    """Whether this credits what the known note credits."""
    wished = [
        (each.text("invoice_line_item_id"), each.fiat("amount", row.currency).minor)
        for each in given.objects("line_items", most=1_000)
    ]
    noted = [(line["line_id"], int(line["minor"])) for line in known.lines if line["line_id"]]
    return known.invoice_id == row.id and noted == wished


def _credited(connection: Connection, invoice_id: str) -> dict[str, int]:
    query = select(NOTE.c.lines).where(NOTE.c.invoice_id == invoice_id, NOTE.c.state != VOIDED)
    found: dict[str, int] = {}
    for lines in connection.execute(query).scalars():
        for line in lines:
            if line["line_id"]:
                found[line["line_id"]] = found.get(line["line_id"], 0) + int(line["minor"])
    return found


def _by_key(connection: Connection, key: str) -> Row[Any] | None:
    return connection.execute(select(NOTE).where(NOTE.c.key == key)).one_or_none()


def _change(connection: Connection, note_id: str, now: datetime, **values: Any) -> None:
    connection.execute(update(NOTE).where(NOTE.c.id == note_id).values(**values, updated_at=now))
