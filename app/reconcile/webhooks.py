"""What the provider told us against what we heard: missed events are taken into the inbox and go the normal road."""

import asyncio
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, and_, select

from app.kernel.clock import Clock
from app.kernel.db import Database
from app.payments import tables
from app.payments.inbox import DONE, IGNORED, NEW, PARKED, Inbox
from app.payments.stripe_listing import SeenEvent, StripeListing
from app.payments.unmatched import RESOLVED
from app.payments.worker import Worker
from app.reconcile.findings import Code, Difference

OVERLAP: Final = timedelta(hours=1)  # events may become visible late, and clocks differ
REMEMBERED: Final = timedelta(days=29)  # how far back the provider tells
ON_ITS_WAY: Final = timedelta(minutes=5)  # younger events may still come by themselves
LATE: Final = timedelta(minutes=10)
PATIENCE_SECONDS: Final = 5.0

_event = tables.webhook_event.c


class Webhooks:
    """The inbox, compared with the provider's own list of events."""

    def __init__(self, db: Database, clock: Clock, inbox: Inbox, worker: Worker, listing: StripeListing) -> None:
        self._db, self._clock, self._inbox, self._worker, self._listing = db, clock, inbox, worker, listing

    async def replay(self, since: datetime) -> tuple[int, list[Difference]]:
        """How many events there were, and those that had been missed; all are applied by the time this returns."""
        seen, missed = 0, list[SeenEvent]()
        async for page in self._listing.events(since):
            seen += len(page)
            missed += await asyncio.to_thread(self._take_in, page)
        if not missed:
            return seen, []
        await self._worker.apply_due()
        states = await self._applied([event.hint.event_id for event in missed])
        overdue = self._clock() - ON_ITS_WAY
        return seen, [
            _missed(event, states[event.hint.event_id] in {DONE, IGNORED})
            for event in reversed(missed)
            if _moment(event) <= overdue
        ]

    def _take_in(self, page: list[SeenEvent]) -> list[SeenEvent]:
        """Write down what is not known."""
        with self._db.read() as connection:
            known = set(_states(connection, self._listing.door.name, [event.hint.event_id for event in page]))
        missed = [event for event in page if event.hint.event_id not in known]
        self._inbox.insert(self._listing.door.name, [event.hint for event in missed])
        return missed

    async def _applied(self, event_ids: Collection[str]) -> dict[str, str]:
        """What became of them; another process may have taken some, which is waited for."""
        waited = 0.0
        while True:
            states = await asyncio.to_thread(self._states, event_ids)
            if waited >= PATIENCE_SECONDS or NEW not in states.values():
                return states
            await asyncio.sleep(0.25)
            waited += 0.25

    def _states(self, event_ids: Collection[str]) -> dict[str, str]:
        with self._db.read() as connection:
            return _states(connection, self._listing.door.name, event_ids)


def waiting(connection: Connection, now: datetime) -> Iterator[Difference]:
    """Events that were heard and not applied. One that an operator has dealt with is not told again."""
    case = tables.unmatched_payment.c
    dealt = and_(case.provider == _event.provider, case.external_id == _event.event_id, case.state == RESOLVED)
    parked = (
        select(tables.webhook_event)
        .outerjoin(tables.unmatched_payment, dealt)
        .where(_event.state == PARKED, case.id.is_(None))
    )
    late = select(tables.webhook_event).where(_event.state == NEW, _event.received_at < now - LATE)
    for code, query in ((Code.WEBHOOK_PARKED, parked), (Code.WEBHOOK_LATE, late)):
        for row in connection.execute(query.order_by(_event.id)):
            facts = {"type": row.type, "object": row.object_id, "outcome": row.outcome, "tries": str(row.attempts)}
            told = {name: value for name, value in facts.items() if value}
            yield Difference(code, row.event_id, told, row.order_id)


def _states(connection: Connection, provider: str, event_ids: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    ids = list(event_ids)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        query = select(_event.event_id, _event.state).where(_event.provider == provider, _event.event_id.in_(part))
        found |= dict(connection.execute(query).tuples().all())
    return found


def _missed(event: SeenEvent, healed: bool) -> Difference:
    hint = event.hint
    happened = f"{_moment(event):%Y-%m-%d %H:%M:%S} UTC"
    facts = {"type": hint.type, "object": hint.object_id, "happened": happened}
    return Difference(Code.WEBHOOK_MISSED, hint.event_id, facts, healed=healed)


def _moment(event: SeenEvent) -> datetime:
    return datetime.fromtimestamp(event.created_at, UTC)
