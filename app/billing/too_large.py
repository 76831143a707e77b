"""What comes to more than an invoice can hold: a price with too many zeros, an event that says too much. It is billed
when its figures are right again, and until then the operators have it among what they are to decide."""

from datetime import datetime

from sqlalchemy import Connection, select

from app.billing import tables
from app.kernel.db import Database
from app.kernel.errors import AmountTooLarge
from app.payments.unmatched import BILLING, Reason, report

_SUB, _INVOICE, _POSTPAID = tables.subscription, tables.billing_invoice, tables.postpaid


def tell(db: Database, name: str, error: AmountTooLarge, now: datetime) -> None:
    """Open a case about the period of this subscription or workspace, or about this invoice; there is one of each."""
    with db.write() as connection:
        about, workspace_id = _named(connection, name)
        report(
            connection,
            Reason.INVOICE_TOO_LARGE,
            provider=BILLING,
            external_id=about,
            livemode=True,
            now=now,
            workspace_id=workspace_id,
            code=error.stable_code,
            comes_to=error.details["amount"],
        )


def _named(connection: Connection, name: str) -> tuple[str, str | None]:
    """What it is about, with the beginning of its period, and whose it is."""
    queries = (
        select(_SUB.c.workspace_id, _SUB.c.period_start).where(_SUB.c.id == name),
        select(_INVOICE.c.workspace_id, _INVOICE.c.period_start).where(_INVOICE.c.id == name),
        select(_POSTPAID.c.workspace_id, _POSTPAID.c.closed_until).where(_POSTPAID.c.workspace_id == name),
    )
    for query in queries:
        if (found := connection.execute(query).one_or_none()) is not None:
            workspace_id, begun = found
            return f"{name}:{begun:%Y-%m-%d}", workspace_id
    return name, None
