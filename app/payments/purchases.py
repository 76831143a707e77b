"""The money behind movements of credits, for a customer's account statement."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from app.generation.account_statement import Purchase
from app.kernel.fiat import Fiat
from app.payments.tables import payment_order


def purchases_of(connection: Connection, workspace_id: str, journal_ids: Collection[str]) -> Mapping[str, Purchase]:
    """By journal: what was paid for these credits with tax, for which order, on which invoice."""
    order = payment_order.c
    query = select(order.journal_id, order.gross_minor, order.currency, order.id, order.invoice_number)
    paid = query.where(order.workspace_id == workspace_id, order.journal_id.in_(journal_ids))
    return {
        row.journal_id: Purchase(Fiat(int(row.gross_minor), row.currency), row.id, row.invoice_number)
        for row in connection.execute(paid)
    }
