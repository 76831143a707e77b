"""What a subscription's own commitment comes to otherwise when usage of a period came in after its invoice: less is
missing to it, or more exceeds it."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.billing import subscriptions, tables
from app.billing.commitment import Commitment
from app.billing.proration import net_of
from app.billing.rating import OVERAGE, TRUE_UP, USAGE, RatedLine, beside, worth_of
from app.billing.wanted import times
from app.kernel.fiat import Fiat
from app.kernel.money import decimal_of, plain
from app.kernel.text import t
from app.metering.aggregate import Span

_INVOICE, _LINE = tables.billing_invoice, tables.billing_invoice_line
#: Under these names an invoice keeps what the commitment added, and what it changed of periods before.
ADDED: Final = "committed"
CHANGED: Final = "committed_late"


def kept(
    lines: Sequence[RatedLine], late: Sequence[RatedLine], agreed: Commitment | None, currency: str
) -> dict[str, Any]:
    """Both, of an invoice with these lines; `late` are those of periods before. What is less than was stated is credit
    and no line, so it is kept here that it was given back."""
    changed = [
        {"span": times(line.span), "amount": Fiat.from_exact(line.before_discounts, currency).minor}
        for line in late
        if line.item is None
    ]
    added = Fraction(0) if agreed is None else beside(agreed, worth_of(lines, currency))
    return {ADDED: Fiat.from_exact(added, currency).minor, CHANGED: changed}


def difference(
    connection: Connection, row: Row[Any], invoice: Row[Any], period: Span, lines: Sequence[RatedLine]
) -> list[RatedLine]:
    """What is to be charged or given back of what `invoice` stated for a period whose usage now comes to `lines`."""
    agreed = subscriptions.commitment(row)
    if agreed is None or ADDED not in invoice.computed:
        return []
    worth = worth_of(lines, row.currency)
    stated = invoice.computed[ADDED] + _changed(connection, row.id, times(period))
    now = Fiat.from_exact(beside(agreed, worth), row.currency)
    gross = Fraction((now - Fiat(stated, row.currency)).amount)
    if not gross:
        return []
    purpose = OVERAGE if worth > agreed.amount else TRUE_UP
    exact = gross * _asked(connection, invoice) if gross < 0 else gross
    said = t("period.commitment_late", amount=plain(decimal_of(agreed.amount, 9)))
    name = t(f"period.{purpose}.name")
    return [RatedLine(None, USAGE, name, Fraction(1), exact, said, purpose, span=period, gross=gross)]


def _changed(connection: Connection, subscription_id: str, period: Sequence[str] | None) -> int:
    """By how much later invoices changed what was added. What they took off counts after a void too, because that went
    on to the next."""
    query = select(_INVOICE.c.computed, _INVOICE.c.state).where(
        _INVOICE.c.subscription_id == subscription_id, _INVOICE.c.finalized_at.is_not(None)
    )
    return sum(
        int(each["amount"])
        for computed, state in connection.execute(query)
        for each in computed.get(CHANGED) or ()
        if each["span"] == period and (each["amount"] < 0 or state == "FINALIZED")
    )


def _asked(connection: Connection, invoice: Row[Any]) -> Fraction:
    """How much of what an invoice states for the commitment was asked for and not credited since."""
    query = select(_LINE.c.amount, _LINE.c.discount).where(
        _LINE.c.invoice_id == invoice.id, _LINE.c.purpose.in_((TRUE_UP, OVERAGE)), _LINE.c.amount != 0
    )
    lines = connection.execute(query).all()
    net = sum((net_of(line.amount, line.discount, invoice._asdict()) for line in lines), Fraction(0))
    return net / sum(line.amount for line in lines) if lines else Fraction(1)
