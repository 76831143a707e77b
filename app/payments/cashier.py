"""The cashier: everything about taking money in one hand, as the pages, the API and the chores use it.

Cards go through Stripe and need its keys; without them `takes_cards` is false and the rest works all the same. Parts
that a page needs are reached by name: `cashier.packages`, `cashier.manual`, `cashier.promo` and so on.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from app.invoicing.profiles import ProfileNeeded
from app.invoicing.rates import NoTaxRate
from app.invoicing.seller import SellerNeeded
from app.invoicing.tax_elsewhere import Question, TaxAddressUnknown, TaxNotCalculated, TaxUnavailable
from app.invoicing.tax_snapshot import TaxSnapshot
from app.invoicing.taxes import Taxes
from app.kernel.clock import Clock
from app.kernel.db import Database
from app.kernel.errors import Conflict
from app.kernel.fiat import Fiat
from app.ledger.wallet import Ledger
from app.payments import consent as consents
from app.payments import dispute_rows, packages, saved_card_rows, views
from app.payments.bookings import Bookings
from app.payments.cards import Cards
from app.payments.checkout import order_of_session
from app.payments.consent import SAVE_CARD_WORDING, Consent
from app.payments.dispute_rows import DisputeView
from app.payments.disputes import Disputes
from app.payments.enquiries import Enquiries
from app.payments.inbox import Inbox
from app.payments.install import Install
from app.payments.lifecycle import State
from app.payments.manual import Agreement, Manual
from app.payments.orders import Choice, Orders, must_be_chargeable
from app.payments.packages import Package, Packages
from app.payments.policy import Policies
from app.payments.promo import Promo
from app.payments.proofs import Proofs
from app.payments.refund_rows import RefundView
from app.payments.refunds import RefundChoice, Refunds
from app.payments.rows import no_order
from app.payments.saved_card_rows import SavedCard
from app.payments.saved_cards import CardPage
from app.payments.stripe_client import StripeDoor
from app.payments.stripe_keys import StripeKeys
from app.payments.stripe_returns import StripeReturns
from app.payments.tax_reports import TaxReports
from app.payments.terms import Terms
from app.payments.topup_rules import Rules
from app.payments.topup_settings import Preview, TopupChoice, TopupSettings, TopupView
from app.payments.unmatched import Unmatched
from app.payments.verify import Hint, verify
from app.payments.views import EventView, OrderView, PaymentView
from app.payments.worker import Turn

STRIPE = StripeDoor.name
LOOK_AFTER_RETURN = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class PriceTag:
    """A package as one workspace would pay for it. Without a tax the final amount is not known yet: `problem` is the
    code of what is missing, such as "billing_profile_needed"."""

    package: Package
    price: Fiat | None  # net as listed; None on an enquiry
    tax: TaxSnapshot | None = None
    problem: str = ""
    missing: Question | None = None  # what has to be asked of whoever works the tax out

    @property
    def total(self) -> Fiat | None:
        """What is charged, tax included."""
        return self.tax.total_gross if self.tax else None


@dataclass(frozen=True, slots=True)
class House:
    """What the cashier is told about the installation. `real`: money that comes in by transfer is real money."""

    public_url: str
    proofs: Path
    real: bool
    stripe: StripeKeys | None = None


class Cashier:
    """`told(workspace_id)` is called when something changed that this workspace may be looking at."""

    def __init__(
        self, db: Database, clock: Clock, ledger: Ledger, taxes: Taxes, house: House, told: Callable[[str], None]
    ) -> None:
        self._db, self._clock, self._house, self._told = db, clock, house, told
        self.packages = Packages(db, clock)
        self.terms = Terms(db, clock)
        self.policies = Policies(db, clock)
        self._taxes = taxes
        self.orders = Orders(db, clock, taxes.quote_tax)
        self.manual = Manual(db, clock, self.orders, ledger, real=house.real, told=told)
        self.proofs = Proofs(db, clock, house.proofs)
        self.promo = Promo(db, clock, ledger)
        self.enquiries = Enquiries(db, clock)
        self.unmatched = Unmatched(db, clock)
        self.inbox = Inbox(db, clock)
        self.topups = TopupSettings(db, clock, self.orders.quote)
        self.cards: Cards | None = None
        if house.stripe is not None:
            door = StripeDoor(house.stripe, Install(db, clock))
            self.cards = Cards(db, clock, ledger, self.orders, taxes, self.inbox, door, house.public_url, told)
            taxes.calculator = self.cards.tax
        self.tax_reports = TaxReports(db, clock, self.cards.tax if self.cards else None)
        returns = StripeReturns(self.cards.door) if self.cards else None
        bookings = Bookings(db, clock, ledger)
        self.refunds = Refunds(db, clock, bookings, returns, told, self.cards.credit if self.cards else None)
        self.dispute_road: Disputes | None = None
        if self.cards is not None and returns is not None:
            self.dispute_road = Disputes(db, clock, ledger, bookings, returns, told, self.cards.credit)
            self.dispute_road.refunded, self.refunds.road.not_made = self.refunds.road.follow, self.dispute_road.more
            self.cards.worker.handle("charge.dispute.", self.dispute_road.on_dispute)
            self.cards.worker.handle("refund.", self.refunds.road.on_refund)
            self.cards.worker.handle("charge.refund.", self.refunds.road.on_refund)
            self.cards.worker.handle("charge.refunded", self.refunds.road.on_charge)

    # --- what can be bought

    @property
    def takes_cards(self) -> bool:
        """Whether anything can be paid by card: keys are set, and a secret that webhooks are signed with."""
        return self.cards is not None and bool(self.cards.door.keys.webhook_secrets)

    def currencies(self) -> list[str]:
        """Every currency something is sold in."""
        return sorted({currency for package in self.packages.on_sale() for currency in package.content.prices})

    async def price_tags(self, workspace_id: str, currency: str) -> list[PriceTag]:
        """What is sold in this currency, with the final amounts for this workspace; a tax that somebody else works
        out is asked for first, and a tag says so when they do not answer."""
        tags = await asyncio.to_thread(self._tags, workspace_id, currency)
        missing = [tag.missing for tag in tags if tag.missing is not None]
        if not missing:
            return tags
        problems = await asyncio.gather(*(self._calculated(question) for question in missing))
        found = await asyncio.to_thread(self._tags, workspace_id, currency)
        problem = next((code for code in problems if code), TaxUnavailable.code)
        return [tag if tag.missing is None else replace(tag, problem=problem) for tag in found]

    async def _calculated(self, missing: Question) -> str:
        """Why it could not be; empty when it was."""
        try:
            await self._taxes.calculate(missing)
        except (TaxUnavailable, TaxAddressUnknown) as refused:
            return refused.stable_code
        return ""

    def _tags(self, workspace_id: str, currency: str) -> list[PriceTag]:
        return [
            self._tag(workspace_id, package, currency)
            for package in self.packages.on_sale()
            if package.is_enquiry or currency in package.content.prices
        ]

    def _tag(self, workspace_id: str, package: Package, currency: str) -> PriceTag:
        if package.is_enquiry:
            return PriceTag(package, None)
        price = package.price(currency)
        try:
            return PriceTag(package, price, self.orders.quote(workspace_id, price))
        except TaxNotCalculated as missing:
            return PriceTag(package, price, problem=missing.stable_code, missing=missing.question)
        except (ProfileNeeded, SellerNeeded, NoTaxRate) as missing:
            return PriceTag(package, price, problem=missing.stable_code)

    async def quote(self, choice: Choice, *, by_card: bool = False) -> PriceTag:
        """What an order of this choice would come to; no order is written. Raises what ordering would."""
        return await self._taxes.worked_out(lambda: self._quote(choice, by_card))

    async def quote_amount(self, workspace_id: str, net: Fiat) -> TaxSnapshot:
        """The tax on any amount for this workspace."""
        return await self._taxes.worked_out(lambda: self.orders.quote(workspace_id, net))

    def _quote(self, choice: Choice, by_card: bool) -> PriceTag:
        with self._db.read() as connection:
            package = packages.for_sale(connection, choice.package_version_id)
        price = package.price(choice.currency)
        tax = self.orders.quote(choice.workspace_id, price)
        if by_card:
            must_be_chargeable(tax)
        return PriceTag(package, price, tax)

    # --- buying

    async def buy(self, choice: Choice) -> OrderView:
        """Order a package to be paid by card; `url` of the answer is the provider's page.

        Raises what `Orders.take` and `Checkout.open` raise, `Conflict` "cards_off", and `ProviderError` when the
        provider does not answer: asking again with the same key is safe.
        """
        order = await self._cards().checkout.buy(choice)
        if choice.save_card:
            await asyncio.to_thread(self._agreed_to_save, choice, order.id)
        return order

    async def order_by_transfer(self, choice: Choice) -> OrderView:
        """Order a package to be paid by bank transfer; raises what `Manual.request` raises, and what `buy` does about
        its tax."""
        return await self._taxes.worked_out(lambda: self.manual.request(choice))

    async def agree(self, agreement: Agreement, *, actor: str, key: str) -> OrderView:
        """An order for what was agreed with a customer; raises what `Manual.agree` raises."""
        return await self._taxes.worked_out(lambda: self.manual.agree(agreement, actor=actor, key=key))

    def _agreed_to_save(self, choice: Choice, order_id: str) -> None:
        """The box for saving the card was ticked: kept once for the order."""
        consent = Consent(SAVE_CARD_WORDING, choice.actor, choice.ip)
        with self._db.write() as connection:
            consents.keep(
                connection,
                choice.workspace_id,
                consents.Kind.SAVE_CARD,
                consent,
                consents.save_card_sentence(),
                self._clock(),
                ref=order_id,
            )

    async def resume(self, order_id: str, *, workspace_id: str) -> OrderView:
        """The page of an open order again, or a new one in its place."""
        order = await asyncio.to_thread(self.orders.find, order_id, workspace_id)
        return await self._cards().checkout.open(order.id)

    async def call_off(self, order_id: str, *, workspace_id: str, actor: str) -> OrderView:
        """Cancel an order that nothing was paid for."""
        order = await asyncio.to_thread(self.orders.find, order_id, workspace_id)
        if order.provider == STRIPE:
            return await self._cards().checkout.call_off(order.id, actor=actor)
        return await asyncio.to_thread(self.manual.cancel, order_id, workspace_id=workspace_id, actor=actor)

    def returned(self, workspace_id: str, session_id: str) -> OrderView:
        """Somebody came back from the provider's page: their own order as it stands, and a look at it is asked for.

        Coming back proves nothing and credits nothing. `NotFound` for another workspace's page.
        """
        with self._db.read() as connection:
            order_id = order_of_session(connection, STRIPE, session_id)
            if order_id is None:
                raise no_order(session_id)
            order = views.find(connection, order_id, workspace_id)
        if order.is_waiting and self.cards is not None:
            self.cards.checkout.look_soon(order.id, LOOK_AFTER_RETURN)
        return order

    # --- cards on file, and what is charged by itself

    def saved_cards(self, workspace_id: str) -> list[SavedCard]:
        """The cards on file that are still there, the newest first."""
        with self._db.read() as connection:
            return saved_card_rows.of_workspace(connection, workspace_id)

    async def refresh_cards(self, workspace_id: str) -> list[SavedCard]:
        """The same after a look at the provider, for somebody who comes back from saving one."""
        return await self._cards().saved.refresh(workspace_id)

    async def add_card(self, workspace_id: str, currency: str, consent: Consent) -> CardPage:
        """The provider's page on which a card is saved and nothing is bought."""
        return await self._cards().saved.add(workspace_id, currency, consent)

    async def remove_card(self, workspace_id: str, card_id: str, *, actor: str) -> None:
        """Have a card forgotten, and turn off what would charge it."""
        await self._cards().saved.remove(workspace_id, card_id, actor=actor)

    async def preview_topup(self, workspace_id: str, rules: Rules, card_id: str) -> Preview:
        """What a charge by these rules comes to; raises what `TopupSettings.preview` raises."""
        return await self._taxes.worked_out(lambda: self.topups.preview(workspace_id, rules, card_id))

    async def turn_on_topup(self, choice: TopupChoice) -> TopupView | None:
        """Agree to automatic top-up (`topups.preview` has the sentence); charges at once where the balance is low.

        What still waited for its owner's confirmation is called off: what is agreed to now takes its place.
        """
        cards = self._cards()
        view = await self._taxes.worked_out(lambda: self.topups.save(choice))
        for order_id in await asyncio.to_thread(self.topups.waiting_orders, choice.workspace_id):
            await cards.checkout.call_off(order_id, actor=choice.consent.given_by, why="replaced")
        if await cards.topups.top_up(choice.workspace_id) is None:
            return view
        return await asyncio.to_thread(self.topups.of, choice.workspace_id)

    async def top_up_due(self) -> int:
        """Charge where a balance fell below its threshold, and follow what was charged: for the chores."""
        if self.cards is None:
            return 0
        return await self.cards.topups.run_due() + await self.cards.saved.detach_due()

    # --- money that goes back

    async def refund(self, choice: RefundChoice) -> RefundView:
        """Refund an order, or part of it (`refunds.refundable` says how much); raises what `Refunds.ask` raises."""
        view = await self.refunds.ask(choice)
        self._told(view.workspace_id)
        return view

    async def return_due(self) -> int:
        """Carry refunds on whose end is not known: for the chores."""
        return await self.refunds.road.run_due()

    def disputes(
        self, *, order_id: str | None = None, workspace_id: str | None = None, open_only: bool = False
    ) -> list[DisputeView]:
        """Disputes, the newest first."""
        with self._db.read() as connection:
            return dispute_rows.listed(connection, order_id=order_id, workspace_id=workspace_id, open_only=open_only)

    async def report_taxes(self) -> int:
        """Tell Stripe Tax of sales and refunds it worked the tax out for: for the chores."""
        return await self.tax_reports.run_due()

    # --- webhooks

    def verify(self, body: bytes, signature: str | None) -> Hint:
        """The event in a webhook's body; raises `InvalidInput` for what is not signed by the provider, now."""
        return verify(body, signature, self._cards().door.keys.webhook_secrets, self._clock())

    async def accept(self, hint: Hint) -> bool:
        """Write a verified event down; returns after the commit. Whether there is something to apply."""
        used = self._cards().worker.uses(hint)
        await self.inbox.accept(STRIPE, hint, used=used)
        return used

    async def apply_due(self) -> Turn:
        """Apply what came in and look after open orders: for the chores, every few seconds."""
        if self.cards is None:
            return Turn(0, 0)
        return await self.cards.worker.apply_due()

    # --- reading

    def orders_of(
        self,
        workspace_id: str | None = None,
        *,
        states: Collection[State] | None = None,
        provider: str | None = None,
        before: OrderView | None = None,
        limit: int = 50,
    ) -> list[OrderView]:
        """Orders of one workspace, or of all for an operator, the newest first."""
        with self._db.read() as connection:
            return views.listed(
                connection, workspace_id=workspace_id, states=states, provider=provider, before=before, limit=limit
            )

    def order(self, order_id: str, workspace_id: str | None = None) -> OrderView:
        """One order; `NotFound` when it is not this workspace's."""
        return self.orders.find(order_id, workspace_id)

    def order_counts(self) -> dict[State, int]:
        with self._db.read() as connection:
            return views.counts(connection)

    def history(self, order_id: str) -> list[EventView]:
        """What happened to an order, the oldest first."""
        with self._db.read() as connection:
            return views.events(connection, order_id)

    def payments_of(self, order_id: str) -> list[PaymentView]:
        with self._db.read() as connection:
            return views.payments(connection, order_id)

    def _cards(self) -> Cards:
        if self.cards is None:
            raise Conflict("Paying by card is not set up here.", code="cards_off")
        return self.cards
