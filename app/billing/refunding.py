"""Refunds of invoices at the provider: asked for once, and followed until the bank has said how they ended.

One that cannot be made, or that came back, is to be sent by transfer then: its credit note was issued, so the money is
the customer's.
"""

import asyncio
import logging
from typing import Any

from sqlalchemy import Connection, Row, select

from app.billing import card_rows, credit_notes, invoices, refund_rows
from app.billing.charging import each
from app.billing.refund_rows import REFUND
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound, ProviderBusy, ProviderRefused, ProviderUnclear
from app.kernel.fiat import CURRENCIES, Fiat, from_psp, psp_minor
from app.payments.stripe_returns import DisputeSeen, RefundAsk, RefundSeen, StripeReturns
from app.payments.unmatched import Reason, report
from app.payments.waiting import BANK_LOOK, BATCH, BEING_ASKED, KEY_LASTS, REFUND_LOOKS, until_next

SUCCEEDED, FAILED = "succeeded", ("failed", "canceled")

log = logging.getLogger(__name__)


class InvoiceRefunds:
    """Refunds of what was charged for invoices at one account of the provider."""

    def __init__(self, db: Database, clock: Clock, returns: StripeReturns) -> None:
        self._db, self._clock, self._returns = db, clock, returns

    async def run_due(self) -> int:
        """Ask for what was promised, and look after what has no end yet; how many that were."""
        due = await asyncio.to_thread(self._due)
        await each(due, self.proceed)
        return len(due)

    async def proceed(self, refund_id: str) -> None:
        """From wherever it stands, as far as the provider's word goes."""
        row, ask = await asyncio.to_thread(self._take, refund_id)
        if ask is None:
            return
        try:
            seen = await self._found(row, ask)
        except (ProviderBusy, ProviderUnclear, ProviderRefused, NotFound) as silent:
            # A refused look says nothing of the refund: it may have been made all the same.
            log.warning("the refund %s cannot be looked at: %s", refund_id, silent)
            await asyncio.to_thread(self._later, refund_id)
            return
        if seen is None:
            seen = await self._made(row, ask)
        if seen is not None:
            faults.point("bill.after_refund")
            await asyncio.to_thread(self._apply, refund_id, seen)

    async def _found(self, row: Row[Any], ask: RefundAsk) -> RefundSeen | None:
        """What was made of it before; None when the provider has no refund of ours."""
        if row.external_id is not None:
            return await self._returns.see_refund(row.external_id)
        return await self._returns.find_refund(ask.payment_id, row.id)

    async def _made(self, row: Row[Any], ask: RefundAsk) -> RefundSeen | None:
        """Ask for it, under its own key; None when it will not be made, or nobody knows what became of that."""
        if self._clock() - row.created_at > KEY_LASTS:
            await asyncio.to_thread(self._fail, row.id, "never_made", None)
            return None
        try:
            return await self._returns.refund(ask)
        except (ProviderBusy, ProviderUnclear) as lost:
            log.warning("nobody knows what became of the refund %s: %s", row.id, lost)
            await asyncio.to_thread(self._later, row.id)
        except (ProviderRefused, NotFound) as refused:
            if refused.stable_code == "provider_key":
                await asyncio.to_thread(self._later, row.id)
            else:
                code = str(refused.details.get("stripe_code") or refused.stable_code)
                await asyncio.to_thread(self._fail, row.id, code, None)
        return None

    async def follow(self, seen: RefundSeen) -> str | None:
        """Do what this refund, as it stands at the provider, does here; None when it is not of an invoice."""
        return await asyncio.to_thread(self._follow, seen)

    async def on_dispute(self, seen: DisputeSeen) -> str | None:
        """A cardholder takes back what an invoice was paid with: an operator answers; None when it is not of one."""
        return await asyncio.to_thread(self._disputed, seen)

    # --- rows

    def _due(self) -> list[str]:
        door, charge = self._returns.door, card_rows.CHARGE
        query = (
            select(REFUND.c.id)
            .join(charge, charge.c.payment_id == REFUND.c.payment_id)
            .where(
                REFUND.c.look_at <= self._clock(), charge.c.provider == door.name, charge.c.livemode == door.livemode
            )
            .order_by(REFUND.c.look_at)
            .limit(BATCH)
        )
        with self._db.read() as connection:
            return list(connection.execute(query).scalars())

    def _take(self, refund_id: str) -> tuple[Row[Any], RefundAsk | None]:
        """The refund and how it is asked for, while there is something to find out; hidden from others for a while."""
        now = self._clock()
        with self._db.write() as connection:
            row, invoice = self._locked(connection, refund_id)
            charge = card_rows.find(connection, row.payment_id)
            open_ = row.way == refund_rows.STRIPE and row.state in refund_rows.OPEN
            refund_rows.change(connection, refund_id, now, look_at=now + BEING_ASKED if open_ else None)
            if not open_ or charge is None:
                return row, None
        amount = Fiat(row.amount, row.currency)
        key = f"bill-refund:{row.id}"
        return row, RefundAsk(key, row.id, row.payment_id, invoice.workspace_id, charge.intent_id, amount)

    def _locked(self, connection: Connection, refund_id: str) -> tuple[Row[Any], Row[Any]]:
        note = credit_notes.find(connection, refund_rows.find(connection, refund_id).note_id)
        invoice = invoices.locked(connection, note.invoice_id)
        return refund_rows.find(connection, refund_id), invoice

    def _apply(self, refund_id: str, seen: RefundSeen) -> str:
        if seen.status in FAILED:
            self._fail(refund_id, seen.failure_code or seen.status, seen)
            return "failed"
        now = self._clock()
        with self._db.write() as connection:
            row, invoice = self._locked(connection, refund_id)
            if (seen.amount, seen.currency) != (psp_minor(Fiat(row.amount, row.currency)), row.currency):
                self._report(connection, Reason.REFUND_DIFFERS, invoice, seen)
                refund_rows.change(connection, refund_id, now, look_at=None)
                return "differs"
            if row.way != refund_rows.STRIPE or row.state not in refund_rows.OPEN:
                return str(row.state)
            done = seen.status == SUCCEEDED
            state = refund_rows.SUCCEEDED if done else refund_rows.PENDING
            times = {"look_at": None, "done_at": now} if done else {"look_at": now + BANK_LOOK}
            refund_rows.change(connection, refund_id, now, state=state, external_id=seen.external_id, **times)
            return state

    def _fail(self, refund_id: str, code: str, seen: RefundSeen | None) -> None:
        """It was not made, or came back: it is to be sent another way, and the operators are told once."""
        now = self._clock()
        with self._db.write() as connection:
            row, invoice = self._locked(connection, refund_id)
            if row.way != refund_rows.STRIPE or (seen is None and row.state not in refund_rows.OPEN):
                return  # what has come back is the provider's word; that it was not made is only ours
            open_ = {"way": refund_rows.TRANSFER, "state": refund_rows.ASKED, "external_id": None}
            refund_rows.change(connection, refund_id, now, failure=code, look_at=None, done_at=None, **open_)
            report(
                connection,
                Reason.INVOICE_REFUND_FAILED,
                provider=self._returns.door.name,
                external_id=seen.external_id if seen else row.id,
                livemode=self._returns.door.livemode,
                now=now,
                amount=Fiat(row.amount, row.currency),
                workspace_id=invoice.workspace_id,
                invoice=invoice.number,
                refund=row.id,
                code=code,
            )

    def _later(self, refund_id: str) -> None:
        now = self._clock()
        with self._db.write() as connection:
            row = refund_rows.find(connection, refund_id)
            if row.look_at is not None:
                looks = row.looks + 1
                later = now + until_next(REFUND_LOOKS, looks)
                refund_rows.change(connection, refund_id, now, looks=looks, look_at=later)

    def _follow(self, seen: RefundSeen) -> str | None:
        door = self._returns.door
        with self._db.read() as connection:
            charge = card_rows.of_intent(connection, door.name, seen.payment_id or "")
            if charge is None:
                return None
            known = select(REFUND.c.id).where((REFUND.c.id == (seen.refund_id or "")) | _same(seen))
            refund_id = connection.execute(known).scalar()
            invoice = invoices.find(connection, charge.invoice_id)
        if refund_id is not None:
            return f"{seen.external_id} {self._apply(str(refund_id), seen)}"
        if seen.status not in FAILED:
            with self._db.write() as connection:
                self._report(connection, Reason.INVOICE_REFUND_UNASKED, invoice, seen)
        return f"{seen.external_id} has no credit note"

    def _report(self, connection: Connection, reason: Reason, invoice: Row[Any], seen: RefundSeen) -> None:
        door = self._returns.door
        report(
            connection,
            reason,
            provider=door.name,
            external_id=seen.external_id,
            livemode=door.livemode,
            now=self._clock(),
            amount=from_psp(seen.amount, seen.currency) if seen.currency in CURRENCIES else None,
            workspace_id=invoice.workspace_id,
            invoice=invoice.number,
            status=seen.status,
        )

    def _disputed(self, seen: DisputeSeen) -> str | None:
        door, now = self._returns.door, self._clock()
        with self._db.write() as connection:
            charge = card_rows.of_intent(connection, door.name, seen.payment_id or "")
            if charge is None:
                return None
            invoice = invoices.find(connection, charge.invoice_id)
            card_rows.disable(connection, invoice.workspace_id, charge.card_id, "disputed", now)
            report(
                connection,
                Reason.INVOICE_DISPUTED,
                provider=door.name,
                external_id=seen.external_id,
                livemode=door.livemode,
                now=now,
                amount=from_psp(seen.amount, seen.currency) if seen.currency in CURRENCIES else None,
                workspace_id=invoice.workspace_id,
                invoice=invoice.number,
                status=seen.status,
            )
        return f"{seen.external_id} is about {invoice.number}"


def _same(seen: RefundSeen) -> Any:
    return (REFUND.c.way == refund_rows.STRIPE) & (REFUND.c.external_id == seen.external_id)
