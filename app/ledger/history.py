"""What the books said at an earlier moment, for explaining a single charge: before a hold, and in a lot after a use."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from app.kernel.money import CREDIT, Money
from app.ledger import accounts, reads, tables
from app.ledger.reads import HoldView
from app.ledger.tables import OPEN


class LotUse(NamedTuple):
    """What one journal took from one lot (given back when negative), and what it left there."""

    lot_id: str
    kind: str
    label: str
    amount: Money
    left: Money
    expires_at: datetime | None


def balance_at(connection: Connection, workspace_id: str, at: datetime, unit: str = CREDIT) -> Money | None:
    """The credits that stood in the balance at that moment; None before the first movement."""
    wallet = reads.wallet_of(connection, workspace_id, unit)
    e, j = tables.entry.c, tables.journal.c
    query = (
        select(e.balance_after)
        .join(tables.journal, j.id == e.journal_id)
        .where(j.wallet_id == wallet.id, j.created_at <= at, e.account == accounts.prepaid(workspace_id, unit))
        .order_by(j.created_at.desc(), e.wallet_version.desc())
        .limit(1)
    )
    micros = connection.execute(query).scalar()
    return None if micros is None else Money(int(micros), unit)


def available_before(connection: Connection, workspace_id: str, held: HoldView) -> Money | None:
    """What could be held just before this hold was made; None on a credit limit, whose past nobody wrote down."""
    unit = held.amount.unit
    wallet = reads.wallet_of(connection, workspace_id, unit)
    if wallet.credit_limit or wallet.owed:
        return None
    e, j, h = tables.entry.c, tables.journal.c, tables.hold.c
    moved = (
        select(func.coalesce(func.sum(e.amount), 0))
        .join(tables.journal, j.id == e.journal_id)
        .where(e.account == accounts.prepaid(workspace_id, unit), e.unit == unit, j.created_at <= held.created_at)
    )
    earlier = or_(
        h.created_at < held.created_at,
        and_(h.created_at == held.created_at, h.generation_id < held.generation_id),
    )
    still_open = or_(h.state == OPEN, h.closed_at > held.created_at)
    others = select(func.coalesce(func.sum(h.amount), 0)).where(h.wallet_id == wallet.id, earlier, still_open)
    balance = -int(connection.execute(moved).scalar_one())
    return Money(balance - int(connection.execute(others).scalar_one()), unit)


def lot_uses(connection: Connection, generation_id: str) -> list[LotUse]:
    """What a generation took from each lot over all its journals, in the order of use, and what was left there."""
    u, lot, j = tables.lot_use.c, tables.lot.c, tables.journal.c
    last = (
        select(j.created_at, j.id)
        .where(j.generation_id == generation_id, j.wallet_id.is_not(None))
        .order_by(j.created_at.desc(), j.id.desc())
        .limit(1)
    )
    final = connection.execute(last).one_or_none()
    if final is None:
        return []
    named = (lot.id, lot.kind, lot.label, lot.granted, lot.expires_at, tables.wallet.c.unit)
    rows = connection.execute(
        select(*named, func.sum(u.amount).label("taken"))
        .join(tables.journal, j.id == u.journal_id)
        .join(tables.lot, lot.id == u.lot_id)
        .join(tables.wallet, tables.wallet.c.id == lot.wallet_id)
        .where(j.generation_id == generation_id)
        .group_by(*named)
        .order_by(func.min(j.created_at), func.min(u.position))
    ).all()
    up_to = or_(j.created_at < final.created_at, and_(j.created_at == final.created_at, j.id <= final.id))
    return [
        LotUse(
            row.id,
            row.kind,
            row.label,
            Money(int(row.taken), row.unit),
            Money(row.granted - _used(connection, row.id, up_to), row.unit),
            row.expires_at,
        )
        for row in rows
        if row.taken
    ]


def _used(connection: Connection, lot_id: str, up_to: ColumnElement[bool]) -> int:
    u = tables.lot_use.c
    query = (
        select(func.coalesce(func.sum(u.amount), 0))
        .join(tables.journal, tables.journal.c.id == u.journal_id)
        .where(u.lot_id == lot_id, up_to)
    )
    return int(connection.execute(query).scalar_one())
