"""Issue an invoice, a receipt or a credit note in the caller's transaction: all of it or nothing, and once for each
source however often it is asked.

No network, no drawing: the PDF is made from the stored document whenever it is wanted. Others who issue for the same
entity wait until the caller commits, so this belongs near the end of a transaction.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from sqlalchemy import Connection, func, select

from app.invoicing import tables
from app.invoicing.compose import DraftLine, Head
from app.invoicing.document import InvoiceDocument, Kind, Paid, Refers
from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.writing import Issued, Sheet, Source, day, issued_for, write
from app.kernel.errors import Broken, Conflict, NotFound
from app.kernel.fiat import Fiat, total
from app.kernel.text import t

_INVOICE = tables.invoice
_NOT_YET = date.min


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDraft:
    """Everything but the number. Seller, buyer, currency and totals are those of `tax`, decided with the order."""

    workspace_id: str
    tax: TaxSnapshot
    lines: tuple[DraftLine, ...]
    issued_at: datetime
    supplied_at: datetime  # the payment, for credits taxed when they are sold
    period: tuple[date, date] | None = None  # first and last day, where it is for what was used in between
    source_id: str
    source_kind: str = "order"
    kind: Literal["invoice", "receipt"] = "invoice"
    order_id: str | None = None
    order_number: str = ""
    paid: Paid | None = None
    due_on: date | None = None
    terms_version: str = ""
    notes: tuple[str, ...] = ()
    is_test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditDraft:
    """Takes back `gross`, tax included, of an invoice. `paid` says how the money went back."""

    invoice_id: str
    gross: Fiat
    issued_at: datetime
    source_id: str
    source_kind: str = "refund"
    reason: str = ""
    paid: Paid | None = None


def issue_invoice(connection: Connection, draft: InvoiceDraft) -> Issued:
    """Number and write an invoice or a receipt, once per (source_kind, source_id)."""
    source = Source(draft.source_kind, draft.source_id)
    if found := issued_for(connection, source):
        return found
    if total((line.net for line in draft.lines), draft.tax.currency) != draft.tax.total_net:
        raise Broken("The lines of this invoice do not add up to what was taxed.")
    head = Head(
        # Money for credits that are taxed when they are used: an invoice would state the tax twice.
        kind=Kind.RECEIPT if draft.tax.rule_id == "taxed_on_redemption" else Kind(draft.kind),
        number="",
        issued_on=_NOT_YET,
        supplied_on=day(draft.tax, draft.supplied_at),
        period=draft.period,
        is_test=draft.is_test,
        order_number=draft.order_number,
        terms_version=draft.terms_version,
        paid=draft.paid,
        due_on=draft.due_on,
        notes=draft.notes,
    )
    return write(
        connection, Sheet(head, draft.tax, draft.lines, draft.workspace_id, source, draft.issued_at, draft.order_id)
    )


def issue_credit_note(connection: Connection, draft: CreditDraft) -> Issued:
    """Number and write a credit note, once per (source_kind, source_id).

    The tax is the original's, in proportion; the parts of a full refund add up to it exactly. `Conflict` refuses more
    than is left of the invoice.
    """
    source = Source(draft.source_kind, draft.source_id)
    original = connection.execute(select(_INVOICE).where(_INVOICE.c.id == draft.invoice_id).with_for_update()).first()
    if found := issued_for(connection, source):  # asked under the lock on the original
        return found
    if original is None or original.kind == Kind.CREDIT_NOTE:
        raise NotFound(f"There is no invoice {draft.invoice_id} to credit.", code="invoice_not_found")
    before = Fiat(credited(connection, draft.invoice_id), original.currency)
    left = Fiat(original.gross, original.currency) - before
    if not 0 < draft.gross.minor <= (left - Fiat.zero(draft.gross.currency)).minor:
        raise Conflict(
            f"{draft.gross} cannot be credited: {left} is left of {original.number}.", code="credit_too_high"
        )
    stored = InvoiceDocument.from_json(original.document)
    whole = TaxSnapshot.from_json(original.tax_snapshot)
    tax = whole.share(draft.gross, before)
    head = Head(
        kind=Kind.CREDIT_NOTE,
        number="",
        issued_on=_NOT_YET,
        supplied_on=stored.supplied_on or stored.issued_on,
        period=stored.period,
        is_test=stored.is_test,
        order_number=stored.order_number,
        terms_version=stored.terms_version,
        paid=draft.paid,
        refers_to=Refers(stored.number, stored.issued_on, draft.reason),
    )
    lines = _credit_lines(stored, tax, whole)
    return write(
        connection,
        Sheet(
            head,
            tax,
            lines,
            original.workspace_id,
            source,
            draft.issued_at,
            order_id=original.order_id,
            refers_to=draft.invoice_id,
        ),
    )


def credited(connection: Connection, invoice_id: str) -> int:
    """How much of an invoice its credit notes have taken back, tax included, in smallest units."""
    taken = select(func.coalesce(func.sum(_INVOICE.c.gross), 0)).where(_INVOICE.c.refers_to == invoice_id)
    return int(connection.execute(taken).scalar_one())


def _credit_lines(original: InvoiceDocument, tax: TaxSnapshot, whole: TaxSnapshot) -> tuple[DraftLine, ...]:
    """The lines of the original when all of it is taken back at once, else one line that says what part."""
    if tax.net == whole.net:
        return tuple(
            DraftLine(
                line.description,
                Fiat.parse(line.net, tax.currency),
                line.quantity,
                line.unit,
                line.detail,
                line.section,
            )
            for line in original.lines
        )
    words = t("invoicing.credit.part_of", number=original.number)
    return (DraftLine(words, tax.total_net, Decimal(1), detail=original.lines[0].description),)
