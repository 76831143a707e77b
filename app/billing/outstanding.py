"""What a customer's open invoices still ask for, and what the running period has come to: before it is billed."""

from datetime import datetime
from fractions import Fraction

from sqlalchemy import Connection, select

from app.billing import drafts, facts, invoices, subscriptions, tables
from app.billing.lifecycle import State
from app.billing.wallet_words import Outstanding
from app.kernel.fiat import Fiat

_SUB, _INVOICE = tables.subscription, tables.billing_invoice
UNPAID = (invoices.PENDING, invoices.PROCESSING, invoices.FAILED)


def outstanding(connection: Connection, workspace_id: str, currency: str, now: datetime) -> Outstanding:
    """In one currency: the usage of the running periods before discounts and tax, and what invoices still ask for."""
    code = currency.upper()
    running = select(_SUB).where(
        _SUB.c.workspace_id == workspace_id, _SUB.c.currency == code, _SUB.c.state == State.ACTIVE
    )
    usage = 0
    for row in connection.execute(running.order_by(_SUB.c.id)).all():
        customer = facts.customer_of(connection, row.customer_id)
        included = facts.allowances(connection, row)
        span = subscriptions.period_of(row)
        for line in drafts.usage_lines(connection, row, customer.external_id, span, included):
            usage += Fiat.from_exact(line.exact, code).minor
    asked = select(_INVOICE).where(
        _INVOICE.c.workspace_id == workspace_id,
        _INVOICE.c.currency == code,
        _INVOICE.c.state == invoices.FINALIZED,
        _INVOICE.c.payment_state.in_(UNPAID),
    )
    unpaid = sum(invoices.remaining(row).minor for row in connection.execute(asked).all())
    return Outstanding(Fraction(Fiat(usage, code).amount), Fraction(Fiat(unpaid, code).amount))
