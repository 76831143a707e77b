"""The road of a refund from written down to its end: what the provider says of it, and what that does to the books.

Anything here may be done again, by whoever hears of it: an event, the chores after a crash, the reconciliation.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.invoicing.writing import Issued
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import (
    Conflict,
    NotFound,
    ProviderBusy,
    ProviderRefused,
    ProviderUnclear,
)
from app.kernel.fiat import Fiat, psp_minor
from app.kernel.money import Money
from app.kernel.text import t
from app.payments import claims, refund_rows, return_rows, rows
from app.payments.bookings import Bookings
from app.payments.credit_notes import Back
from app.payments.inbox import Delivery
from app.payments.orders import MANUAL
from app.payments.refund_plan import note_seen
from app.payments.refund_rows import OPEN, RefundView
from app.payments.return_rows import ASKED, CANCELED, FAILED, PENDING, RESTORED, SEEN, SUCCEEDED
from app.payments.return_tables import refund as refunds
from app.payments.stripe_returns import Credit, RefundAsk, RefundSeen, StripeReturns
from app.payments.telling import tell
from app.payments.unmatched import Reason, report
from app.payments.waiting import BANK_LOOK, BATCH, KEY_LASTS, REFUND_LOOKS, until_next

#: What the provider says in its own refusals, in the words of a person who asked twice.
REFUSALS: Final = {"charge_disputed": "order_disputed", "charge_already_refunded": "already_refunded"}

log = logging.getLogger(__name__)


class RefundRoad:
    """`provider` is None where no card is taken: refunds by transfer are ended by hand."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        bookings: Bookings,
        provider: StripeReturns | None,
        told: Callable[[str], None],
        credit: Credit | None = None,
    ) -> None:
        self._db, self._clock, self._bookings, self._provider = db, clock, bookings, provider
        self._told, self._credit = told, credit
        #: Who else gives money back here: answers None for a refund of a payment that is none of theirs.
        self.elsewhere: Callable[[RefundSeen], Awaitable[str | None]] | None = None
        #: Told of an order of which a refund was not made after all.
        self.not_made: Callable[[str], Awaitable[None]] | None = None

    async def on_refund(self, delivery: Delivery) -> str:
        """An event about a refund: fetched as it is now."""
        return await self.look(delivery.object_id)

    async def on_charge(self, delivery: Delivery) -> str:
        """An event about a charge that was refunded: every refund of it is looked at by itself."""
        if self._provider is None:
            return "not used"
        seen = await self._provider.refunds_of_charge(delivery.object_id)
        return "; ".join([await self.follow(one) for one in seen]) or "nothing refunded"

    async def look(self, external_id: str) -> str:
        """Fetch one refund and do what it says: for whoever finds that no event told of it."""
        if self._provider is None:
            return "not used"
        return await self.follow(await self._provider.see_refund(external_id))

    async def follow(self, seen: RefundSeen) -> str:
        """Do what this refund, as it stands at the provider, does to its order. Any number of times, at once too.

        One that is heard of before its payment has that credited first: else the credits would come afterwards, free.
        So has one whose money is there only because another was not made after all: it takes the credits of what is
        left, and that is known when the others are.
        """
        refund_id = await asyncio.to_thread(self._known, seen)
        if refund_id is None:
            if (
                seen.payment_id is not None
                and self._credit is not None
                and not await asyncio.to_thread(self._paid, seen)
            ):
                await self._credit(seen.payment_id)
            await self._catch_up(seen)
            refund_id = await asyncio.to_thread(self._noted, seen)
        if refund_id is None and self.elsewhere is not None and (said := await self.elsewhere(seen)) is not None:
            return said
        if refund_id is None:
            return f"{seen.external_id} is of a payment that was not credited here"
        view = await self.proceed(refund_id, seen=seen)
        return f"{seen.external_id} {view.state}"

    async def _catch_up(self, seen: RefundSeen) -> None:
        """Our other refunds of this charge, as they are at the provider by now."""
        if self._provider is None or seen.charge_id is None or not await asyncio.to_thread(self._paid, seen):
            return
        for other in await self._provider.refunds_of_charge(seen.charge_id):
            known = await asyncio.to_thread(self._known, other)
            if known is not None:
                await self.proceed(known, seen=other)

    async def run_due(self) -> int:
        """Carry on what a crash or a lost answer left: for the chores."""
        due = await asyncio.to_thread(self._due)
        for refund_id in due:
            try:
                await self.proceed(refund_id)
            except Exception as error:
                tell(log, error, "the refund %s could not be carried on; it is tried again", refund_id)
                await asyncio.to_thread(self._later, refund_id)
        return len(due)

    async def proceed(self, refund_id: str, *, seen: RefundSeen | None = None, fresh: bool = False) -> RefundView:
        """From wherever it stands, as far as the provider's word goes."""
        row, order = await asyncio.to_thread(self.both, refund_id)
        if row.state == SEEN:
            await self._set_aside_late(row, order)
        if row.state in (ASKED, SEEN):
            await self.set_aside_rest(row, order)
        if row.provider != MANUAL and (row.state in OPEN or seen is not None):
            word = seen or await self._word(row, order, fresh)
            if word is not None:
                await self._apply(row, order, word)
        self._told(row.workspace_id)
        return await asyncio.to_thread(self.find, refund_id)

    async def _word(self, row: Row[Any], order: Row[Any], fresh: bool) -> RefundSeen | None:
        """What the provider says; None while it says nothing. A refusal ends the refund and is raised."""
        if self._provider is None:
            return None
        try:
            found = None if fresh else await self._found(self._provider, row)
        except (ProviderBusy, ProviderUnclear, ProviderRefused, NotFound) as silent:
            # A refused look says nothing of the refund: it may have been made all the same.
            log.warning("the refund %s cannot be looked at: %s", row.id, silent)
            await asyncio.to_thread(self._later, row.id)
            if silent.stable_code == "provider_key":
                raise
            return None
        if found is not None:
            return found
        if self._clock() - row.created_at > KEY_LASTS:
            await self.end(row, FAILED, "never_made", rows.SYSTEM)
            return None
        return await self._made(self._provider, row, order)

    async def _found(self, provider: StripeReturns, row: Row[Any]) -> RefundSeen | None:
        """What was made of it before; None when the provider has no refund of ours."""
        if row.external_id is not None:
            return await provider.see_refund(row.external_id)
        return await provider.find_refund(await asyncio.to_thread(_intent, row, self._db), row.id)

    async def _made(self, provider: StripeReturns, row: Row[Any], order: Row[Any]) -> RefundSeen | None:
        """Ask for it, under its own key; None when nobody knows what became of that."""
        try:
            made = await provider.refund(await asyncio.to_thread(_ask, row, order, self._db))
        except (ProviderBusy, ProviderUnclear) as lost:
            log.warning("nobody knows what became of the refund %s: %s", row.id, lost)
            await asyncio.to_thread(self._later, row.id)
            return None
        except (ProviderRefused, NotFound) as refused:
            if refused.stable_code == "provider_key":
                await asyncio.to_thread(self._later, row.id)
                raise
            code = str(refused.details.get("stripe_code") or refused.stable_code)
            await self.end(row, FAILED, code, rows.SYSTEM)
            raise Conflict(
                f"The payment provider refuses this refund: {refused.message}",
                code=REFUSALS.get(code, "refund_refused"),
            ) from refused
        faults.point("refund.after_provider")
        return made

    async def _apply(self, row: Row[Any], order: Row[Any], seen: RefundSeen) -> None:
        """The provider's word about a refund that we know."""
        amount = Fiat(row.amount_minor, row.currency)
        if (seen.amount, seen.currency) != (psp_minor(amount), row.currency):
            await asyncio.to_thread(self._differs, row, seen)
        elif seen.status == SUCCEEDED:
            await self.succeed(row, order, seen.external_id, row.created_by)
        elif seen.status in (FAILED, CANCELED):
            if row.state == SUCCEEDED:
                await self._restore(row, order, seen)
            elif row.state in OPEN:
                await self.end(row, seen.status, seen.failure_code or seen.status, rows.SYSTEM, seen)
            else:
                await self._tell(row)  # again, should we have been cut short
        else:
            await asyncio.to_thread(self._pending, row.id, seen)

    async def succeed(self, row: Row[Any], order: Row[Any], external_id: str, actor: str) -> None:
        if row.state not in OPEN:
            return

        def mark(connection: Connection, issued: Sequence[Issued]) -> None:
            now = self._clock()
            refund_rows.change(
                connection,
                row.id,
                now,
                state=SUCCEEDED,
                external_id=external_id,
                shortfall_micros=claims.shortfall(connection, order, row.id).micros,
                credit_note_id=issued[0].invoice_id if issued else None,
                credit_note_number=issued[0].number if issued else None,
                look_at=None,
                done_at=now,
            )
            return_rows.settle_order(connection, row.order_id, now, actor=actor)
            told = {"refund": row.id, "amount": str(Fiat(row.amount_minor, row.currency))}
            rows.note(connection, row.order_id, "refunded", now, actor=actor, **told)

        manual = order.provider == MANUAL
        method = t("payments.refund.method_transfer") if manual else t("payments.refund.method")
        back, bonus = _back(row, method, external_id), Money(row.bonus_micros)
        await self._bookings.take_back(order, back, bonus, actor=actor, mark=mark)
        faults.point("refund.after_commit")
        self._told(row.workspace_id)

    async def end(self, row: Row[Any], state: str, code: str, actor: str, seen: RefundSeen | None = None) -> None:
        """It was not made after all: the credits return. One that failed at the bank is told to the operators."""

        def mark(connection: Connection) -> None:
            now = self._clock()
            known = {"external_id": seen.external_id} if seen else {}
            moved = refund_rows.change(
                connection, row.id, now, state=state, failure_code=code, look_at=None, done_at=now, **known
            )
            if not moved:
                return
            rows.note(connection, row.order_id, "refund_failed", now, actor=actor, refund=row.id, code=code)
            if seen is not None:
                _report(connection, Reason.REFUND_FAILED, row, seen, now)

        _, order = await asyncio.to_thread(self.both, row.id)
        await self._bookings.give_back(order, row.id, actor=actor, mark=mark)
        self._told(row.workspace_id)
        await self._tell(row)

    async def _tell(self, row: Row[Any]) -> None:
        if self.not_made is not None:
            await self.not_made(row.order_id)

    async def _restore(self, row: Row[Any], order: Row[Any], seen: RefundSeen) -> None:
        """It had succeeded, and the bank sent the money back: the customer has neither until we give the credits."""

        def mark(connection: Connection, journal_id: str | None) -> None:
            now = self._clock()
            code = seen.failure_code or seen.status
            known = {"failure_code": code, "restored_journal_id": journal_id}
            refund_rows.change(connection, row.id, now, states=(SUCCEEDED,), state=RESTORED, **known)
            return_rows.settle_order(connection, row.order_id, now, actor=rows.SYSTEM)
            rows.note(connection, row.order_id, "refund_came_back", now, refund=row.id, code=code)
            _report(connection, Reason.REFUND_FAILED, row, seen, now)

        back = _back(row, t("payments.refund.method_failed"), seen.external_id)
        label = t("payments.refund.label", title=order.title)
        await self._bookings.restore(back, label=label, actor=rows.SYSTEM, mark=mark)
        await self._tell(row)

    async def _set_aside_late(self, row: Row[Any], order: Row[Any]) -> None:
        """A refund we were not asked about: whatever is still there of its credits."""

        def mark(connection: Connection) -> None:
            refund_rows.change(connection, row.id, self._clock(), states=(SEEN,), state=PENDING)

        credits = Money(row.credits_micros)
        await self._bookings.aside(order, row.id, credits, reason="refund", actor=rows.SYSTEM, partial=True, mark=mark)

    async def set_aside_rest(self, row: Row[Any], order: Row[Any]) -> None:
        """What of its credits is in other lots of the order, and the bonus."""
        credits, bonus = Money(row.credits_micros), Money(row.bonus_micros)
        actor = row.created_by
        await self._bookings.aside_rest(order, row.id, credits, bonus, reason="refund", actor=actor)

    @property
    def _name(self) -> str:
        return self._provider.door.name if self._provider else ""

    def _paid(self, seen: RefundSeen) -> bool:
        """Whether it is of a payment that was credited here."""
        with self._db.read() as connection:
            return refund_rows.payment_behind(connection, self._name, seen.payment_id, seen.charge_id) is not None

    def _known(self, seen: RefundSeen) -> str | None:
        """Our row for it."""
        with self._db.read() as connection:
            return refund_rows.seen_before(connection, self._name, seen)

    def _noted(self, seen: RefundSeen) -> str | None:
        """Our row for it, made now if it is new; None when it is about no payment of ours."""
        now = self._clock()
        with self._db.write() as connection:
            payment = refund_rows.payment_behind(connection, self._name, seen.payment_id, seen.charge_id)
            if payment is None:
                return None
            order = return_rows.order_locked(connection, payment.order_id)
            if (known := refund_rows.seen_before(connection, self._name, seen)) is not None:
                return known
            return note_seen(connection, order, payment, seen, now)

    def _pending(self, refund_id: str, seen: RefundSeen) -> None:
        now = self._clock()
        with self._db.write() as connection:
            later = now + BANK_LOOK
            refund_rows.change(connection, refund_id, now, state=PENDING, external_id=seen.external_id, look_at=later)

    def _differs(self, row: Row[Any], seen: RefundSeen) -> None:
        now = self._clock()
        with self._db.write() as connection:
            _report(connection, Reason.REFUND_DIFFERS, row, seen, now)
            refund_rows.change(connection, row.id, now, look_at=None)

    def _later(self, refund_id: str) -> None:
        now = self._clock()
        with self._db.write() as connection:
            row = refund_rows.find(connection, refund_id)
            looks = row.looks + 1
            later = now + until_next(REFUND_LOOKS, looks)
            refund_rows.change(connection, refund_id, now, looks=looks, look_at=later)

    def _due(self) -> list[str]:
        query = select(refunds.c.id).where(refunds.c.look_at <= self._clock(), refunds.c.state.in_(OPEN))
        with self._db.read() as connection:
            return list(connection.execute(query.order_by(refunds.c.look_at).limit(BATCH)).scalars())

    def find(self, refund_id: str) -> RefundView:
        with self._db.read() as connection:
            return refund_rows.views(connection, [refund_rows.find(connection, refund_id)])[0]

    def both(self, refund_id: str) -> tuple[Row[Any], Row[Any]]:
        with self._db.read() as connection:
            row = refund_rows.find(connection, refund_id)
            return row, rows.find(connection, row.order_id)


def _back(row: Row[Any], method: str, reference: str) -> Back:
    return Back(
        ref=row.id,
        order_id=row.order_id,
        amount=Fiat(row.amount_minor, row.currency),
        credits=Money(row.credits_micros),
        source_kind="refund",
        reason=t("payments.refund.reason"),
        method=method,
        reference=reference,
    )


def _intent(row: Row[Any], db: Database) -> str:
    """The provider's id of the payment."""
    with db.read() as connection:
        order = rows.find(connection, row.order_id)
        payment = refund_rows.payment_of(connection, order)
    if payment is None:
        raise NotFound(f"The payment of {row.order_id} is missing.", code="payment_not_found")
    return str(payment.external_id)


def _ask(row: Row[Any], order: Row[Any], db: Database) -> RefundAsk:
    return RefundAsk(
        key=f"refund:{row.id}",
        refund_id=row.id,
        order_id=order.id,
        workspace_id=order.workspace_id,
        payment_id=_intent(row, db),
        amount=Fiat(row.amount_minor, row.currency),
    )


def _report(connection: Connection, reason: Reason, row: Row[Any], seen: RefundSeen, now: datetime) -> None:
    report(
        connection,
        reason,
        provider=row.provider,
        external_id=seen.external_id,
        livemode=row.livemode,
        now=now,
        amount=Fiat(row.amount_minor, row.currency),
        order_id=row.order_id,
        workspace_id=row.workspace_id,
        refund=row.id,
        status=seen.status,
        said=f"{seen.amount} {seen.currency}",
        code=seen.failure_code,
    )
