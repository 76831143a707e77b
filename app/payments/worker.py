"""The inbox worker: applies the events that came in, and looks after orders nobody has heard of for too long.

An event is a hint. The worker fetches what it names, as it is now, and takes the one road to credits (`fulfil.py`);
refunds, disputes and cards have handlers of their own, registered by the beginning of the event's type. Each turn is
safe to run at any time, by several processes, and after any crash.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Row, select, update

from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound
from app.payments import orders, rows, tables
from app.payments.checkout import ASKED, EXPIRED
from app.payments.fulfil import Done, Fulfilment, Outcome
from app.payments.inbox import DONE, IGNORED, NEW, NOT_USED, PARKED, Delivery, Inbox, Result, is_last_try
from app.payments.lifecycle import UNPAID, Event, State
from app.payments.stripe_client import API_VERSION, StripeDoor
from app.payments.stripe_read import NotAPayment, Unreadable
from app.payments.telling import tell
from app.payments.unmatched import Reason, report
from app.payments.verify import Hint

AT_ONCE: Final = 8
#: Events about taking money: whatever they say, the page or the payment they name is fetched.
PAYING: Final = ("checkout.session.", "payment_intent.")
BATCH: Final = 100
LOOK_AGAIN: Final = timedelta(minutes=10)
GRACE: Final = timedelta(minutes=4)

#: What an event that is not about taking money does; answers what came of it.
Handler = Callable[[Delivery], Awaitable[str]]

log = logging.getLogger(__name__)


class Turn(NamedTuple):
    """How much one turn did."""

    events: int
    orders: int


class Worker:
    """`handlers` by the beginning of the event's type, such as "refund." or "charge.dispute."."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        inbox: Inbox,
        door: StripeDoor,
        fulfilment: Fulfilment,
        handlers: Mapping[str, Handler] | None = None,
    ) -> None:
        self._db, self._clock, self._inbox, self._door, self._fulfilment = db, clock, inbox, door, fulfilment
        self._handlers = dict(handlers or {})

    def handle(self, beginning: str, handler: Handler) -> None:
        """Have events whose type begins so applied by `handler`."""
        self._handlers[beginning] = handler

    def uses(self, hint: Hint) -> bool:
        """Whether anything could come of this event. What is odd about it (another mode, another version) counts."""
        odd = hint.livemode is not self._door.livemode or not _understood(hint.api_version)
        return odd or hint.type.startswith((*PAYING, *self._handlers))

    async def apply_due(self) -> Turn:
        """Apply everything that is due now."""
        events = 0
        while batch := await asyncio.to_thread(self._inbox.claim, self._door.name, BATCH):
            await self._apply(batch)
            events += len(batch)
        waiting = await asyncio.to_thread(self._due_orders)
        await _all(self.look, waiting)
        return Turn(events, len(waiting))

    # --- events

    async def _apply(self, batch: Sequence[Delivery]) -> None:
        """Apply events, several at a time; those about one thing once. What came of all is written down together: a
        crash before that only has them applied again, which changes nothing."""
        about: dict[tuple[str, str], list[Delivery]] = {}
        for delivery in batch:
            about.setdefault((self._kind(delivery), delivery.object_id), []).append(delivery)
        results: list[tuple[Delivery, Result]] = []
        turnstile = asyncio.Lock()

        async def one(same: list[Delivery]) -> None:
            async with turnstile:  # one after the other while others come in, and several at a time when they are in
                await self._inbox.crowd.let_in()
            result = await self._result(same[0])
            results.extend((delivery, result) for delivery in same)

        await _all(one, list(about.values()))
        faults.point("inbox.before_done")
        await asyncio.to_thread(self._inbox.close, results)

    def _kind(self, delivery: Delivery) -> str:
        """Events of one kind about one thing have one outcome: the thing is fetched as it is now."""
        if self._refusal(delivery) is None and self._handler(delivery) is None and delivery.type.startswith(PAYING):
            return delivery.type.partition(".")[0]
        return delivery.event_id

    async def _result(self, delivery: Delivery) -> Result:
        try:
            return await self._outcome(delivery)
        except Unreadable as error:
            await asyncio.to_thread(self._report, delivery, Reason.UNREADABLE, error.message)
            return Result(PARKED, error.message)
        except Exception as error:
            tell(log, error, "%s %s could not be applied (try %s)", delivery.type, delivery.event_id, delivery.attempts)
            why = f"{type(error).__name__}: {error}"
            if is_last_try(delivery):
                await asyncio.to_thread(self._report, delivery, Reason.GIVEN_UP, why)
            return Result(NEW, why)

    async def _outcome(self, delivery: Delivery) -> Result:
        refused = self._refusal(delivery)
        if refused is not None:
            state, reason, why = refused
            await asyncio.to_thread(self._report, delivery, reason, why)
            return Result(state, why)
        handler = self._handler(delivery)
        if handler is not None:
            return Result(DONE, await handler(delivery))
        outcome = await self._payment(delivery)
        if outcome is None:
            return Result(IGNORED, NOT_USED)
        said = f"{outcome.done}: {outcome.detail}" if outcome.detail else str(outcome.done)
        return Result(DONE, said, outcome.order_id)

    def _refusal(self, delivery: Delivery) -> tuple[str, Reason, str] | None:
        """Why an event is not looked into at all: the state it gets, the reason, and the words."""
        if delivery.livemode is not self._door.livemode:
            return IGNORED, Reason.OTHER_MODE, "the event is of the other mode"
        if not _understood(delivery.api_version):
            why = f"API version {delivery.api_version or 'missing'} instead of {API_VERSION}"
            return PARKED, Reason.OTHER_VERSION, why
        return None

    def _handler(self, delivery: Delivery) -> Handler | None:
        return next((known for start, known in self._handlers.items() if delivery.type.startswith(start)), None)

    async def _payment(self, delivery: Delivery) -> Outcome | None:
        """None for events that have nothing to say about payments."""
        try:
            if delivery.type.startswith("checkout.session."):
                return await self._fulfilment.apply(await self._door.session(delivery.object_id))
            if delivery.type.startswith("payment_intent."):
                return await self._fulfilment.apply(await self._door.intent(delivery.object_id))
        except NotAPayment:
            return None  # the card that was saved there is told by an event of its own
        except NotFound as missing:
            # Signed for us, and yet not in our account: nothing that could be credited, but somebody should know.
            await asyncio.to_thread(self._report, delivery, Reason.NO_ORDER, missing.message)
            return Outcome(Done.UNMATCHED, detail=missing.message)
        return None

    def _report(self, delivery: Delivery, reason: Reason, why: str) -> None:
        """Tell the operators about an event that is not applied."""
        log.warning("%s %s is not applied: %s", delivery.type, delivery.event_id, why)
        with self._db.write() as connection:
            report(
                connection,
                reason,
                provider=self._door.name,
                external_id=delivery.event_id,
                livemode=delivery.livemode,
                now=self._clock(),
                type=delivery.type,
                object=delivery.object_id,
                why=why,
            )

    # --- orders

    def _due_orders(self) -> Sequence[Row[Any]]:
        kept, now = tables.payment_order, self._clock()
        query = select(kept).where(kept.c.look_at <= now).order_by(kept.c.look_at).limit(BATCH)
        with self._db.read() as connection:
            return connection.execute(query).all()

    async def look(self, order: Row[Any]) -> None:
        """Ask the provider about an order; without an answer it is asked again later."""
        try:
            await self._look(order)
        except Exception as error:  # one order's trouble is not to keep the others waiting
            tell(log, error, "%s could not be looked at", order.id)
            await asyncio.to_thread(self._again, order.id)

    async def _look(self, order: Row[Any]) -> None:
        now = self._clock()
        if order.provider == self._door.name:
            for session_id in await asyncio.to_thread(self._sessions, order.id):
                await self._fulfilment.apply(await self._door.session(session_id))
        await asyncio.to_thread(self._settle_look, order.id, order.look_at, now)

    def _sessions(self, order_id: str) -> list[str]:
        """The pages that may still have something to say, the newest first."""
        kept = tables.checkout_session
        query = (
            select(kept.c.session_id)
            .where(kept.c.order_id == order_id, kept.c.session_id.is_not(None))
            .order_by(kept.c.attempt.desc())
        )
        with self._db.read() as connection:
            return [session_id for session_id in connection.execute(query).scalars() if session_id]

    def _settle_look(self, order_id: str, looked_for: datetime, now: datetime) -> None:
        """Decide when to look next; an order whose time is over and that has no page any more has expired."""
        kept = tables.payment_order
        with self._db.write() as connection:
            order = rows.find(connection, order_id)
            if order.look_at != looked_for:
                return  # somebody set another time meanwhile
            over = order.expires_at is not None and order.expires_at + GRACE <= now
            if over and order.state in {str(state) for state in orders.OPEN} and not _received(connection, order_id):
                rows.move(connection, order_id, Event.EXPIRE, now, look_at=None)
                asked = update(tables.checkout_session).where(tables.checkout_session.c.order_id == order_id)
                connection.execute(asked.where(tables.checkout_session.c.state == ASKED).values(state=EXPIRED))
                return
            later = _next_look(order, now)
            connection.execute(update(kept).where(kept.c.id == order_id).values(look_at=later))

    def _again(self, order_id: str) -> None:
        kept = tables.payment_order
        with self._db.write() as connection:
            connection.execute(update(kept).where(kept.c.id == order_id).values(look_at=self._clock() + LOOK_AGAIN))


def _next_look(order: Row[Any], now: datetime) -> datetime | None:
    """While money may come: soon after the order's time is over, and then every few hours."""
    if State(order.state) not in UNPAID:
        return None
    end = None if order.expires_at is None else order.expires_at + GRACE
    return end if end and end > now else now + timedelta(hours=6)


def _received(connection: Any, order_id: str) -> bool:
    kept = tables.manual_receipt
    return connection.execute(select(kept.c.id).where(kept.c.order_id == order_id).limit(1)).first() is not None


def _understood(version: str) -> bool:
    """Stripe's versions of one name are compatible: `2026-10-28.endive` and `2027-01-01.endive`."""
    return version.partition(".")[2] == API_VERSION.partition(".")[2] != ""


async def _all(work: Callable[[Any], Awaitable[None]], things: Sequence[Any]) -> None:
    """Each of them, a few at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(thing: Any) -> None:
        async with gate:
            await work(thing)

    await asyncio.gather(*(one(thing) for thing in things))
