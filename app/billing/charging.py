"""Charging invoices to saved cards: what was issued is asked for once, and its answer is never guessed.

A charge is a payment first, written under the invoice's lock; then the provider is asked under a key made from it. Its
answer, a webhook and a later look all end in `charge_answers.py`. While nobody knows what became of a charge, its
payment stands in the way of any other of that invoice.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, select

from app.billing import card_rows, invoices, payments
from app.billing.card_rows import CHARGE
from app.billing.charge_answers import ChargeAnswers, Charged
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound, ProviderBusy, ProviderRefused, ProviderUnclear
from app.kernel.text import t
from app.payments import saved_card_rows
from app.payments.fulfil import Done
from app.payments.stripe_charges import ChargeAsk, StripeCharges
from app.payments.telling import tell
from app.payments.topup_rows import CHARGE_FAILED, MISSING
from app.payments.verdict import Progress, Proof
from app.payments.waiting import (
    ARRIVED_BY_THEN,
    BATCH,
    BEING_ASKED,
    CHARGE_LOOKS,
    KEY_LASTS,
    NOT_OUR_DAY,
    SKEW,
    until_next,
)

log = logging.getLogger(__name__)


class InvoiceCharges:
    """`link(invoice_id)` is where a mail leads whose reader pays it themselves."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        charges: StripeCharges,
        answers: ChargeAnswers,
        link: Callable[[str], str],
    ) -> None:
        self._db, self._clock, self._charges, self._answers, self._link = db, clock, charges, answers, link

    async def run_due(self) -> int:
        """Carry on what is under way, then charge what is to be charged; how many that were."""
        under_way = await asyncio.to_thread(self._to_look_at)
        await each(under_way, self._carry_on)
        due = await asyncio.to_thread(self._due)
        await each(due, self.charge)
        return len(under_way) + len(due)

    async def charge(self, invoice_id: str) -> str | None:
        """Charge this invoice if it is to be charged now; the payment's id when there was something to charge."""
        begun = await asyncio.to_thread(self._begin, invoice_id)
        if begun is not None:
            faults.point("bill.after_payment")
            await self._ask(begun)
        return begun

    def _due(self) -> list[str]:
        door = self._charges.door
        with self._db.read() as connection:
            return card_rows.due(connection, door.name, door.livemode, self._clock(), limit=BATCH)

    def _begin(self, invoice_id: str) -> str | None:
        """Write the payment; None when it is not to be charged (any more)."""
        now, door = self._clock(), self._charges.door
        with self._db.write() as connection:
            row = invoices.locked(connection, invoice_id)
            if not card_rows.due(connection, door.name, door.livemode, now, only=invoice_id):
                return None
            setting = card_rows.setting_of(connection, row.workspace_id)
            card = saved_card_rows.by_id(connection, setting.card_id) if setting else None
            if card is None:
                return None
            amount = invoices.remaining(row)
            payment, _ = payments.create(
                connection, row.id, amount, payments.CARD, key=None, actor="system", now=now, state=payments.INITIATED
            )
            card_rows.add(
                connection,
                payment,
                now,
                now + BEING_ASKED,
                way=card_rows.CARD,
                provider=door.name,
                livemode=door.livemode,
                customer_id=card.customer_id,
                card_id=card.id,
                method_id=card.method_id,
            )
            return str(payment.id)

    # --- asking

    async def _ask(self, payment_id: str) -> None:
        """Ask the provider. Whatever happens to the answer, asking again asks for the same charge."""
        both = await asyncio.to_thread(self._take, payment_id)
        if both is None:
            return
        try:
            proof = await self._charges.charge(await asyncio.to_thread(self._wanted, both))
        except ProviderBusy as busy:
            await asyncio.to_thread(self._later, payment_id, busy.message)
        except ProviderUnclear as unclear:
            await asyncio.to_thread(self._lost, payment_id, unclear.message)
        except ProviderRefused as refused:
            await self._refused(both.charge, refused)
        except NotFound as missing:
            log.warning("%s cannot be charged: %s", payment_id, missing)
            await asyncio.to_thread(self._say_declined, both.charge, MISSING, None)
        except ValueError as impossible:
            log.warning("%s cannot be charged: %s", payment_id, impossible)
            await asyncio.to_thread(self._end, both.charge, CHARGE_FAILED)
        else:
            faults.point("bill.after_charge")
            await self._answered(both.charge, proof)

    async def _refused(self, charge: Row[Any], refused: ProviderRefused) -> None:
        if refused.stable_code == "card_declined":
            code = refused.details.get("decline_code") or refused.details.get("stripe_code") or "card_declined"
            await self._declined(charge, str(code), refused.details.get("payment_id"))
        elif refused.stable_code == "provider_key":
            log.error("%s: %s", charge.payment_id, refused)
            await asyncio.to_thread(self._never, charge, "provider_key", NOT_OUR_DAY)
        else:
            log.warning("%s was refused: %s", charge.payment_id, refused)
            gone = refused.param in {"payment_method", "customer"}
            await asyncio.to_thread(self._end, charge, MISSING if gone else CHARGE_FAILED)

    async def _declined(self, charge: Row[Any], code: str, intent_id: str | None) -> None:
        """A declined charge is given up first, so that the invoice can only be paid the way we say from here on."""
        if intent_id is not None:
            try:
                await self._charges.cancel(intent_id)
            except (ProviderBusy, ProviderUnclear, ProviderRefused) as error:
                log.warning("%s of %s could not be canceled: %s", intent_id, charge.payment_id, error)
        faults.point("bill.after_cancel")
        await asyncio.to_thread(self._say_declined, charge, code, intent_id)

    async def _answered(self, charge: Row[Any], proof: Proof) -> None:
        """The charge exists: what it says now goes the way of every payment."""
        outcome = await self._answers.apply(proof)
        if outcome is None or outcome.done is not Done.WAITING:
            return
        # Open, and no decline to read: the bank waits for its cardholder.
        asks = proof.progress is Progress.OPEN
        code = proof.failure_code or ("authentication_required" if asks else CHARGE_FAILED)
        await self._declined(charge, code, proof.payment_id)

    async def _carry_on(self, payment_id: str) -> None:
        """Find out what became of a charge whose answer is missing, and ask again only if it never was made."""
        both = await asyncio.to_thread(self._take, payment_id)
        if both is None:
            return
        charge = both.charge
        if charge.way == card_rows.PAGE:
            await self._look_at_page(charge)
            return
        try:
            found = await self._charges.find(charge.customer_id, payment_id, charge.asked_at - SKEW)
        except (ProviderBusy, ProviderUnclear, ProviderRefused) as error:
            await asyncio.to_thread(self._later, payment_id, error.message)
            return
        except NotFound:
            found = None  # the customer was deleted: what was never charged cannot be any more
        if found is not None:
            await self._answered(charge, found)
            return
        age = self._clock() - charge.asked_at
        asked = charge.state in (card_rows.ASKED, card_rows.UNKNOWN)
        if asked and age < KEY_LASTS and await asyncio.to_thread(self._still_wanted, charge):
            await self._ask(payment_id)
        elif age > ARRIVED_BY_THEN:
            await asyncio.to_thread(self._never, charge, "never_charged", timedelta(0))
        else:
            await asyncio.to_thread(self._later, payment_id, "not found yet")

    async def _look_at_page(self, charge: Row[Any]) -> None:
        """What became of a hosted page; one whose time is over and that nobody was ever led to is no way to pay."""
        if charge.session_id is not None:
            try:
                proof = await self._charges.door.session(charge.session_id)
            except (ProviderBusy, ProviderUnclear, ProviderRefused, NotFound) as error:
                await asyncio.to_thread(self._later, charge.payment_id, str(error))
                return
            outcome = await self._answers.apply(proof)
            if outcome is not None and outcome.done is Done.WAITING:
                await asyncio.to_thread(self._later, charge.payment_id, "open")
        elif charge.expires_at < self._clock():
            await asyncio.to_thread(self._never, charge, "never_opened", timedelta(0))

    # --- rows

    def _to_look_at(self) -> list[str]:
        door = self._charges.door
        query = (
            select(CHARGE.c.payment_id)
            .where(
                CHARGE.c.look_at <= self._clock(), CHARGE.c.provider == door.name, CHARGE.c.livemode == door.livemode
            )
            .order_by(CHARGE.c.look_at)
            .limit(BATCH)
        )
        with self._db.read() as connection:
            return list(connection.execute(query).scalars())

    def _take(self, payment_id: str) -> Charged | None:
        """The payment and its charge, while there is something to find out; hidden from others for a while."""
        now = self._clock()
        with self._db.write() as connection:
            payments.locked(connection, payment_id)
            charge = card_rows.find(connection, payment_id)
            if charge is None or charge.state not in card_rows.UNDER_WAY:
                card_rows.mark(connection, payment_id, now, look_at=None)
                return None
            card_rows.mark(connection, payment_id, now, look_at=now + BEING_ASKED)
            return Charged(payments.find(connection, payment_id), charge)

    def _wanted(self, both: Charged) -> ChargeAsk:
        with self._db.read() as connection:
            row = invoices.find(connection, both.payment.invoice_id)
        return ChargeAsk(
            key=f"bill:{both.payment.id}:1",
            order_id=both.payment.id,
            workspace_id=row.workspace_id,
            customer_id=both.charge.customer_id,
            method_id=both.charge.method_id,
            amount=card_rows.amount_of(both.payment),
            description=t("period.charge", number=row.number or ""),
        )

    def _still_wanted(self, charge: Row[Any]) -> bool:
        with self._db.read() as connection:
            row = invoices.find(connection, charge.invoice_id)
            setting = card_rows.setting_of(connection, row.workspace_id)
            agreed = setting is not None and (setting.state, setting.card_id) == (card_rows.ON, charge.card_id)
            return agreed and card_rows.is_payable(connection, row.id)

    def _later(self, payment_id: str, why: str) -> None:
        with self._db.write() as connection:
            self._look_later(connection, payment_id)
        log.info("%s is looked at again: %s", payment_id, why)

    def _lost(self, payment_id: str, why: str) -> None:
        log.warning("nobody knows whether %s was charged: %s", payment_id, why)
        with self._db.write() as connection:
            payments.process(connection, payment_id, now=self._clock())
            self._look_later(connection, payment_id, state=card_rows.UNKNOWN)

    def _look_later(self, connection: Connection, payment_id: str, **values: Any) -> None:
        charge, now = card_rows.find(connection, payment_id), self._clock()
        if charge is None or charge.look_at is None:
            return  # it was answered meanwhile, by a webhook for instance
        looks = charge.looks + 1
        later = now + until_next(CHARGE_LOOKS, looks)
        card_rows.mark(connection, payment_id, now, looks=looks, look_at=later, **values)

    def _say_declined(self, charge: Row[Any], code: str, intent_id: str | None) -> None:
        with self._db.write() as connection:
            kind = card_rows.declined(
                connection, charge, code, self._clock(), link=self._link(charge.invoice_id), intent_id=intent_id
            )
        log.info("%s was declined: %s (%s)", charge.payment_id, code, kind)

    def _end(self, charge: Row[Any], code: str) -> None:
        link = self._link(charge.invoice_id)
        with self._db.write() as connection:
            card_rows.ended(connection, charge, code, self._clock(), state=card_rows.DECLINED, again=None, link=link)

    def _never(self, charge: Row[Any], why: str, wait: timedelta) -> None:
        now = self._clock()
        with self._db.write() as connection:
            card_rows.ended(connection, charge, why, now, state=card_rows.NEVER, again=now + wait)


async def each(things: Sequence[str], work: Callable[[str], Awaitable[object]]) -> None:
    """One after the other; what fails is tried again at the next turn and does not stop the others."""
    for thing in things:
        try:
            await work(thing)
        except Exception as error:
            tell(log, error, "%s could not be carried on; it is tried again", thing)
