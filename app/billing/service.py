"""Billing in one hand, and what its chores do. Safe at any moment, twice, or halfway: one subscription or invoice at a
time, each in a transaction of its own."""

import asyncio
import logging
from datetime import datetime

from sqlalchemy import select

from app.billing import closing, postpaid
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import FareboxError
from app.kernel.money import Money
from app.ledger.wallet import Ledger

log = logging.getLogger(__name__)


class BillingCloser:
    """Closes periods and months, finalises drafts, tells the ledger what was paid, duns; for the chores."""

    def __init__(self, db: Database, clock: Clock, ledger: Ledger) -> None:
        self._db, self._clock, self._ledger = db, clock, ledger

    async def run(self) -> None:
        """One turn."""
        await asyncio.to_thread(close_due, self._db, self._clock())
        await asyncio.to_thread(finalize_due, self._db, self._clock())
        await asyncio.to_thread(close_months, self._db, self._clock())
        await asyncio.to_thread(settle_owed, self._db, self._ledger)
        await self.dun()

    async def dun(self) -> None:
        """Remind, warn, restrict; and let go who has paid."""
        for workspace_id, before, state in await asyncio.to_thread(dun_all, self._db, self._clock()):
            if state == postpaid.RESTRICTED:
                await self._ledger.freeze(workspace_id, postpaid.OVERDUE, workspace_id, actor="system")
            elif before == postpaid.RESTRICTED:
                await self._ledger.thaw(workspace_id, postpaid.OVERDUE, workspace_id, actor="system")


def close_months(db: Database, now: datetime) -> int:
    """Close every month of who pays afterwards that is over; how many invoices it made."""
    with db.read() as connection:
        waiting = postpaid.due(connection, now)
    made = 0
    for workspace_id in waiting:
        try:
            with db.write() as connection:
                made += postpaid.close(connection, workspace_id, now=now) is not None
        except FareboxError:
            log.exception("the month of %s could not be closed; it is tried again", workspace_id)
    return made


def settle_owed(db: Database, ledger: Ledger) -> int:
    """Tell the ledger what was paid of what was used on limits; how many postings that made."""
    with db.read() as connection:
        waiting = postpaid.to_settle(connection)
    for workspace_id, micros, written_off, ref in waiting:
        ledger.settle_owed(workspace_id, Money(micros), ref=ref, actor="system", written_off=written_off)
    return len(waiting)


def dun_all(db: Database, now: datetime) -> list[tuple[str, str, str]]:
    """Every workspace that is restricted or changed its state: (workspace, before, now)."""
    with db.read() as connection:
        everyone = list(connection.execute(select(postpaid.POSTPAID.c.workspace_id)).scalars())
    found = []
    for workspace_id in everyone:
        with db.write() as connection:
            before, state = postpaid.dun(connection, workspace_id, now=now)
        if before != state or state == postpaid.RESTRICTED:
            found.append((workspace_id, before, state))
    return found


def close_due(db: Database, now: datetime) -> int:
    """End every period that is over by now, one after the other; how many ended."""
    closed, tried = 0, set[str]()
    while True:
        with db.read() as connection:
            waiting = [each for each in closing.due(connection, now) if each not in tried]
        if not waiting:
            return closed
        for subscription_id in waiting:
            tried.add(subscription_id)
            try:
                while _close(db, subscription_id, now):
                    closed += 1
            except FareboxError:
                log.exception("the period of %s could not be closed; it is tried again", subscription_id)


def _close(db: Database, subscription_id: str, now: datetime) -> bool:
    with db.write() as connection:
        return closing.close(connection, subscription_id, now=now)


def finalize_due(db: Database, now: datetime) -> int:
    """Number every draft that has waited long enough; how many were."""
    done, tried = 0, set[str]()
    while True:
        with db.read() as connection:
            waiting = [each for each in closing.drafts_due(connection, now) if each not in tried]
        if not waiting:
            return done
        for invoice_id in waiting:
            tried.add(invoice_id)
            try:
                with db.write() as connection:
                    closing.finalize(connection, invoice_id, now=now)
                done += 1
            except FareboxError:
                log.exception("%s could not be finalised; it is tried again", invoice_id)
