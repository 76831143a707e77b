"""The documents of money that goes back, and of what is sold anew when it came back after that. Within the caller's
transaction.

Each credit note is of one invoice. An order has one, and one more for each part that was sold anew; what goes back of
all of it takes a note for each of those that none alone has room for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from app.invoicing import tables as invoicing
from app.invoicing.compose import DraftLine
from app.invoicing.document import Kind, Paid
from app.invoicing.issue import CreditDraft, InvoiceDraft, credited, issue_credit_note, issue_invoice
from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.writing import Issued
from app.kernel import outbox
from app.kernel.errors import Conflict
from app.kernel.fiat import Fiat, total
from app.kernel.money import Money
from app.ledger.journal import Cash
from app.payments import return_rows
from app.payments.orders import MANUAL
from app.payments.tax_reports import promise_anew, promise_back

_INVOICE = invoicing.invoice


@dataclass(frozen=True, slots=True)
class Back:
    """Money that goes back, and the credits with it: `ref` names it in the ledger, `source_kind` says whether by refund
    or dispute."""

    ref: str
    order_id: str
    amount: Fiat
    credits: Money
    source_kind: str
    reason: str
    method: str
    reference: str
    credit_note: bool = True


class Part(NamedTuple):
    """What goes back of one invoice, and the tax in it."""

    invoice_id: str
    gross: Fiat
    tax: TaxSnapshot


class Moved(Conflict):
    """Another part of the same invoice was credited meanwhile: the figures are to be worked out anew."""


def parts_back(connection: Connection, order: Row[Any], amount: Fiat) -> tuple[Part, ...]:
    """The invoices that `amount` goes back of: the first with room for all of it, else one after the other."""
    rooms = [
        (invoice, return_rows.open_part(connection, invoice)) for invoice in return_rows.invoices_of(connection, order)
    ]
    whole = next((invoice for invoice, room in rooms if room >= amount), None)
    if whole is not None:
        return (_part(connection, whole, amount),)
    parts, left = list[Part](), amount
    for invoice, room in rooms:
        if taken := min(left, room):
            parts.append(_part(connection, invoice, taken))
            left -= taken
    return tuple(parts)


def _part(connection: Connection, invoice: Row[Any], amount: Fiat) -> Part:
    before = Fiat(credited(connection, invoice.id), invoice.currency)
    return Part(str(invoice.id), amount, TaxSnapshot.from_json(invoice.tax_snapshot).share(amount, before))


def net_and_tax(taxes: Sequence[TaxSnapshot], currency: str) -> tuple[Fiat, Fiat]:
    """Several together."""
    return total((tax.total_net for tax in taxes), currency), total((tax.total_tax for tax in taxes), currency)


def cash_of(order: Row[Any], taxes: Sequence[TaxSnapshot]) -> Cash:
    """What moves in the books of money: through which door, net and tax."""
    net, tax = net_and_tax(taxes, order.currency)
    return Cash("bank" if order.provider == MANUAL else str(order.provider), net.money, tax.money)


# --- gone


def issue_notes(
    connection: Connection, order: Row[Any], back: Back, parts: Sequence[Part], now: datetime
) -> list[Issued]:
    """A credit note for each part, once; `Moved` when the figures are no longer those of the books."""
    if total((part.gross for part in parts), order.currency) != back.amount:
        raise Conflict(f"{back.amount} cannot be credited: less is left of its invoices.", code="credit_too_high")
    return [
        _note(connection, order, back, *each, now) for each in zip(_names(back.ref, len(parts)), parts, strict=True)
    ]


def _names(ref: str, many: int) -> list[str]:
    """What the documents are issued for: the first for `ref` itself."""
    return [ref, *(f"{ref}:{number}" for number in range(2, many + 1))][:many]


def _note(connection: Connection, order: Row[Any], back: Back, name: str, part: Part, now: datetime) -> Issued:
    issued = issue_credit_note(
        connection,
        CreditDraft(
            invoice_id=part.invoice_id,
            gross=part.gross,
            issued_at=now,
            source_id=name,
            source_kind=back.source_kind,
            reason=back.reason,
            paid=Paid(now.date(), back.method, back.reference),
        ),
    )
    note = _document(connection, issued.invoice_id)
    if (note.net, note.tax) != (part.tax.total_net.minor, part.tax.total_tax.minor):
        raise Moved("The invoice was credited meanwhile.")
    promise_back(connection, order, part.invoice_id, issued, now)
    _mail(connection, order, issued, part, now)
    return issued


def notes_of(connection: Connection, order_id: str, source_kind: str, ref: str) -> list[Row[Any]]:
    """The credit notes that were issued for this, in order."""
    mine = (_INVOICE.c.order_id == order_id) & (_INVOICE.c.source_kind == source_kind)
    query = select(_INVOICE).where(mine, _INVOICE.c.kind == Kind.CREDIT_NOTE).order_by(_INVOICE.c.id)
    found = {row.source_id: row for row in connection.execute(query)}
    return [found[name] for name in _names(ref, len(found)) if name in found]


def _mail(connection: Connection, order: Row[Any], issued: Issued, part: Part, now: datetime) -> None:
    params = {
        "number": issued.number,
        "amount": part.gross,
        "issued_on": now.date(),
        "invoice": _document(connection, part.invoice_id).number,
    }
    outbox.mail(
        connection,
        "credit_note",
        key=f"credit_note:{issued.invoice_id}",
        workspace_id=order.workspace_id,
        params=params,
        attachments=[{"kind": "invoice", "id": issued.invoice_id, "name": f"{issued.number}.pdf"}],
    )


# --- and here again


def issue_anew(
    connection: Connection, order: Row[Any], back: Back, taxes: Sequence[TaxSnapshot], label: str, now: datetime
) -> list[Issued]:
    """An invoice for each credit note's tax: the money of it came back."""
    named = zip(_names(back.ref, len(taxes)), taxes, strict=True)
    return [_anew(connection, order, back, name, tax, label, now) for name, tax in named]


def _anew(
    connection: Connection, order: Row[Any], back: Back, name: str, tax: TaxSnapshot, label: str, now: datetime
) -> Issued:
    issued = issue_invoice(
        connection,
        InvoiceDraft(
            workspace_id=order.workspace_id,
            tax=tax,
            lines=(DraftLine(label, tax.total_net),),
            issued_at=now,
            supplied_at=now,
            source_id=name,
            source_kind=f"{back.source_kind}_restored",
            order_id=order.id,
            order_number=order.reference,
            paid=Paid(now.date(), back.method, back.reference),
            is_test=not order.livemode,
        ),
    )
    promise_anew(connection, order, issued, tax, now)
    return issued


def _document(connection: Connection, invoice_id: str) -> Row[Any]:
    return connection.execute(select(_INVOICE).where(_INVOICE.c.id == invoice_id)).one()
