"""Automatic top-ups: a balance that fell below its threshold is filled from a saved card, once, within its limits.

The balance is looked at, not the events that changed it, so nothing that settles can be missed. A charge is an order
first (`topup_orders.py`). Then the provider is asked, under a key made from the order; its answer, a webhook and a
later look all take the one road of `fulfil.py`. While nobody knows what became of a charge, the order stands in the way
of the next.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from app.invoicing.tax_elsewhere import TaxAddressUnknown, TaxUnavailable
from app.invoicing.taxes import Taxes
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import NotFound, ProviderBusy, ProviderRefused, ProviderUnclear
from app.kernel.fiat import Fiat
from app.kernel.money import Money, grouped
from app.kernel.text import t
from app.ledger import reads as books
from app.payments import rows, tables, topup_rows
from app.payments.card_tables import off_session_charge
from app.payments.declines import Decline
from app.payments.fulfil import Done, Fulfilment
from app.payments.lifecycle import Event
from app.payments.lifecycle import State as OrderState
from app.payments.stripe_charges import ChargeAsk, StripeCharges
from app.payments.telling import tell
from app.payments.topup_orders import TopupOrders
from app.payments.topup_rules import State
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

AT_ONCE: Final = 4
#: Whoever works the tax out does not answer: nothing is charged at a guess.
TAX_AGAIN: Final = timedelta(minutes=10)

log = logging.getLogger(__name__)


class Topups:
    """`public_url` is where a mail leads that asks the owner to confirm a charge."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        taxes: Taxes,
        charges: StripeCharges,
        fulfilment: Fulfilment,
        public_url: str,
    ) -> None:
        self._db, self._clock, self._taxes, self._charges = db, clock, taxes, charges
        self._fulfilment, self._public_url = fulfilment, public_url
        self._orders = TopupOrders(db, clock, taxes, charges.door)

    async def run_due(self) -> int:
        """Carry on what is under way, then charge where a balance is too low; how many workspaces were looked at."""
        under_way = await asyncio.to_thread(self._under_way)
        await _some(self._carry_on, under_way)
        low = await asyncio.to_thread(self._orders.low)
        await _some(self.top_up, low)
        return len(under_way) + len(low)

    async def top_up(self, workspace_id: str) -> str | None:
        """Charge this workspace if its rules say so now; the order's id when there was one to charge."""
        try:
            begun = await self._taxes.worked_out(lambda: self._orders.begin(workspace_id))
        except TaxUnavailable as silent:
            log.warning("the automatic top-up of %s waits for its tax: %s", workspace_id, silent)
            await asyncio.to_thread(self._orders.wait, workspace_id, self._clock() + TAX_AGAIN)
            return None
        except TaxAddressUnknown as refused:
            await asyncio.to_thread(self._orders.cannot, workspace_id, refused.stable_code)
            return None
        if begun is None:
            return None
        faults.point("topup.after_order")
        await self._charge(begun)
        return begun

    # --- the charge

    async def _charge(self, order_id: str) -> None:
        """Ask the provider. Whatever happens to the answer, asking again asks for the same charge."""
        order, charge = await asyncio.to_thread(self._both, order_id)
        if order is None or charge is None:
            return
        try:
            proof = await self._charges.charge(_ask(order, charge))
        except ProviderBusy as busy:
            await asyncio.to_thread(self._later, order_id, busy.message)
        except ProviderUnclear as unclear:
            await asyncio.to_thread(self._unknown, order_id, unclear.message)
        except ProviderRefused as refused:
            await self._refused(order, refused)
        except NotFound as missing:
            log.warning("%s cannot be charged: %s", order_id, missing)
            await asyncio.to_thread(self._ended, order, topup_rows.MISSING)
        except ValueError as impossible:
            log.warning("%s cannot be charged: %s", order_id, impossible)
            await asyncio.to_thread(self._ended, order, topup_rows.CHARGE_FAILED)
        else:
            faults.point("topup.after_charge")
            await self._answered(order, proof)

    async def _refused(self, order: Row[Any], refused: ProviderRefused) -> None:
        if refused.stable_code == "card_declined":
            code = refused.details.get("decline_code") or refused.details.get("stripe_code") or "card_declined"
            await self._declined(order, str(code), refused.details.get("payment_id"))
        elif refused.stable_code == "provider_key":
            log.error("%s: %s", order.id, refused)
            await asyncio.to_thread(self._never, order, "provider_key", self._clock() + NOT_OUR_DAY)
        else:
            log.warning("%s was refused: %s", order.id, refused)
            gone = refused.param in {"payment_method", "customer"}
            await asyncio.to_thread(self._ended, order, topup_rows.MISSING if gone else topup_rows.CHARGE_FAILED)

    async def _declined(self, order: Row[Any], code: str, payment_id: str | None) -> None:
        """A declined charge is given up first, so that the order can only be paid the way we say from here on."""
        if payment_id is not None:
            try:
                await self._charges.cancel(payment_id)
            except (ProviderBusy, ProviderUnclear, ProviderRefused) as error:
                log.warning("%s of %s could not be canceled: %s", payment_id, order.id, error)
        faults.point("topup.after_cancel")
        kind = await asyncio.to_thread(self._say_declined, order, code, payment_id)
        log.info("%s was declined: %s (%s)", order.id, code, kind)

    async def _answered(self, order: Row[Any], proof: Proof) -> None:
        """The charge exists: what it says now goes the way of every payment."""
        outcome = await self._fulfilment.apply(proof)
        if outcome.done in {Done.MISMATCH, Done.UNMATCHED}:
            await asyncio.to_thread(self._mismatch, order)
        elif outcome.done is Done.WAITING:
            # Open, and no decline to read: the bank waits for its cardholder.
            asks = proof.progress is Progress.OPEN
            code = proof.failure_code or ("authentication_required" if asks else topup_rows.CHARGE_FAILED)
            await self._declined(order, code, proof.payment_id)
        elif outcome.done is Done.PROCESSING:
            await asyncio.to_thread(self._later, order.id, "processing", proof.payment_id)

    async def _carry_on(self, order_id: str) -> None:
        """Find out what became of a charge whose answer is missing, and ask again only if it never was made."""
        order, charge = await asyncio.to_thread(self._both, order_id)
        if order is None or charge is None:
            return
        try:
            found = await self._charges.find(charge.customer_id, order_id, order.created_at - SKEW)
        except (ProviderBusy, ProviderUnclear, ProviderRefused, NotFound) as error:
            if not isinstance(error, NotFound):
                await asyncio.to_thread(self._later, order_id, error.message)
                return
            found = None  # the customer was deleted: what was never charged cannot be any more
        if found is not None:
            await self._answered(order, found)
            return
        age = self._clock() - charge.asked_at
        is_askable = order.state != OrderState.PROCESSING and age < KEY_LASTS
        if is_askable and await asyncio.to_thread(self._still_wanted, order):
            await self._charge(order_id)
        elif age > ARRIVED_BY_THEN:
            await asyncio.to_thread(self._never, order, "never_charged", None)
        else:
            await asyncio.to_thread(self._later, order_id, "not found yet")

    # --- rows

    def _under_way(self) -> list[str]:
        orders, charge = tables.payment_order, off_session_charge
        query = (
            select(charge.c.order_id)
            .join(orders, orders.c.id == charge.c.order_id)
            .where(
                charge.c.look_at <= self._clock(),
                orders.c.provider == self._charges.door.name,
                orders.c.livemode == self._charges.door.livemode,
            )
            .order_by(charge.c.look_at)
            .limit(BATCH)
        )
        with self._db.read() as connection:
            return list(connection.execute(query).scalars())

    def _both(self, order_id: str) -> tuple[Row[Any] | None, Row[Any] | None]:
        """The order and its charge, while there is something to find out about them."""
        now = self._clock()
        with self._db.write() as connection:
            order, charge = rows.find(connection, order_id), topup_rows.charge_of(connection, order_id)
            if charge is None or order.state not in (OrderState.DRAFT, OrderState.UNKNOWN, OrderState.PROCESSING):
                topup_rows.mark(connection, order_id, now, look_at=None)
                return None, None
            topup_rows.mark(connection, order_id, now, look_at=now + BEING_ASKED)
            return order, charge

    def _still_wanted(self, order: Row[Any]) -> bool:
        """Whether a charge that was never made would be made now: the rules are on, and the balance is still low."""
        with self._db.read() as connection:
            setting = topup_rows.find(connection, order.workspace_id)
            charge = topup_rows.charge_of(connection, order.id)
            if setting is None or charge is None or setting.state != State.ON or setting.card_id != charge.card_id:
                return False
            return books.balance(connection, order.workspace_id).available.micros < int(setting.threshold_micros)

    def _later(self, order_id: str, why: str, payment_id: str | None = None) -> None:
        now = self._clock()
        with self._db.write() as connection:
            self._look_later(connection, order_id, now, **({"payment_id": payment_id} if payment_id else {}))
            rows.note(connection, order_id, "charge_later", now, why=why)

    def _unknown(self, order_id: str, why: str) -> None:
        now = self._clock()
        with self._db.write() as connection:
            if rows.move(connection, order_id, Event.LOSE, now, failure_message=why):
                log.warning("nobody knows whether %s was charged: %s", order_id, why)
            self._look_later(connection, order_id, now, state=topup_rows.UNKNOWN)

    def _look_later(self, connection: Connection, order_id: str, now: datetime, **values: Any) -> None:
        charge = topup_rows.charge_of(connection, order_id)
        if charge is None or charge.look_at is None:
            return  # it was answered meanwhile, by a webhook for instance
        looks = charge.looks + 1
        later = now + until_next(CHARGE_LOOKS, looks)
        topup_rows.mark(connection, order_id, now, looks=looks, look_at=later, **values)

    def _say_declined(self, order: Row[Any], code: str, payment_id: str | None) -> Decline:
        now = self._clock()
        with self._db.write() as connection:
            if payment_id is not None:
                topup_rows.mark(connection, order.id, now, payment_id=payment_id)
            return topup_rows.declined(connection, order, code, now, f"{self._public_url}/top-up?order={order.id}")

    def _ended(self, order: Row[Any], reason: str) -> None:
        with self._db.write() as connection:
            topup_rows.refused(connection, order, reason, self._clock())

    def _never(self, order: Row[Any], why: str, not_before: datetime | None) -> None:
        with self._db.write() as connection:
            topup_rows.never_made(connection, order, why, self._clock(), not_before)

    def _mismatch(self, order: Row[Any]) -> None:
        """Something was charged that is not this order: an operator looks, and nothing more is charged until then."""
        now = self._clock()
        with self._db.write() as connection:
            topup_rows.mark(connection, order.id, now, look_at=None, code=topup_rows.MISMATCH)
            topup_rows.disable(connection, order.workspace_id, topup_rows.MISMATCH, now, key=order.id)


def _ask(order: Row[Any], charge: Row[Any]) -> ChargeAsk:
    credits = grouped(Money(order.credits_micros).amount)
    return ChargeAsk(
        key=f"topup:{order.id}:1",
        order_id=order.id,
        workspace_id=order.workspace_id,
        customer_id=charge.customer_id,
        method_id=charge.method_id,
        amount=Fiat(order.gross_minor, order.currency),
        description=t("payments.topup.description", credits=credits),
    )


async def _some(work: Any, things: Sequence[str]) -> None:
    """Each of them, a few at a time; one that fails is tried again at the next turn and does not stop the others."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(thing: str) -> None:
        async with gate:
            try:
                await work(thing)
            except Exception as error:
                tell(log, error, "%s: the automatic top-up could not be carried on; it is tried again", thing)

    await asyncio.gather(*(one(thing) for thing in things))
