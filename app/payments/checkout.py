"""Opening the provider's page for an order, and taking it away again.

What is asked of the provider is written down first (an attempt with its number and its end) and asked under a key made
from it, so that a crash or a lost answer is mended by asking again: the provider answers with the same page. Should it
refuse to, the page is looked for. Nothing here credits anything.
"""

import asyncio
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from app.accounts.tables import User
from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.taxes import Taxes
from app.kernel import faults
from app.kernel.clock import Clock
from app.kernel.db import Database, metadata
from app.kernel.errors import Broken, Conflict, NotFound, ProviderRefused, ProviderUnclear
from app.kernel.fiat import is_chargeable
from app.kernel.ids import new_id
from app.kernel.money import grouped
from app.kernel.text import t
from app.payments import customers, orders, rows, tables
from app.payments.lifecycle import Event
from app.payments.orders import Choice, Orders
from app.payments.stripe_client import OpenSession, PageLine, SessionAsk, StripeDoor
from app.payments.views import OrderView

ASKED, OPEN, COMPLETE, EXPIRED, REFUSED = "asked", "open", "complete", "expired", "refused"
#: Stripe takes 30 minutes at the least.
PAGE_LIVES: Final = timedelta(minutes=31)
#: A page that is about to end is not handed out any more.
TOO_LATE: Final = timedelta(minutes=2)
LOOK_AFTER: Final = timedelta(minutes=4)
TRIES: Final = 3
USER = metadata.tables[str(User.__tablename__)]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the provider sends the customer afterwards; `{session}` is filled in by the provider."""

    public_url: str

    def success(self) -> str:
        return f"{self.public_url}/top-up?cs={{CHECKOUT_SESSION_ID}}"

    def cancel(self, order_id: str) -> str:
        return f"{self.public_url}/top-up?order={order_id}"


class Checkout:
    """Orders that are paid on the provider's page."""

    def __init__(
        self, db: Database, clock: Clock, orders: Orders, door: StripeDoor, addresses: Addresses, taxes: Taxes
    ) -> None:
        self._db, self._clock, self._orders, self._door = db, clock, orders, door
        self._addresses, self._taxes = addresses, taxes

    async def buy(self, choice: Choice) -> OrderView:
        """The order with the address of its page. Asking again, or in another tab, answers the same page."""
        for _ in range(TRIES):
            taken = await self._taxes.worked_out(
                lambda: self._orders.take(choice, self._door.name, self._door.livemode, self._clock() + PAGE_LIVES)
            )
            faults.point("checkout.after_order")
            if not taken.stale and not await asyncio.to_thread(self._keeps_card_otherwise, taken.order, choice):
                return await self.open(taken.order.id, save_card=choice.save_card)
            await self.call_off(taken.order.id, actor=choice.actor, why="replaced")
        raise Conflict("The order is being changed from elsewhere: please try again.", code="order_busy")

    async def open(self, order_id: str, *, save_card: bool = False) -> OrderView:
        """See to it that the order has a page; an order that cannot be paid any more is answered without one."""
        order = await asyncio.to_thread(self._orders.find, order_id)
        if order.state not in orders.OPEN or order.provider != self._door.name:
            return order
        if orders.runs_out(TaxSnapshot.from_json(order.tax_snapshot), self._clock()):
            await self.call_off(order_id, actor=rows.SYSTEM, why="tax_ran_out")
            raise Conflict("The tax of this order has to be worked out anew: please order again.", code="tax_ran_out")
        for _ in range(TRIES):
            customer_id = await self._customer(order)
            attempt = await asyncio.to_thread(self._attempt, order_id, save_card)
            if attempt.state != ASKED:
                break
            faults.point("checkout.before_session")
            try:
                opened = await self._ask(order, customer_id, attempt)
            except NotFound:
                if not await self._door.is_gone(customer_id):
                    raise
                await asyncio.to_thread(self._customer_gone, order_id, attempt, customer_id)
                continue
            faults.point("checkout.after_session")
            await asyncio.to_thread(self._opened, order_id, attempt, opened, customer_id)
            break
        return await asyncio.to_thread(self._orders.find, order_id)

    async def call_off(self, order_id: str, *, actor: str, why: str = "canceled") -> OrderView:
        """Take the page away and cancel the order; one that is being paid meanwhile stays as it is."""
        order = await asyncio.to_thread(self._orders.find, order_id)
        if order.state not in orders.OPEN:
            return order
        for session_id in await asyncio.to_thread(self._open_sessions, order_id):
            try:
                await self._door.close_session(session_id)
            except (ProviderRefused, NotFound):
                log.info("the page %s of %s could not be closed; it is looked at", session_id, order_id)
                await asyncio.to_thread(self.look_soon, order_id)
                raise Conflict("This order is being paid just now.", code="order_busy") from None
        await asyncio.to_thread(self._cancel, order_id, actor, why)
        return await asyncio.to_thread(self._orders.find, order_id)

    def look_soon(self, order_id: str, delay: timedelta = timedelta(0)) -> None:
        """Have the provider asked about this order; whoever comes back from its page causes no more than that."""
        kept = tables.payment_order
        with self._db.write() as connection:
            connection.execute(update(kept).where(kept.c.id == order_id).values(look_at=self._clock() + delay))

    # --- the customer at the provider

    async def _customer(self, order: OrderView) -> str:
        """The workspace at the provider, made at its first order."""
        known = await asyncio.to_thread(self._known_customer, order.workspace_id)
        if known is not None:
            return known
        buyer = TaxSnapshot.from_json(order.tax_snapshot).buyer
        email: str | None = buyer.email
        if not email:
            email = await asyncio.to_thread(self._email_of, order.created_by)
        deleted = await asyncio.to_thread(self._times_deleted, order.workspace_id)
        made = await self._door.create_customer(
            order.workspace_id, name=buyer.title, email=email, times_deleted=deleted
        )
        faults.point("checkout.after_customer")
        return await asyncio.to_thread(self._keep_customer, order.workspace_id, made)

    def _known_customer(self, workspace_id: str) -> str | None:
        with self._db.read() as connection:
            return customers.known(connection, self._door.name, workspace_id, livemode=self._door.livemode)

    def _times_deleted(self, workspace_id: str) -> int:
        with self._db.read() as connection:
            return customers.times_deleted(connection, self._door.name, workspace_id)

    def _keep_customer(self, workspace_id: str, customer_id: str) -> str:
        name, livemode = self._door.name, self._door.livemode
        with self._db.write() as connection:
            return customers.keep(connection, name, workspace_id, customer_id, self._clock(), livemode=livemode)

    def _email_of(self, user_id: str) -> str | None:
        with self._db.read() as connection:
            return connection.execute(select(USER.c.email).where(USER.c.id == user_id)).scalar()

    # --- attempts: one page each

    def _keeps_card_otherwise(self, order: OrderView, choice: Choice) -> bool:
        """Whether the open page saves a card that is not to be saved now, or the other way round: another page then.
        Asked again with the key it was ordered with, an order stays the same."""
        with self._db.read() as connection:
            page = last_attempt(connection, order.id)
            is_again = rows.find(connection, order.id).idempotency_key == choice.key
        is_open = order.state in orders.OPEN and page is not None and page.state in (ASKED, OPEN)
        return is_open and not is_again and page is not None and page.save_card != choice.save_card

    def _attempt(self, order_id: str, save_card: bool) -> Row[Any]:
        """The page to hand out or to ask for; an attempt that has ended is followed by the next."""
        now = self._clock()
        with self._db.write() as connection:
            last = last_attempt(connection, order_id)
            if last is not None and last.state in (ASKED, OPEN) and last.expires_at > now + TOO_LATE:
                return last
            number = 1 if last is None else last.attempt + 1
            made = {
                "id": new_id("cks"),
                "order_id": order_id,
                "provider": self._door.name,
                "attempt": number,
                "state": ASKED,
                "save_card": save_card,
                "expires_at": (now + PAGE_LIVES).replace(microsecond=0),
                "created_at": now,
            }
            rows.insert_once(connection, tables.checkout_session, made, "order_id", "attempt")
            found = last_attempt(connection, order_id)
        if found is None:
            raise Broken(f"The attempt of {order_id} was not written.")
        return found

    async def _ask(self, order: OrderView, customer_id: str, attempt: Row[Any]) -> OpenSession:
        ask = SessionAsk(
            key=f"cs:{order.id}:{attempt.attempt}",
            order_id=order.id,
            workspace_id=order.workspace_id,
            customer_id=customer_id,
            lines=page_lines(order),
            save_card=attempt.save_card,
            expires_at=attempt.expires_at,
            success_url=self._addresses.success(),
            cancel_url=self._addresses.cancel(order.id),
        )
        try:
            return await self._door.open_session(ask)
        except ProviderRefused as refused:
            await asyncio.to_thread(self._refused, order.id, attempt, refused.message)
            raise
        except ProviderUnclear as unclear:
            await asyncio.to_thread(self._unclear, order.id, attempt, unclear.stable_code)
            found = await self._door.find_session(customer_id, order.id)
            if found is None:
                raise
            return found

    def _opened(self, order_id: str, attempt: Row[Any], opened: OpenSession, customer_id: str) -> None:
        now, kept = self._clock(), tables.checkout_session
        with self._db.write() as connection:
            connection.execute(
                update(kept)
                .where(kept.c.id == attempt.id, kept.c.state == ASKED)
                .values(state=OPEN, session_id=opened.session_id, url=opened.url)
            )
            order = rows.find(connection, order_id)
            facts = {
                "customer_id": customer_id,
                "expires_at": orders.outlives_page(order, now) or attempt.expires_at,
                "look_at": attempt.expires_at + LOOK_AFTER,
            }
            if not rows.move(connection, order_id, Event.OPEN, now, **facts):
                rows.change(connection, order_id, now, **facts)

    def _customer_gone(self, order_id: str, attempt: Row[Any], customer_id: str) -> None:
        """Nobody has told us yet: the next page is asked for a new customer, under another key."""
        with self._db.write() as connection:
            customers.deleted(connection, self._door.name, customer_id, self._clock())
        self._refused(order_id, attempt, f"{customer_id} is gone")

    def _refused(self, order_id: str, attempt: Row[Any], message: str) -> None:
        kept = tables.checkout_session
        with self._db.write() as connection:
            connection.execute(update(kept).where(kept.c.id == attempt.id).values(state=REFUSED))
            rows.note(connection, order_id, "page_refused", self._clock(), message=message)

    def _unclear(self, order_id: str, attempt: Row[Any], code: str) -> None:
        with self._db.write() as connection:
            rows.note(connection, order_id, "page_unclear", self._clock(), attempt=attempt.attempt, code=code)

    def _open_sessions(self, order_id: str) -> list[str]:
        kept = tables.checkout_session
        query = select(kept.c.session_id).where(
            kept.c.order_id == order_id, kept.c.state == OPEN, kept.c.session_id.is_not(None)
        )
        with self._db.read() as connection:
            return [session_id for session_id in connection.execute(query).scalars() if session_id]

    def _cancel(self, order_id: str, actor: str, why: str) -> None:
        now, kept = self._clock(), tables.checkout_session
        with self._db.write() as connection:
            if rows.move(connection, order_id, Event.CANCEL, now, actor=actor, failure_code=why, look_at=None):
                connection.execute(update(kept).where(kept.c.order_id == order_id).values(state=EXPIRED))


def page_lines(order: OrderView) -> list[PageLine]:
    """What the provider's page shows: the credits, and the tax as a line of its own; one line of both in a currency of
    which the provider takes fewer decimals than either has."""
    name = t("payments.page.credits", title=order.title, credits=grouped(order.credits.amount))
    if not (is_chargeable(order.net) and is_chargeable(order.tax)):
        return [PageLine(name, order.gross)]
    lines = [PageLine(name, order.net)]
    if order.tax:
        lines.append(PageLine(t("payments.page.tax"), order.tax))
    return lines


def last_attempt(connection: Connection, order_id: str) -> Row[Any] | None:
    kept = tables.checkout_session
    query = select(kept).where(kept.c.order_id == order_id).order_by(kept.c.attempt.desc()).limit(1)
    return connection.execute(query).one_or_none()


def order_of_session(connection: Connection, provider: str, session_id: str) -> str | None:
    """Which order a page belongs to, as far as it was written down."""
    kept = tables.checkout_session
    query = select(kept.c.order_id).where(kept.c.provider == provider, kept.c.session_id == session_id)
    return connection.execute(query).scalar()
