"""Lots and their last day: which end soon and deserve a warning, which have ended and still hold something."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from app.kernel.money import Money
from app.ledger import tables


class Ending(NamedTuple):
    """A lot that holds something and has a last day."""

    workspace_id: str
    lot_id: str
    kind: str
    label: str
    remaining: Money
    expires_at: datetime

    @property
    def place(self) -> tuple[datetime, str]:
        """Where to go on behind it."""
        return self.expires_at, self.lot_id


_lot, _wallet = tables.lot.c, tables.wallet.c
_LOTS = (
    select(_wallet.workspace_id, _lot.id, _lot.kind, _lot.label, _lot.remaining, _lot.expires_at, _wallet.unit)
    .join(tables.wallet, _wallet.id == _lot.wallet_id)
    .where(_lot.open)
    .order_by(_lot.expires_at, _lot.id)
)


def ending(
    connection: Connection,
    since: datetime,
    until: datetime,
    *,
    limit: int = 500,
    after: tuple[datetime, str] | None = None,
) -> list[Ending]:
    """Lots that end after `since` and up to `until`, the first to end first; `after` goes on behind `place`."""
    query = _LOTS.where(_lot.expires_at > since, _lot.expires_at <= until).limit(limit)
    if after is not None:
        at, lot_id = after
        query = query.where(or_(_lot.expires_at > at, and_(_lot.expires_at == at, _lot.id > lot_id)))
    return [_ending(*row) for row in connection.execute(query).tuples()]


def ended(
    connection: Connection, at: datetime, *, limit: int = 500, but: ColumnElement[bool] | None = None
) -> list[Ending]:
    """Lots past their last day with credits that no hold counts on, the longest past first; `but` those of which this
    is true."""
    query = _LOTS.where(_lot.expires_at <= at, _wallet.balance > _wallet.held).limit(limit)
    if but is not None:
        query = query.where(~but)
    return [_ending(*row) for row in connection.execute(query).tuples()]


def _ending(workspace_id: str, lot_id: str, kind: str, label: str, remaining: int, at: datetime, unit: str) -> Ending:
    return Ending(workspace_id, lot_id, kind, label, Money(remaining, unit), at)
