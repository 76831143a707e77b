"""Billing in one hand, and what its chores do. Safe at any moment, twice, or halfway: one subscription or invoice at a
time, each in a transaction of its own. What is wrong with one, whatever it is, delays no other."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from app.billing import closing, finalizing, postpaid, too_large, unpaid
from app.billing.came_late import LATE_REACH
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import AmountTooLarge
from app.kernel.money import Money
from app.ledger.wallet import Ledger

BATCH = 100

log = logging.getLogger(__name__)


class BillingCloser:
    """Closes periods and months, finalises drafts, tells the ledger what was paid, duns; for the chores."""

    def __init__(self, db: Database, clock: Clock, ledger: Ledger) -> None:
        self._db, self._clock, self._ledger = db, clock, ledger

    async def run(self) -> None:
        """One turn: every step is taken, also after one that failed. What failed is raised at the end."""
        steps: tuple[Callable[[], object], ...] = (
            lambda: close_due(self._db, self._clock()),
            lambda: finalize_due(self._db, self._clock()),
            lambda: close_months(self._db, self._clock()),
            lambda: settle_owed(self._db, self._ledger),
            lambda: look_at_unpaid(self._db, self._clock()),
        )
        failed: list[Exception] = []
        for step in steps:
            try:
                await asyncio.to_thread(step)
            except Exception as error:
                failed.append(error)
        try:
            await self.dun()
        except Exception as error:
            failed.append(error)
        if failed:
            raise ExceptionGroup("steps of billing failed", failed)

    async def run_late(self) -> int:
        """Bill what came in after the last invoice of subscriptions that are over; how many invoices that made."""
        return await asyncio.to_thread(bill_late, self._db, self._clock())

    async def dun(self) -> None:
        """Remind, warn, restrict; and let go who has paid. Who is to be let go is seen by the freezes in force, so a
        turn that was cut off is made up for by the next."""
        states = await asyncio.to_thread(dun_all, self._db, self._clock())
        frozen = await asyncio.to_thread(self._frozen)
        for workspace_id, state in states.items():
            restricted = state == postpaid.RESTRICTED
            if restricted == (workspace_id in frozen):
                continue
            change = self._ledger.freeze if restricted else self._ledger.thaw
            try:
                await change(workspace_id, postpaid.OVERDUE, workspace_id, actor="system")
            except Exception:
                log.exception("%s could not be frozen or let go; it is tried again", workspace_id)

    def _frozen(self) -> frozenset[str]:
        with self._db.read() as connection:
            return postpaid.frozen(connection)


def close_months(db: Database, now: datetime) -> int:
    """Close every month of who pays afterwards that is over; how many invoices it made."""
    with db.read() as connection:
        waiting = postpaid.due(connection, now)

    def close(workspace_id: str) -> bool:
        with db.write() as connection:
            return postpaid.close(connection, workspace_id, now=now) is not None

    return _each(db, now, waiting, close, "the month of %s could not be closed")


def bill_late(db: Database, now: datetime) -> int:
    """Late usage of subscriptions that ended not longer ago than events are waited for; how many invoices it made."""
    with db.read() as connection:
        waiting = finalizing.ended_since(connection, now - LATE_REACH)

    def bill(subscription_id: str) -> bool:
        with db.write() as connection:
            return finalizing.bill_late(connection, subscription_id, now=now) is not None

    return _each(db, now, waiting, bill, "late usage of %s could not be billed")


def settle_owed(db: Database, ledger: Ledger) -> int:
    """Tell the ledger what was paid of what was used on limits; how many postings that made."""
    with db.read() as connection:
        waiting = postpaid.to_settle(connection)
    made = 0
    for workspace_id, micros, written_off, ref in waiting:
        try:
            ledger.settle_owed(workspace_id, Money(micros), ref=ref, actor="system", written_off=written_off)
            made += 1
        except Exception:
            log.exception("what %s owes could not be settled; it is tried again", workspace_id)
    return made


def dun_all(db: Database, now: datetime) -> dict[str, str]:
    """How far every workspace that pays afterwards is dunned by now. One that could not be looked at is missing."""
    with db.read() as connection:
        everyone = list(connection.execute(select(postpaid.POSTPAID.c.workspace_id)).scalars())
    found = {}

    def dun(workspace_id: str) -> bool:
        with db.write() as connection:
            _, state = postpaid.dun(connection, workspace_id, now=now)
        found[workspace_id] = state
        return True

    _each(db, now, everyone, dun, "%s could not be dunned")
    return found


def look_at_unpaid(db: Database, now: datetime) -> int:
    """Subscriptions whose payment failed: warned, put to rest, or let go on; how many something was done about."""
    with db.read() as connection:
        waiting = unpaid.due(connection)

    def look(subscription_id: str) -> bool:
        with db.write() as connection:
            return unpaid.look(connection, subscription_id, now) is not None

    return _each(db, now, waiting, look, "the unpaid invoice of %s could not be dealt with")


def close_due(db: Database, now: datetime) -> int:
    """End every period that is over by now, one after the other; how many ended."""

    def close(subscription_id: str) -> int:
        closed = 0
        while _close(db, subscription_id, now):
            closed += 1
        return closed

    return _all(db, now, lambda it, most: closing.due(it, now, most), close, "the period of %s could not be closed")


def _close(db: Database, subscription_id: str, now: datetime) -> bool:
    with db.write() as connection:
        return closing.close(connection, subscription_id, now=now)


def finalize_due(db: Database, now: datetime) -> int:
    """Number every draft that has waited long enough; how many were."""

    def finalize(invoice_id: str) -> bool:
        with db.write() as connection:
            finalizing.finalize(connection, invoice_id, now=now)
        return True

    return _all(db, now, lambda it, most: finalizing.drafts_due(it, now, most), finalize, "%s could not be finalised")


def _each(db: Database, now: datetime, waiting: Iterable[str], work: Callable[[str], int], failed: str) -> int:
    """Do this for each by itself; what it came to in all. One that fails is told, and the next turn tries it again."""
    done, beyond = 0, list[tuple[str, AmountTooLarge]]()
    for name in waiting:
        try:
            done += work(name)
        except Exception as error:
            log.exception(f"{failed}; it is tried again", name)
            if isinstance(error, AmountTooLarge):
                beyond.append((name, error))
    for name, too_much in beyond:
        too_large.tell(db, name, too_much, now)
    return done


def _all(
    db: Database,
    now: datetime,
    due: Callable[[Connection, int], Sequence[str]],
    work: Callable[[str], int],
    failed: str,
) -> int:
    """The same for all that are due, a batch at a time: those that failed are due still, and must not fill it."""
    done, tried = 0, set[str]()
    while True:
        with db.read() as connection:
            waiting = [each for each in due(connection, BATCH + len(tried)) if each not in tried]
        if not waiting:
            return done
        tried.update(waiting)
        done += _each(db, now, waiting, work, failed)
