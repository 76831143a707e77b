"""Reconciliation: orders, the provider's sessions and payments, webhooks, the ledger and the invoices, compared.

It heals by one means only: what was missed is handed to the road that every payment takes (`payments/fulfil.py`), which
credits nothing that does not match its order in every respect. No amount is ever changed here. Runs may overlap, be
repeated and be killed.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, func, select

from app.billing import audit as billing
from app.billing.card_tables import billing_charge
from app.invoicing import audit as invoicing
from app.invoicing.tables import invoice
from app.kernel import outbox
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import ProviderError
from app.ledger import audit as ledger
from app.ledger.audit import Breach
from app.ledger.tables import entry
from app.payments import audit as returns
from app.payments import tables
from app.payments.cards import Cards
from app.payments.cashier import STRIPE, Cashier
from app.payments.stripe_listing import StripeListing
from app.reconcile import bills, books, odd, provider, webhooks
from app.reconcile.findings import TOLD_ALREADY, Code, Difference
from app.reconcile.provider import Provider
from app.reconcile.runs import Depth, Run, Runs
from app.reconcile.webhooks import OVERLAP, REMEMBERED, Webhooks

LOOK_BACK: Final = timedelta(days=3)
MAILED: Final = 20
SYSTEM: Final = "system"
GAP: Final = "numbers_without_gaps"

Checking = Callable[[], Iterable[Difference]]

log = logging.getLogger(__name__)


class Reconcile:
    """`quick` and `nightly` are chores; `run` is what an operator asks for."""

    def __init__(self, db: Database, clock: Clock, cashier: Cashier) -> None:
        self._db, self._clock, self._cashier = db, clock, cashier
        self.runs = Runs(db, clock)

    async def quick(self) -> Run:
        """Every ten minutes."""
        return await self.run(Depth.QUICK)

    async def nightly(self) -> Run:
        """Once a day: everything, and old runs are forgotten."""
        await asyncio.to_thread(self.runs.forget)
        return await self.run(Depth.FULL)

    async def run(self, depth: Depth = Depth.FULL, *, actor: str = SYSTEM, back: timedelta = LOOK_BACK) -> Run:
        """Compare, heal what is safe, keep what was found. `back` is how far the provider's lists are read."""
        before = await asyncio.to_thread(self.runs.latest, 1, finished=True)
        run_id = await asyncio.to_thread(self.runs.begin, depth, actor)
        try:
            found, compared, watermark = await self._compare(depth, self._clock() - back)
        except BaseException as error:
            await asyncio.to_thread(self.runs.fail, run_id, f"{type(error).__name__}: {error}")
            raise
        run = await asyncio.to_thread(self.runs.end, run_id, found, compared, watermark)
        await asyncio.to_thread(self._tell, run, before[0] if before else None)
        return run

    async def _compare(self, depth: Depth, since: datetime) -> tuple[list[Difference], dict[str, int], datetime | None]:
        found: list[Difference] = []
        compared: dict[str, int] = {}
        watermark: datetime | None = None
        if self._cashier.cards is not None:
            began = self._clock()
            try:
                await self._outside(self._cashier.cards, depth, since, found, compared)
                watermark = began
            except ProviderError as error:
                log.warning("the provider could not be compared with: %s", error)
                found.append(Difference(Code.PROVIDER_SILENT, STRIPE, {"outcome": error.message}))
        found += await asyncio.to_thread(self._inside, depth, since, compared)
        return _once(found), compared, watermark

    async def _outside(
        self, cards: Cards, depth: Depth, since: datetime, found: list[Difference], compared: dict[str, int]
    ) -> None:
        """Everything that asks the provider; what it fills in stays when a later question is not answered."""
        listing = StripeListing(cards.door)
        heard = Webhooks(self._db, self._clock, self._cashier.inbox, cards.worker, listing)
        other = Provider(self._db, self._clock, cards.worker, cards.fulfilment, listing, self._cashier)
        begin = await asyncio.to_thread(self._events_from)
        if begin is not None:
            compared["events"], differences = await heard.replay(begin)
            found += differences
        compared["open_orders"], differences = await other.look(thorough=depth is Depth.FULL)
        found += differences
        if depth is Depth.FULL:
            compared["payments"], differences = await other.payments(since)
            found += differences
            compared["refunds"], differences = await other.refunds(since)
            found += differences
            compared["disputes"], differences = await other.disputes(since)
            found += differences

    def _events_from(self) -> datetime | None:
        """Where to go on with the provider's events. Before we first took money there is nothing to hear."""
        orders = tables.payment_order.c
        with self._db.read() as connection:
            first = connection.execute(select(func.min(orders.created_at)).where(orders.provider == STRIPE)).scalar()
            first = first or connection.execute(select(func.min(billing_charge.c.asked_at))).scalar()
        begin = self.runs.watermark() or first
        return None if begin is None else max(begin - OVERLAP, self._clock() - REMEMBERED)

    def _inside(self, depth: Depth, since: datetime, compared: dict[str, int]) -> list[Difference]:
        """Everything that only reads our own books."""
        found, now, db = list[Difference](), self._clock(), self._db
        with db.read() as connection:
            checks: dict[str, Checking] = {
                "orders": lambda: books.compare(connection, None if depth is Depth.FULL else since),
                "webhooks": lambda: webhooks.waiting(connection, now),
                "unmatched money": lambda: provider.unmatched(connection),
                "reports to Stripe Tax": lambda: books.untold_taxes(connection, now),
                "refunds": lambda: provider.stuck_refunds(connection, now),
                "charges for invoices": lambda: bills.stuck(connection, now),
            }
            if depth is Depth.FULL:
                checks["invoices without tax"] = lambda: books.without_tax(connection)
                checks["lost reports to Stripe Tax"] = lambda: books.lost_reports(connection)
            for name, check in checks.items():
                found += odd.section(name, check)
            compared |= _counts(connection)
        audits: dict[str, Checking] = {
            "the ledger": lambda: _breaches(Code.BOOKS_BROKEN, ledger.run_audit(db, now)),
            "the invoices": lambda: _breaches(Code.INVOICES_BROKEN, invoicing.run_audit(db)),
            "the billed invoices": lambda: _breaches(Code.INVOICES_BROKEN, billing.run_audit(db, now)),
            "the returns": lambda: _breaches(Code.RETURNS_BROKEN, returns.run_audit(db, now)),
        }
        for name, check in audits.items() if depth is Depth.FULL else ():
            found += odd.section(name, check)
        return found

    def _tell(self, run: Run, before: Run | None) -> None:
        """Mail the operators: every night what remains, in between only what is new."""
        known = {one.key for one in before.open} if before is not None else set()
        news = [one for one in run.open if run.depth is Depth.FULL or one.key not in known]
        if run.actor != SYSTEM or all(one.code in TOLD_ALREADY for one in news):
            return
        with self._db.write() as connection:
            outbox.mail(
                connection,
                "reconcile_report",
                key=f"reconcile:{run.id}",
                operators=True,
                params={
                    "differences": len(news),
                    "ran_at": run.started_at,
                    "findings": [[one.title, one.subject] for one in news[:MAILED]],
                },
            )


def _counts(connection: Connection) -> dict[str, int]:
    """How much there is on each side, so that a report says what it looked at."""
    counted = {
        "orders": tables.payment_order,
        "webhooks": tables.webhook_event,
        "postings": entry,
        "invoices": invoice,
    }
    return {
        name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for name, table in counted.items()
    }


def _breaches(code: Code, broken: list[Breach]) -> Iterator[Difference]:
    for breach in broken:
        first = ", ".join(f"{name} {value}" for name, value in breach.rows[0].items()) if breach.rows else ""
        facts = {"rule": breach.sentence, "rows": str(len(breach.rows)), "first": first[:300]}
        yield Difference(Code.NUMBER_GAP if breach.name == GAP else code, breach.name, facts)


def _once(found: list[Difference]) -> list[Difference]:
    """Each difference once, what remains before what was healed."""
    by_key: dict[tuple[str, bool], Difference] = {(one.key, one.healed): one for one in found}
    return sorted(by_key.values(), key=lambda one: one.healed)
