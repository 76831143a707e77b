"""Customers as the operator's table shows them: who, what they can spend, what they spent and what remained of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from app.accounts.people import WorkspaceInfo
from app.accounts.tables import Member, User
from app.generation import rows
from app.generation.earnings import Earned, earned, moved
from app.kernel.db import metadata
from app.kernel.money import CREDIT, Money
from app.ledger import tables

MEMBER = metadata.tables[str(Member.__tablename__)]
USER = metadata.tables[str(User.__tablename__)]
WINDOW = timedelta(days=30)


class Owner(NamedTuple):
    name: str
    email: str


class Customer(NamedTuple):
    """`available` is balance less holds; `spent` are the credits charged in the last 30 days, `earned` their value."""

    workspace: WorkspaceInfo
    owner: Owner | None
    available: Money
    held: Money
    spent: Money
    earned: Earned
    last_active_at: datetime | None


def customers(
    connection: Connection, workspaces: Sequence[WorkspaceInfo], at: datetime, credit_value: Decimal
) -> list[Customer]:
    """The given workspaces, in their order. Four queries, however many there are."""
    ids = [one.id for one in workspaces]
    owners = _owners(connection, ids)
    balances = _balances(connection, ids)
    spent = _spent(connection, ids, at, credit_value)
    active = _active(connection, ids)
    nothing = (Money.zero(), Money.zero())
    return [
        Customer(
            one,
            owners.get(one.id),
            *balances.get(one.id, nothing),
            *spent.get(one.id, (Money.zero(), Earned())),
            active.get(one.id),
        )
        for one in workspaces
    ]


def _owners(connection: Connection, ids: Sequence[str]) -> dict[str, Owner]:
    query = (
        select(MEMBER.c.workspace_id, USER.c.name, USER.c.email)
        .join(USER, USER.c.id == MEMBER.c.user_id)
        .where(MEMBER.c.workspace_id.in_(ids), MEMBER.c.role == "owner")
        .order_by(MEMBER.c.created_at.desc())  # the first owner is written last
    )
    return {row.workspace_id: Owner(row.name, row.email) for row in connection.execute(query)}


def _balances(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Money, Money]]:
    w = tables.wallet.c
    query = select(w.workspace_id, w.balance, w.held, w.owed, w.debt, w.credit_limit)
    return {
        row.workspace_id: (
            Money(max(0, row.balance - row.held + row.credit_limit - row.owed - row.debt)),
            Money(row.held),
        )
        for row in connection.execute(query.where(w.workspace_id.in_(ids), w.unit == CREDIT))
    }


def _spent(
    connection: Connection, ids: Sequence[str], at: datetime, credit_value: Decimal
) -> dict[str, tuple[Money, Earned]]:
    owner = rows.GENERATION.c.workspace_id
    query = moved([owner], at - WINDOW, at + timedelta(minutes=1)).where(owner.in_(ids)).group_by(owner)
    return {
        row["workspace_id"]: (
            Money(int(row["revenue"] or 0)),
            earned(row["revenue"], row["cost"], credit_value),
        )
        for row in connection.execute(query).mappings()
    }


def _active(connection: Connection, ids: Sequence[str]) -> dict[str, datetime]:
    g = rows.GENERATION.c
    query = select(g.workspace_id, func.max(g.created_at)).where(g.workspace_id.in_(ids)).group_by(g.workspace_id)
    return dict(connection.execute(query).tuples().all())
