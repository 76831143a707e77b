"""A workspace as a customer of the payment provider: made once, and made anew when it was deleted there."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from app.payments import rows, tables
from app.payments.card_tables import gone_customer


def known(connection: Connection, provider: str, workspace_id: str, *, livemode: bool) -> str | None:
    """The workspace's id at the provider."""
    kept = tables.payment_customer
    query = select(kept.c.customer_id).where(
        kept.c.provider == provider, kept.c.workspace_id == workspace_id, kept.c.livemode == livemode
    )
    return connection.execute(query).scalar()


def keep(
    connection: Connection, provider: str, workspace_id: str, customer_id: str, now: datetime, *, livemode: bool
) -> str:
    """Write the id down; the one that counts, which may be another's from a moment ago."""
    row = {
        "provider": provider,
        "workspace_id": workspace_id,
        "livemode": livemode,
        "customer_id": customer_id,
        "created_at": now,
    }
    rows.insert_once(connection, tables.payment_customer, row, "provider", "workspace_id", "livemode")
    return known(connection, provider, workspace_id, livemode=livemode) or customer_id


def workspace_of(connection: Connection, provider: str, customer_id: str) -> str | None:
    """Whose customer this is, deleted ones included."""
    for kept in (tables.payment_customer, gone_customer):
        query = select(kept.c.workspace_id).where(kept.c.provider == provider, kept.c.customer_id == customer_id)
        found = connection.execute(query).scalar()
        if found is not None:
            return str(found)
    return None


def times_deleted(connection: Connection, provider: str, workspace_id: str) -> int:
    """How often the workspace's customer was deleted: the next one is asked for under another key."""
    kept = gone_customer
    query = select(func.count()).where(kept.c.provider == provider, kept.c.workspace_id == workspace_id)
    return int(connection.execute(query).scalar_one())


def deleted(connection: Connection, provider: str, customer_id: str, now: datetime) -> str | None:
    """The customer is gone at the provider: the next purchase makes another. Whose it was; None when nobody's."""
    kept = tables.payment_customer
    mine = (kept.c.provider == provider) & (kept.c.customer_id == customer_id)
    row: Any = connection.execute(select(kept).where(mine)).one_or_none()
    if row is None:
        return workspace_of(connection, provider, customer_id)
    gone = {
        "provider": provider,
        "customer_id": customer_id,
        "workspace_id": row.workspace_id,
        "livemode": row.livemode,
        "created_at": now,
    }
    rows.insert_once(connection, gone_customer, gone, "provider", "customer_id")
    connection.execute(delete(kept).where(mine))
    return str(row.workspace_id)
