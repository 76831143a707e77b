"""Billing in one hand, and what its chores do. Safe at any moment, twice, or halfway: one subscription or invoice at a
time, each in a transaction of its own."""

import asyncio
import logging
from datetime import datetime

from app.billing import closing
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import FareboxError

log = logging.getLogger(__name__)


class BillingCloser:
    """Closes periods and finalises drafts, for the chores."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    async def run(self) -> None:
        """One turn."""
        await asyncio.to_thread(close_due, self._db, self._clock())
        await asyncio.to_thread(finalize_due, self._db, self._clock())


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
