"""Whether the books balance, asked at most once a minute: the audit walks the whole ledger."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app.billing import audit as billing
from app.generation import rows
from app.invoicing import audit as invoicing
from app.ledger import tables
from app.ledger.audit import Breach, run_audit
from app.payments import audit as payments
from app.services import Services
from app.ui.remember import PerServices, Remembered

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Books:
    """The audit's answer and what it looked at."""

    breaches: tuple[Breach, ...]
    jobs: int
    attempts: int
    postings: int
    at: datetime


def _audit(services: Services) -> Books:
    at = services.desk.clock()
    breaches = [
        *run_audit(services.db, at),
        *invoicing.run_audit(services.db, contents=False),
        *payments.run_audit(services.db, at),
        *billing.run_audit(services.db, at, events=False),
    ]
    with services.db.read() as connection:
        jobs, attempts, postings = (
            int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in (rows.GENERATION, rows.ATTEMPT, tables.entry)
        )
    return Books(tuple(breaches), jobs, attempts, postings, services.desk.clock())


_remembered: PerServices[Remembered[Books]] = PerServices(
    lambda services: Remembered(lambda: asyncio.to_thread(_audit, services), SECONDS)
)


async def books() -> Books:
    """The latest audit, off the event loop."""
    return await _remembered.get().get()
