"""What a customer must know on every page: a low balance, a paused plan, an invoice that is overdue or failed."""

from typing import Any

from sqlalchemy import Connection, Row, select

from app.billing import invoices, postpaid
from app.kernel.money import Money
from app.services import Services
from app.ui import present
from app.ui.wiring import Banner

PLAN = "/plan"


def banners(services: Services, workspace_id: str, available: Money) -> tuple[bool, tuple[Banner, ...]]:
    """Whether the workspace pays afterwards, and its banners, the gravest first."""
    with services.db.read() as connection:
        account = postpaid.find(connection, workspace_id)
        unpaid = _unpaid(connection, workspace_id, services)
    found = [_of_invoice(unpaid, account)] if unpaid is not None else []
    entitled = services.desk.entitled
    terms = entitled.terms(workspace_id) if entitled is not None else None
    if terms is not None and terms.is_paused:
        found.append(Banner("paused", "thin", PLAN, {"plans": " and ".join(terms.plans)}))
    alert = services.notify.alerts.of(workspace_id)
    if alert.enabled and alert.fired_at is not None and available < alert.threshold:
        left = Money(max(0, available.micros))
        found.append(Banner("low", "thin", "/top-up", {"available": present.credit_words(left)}))
    return account is not None and bool(account.active), tuple(found)


def _unpaid(connection: Connection, workspace_id: str, services: Services) -> Row[Any] | None:
    """The oldest invoice that is overdue, or whose payment failed."""
    table, now = invoices.INVOICE, services.desk.clock()
    late = (table.c.payment_state == invoices.PENDING) & (table.c.due_at < now)
    query = (
        select(table)
        .where(
            table.c.workspace_id == workspace_id,
            table.c.state == invoices.FINALIZED,
            table.c.total > table.c.paid + table.c.adjusted,
            late | (table.c.payment_state == invoices.FAILED),
        )
        .order_by(table.c.due_at, table.c.id)
    )
    return next((row for row in connection.execute(query) if not row.computed.get(postpaid.WRITTEN_OFF)), None)


def _of_invoice(row: Row[Any], account: Row[Any] | None) -> Banner:
    said = {"number": row.number or "", "amount": present.fiat(invoices.remaining(row))}
    is_restricted = account is not None and account.dunning == postpaid.RESTRICTED
    if row.payment_state == invoices.FAILED and not is_restricted:
        return Banner("failed", "loss", PLAN, said)
    return Banner("restricted" if is_restricted else "overdue", "loss", PLAN, said | {"day": present.date(row.due_at)})
