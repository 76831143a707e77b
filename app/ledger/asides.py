"""What the books say about credits set aside, and why a balance is frozen. Nothing here changes anything."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from app.kernel.money import CREDIT, Money
from app.ledger import tables
from app.ledger.tables import GIVEN_BACK, SET_ASIDE, TAKEN_BACK

_aside, _freeze, _wallet = tables.set_aside.c, tables.freeze.c, tables.wallet.c
STATES = {SET_ASIDE: "open", GIVEN_BACK: "given_back", TAKEN_BACK: "taken_back"}


class AsideView(NamedTuple):
    """Credits of one lot and what became of them; `shortfall` is what was taken back beyond them, as debt."""

    ref: str
    workspace_id: str
    lot_id: str
    reason: str
    asked: Money
    amount: Money
    shortfall: Money
    state: str  # open, given_back or taken_back
    created_at: datetime
    closed_at: datetime | None


class FreezeView(NamedTuple):
    reason: str
    ref: str
    actor: str
    since: datetime


_ASIDES: Select[Any] = (
    select(
        _aside.ref,
        _wallet.workspace_id,
        _aside.lot_id,
        _aside.reason,
        _aside.asked,
        _aside.amount,
        _aside.shortfall,
        _aside.state,
        _aside.created_at,
        _aside.closed_at,
        _wallet.unit,
    )
    .join(tables.wallet, _wallet.id == _aside.wallet_id)
    .order_by(_aside.created_at, _aside.ref)
)


def set_aside(connection: Connection, ref: str) -> AsideView | None:
    """What was set aside under this name, ever."""
    found = _views(connection, _ASIDES.where(_aside.ref == ref))
    return found[0] if found else None


def named(connection: Connection, refs: Collection[str]) -> list[AsideView]:
    """What was set aside under these names, ever."""
    return _views(connection, _ASIDES.where(_aside.ref.in_(refs)))


def set_asides(connection: Connection, lot_id: str) -> list[AsideView]:
    """Everything that was ever set aside of a lot, oldest first."""
    return _views(connection, _ASIDES.where(_aside.lot_id == lot_id))


def _views(connection: Connection, query: Select[Any]) -> list[AsideView]:
    return [
        AsideView(
            row.ref,
            row.workspace_id,
            row.lot_id,
            row.reason,
            Money(row.asked, row.unit),
            Money(row.amount, row.unit),
            Money(row.shortfall, row.unit),
            STATES[row.state],
            row.created_at,
            row.closed_at,
        )
        for row in connection.execute(query)
    ]


def freezes(connection: Connection, workspace_id: str, unit: str = CREDIT) -> list[FreezeView]:
    """Why a balance is frozen, the oldest reason first; nothing when it is not."""
    query = (
        select(_freeze.reason, _freeze.ref, _freeze.actor, _freeze.created_at)
        .join(tables.wallet, _wallet.id == _freeze.wallet_id)
        .where(_wallet.workspace_id == workspace_id, _wallet.unit == unit, _freeze.lifted_at.is_(None))
        .order_by(_freeze.created_at, _freeze.id)
    )
    return [FreezeView(*row) for row in connection.execute(query).tuples()]
