"""The provider's page on which an invoice can be paid by whoever has its link: one open page an invoice.

A page is a payment too, written before it is asked for: what is paid on it finds its invoice whatever becomes of us.
"""

import asyncio
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Row

from app.billing import card_rows, invoices, payments
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict, NotFound
from app.kernel.fiat import is_chargeable
from app.kernel.text import t
from app.payments.saved_cards import SavedCards
from app.payments.stripe_client import PageLine, SessionAsk, StripeDoor
from app.payments.topup_rows import CUSTOMER_DELETED
from app.payments.worker import GRACE

#: Stripe keeps a page open for half an hour at the least.
LIVES: Final = timedelta(minutes=31)
#: A page that is about to end is no page to send anybody to.
NEARLY_OVER: Final = timedelta(minutes=2)


class PayPages:
    """`back_url` is where the provider sends its visitor afterwards."""

    def __init__(self, db: Database, clock: Clock, door: StripeDoor, saved: SavedCards, back_url: str) -> None:
        self._db, self._clock, self._door, self._saved, self._back_url = db, clock, door, saved, back_url

    async def open(self, invoice_id: str) -> str:
        """The address of the page; the open one, or a new one.

        Raises `Conflict` "nothing_to_pay" or "being_paid", and `ProviderError` when the provider does not answer:
        asking again asks for the same page.
        """
        row = await asyncio.to_thread(self._invoice, invoice_id)
        customer_id = await self._saved.customer(row.workspace_id)
        charge = await asyncio.to_thread(self._begin, invoice_id, customer_id)
        if charge.url:
            return str(charge.url)
        faults.point("bill.before_page")
        try:
            made = await self._door.open_session(await asyncio.to_thread(self._wanted, charge))
        except NotFound:
            if not await self._door.is_gone(charge.customer_id):
                raise
            await self._saved.customer_gone(charge.customer_id)  # nobody has told us yet
            await asyncio.to_thread(self._never, charge)
            return await self.open(invoice_id)
        faults.point("bill.after_page")
        await asyncio.to_thread(self._opened, charge.payment_id, made.session_id, made.url)
        return made.url

    def _invoice(self, invoice_id: str) -> Row[Any]:
        with self._db.read() as connection:
            return invoices.find(connection, invoice_id)

    def _begin(self, invoice_id: str, customer_id: str) -> Row[Any]:
        """The page that is open, or was asked for and never answered; else a new one, written down."""
        now = self._clock()
        with self._db.write() as connection:
            row = invoices.locked(connection, invoice_id)
            for charge in card_rows.under_way(connection, invoice_id):
                if charge.way != card_rows.PAGE or charge.state == card_rows.PROCESSING:
                    raise Conflict("A payment of this invoice is under way.", code="being_paid")
                if charge.expires_at > now + NEARLY_OVER:
                    return charge
            if not card_rows.is_payable(connection, invoice_id):
                raise Conflict("Nothing is left to be paid of this invoice.", code="nothing_to_pay")
            if not is_chargeable(invoices.remaining(row)):
                raise Conflict("The provider cannot take exactly this amount: pay by transfer.", code="not_chargeable")
            payment, _ = payments.create(
                connection, row.id, invoices.remaining(row), payments.LINK, key=None, actor="system", now=now
            )
            expires_at = (now + LIVES).replace(microsecond=0)
            card_rows.add(
                connection,
                payment,
                now,
                expires_at + GRACE,
                way=card_rows.PAGE,
                provider=self._door.name,
                livemode=self._door.livemode,
                customer_id=customer_id,
                expires_at=expires_at,
            )
            found = card_rows.find(connection, payment.id)
        if found is None:
            raise Conflict("The page was taken away at once.", code="being_paid")
        return found

    def _never(self, charge: Row[Any]) -> None:
        now = self._clock()
        with self._db.write() as connection:
            card_rows.ended(connection, charge, CUSTOMER_DELETED, now, state=card_rows.NEVER, again=None)

    def _wanted(self, charge: Row[Any]) -> SessionAsk:
        with self._db.read() as connection:
            row, payment = invoices.find(connection, charge.invoice_id), payments.find(connection, charge.payment_id)
        return SessionAsk(
            key=f"bill:{payment.id}:page",
            order_id=payment.id,
            workspace_id=row.workspace_id,
            customer_id=charge.customer_id,
            lines=[PageLine(t("period.charge", number=row.number or ""), card_rows.amount_of(payment))],
            save_card=False,
            expires_at=charge.expires_at,
            success_url=self._back_url,
            cancel_url=self._back_url,
        )

    def _opened(self, payment_id: str, session_id: str, url: str) -> None:
        now = self._clock()
        with self._db.write() as connection:
            payments.locked(connection, payment_id)
            charge = card_rows.find(connection, payment_id)
            state = {"state": card_rows.OPEN} if charge is not None and charge.state == card_rows.ASKED else {}
            card_rows.mark(connection, payment_id, now, session_id=session_id, url=url, **state)
