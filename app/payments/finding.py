"""Which order somebody means who knows one of its many names."""

from sqlalchemy import Connection, or_, select

from app.payments import tables, views
from app.payments.views import OrderView

MOST = 5


def find_orders(connection: Connection, text: str, workspace_id: str | None = None) -> list[OrderView]:
    """By its id, its reference, its page or payment at the provider, or its invoice; the newest first.

    Only this workspace's, unless none is named.
    """
    order, page, payment = tables.payment_order, tables.checkout_session, tables.payment
    named = or_(
        order.c.id == text,
        order.c.reference == text.upper(),
        order.c.invoice_id == text,
        order.c.invoice_number == text.upper(),
        order.c.id.in_(select(page.c.order_id).where(or_(page.c.id == text, page.c.session_id == text))),
        order.c.id.in_(
            select(payment.c.order_id).where(
                or_(payment.c.id == text, payment.c.external_id == text, payment.c.charge_id == text)
            )
        ),
    )
    query = select(order).where(named).order_by(order.c.created_at.desc(), order.c.id.desc()).limit(MOST)
    if workspace_id is not None:
        query = query.where(order.c.workspace_id == workspace_id)
    return [views.of_row(row) for row in connection.execute(query)]
