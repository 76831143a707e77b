"""The documents of the billing engine, mailed to who they are for, each once.

A workspace that nobody owns yet (an integrator made it through the API) gets none: its integrator hears of the document
by webhook and tells the customer their own way.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from app.accounts.identity import Role
from app.accounts.tables import Member
from app.invoicing.writing import Issued
from app.kernel import outbox
from app.kernel.db import metadata
from app.kernel.fiat import Fiat

_member = metadata.tables[str(Member.__tablename__)].c


def invoice(connection: Connection, row: Row[Any], now: datetime) -> None:
    """An invoice that was given its number; one in which nothing was to be charged is only kept."""
    if not row.subtotal:
        return
    due_on = {"due_on": row.due_at.date()} if row.due_at and row.total else {}
    told = {"number": row.number, "amount": Fiat(row.total, row.currency), "issued_on": now.date(), **due_on}
    _mail(connection, "invoice_issued", row.workspace_id, row.document_id, row.number, told)


def credit_note(connection: Connection, row: Row[Any], issued: Issued, amount: Fiat, now: datetime) -> None:
    """A credit note over (a part of) an invoice."""
    told = {"number": issued.number, "amount": amount, "issued_on": now.date(), "invoice": row.number}
    _mail(connection, "credit_note", row.workspace_id, issued.invoice_id, issued.number, told)


def _mail(
    connection: Connection, letter: str, workspace_id: str, document_id: str, number: str, told: dict[str, Any]
) -> None:
    owner = select(_member.user_id).where(_member.workspace_id == workspace_id, _member.role == Role.OWNER)
    if connection.execute(owner.limit(1)).first() is None:
        return
    outbox.mail(
        connection,
        letter,
        key=f"{letter}:{document_id}",
        workspace_id=workspace_id,
        params=told,
        attachments=[{"kind": "invoice", "id": document_id, "name": f"{number}.pdf"}],
    )
