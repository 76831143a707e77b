"""Automatic top-ups: a balance that fell below its threshold is filled from a saved card, once, within its limits.

The balance is looked at, not the events that changed it, so nothing that settles can be missed. A charge is an order
first: written under the lock of the workspace's rules, one under way at a time by a unique index. Then the provider is
asked, under a key made from the order; its answer, a webhook and a later look all take the one road of `fulfil.py`.
While nobody knows what became of a charge, the order stands in the way of the next.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, exists, insert, select
from sqlalchemy.exc import IntegrityError

from app.accounts.tables import Workspace
from app.invoicing.tax_elsewhere import TaxAddressUnknown, TaxNotCalculated, TaxUnavailable
from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.taxes import Taxes
from app.kernel import faults, outbox
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import Conflict, InvalidInput, NotFound, ProviderBusy, ProviderRefused, ProviderUnclear
from app.kernel.fiat import Fiat
from app.kernel.money import CREDIT, Money, plain
from app.kernel.text import t
from app.ledger import reads as books
from app.ledger.tables import wallet
from app.payments import rows, saved_card_rows, tables, topup_rows
from app.payments.card_tables import auto_topup, off_session_charge
from app.payments.declines import Decline
from app.payments.fulfil import Done, Fulfilment
from app.payments.lifecycle import Event
from app.payments.lifecycle import State as OrderState
from app.payments.orders import AUTO_TOPUP, Draft, Sale, insert_order
from app.payments.packages import Package
from app.payments.stripe_charges import ChargeAsk, StripeCharges
from app.payments.topup_rules import (
    WORTH_A_MAIL,
    HoldOff,
    Rules,
    Standing,
    State,
    again_at,
    day_of,
    holding_off,
    month_of,
)
from app.payments.topup_settings import sold_by
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

WORKSPACE = metadata.tables[str(Workspace.__tablename__)]
AVAILABLE = wallet.c.balance + wallet.c.credit_limit - wallet.c.owed - wallet.c.held - wallet.c.debt

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

    async def run_due(self) -> int:
        """Carry on what is under way, then charge where a balance is too low; how many workspaces were looked at."""
        under_way = await asyncio.to_thread(self._under_way)
        await _some(self._carry_on, under_way)
        low = await asyncio.to_thread(self._low)
        await _some(self.top_up, low)
        return len(under_way) + len(low)

    async def top_up(self, workspace_id: str) -> str | None:
        """Charge this workspace if its rules say so now; the order's id when there was one to charge."""
        try:
            begun = await self._taxes.worked_out(lambda: self._begin(workspace_id))
        except TaxUnavailable as silent:
            log.warning("the automatic top-up of %s waits for its tax: %s", workspace_id, silent)
            await asyncio.to_thread(self._wait, workspace_id, self._clock() + TAX_AGAIN)
            return None
        except TaxAddressUnknown as refused:
            await asyncio.to_thread(self._cannot, workspace_id, refused.stable_code)
            return None
        if begun is None:
            return None
        faults.point("topup.after_order")
        await self._charge(begun)
        return begun

    # --- whether, and how much

    def _low(self) -> list[str]:
        orders = tables.payment_order.c
        under_way = exists().where(
            orders.workspace_id == auto_topup.c.workspace_id,
            orders.kind == AUTO_TOPUP,
            orders.state.in_([str(state) for state in topup_rows.UNDER_WAY]),
        )
        now = self._clock()
        query = (
            select(auto_topup.c.workspace_id)
            .join(wallet, (wallet.c.workspace_id == auto_topup.c.workspace_id) & (wallet.c.unit == CREDIT))
            .join(WORKSPACE, WORKSPACE.c.id == auto_topup.c.workspace_id)
            .where(
                auto_topup.c.state == str(State.ON),
                (auto_topup.c.not_before.is_(None)) | (auto_topup.c.not_before <= now),
                auto_topup.c.threshold_micros > AVAILABLE,
                ~wallet.c.frozen,
                WORKSPACE.c.suspended_at.is_(None),
                ~under_way,
            )
            .order_by(auto_topup.c.not_before, auto_topup.c.workspace_id)
            .limit(BATCH)
        )
        with self._db.read() as connection:
            return list(connection.execute(query).scalars())

    def _begin(self, workspace_id: str) -> str | None:
        """Decide, and write the order of it; None when nothing is to be charged."""
        with self._db.read() as connection:
            setting = topup_rows.find(connection, workspace_id)
            if setting is None or setting.state != State.ON or _is_suspended(connection, workspace_id):
                return None
            rules = topup_rows.rules_of(setting)
            try:
                package = sold_by(connection, rules.currency, setting.package_id)
            except InvalidInput:
                package = None
            balance = books.balance(connection, workspace_id)
        if package is None:
            self._cannot(workspace_id, "package_gone")
            return None
        net = None if balance.frozen else rules.wanted(balance.available, package.rate(rules.currency))
        if net is None:
            return None
        try:
            tax = self._taxes.quote_tax(workspace_id, net)
        except TaxNotCalculated:
            raise
        except (Conflict, InvalidInput) as missing:
            self._cannot(workspace_id, missing.stable_code)
            return None
        try:
            credits = package.rate(rules.currency).credits_for(net)
            return self._write(workspace_id, setting.consent_id, rules, _sale(package, credits), tax)
        except IntegrityError:
            return None  # another one is under way since a moment ago

    def _write(self, workspace_id: str, consent_id: str, rules: Rules, sale: Sale, tax: TaxSnapshot) -> str | None:
        now = self._clock()
        with self._db.write() as connection:
            setting = topup_rows.find(connection, workspace_id, lock=True)
            if setting is None or setting.state != State.ON or setting.consent_id != consent_id:
                return None
            seen = topup_rows.standing(connection, workspace_id, rules.currency, now)
            standing = Standing(seen.spent, seen.today, seen.last_at, seen.in_flight, setting.not_before)
            reason = holding_off(rules, tax.total_gross, standing, now)
            if reason is not None:
                self._hold_off(connection, workspace_id, rules, tax.total_gross, reason, standing)
                return None
            card = saved_card_rows.by_id(connection, setting.card_id)
            if card is None or card.state != saved_card_rows.ACTIVE:
                topup_rows.disable(connection, workspace_id, topup_rows.MISSING, now, key=setting.consent_id)
                return None
            draft = Draft(
                workspace_id,
                self._charges.door.name,
                self._charges.door.livemode,
                sale,
                tax,
                setting.terms_version_id,
                rows.SYSTEM,
                f"topup:{workspace_id}:{setting.consent_id}:{now.timestamp()}",
            )
            order = insert_order(connection, draft, now)
            rows.change(connection, order.id, now, customer_id=card.customer_id)
            connection.execute(
                insert(off_session_charge).values(
                    order_id=order.id,
                    card_id=card.id,
                    method_id=card.method_id,
                    customer_id=card.customer_id,
                    state=topup_rows.ASKED,
                    looks=0,
                    asked_at=now,
                    look_at=now + BEING_ASKED,
                    updated_at=now,
                )
            )
            return order.id

    def _hold_off(
        self,
        connection: Connection,
        workspace_id: str,
        rules: Rules,
        gross: Fiat,
        reason: HoldOff,
        standing: Standing,
    ) -> None:
        """Not now: look again when that can have changed, and say so where only its owner can change it."""
        now = self._clock()
        later = again_at(reason, standing, now)
        if later is not None:
            topup_rows.change(connection, workspace_id, now, not_before=later)
        if reason in WORTH_A_MAIL:
            period = day_of(now)[0] if reason is HoldOff.DAY_LIMIT else month_of(now)[0]
            outbox.mail(
                connection,
                "topup_failed",
                key=f"topup_held:{workspace_id}:{reason}:{period:%Y-%m-%d}:{rules.month_cap.minor}",
                workspace_id=workspace_id,
                params={"amount": gross, "reason": str(reason), "retry_at": later},
            )

    def _wait(self, workspace_id: str, until: datetime) -> None:
        with self._db.write() as connection:
            topup_rows.change(connection, workspace_id, self._clock(), not_before=until)

    def _cannot(self, workspace_id: str, reason: str) -> None:
        with self._db.write() as connection:
            topup_rows.disable(connection, workspace_id, reason, self._clock(), key=f"{self._clock():%Y-%m-%d %H:%M}")

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
        if order.state != OrderState.PROCESSING and age < KEY_LASTS and await asyncio.to_thread(self._still_on, order):
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

    def _still_on(self, order: Row[Any]) -> bool:
        with self._db.read() as connection:
            setting = topup_rows.find(connection, order.workspace_id)
            charge = topup_rows.charge_of(connection, order.id)
            return bool(setting and charge and setting.state == State.ON and setting.card_id == charge.card_id)

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


def _is_suspended(connection: Connection, workspace_id: str) -> bool:
    """Whoever may use nothing is charged for nothing."""
    query = select(WORKSPACE.c.suspended_at).where(WORKSPACE.c.id == workspace_id)
    return connection.execute(query).scalar() is not None


def _sale(package: Package, credits: Money) -> Sale:
    """A free amount on the terms of a package, bonus apart: what it buys at the list price, with tax in it or not."""
    return Sale(
        AUTO_TOPUP,
        t("payments.topup.title"),
        credits,
        Money(0),
        package.content.expires_days,
        None,
        package.version_id,
    )


def _ask(order: Row[Any], charge: Row[Any]) -> ChargeAsk:
    credits = plain(Money(order.credits_micros).amount)
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
            except Exception:
                log.exception("%s: the automatic top-up could not be carried on; it is tried again", thing)

    await asyncio.gather(*(one(thing) for thing in things))
