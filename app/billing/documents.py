"""The document of an invoice (`app/invoicing`): what it says when it gets its number, and what takes it back whole."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row

from app.billing import facts, mailing, taxes
from app.invoicing.compose import DraftLine
from app.invoicing.issue import CreditDraft, InvoiceDraft, issue_credit_note, issue_invoice
from app.invoicing.writing import Issued
from app.kernel.errors import Conflict
from app.kernel.fiat import Fiat
from app.kernel.money import decimal_of, plain
from app.kernel.text import t

SOURCE_KIND: Final = "period"


def issue(
    connection: Connection, row: Row[Any], lines: Sequence[Row[Any]], *, now: datetime, due_at: datetime
) -> Issued:
    """Number the document of an invoice, once. Raises `SellerNeeded`, and `Conflict` where the tax of the draft is no
    longer what it would be."""
    customer = facts.customer_of(connection, row.customer_id)
    net, tax = Fiat(row.subtotal - row.discount - row.credits, row.currency), Fiat(row.tax, row.currency)
    decided = taxes.snapshot(connection, customer, net, tax, row.computed, now)
    if decided.total_tax != tax:
        raise Conflict(
            "The tax of this draft is not what it would be today. Recalculate it first.", code="invalid_operation"
        )
    written = tuple(_document_line(row, line) for line in lines) or (
        DraftLine(row.description or t("period.nothing_used"), net),
    )
    return issue_invoice(
        connection,
        InvoiceDraft(
            workspace_id=row.workspace_id,
            tax=decided,
            lines=written,
            issued_at=now,
            supplied_at=min(row.period_end, now),
            period=_days(row),
            source_id=row.id,
            source_kind=SOURCE_KIND,
            due_on=due_at.date(),
            notes=_notes(row),
        ),
    )


def take_back(connection: Connection, row: Row[Any], now: datetime) -> None:
    """A credit note of all that an invoice came to, mailed like any other; `row` says what it was for."""
    whole = Fiat(row.total, row.currency)
    issued = issue_credit_note(
        connection,
        CreditDraft(
            invoice_id=row.document_id,
            gross=whole,
            issued_at=now,
            source_id=f"void:{row.id}",
            source_kind=SOURCE_KIND,
            reason=t("period.void_reason"),
        ),
    )
    mailing.credit_note(connection, row, issued, whole, now)


def _document_line(row: Row[Any], line: Row[Any]) -> DraftLine:
    """A line with what was taken off it already: the lines of a document add up to what is taxed."""
    quantity = Fraction(line.quantity)
    net = Fiat(line.amount - line.discount - line.credits, row.currency)
    details = [line.reason]
    if line.discount:
        details.append(t("period.line.discount", amount=str(Fiat(line.discount, row.currency))))
    if line.credits:
        details.append(t("period.line.credits", amount=str(Fiat(line.credits, row.currency))))
    shown = Decimal(plain(decimal_of(quantity, 9)))
    return DraftLine(
        description=line.name,
        net=net,
        quantity=shown if shown > 0 else Decimal(1),
        detail=". ".join(detail for detail in details if detail)[:1000],
        section=line.plan_name,
    )


def _days(row: Row[Any]) -> tuple[date, date] | None:
    first, last = row.period_start.date(), (row.period_end - timedelta(microseconds=1)).date()
    return (first, last) if first <= last else None


def _notes(row: Row[Any]) -> tuple[str, ...]:
    if not row.carried_used:
        return ()
    return (t("period.carried", amount=str(Fiat(row.carried_used, row.currency))),)
