"""Refunds: credits out of the balance, money back at the provider, then the books and a credit note, together.

An operator asks; what was unused goes back, no more. The credits are set aside and the refund is written down in one
transaction, the provider is asked under a key made from it, and its word decides: succeeded takes the credits for good
and issues the credit note, failed gives them back. A refund made at the provider's own pages takes the same road from
there on, and what was used by then is debt. Each is told apart by its own id, never by a running total.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Row, update
from sqlalchemy.exc import IntegrityError

from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import (
    Conflict,
    InsufficientCredits,
    InvalidInput,
)
from app.kernel.fiat import Fiat, chargeable_part, is_chargeable
from app.kernel.ids import new_id
from app.kernel.money import Money
from app.payments import claims, policy, refund_rows, return_rows, rows
from app.payments.bookings import Bookings
from app.payments.credit_notes import net_and_tax, parts_back
from app.payments.orders import MANUAL, check_key
from app.payments.refund_plan import Plan, Preview, expressible, planned, row_of
from app.payments.refund_road import RefundRoad
from app.payments.refund_rows import OPEN, OPERATOR, RefundView
from app.payments.refund_rules import Refundable, Refusal, refundable
from app.payments.return_rows import ASKED, CANCELED, PENDING
from app.payments.return_tables import refund as refunds
from app.payments.stripe_returns import Credit, StripeReturns
from app.payments.waiting import BEING_ASKED

TRIES: Final = 5
LONGEST_NOTE: Final = 500
CALLED_OFF: Final = "called_off"
NOT_CALLED_OFF: Final = refunds.c.failure_code.is_(None)


@dataclass(frozen=True, slots=True)
class RefundChoice:
    """What an operator asks for. Without an amount it is all that can go back now."""

    order_id: str
    actor: str
    key: str
    amount: Fiat | None = None
    reason: str = "requested"
    note: str = ""


class Refunds:
    """`provider` is None where no card is taken: orders paid by transfer are refunded all the same, by hand."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        bookings: Bookings,
        provider: StripeReturns | None,
        told: Callable[[str], None],
        credit: Credit | None = None,
    ) -> None:
        self._db, self._clock, self._bookings = db, clock, bookings
        self.road = RefundRoad(db, clock, bookings, provider, told, credit)

    # --- what can go back

    def refundable(self, order_id: str) -> Refundable:
        """The most that can be refunded of an order now, by the operator's policy."""
        with self._db.read() as connection:
            return self._refundable(connection, rows.find(connection, order_id))

    def preview(self, order_id: str, amount: Fiat | None = None) -> Preview:
        """What a refund of this amount (all that can go back when not given) would do. Raises what asking would."""
        choice = RefundChoice(order_id, "", "", amount)
        plan = self._plan(choice)
        with self._db.read() as connection:
            order = plan.order
            left = return_rows.lot_state(connection, claims.lots_of(connection, order).bonus).remaining
            parts = parts_back(connection, order, plan.amount)
        net, tax = net_and_tax([part.tax for part in parts], order.currency)
        whole = plan.before + plan.amount == Fiat(order.gross_minor, order.currency)
        by_transfer = plan.payment.provider == MANUAL
        return Preview(plan.amount, plan.credits, min(plan.bonus, Money(left)), net, tax, whole, by_transfer)

    def _refundable(self, connection: Connection, order: Row[Any]) -> Refundable:
        kept = policy.read(connection)
        at = return_rows.position(connection, order)
        can = refundable(at, self._clock(), days=kept.refund_days, bonus_counts=kept.refund_bonus_counts)
        if order.provider == MANUAL or is_chargeable(can.amount):
            return can
        amount = chargeable_part(can.amount)
        return replace(can, amount=amount, refusal=None if amount else Refusal.USED)

    # --- asked for here

    async def ask(self, choice: RefundChoice) -> RefundView:
        """Refund (a part of) an order. Asking again with the same key is asking for the same.

        Raises `Conflict` with the reason when it cannot be: "refund_too_high", "credits_used", "already_refunded",
        "order_disputed", … or what the provider refuses. A refund whose end is not known yet is answered as it is.
        """
        check_key(choice.key)
        if len(choice.note) > LONGEST_NOTE:
            raise InvalidInput(f"A note has up to {LONGEST_NOTE} characters.", param="note")
        refund_id = await self._begin(choice)
        faults.point("refund.after_aside")
        return await self.road.proceed(refund_id, fresh=True)

    async def _begin(self, choice: RefundChoice) -> str:
        for _ in range(TRIES):
            known = await asyncio.to_thread(self._by_key, choice)
            if known is not None:
                return known
            plan = await asyncio.to_thread(self._plan, choice)
            refund_id = new_id("rfd")
            try:
                await self._bookings.aside(
                    plan.order,
                    refund_id,
                    plan.credits,
                    reason="refund",
                    actor=choice.actor,
                    partial=False,
                    mark=partial(self._write, refund_id=refund_id, plan=plan, choice=choice),
                )
            except (IntegrityError, _Stale, InsufficientCredits):
                continue  # something moved meanwhile: look again
            return refund_id
        raise Conflict("This order is being changed from elsewhere: please try again.", code="order_busy")

    def _plan(self, choice: RefundChoice) -> Plan:
        with self._db.read() as connection:
            order = rows.find(connection, choice.order_id)
            can = self._refundable(connection, order)
            payment = refund_rows.payment_of(connection, order)
            if can.refusal is not None or payment is None:
                code = str(can.refusal or "order_not_paid")
                raise Conflict(f"Nothing of this order can be refunded ({code}).", code=code)
            amount = choice.amount or can.amount
            if amount.currency != can.amount.currency or amount.minor <= 0:
                raise InvalidInput(f"Refund an amount above zero, in {can.amount.currency}.", param="amount")
            if amount.minor > can.amount.minor:
                raise Conflict(f"At most {can.amount} of this order can be refunded.", code="refund_too_high")
            if payment.provider != MANUAL:
                expressible(amount)
            return planned(connection, order, payment, amount)

    def _write(self, connection: Connection, refund_id: str, plan: Plan, choice: RefundChoice) -> None:
        """In the transaction that sets the credits aside: what was planned must still be true."""
        order = return_rows.order_locked(connection, plan.order.id)
        if self._refundable(connection, order).refusal == "order_disputed":
            raise Conflict("A dispute of this order is open.", code="order_disputed")
        if return_rows.returned(connection, order) != plan.before:
            raise _Stale("Another refund of this order was asked for meanwhile.")
        now = self._clock()
        manual = plan.payment.provider == MANUAL
        row = row_of(refund_id, plan, now, state=ASKED, look_at=None if manual else now + BEING_ASKED)
        asked = {
            "origin": OPERATOR,
            "reason": choice.reason,
            "note": choice.note.strip(),
            "idempotency_key": choice.key,
            "created_by": choice.actor,
        }
        connection.execute(refunds.insert().values({**row, **asked}))
        told = {"refund": refund_id, "amount": str(plan.amount)}
        rows.note(connection, order.id, "refund_asked", now, actor=choice.actor, **told)

    def _by_key(self, choice: RefundChoice) -> str | None:
        with self._db.read() as connection:
            known = refund_rows.by_key(connection, choice.order_id, choice.key)
        if known is None:
            return None
        if choice.amount is not None and choice.amount.minor != known.amount_minor:
            raise Conflict("This key was used for another refund.", param="Idempotency-Key", code="key_reused")
        return str(known.id)

    # --- by hand, for transfers

    async def confirm_sent(self, refund_id: str, bank_reference: str, *, actor: str) -> RefundView:
        """The money of a refund by transfer was sent; `bank_reference` is the bank's own."""
        reference = " ".join(bank_reference.split())
        if not reference or len(reference) > 140 or not reference.isprintable():
            raise InvalidInput("Write the bank's reference of the transfer.", param="bank_reference")
        row, order = await asyncio.to_thread(self.road.both, refund_id)
        if row.provider != MANUAL or row.state not in OPEN:
            raise Conflict(f"This refund is {row.state}.", code="wrong_state")
        await asyncio.to_thread(self._sent, refund_id, reference)
        await self.road.set_aside_rest(row, order)
        await self.road.succeed(row, order, reference, actor)
        return await asyncio.to_thread(self.road.find, refund_id)

    def _sent(self, refund_id: str, reference: str) -> None:
        """Written down before any credits go for good: from here on it cannot be called off, whatever happens."""
        with self._db.write() as connection:
            try:
                with connection.begin_nested():
                    going = update(refunds).where(refunds.c.id == refund_id, refunds.c.state.in_(OPEN), NOT_CALLED_OFF)
                    known = {"state": PENDING, "external_id": reference, "updated_at": self._clock()}
                    sent = connection.execute(going.values(known)).rowcount
            except IntegrityError:
                raise Conflict(
                    "A refund with this bank reference was recorded before.",
                    param="bank_reference",
                    code="already_recorded",
                ) from None
        if not sent:
            raise Conflict("This refund was ended meanwhile.", code="wrong_state")

    async def call_off(self, refund_id: str, *, actor: str) -> RefundView:
        """A refund by transfer is not made after all: the credits return."""
        row, _ = await asyncio.to_thread(self.road.both, refund_id)
        if row.provider != MANUAL or row.state != ASKED:
            raise Conflict(f"This refund is {row.state}.", code="wrong_state")
        await asyncio.to_thread(self._called_off, refund_id)
        await self.road.end(row, CANCELED, CALLED_OFF, actor)
        return await asyncio.to_thread(self.road.find, refund_id)

    def _called_off(self, refund_id: str) -> None:
        """Written down before any credits return: from here on it cannot be sent."""
        waits = update(refunds).where(refunds.c.id == refund_id, refunds.c.state == ASKED)
        with self._db.write() as connection:
            called_off = connection.execute(waits.values(failure_code=CALLED_OFF, updated_at=self._clock())).rowcount
        if not called_off:
            raise Conflict("This refund was sent meanwhile.", code="wrong_state")

    # --- reading

    def listed(
        self, *, order_id: str | None = None, workspace_id: str | None = None, open_only: bool = False
    ) -> list[RefundView]:
        """Refunds, the newest first."""
        with self._db.read() as connection:
            return refund_rows.listed(connection, order_id=order_id, workspace_id=workspace_id, open_only=open_only)


class _Stale(Conflict):
    """Planned on figures that are no longer true."""
