"""A credit limit suggested from what a workspace did: its history is read here and judged in `limits.py`."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from app.billing import postpaid
from app.billing.invoices import FINALIZED, INVOICE
from app.billing.limits import MONTHS, History, Suggestion, suggest
from app.billing.periods import Unit, calendar_start, moved
from app.generation.tables import Generation
from app.kernel.db import metadata
from app.ledger import tables as ledger
from app.metering.aggregate import Span

_generation = metadata.tables[str(Generation.__tablename__)]


def suggestion(connection: Connection, workspace_id: str, now: datetime) -> Suggestion:
    """A limit from the history of a workspace, with its reasoning."""
    this_month = calendar_start(Unit.MONTHLY, now)
    months = [Span(moved(this_month, Unit.MONTHLY, -n), moved(this_month, Unit.MONTHLY, 1 - n)) for n in (3, 2, 1)]
    begun = _since(connection, workspace_id)
    whole = [month for month in months[-MONTHS:] if begun is not None and begun <= month.start + timedelta(days=3)]
    late = select(func.count()).where(
        INVOICE.c.workspace_id == workspace_id, INVOICE.c.paid_at > INVOICE.c.due_at, INVOICE.c.state == FINALIZED
    )
    return suggest(
        History(
            [_used(connection, workspace_id, month) for month in whole],
            paid_late=int(connection.execute(late).scalar_one()),
            overdue=len(postpaid.overdue(connection, workspace_id, now)),
            disputes=_disputes(connection, workspace_id),
            days=(now - begun).days if begun else 0,
        )
    )


def _used(connection: Connection, workspace_id: str, span: Span) -> int:
    charged = func.coalesce(func.sum(_generation.c.charged_micros), 0)
    query = select(charged).where(
        _generation.c.workspace_id == workspace_id,
        _generation.c.finished_at >= span.start,
        _generation.c.finished_at < span.end,
    )
    return int(connection.execute(query).scalar_one())


def _since(connection: Connection, workspace_id: str) -> datetime | None:
    first = select(_generation.c.created_at).where(_generation.c.workspace_id == workspace_id)
    return connection.execute(first.order_by(_generation.c.created_at).limit(1)).scalar()


def _disputes(connection: Connection, workspace_id: str) -> int:
    aside, wallet = ledger.set_aside, ledger.wallet
    query = (
        select(func.count())
        .select_from(aside)
        .join(wallet, wallet.c.id == aside.c.wallet_id)
        .where(wallet.c.workspace_id == workspace_id, aside.c.reason == "dispute")
    )
    return int(connection.execute(query).scalar_one())
