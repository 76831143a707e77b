"""Alerts: a balance that fell below its threshold, and credits that are about to expire. Each is told once.

A balance alert fires when the available credits fall below the threshold and is armed again only when they are a tenth
above it, so a balance that trembles around its threshold writes one mail; at most one a day whatever happens. A
workspace that never was above its threshold is not told that it is below.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, exists, func, not_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.tables import Workspace
from app.kernel import events, outbox
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import InvalidInput
from app.kernel.money import CREDIT, Money, total
from app.ledger.tables import lot, wallet
from app.notify.tables import balance_alert, expiry_warning

WORKSPACE = metadata.tables[str(Workspace.__tablename__)]
#: Days before the end at which a lot's owners are warned. A lot that lives no longer than that skips the warning.
WARNINGS = (1, 7, 30)
#: Armed again when the balance is this part of the threshold above it.
REARM = 10
BATCH = 500

AVAILABLE = wallet.c.balance + wallet.c.credit_limit - wallet.c.owed - wallet.c.held - wallet.c.debt


Act = Callable[[Connection, Any], bool]


class BalanceAlert(NamedTuple):
    """A workspace's alert: the threshold in force, whether it is its own or the usual one, and when it last fired."""

    threshold: Money
    is_own: bool
    enabled: bool
    fired_at: datetime | None


class Alerts:
    """`usual` is the threshold of workspaces that chose none."""

    def __init__(self, db: Database, now: Clock, usual: Money) -> None:
        self._db, self._now, self._usual = db, now, usual

    # --- a workspace's own choice

    def of(self, workspace_id: str) -> BalanceAlert:
        with self._db.read() as connection:
            query = select(balance_alert).where(balance_alert.c.workspace_id == workspace_id)
            row = connection.execute(query).first()
        if row is None:
            return BalanceAlert(self._usual, False, True, None)
        own = row.threshold_micros is not None
        return BalanceAlert(Money(row.threshold_micros) if own else self._usual, own, row.enabled, row.fired_at)

    def save(self, workspace_id: str, threshold: Money | None, *, enabled: bool = True) -> None:
        """Choose a threshold (None: the usual one). A balance that is below it already is told at once."""
        if threshold is not None and threshold.micros <= 0:
            raise InvalidInput("An alert needs a threshold above zero credits.", param="threshold")
        chosen: dict[str, Any] = {
            "threshold_micros": threshold.micros if threshold else None,
            "enabled": enabled,
            "armed": True,
        }
        insert = self._insert()(balance_alert).values(workspace_id=workspace_id, **chosen)
        with self._db.write() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["workspace_id"], set_=chosen))

    # --- the chores

    async def balances(self) -> int:
        """Arm and fire; answers how many workspaces were told."""
        return await asyncio.to_thread(self._balances)

    async def expiries(self) -> int:
        """Warn of what expires in 30 days, in 7, tomorrow; answers how many mails were promised."""
        return await asyncio.to_thread(self._expiries)

    def _balances(self) -> int:
        threshold = func.coalesce(balance_alert.c.threshold_micros, self._usual.micros)
        unarmed = or_(balance_alert.c.armed.is_(None), not_(balance_alert.c.armed))
        recovered = and_(unarmed, AVAILABLE - threshold >= threshold // REARM)
        fallen = and_(balance_alert.c.armed, balance_alert.c.enabled, AVAILABLE - threshold < 0)
        self._each(recovered, threshold, self._arm)
        return self._each(fallen, threshold, self._fire)

    def _each(self, which: ColumnElement[bool], threshold: ColumnElement[int], act: Act) -> int:
        """Act on every workspace of that kind, a batch a transaction; what was acted on is no longer of that kind."""
        query = (
            select(wallet.c.workspace_id, AVAILABLE.label("available"), threshold.label("threshold"))
            .join(WORKSPACE, WORKSPACE.c.id == wallet.c.workspace_id)
            .outerjoin(balance_alert, balance_alert.c.workspace_id == wallet.c.workspace_id)
            .where(wallet.c.unit == CREDIT, WORKSPACE.c.suspended_at.is_(None), which)
            .order_by(wallet.c.workspace_id)
            .limit(BATCH)
        )
        count = 0
        while True:
            with self._db.read() as connection:
                found = connection.execute(query).all()
            if not found:
                return count
            with self._db.write() as connection:
                acted = sum(act(connection, row) for row in found)
            count += acted
            if len(found) < BATCH or not acted:
                return count

    def _arm(self, connection: Connection, row: Any) -> bool:
        insert = self._insert()(balance_alert).values(workspace_id=row.workspace_id, enabled=True, armed=True)
        again = insert.on_conflict_do_update(index_elements=["workspace_id"], set_={"armed": True})
        return connection.execute(again).rowcount != 0

    def _fire(self, connection: Connection, row: Any) -> bool:
        now = self._now()
        armed = update(balance_alert).where(balance_alert.c.workspace_id == row.workspace_id, balance_alert.c.armed)
        if connection.execute(armed.values(armed=False, fired_at=now)).rowcount != 1:
            return False  # another process was quicker
        params = {"available": Money(max(0, int(row.available))), "threshold": Money(int(row.threshold))}
        key = f"low_balance:{row.workspace_id}:{now:%Y-%m-%d}"
        events.tell(
            connection, row.workspace_id, events.BALANCE_LOW, {"object": "balance", **params}, key=f"event:{key}"
        )
        return outbox.mail(connection, "low_balance", key=key, workspace_id=row.workspace_id, params=params, at=now)

    def _expiries(self) -> int:
        now, count, nearer = self._now(), 0, 0
        for days in WARNINGS:
            for (workspace_id, ends_on), lots in _together(self._ending(now, nearer, days)).items():
                with self._db.write() as connection:
                    count += self._warn(connection, workspace_id, ends_on, lots, days, now)
            nearer = days
        return count

    def _ending(self, now: datetime, after_days: int, days: int) -> list[Any]:
        told = exists().where(expiry_warning.c.lot_id == lot.c.id, expiry_warning.c.days == days)
        query = (
            select(lot.c.id, lot.c.label, lot.c.remaining, lot.c.created_at, lot.c.expires_at, wallet.c.workspace_id)
            .join(wallet, wallet.c.id == lot.c.wallet_id)
            .join(WORKSPACE, WORKSPACE.c.id == wallet.c.workspace_id)
            .where(lot.c.open, lot.c.remaining > 0, WORKSPACE.c.suspended_at.is_(None), ~told)
            .where(lot.c.expires_at > now + timedelta(days=after_days), lot.c.expires_at <= now + timedelta(days=days))
            .order_by(lot.c.expires_at, lot.c.id)
        )
        with self._db.read() as connection:
            found = connection.execute(query).all()
        return [row for row in found if row.expires_at - row.created_at > timedelta(days=days)]

    def _warn(
        self, connection: Connection, workspace_id: str, ends_on: date, lots: list[Any], days: int, now: datetime
    ) -> bool:
        """One mail about the lots that nobody warned of yet."""
        marks = self._insert()(expiry_warning).on_conflict_do_nothing().returning(expiry_warning.c.lot_id)
        new = [
            row
            for row in lots
            if connection.execute(marks.values(lot_id=row.id, days=days, created_at=now)).first() is not None
        ]
        if not new:
            return False
        amounts = [Money(int(row.remaining)) for row in new]
        params = {
            "credits": total(amounts),
            "expires_on": ends_on,
            "lots": [[row.label, amount] for row, amount in zip(new, amounts, strict=True)],
        }
        key = f"credits_expiring:{days}:{new[0].id}"
        return outbox.mail(connection, "credits_expiring", key=key, workspace_id=workspace_id, params=params, at=now)

    def _insert(self) -> Any:
        return sqlite.insert if self._db.is_sqlite else postgresql.insert


def _together(rows: Iterable[Any]) -> dict[tuple[str, date], list[Any]]:
    """Lots of one workspace that end on the same day."""
    groups: dict[tuple[str, date], list[Any]] = defaultdict(list)
    for row in rows:
        groups[row.workspace_id, row.expires_at.date()].append(row)
    return groups
