"""What can be bought: packages with their final amounts, the way to pay, and the orders made before."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar, TypedDict

import reflex as rx

from app import services
from app.accounts.identity import suspended
from app.invoicing.parties import Bank
from app.invoicing.seller import SellerNeeded
from app.kernel.errors import FareboxError
from app.kernel.ids import is_id, new_id
from app.kernel.text import sentences, t
from app.ledger.reads import Balance
from app.payments.lifecycle import UNPAID
from app.payments.orders import Choice
from app.payments.terms import TermsVersion
from app.payments.views import OrderView
from app.services import Services
from app.ui import wiring
from app.ui.components import toast_done
from app.ui.guard import PageState, who, workspace_id
from app.ui.pages.top_up.offer import (
    CARD,
    NO_SUMMARY,
    TRANSFER,
    BankLine,
    PackageCard,
    Summary,
    bank_lines,
    package_cards,
    summary,
)
from app.ui.pages.top_up.orders import OrderRow, order_row
from app.ui.paging import Paged
from app.ui.roles import Role

PAGE = 10
MOST_OPEN = 5
LONGEST_CODE = 40


class Segment(TypedDict):
    value: str
    label: str
    price: str


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything the page shows beside the packages, read at once."""

    currency: str
    currencies: list[str]
    terms: TermsVersion | None
    methods: tuple[str, ...]
    bank: Bank
    balance: Balance
    waiting: list[OrderView]


class ShopState(Paged, PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    cards: list[PackageCard] = []
    chosen: str = ""  # a version of a package
    currency: str = ""
    currencies: list[Segment] = []
    method: str = CARD
    takes_cards: bool = False
    takes_transfers: bool = False
    summary: Summary = NO_SUMMARY
    bank: list[BankLine] = []
    terms_id: str = ""
    terms_name: str = ""
    terms_words: str = ""
    terms_text: str = ""
    refund_text: str = ""
    accepted: bool = False
    key: str = ""  # the same press again is the same order; a new visit or choice is a new one
    error: str = ""  # beside the button
    problem: str = ""  # why a payment could not be begun, or nothing can be sold
    placing: bool = False
    waiting: list[OrderRow] = []

    rows: list[OrderRow] = []

    @rx.event
    async def load(self):
        """A visit: what is for sale, and what stood in the way if somebody was sent back."""
        wiring.follow(self, workspace_id(), ShopState.refresh)
        self.key, self.accepted, self.error, self._starts = new_id("key"), False, "", []
        self.problem = problem_words(self.router.url.query_parameters.get("problem", "")[:LONGEST_CODE])
        await self._show_offer()
        await self._show_history()
        self.ready = True

    @rx.event
    async def refresh(self):
        """Pushed when something of the workspace changed."""
        if self.ready:
            await self._show_offer()
            if not self._starts:
                await self._show_history()

    @rx.event
    async def choose(self, version_id: str):
        """Another package."""
        if any(card["id"] == version_id and not card["is_enquiry"] for card in self.cards):
            self.chosen = version_id
            await self._begin_again()

    @rx.event
    async def choose_currency(self, currency: str):
        """Prices in another currency."""
        if any(segment["value"] == currency for segment in self.currencies):
            self.currency = currency
            await self._begin_again()

    @rx.event
    async def choose_method(self, method: str):
        """By card, or by bank transfer."""
        if (method == CARD and self.takes_cards) or (method == TRANSFER and self.takes_transfers):
            self.method = method
            await self._begin_again()

    @rx.event
    async def accept(self, accepted: bool):
        """The box beside the terms."""
        self.accepted = bool(accepted)
        self.error = ""

    @rx.event
    async def place_order(self):
        """Order by bank transfer; its page then says where the money goes."""
        if self.placing or self.method != TRANSFER:
            return
        if not self.accepted:
            self.error = t("top_up.problem.terms_not_accepted")
            return
        self.placing = True
        yield
        try:
            order = await _place(services.current(), self._choice())
        except FareboxError as refused:
            self.error = problem_words(refused.stable_code) or refused.message
            await self._show_offer()
            return
        finally:
            self.placing = False
        yield rx.redirect(f"/top-up?order={order.id}")

    @rx.event
    async def cancel(self, order_id: str):
        """Call off an order that waits."""
        if not is_id(order_id, "ord"):
            return None
        try:
            order = await services.current().cashier.call_off(
                order_id, workspace_id=workspace_id(), actor=who().user_id
            )
        except FareboxError as refused:
            self.problem = problem_words(refused.stable_code) or refused.message
            return None
        services.current().news.publish(workspace_id())
        await self._show_offer()
        await self._show_history()
        return toast_done(t("top_up.canceled", reference=order.reference))

    def _choice(self) -> Choice:
        terms = self.terms_id if self.accepted else None
        return Choice(workspace_id(), self.chosen, self.currency, terms, who().user_id, self.key)

    async def _begin_again(self) -> None:
        """Another choice is another order."""
        self.key, self.error, self.problem = new_id("key"), "", ""
        await self._show_offer()

    async def _show_offer(self) -> None:
        parts = services.current()
        offer = await asyncio.to_thread(read_offer, parts, workspace_id(), self.currency)
        tags = await parts.cashier.price_tags(workspace_id(), offer.currency)
        now = parts.desk.clock()
        self.cards = package_cards(tags)
        self.currency, self.currencies = offer.currency, segments(offer.currencies)
        self.takes_cards, self.takes_transfers = CARD in offer.methods, TRANSFER in offer.methods
        if self.method not in offer.methods and offer.methods:
            self.method = offer.methods[0]
        for_sale = [tag for tag in tags if not tag.package.is_enquiry]
        known = [tag for tag in for_sale if tag.package.version_id == self.chosen]
        tag = next(iter([*known, *for_sale]), None)
        self.chosen = tag.package.version_id if tag else ""
        self.summary = summary(tag, offer.balance.available, self.method, now) if tag else NO_SUMMARY
        self.bank = bank_lines(offer.bank)
        self._show_terms(offer.terms)
        self.waiting = [order_row(order, now) for order in offer.waiting]

    def _show_terms(self, terms: TermsVersion | None) -> None:
        if terms is not None and terms.id != self.terms_id:
            self.accepted = False  # what was agreed to was another text
        self.terms_id = terms.id if terms else ""
        self.terms_name = terms.name if terms else ""
        self.terms_words = t("top_up.terms.accept", version=f"v{terms.number}") if terms else ""
        self.terms_text = terms.terms if terms else ""
        self.refund_text = terms.refund_policy if terms else ""

    async def _show(self) -> None:
        """Another page of the orders."""
        await self._show_history()

    async def _show_history(self) -> None:
        parts, start = services.current(), self._after()
        found = await asyncio.to_thread(orders_after, parts, workspace_id(), start)
        now = parts.desk.clock()
        self.rows = [order_row(order, now) for order in found[:PAGE]]
        self.has_next, self.has_previous = len(found) > PAGE, bool(self._starts)
        self.shown = t("top_up.history.range", **self._range(PAGE)) if self.rows else ""


def read_offer(parts: Services, workspace: str, currency: str) -> Offer:
    """What is for sale to this workspace, in its currency or in the one the seller keeps books in."""
    cashier = parts.cashier
    try:
        seller = parts.invoicing.sellers.current()
        home, bank = seller.currency, seller.bank
    except SellerNeeded:
        home, bank = "", Bank()
    currencies = sorted(cashier.currencies(), key=lambda one: (one != home, one))
    chosen = currency if currency in currencies else next(iter(currencies), "")
    transfers = cashier.policies.current().transfers
    methods = [(CARD, cashier.takes_cards), (TRANSFER, transfers)]
    return Offer(
        currency=chosen,
        currencies=currencies,
        terms=cashier.terms.current(),
        methods=tuple(method for method, offered in methods if offered),
        bank=bank,
        balance=parts.ledger.balance(workspace),
        waiting=cashier.orders_of(workspace, states=UNPAID, limit=MOST_OPEN),
    )


def orders_after(parts: Services, workspace: str, start: str | None) -> list[OrderView]:
    """A page of orders and one more, behind the order `start`."""
    before = parts.cashier.order(start, workspace) if start else None
    return parts.cashier.orders_of(workspace, before=before, limit=PAGE + 1)


def segments(currencies: list[str]) -> list[Segment]:
    """Currencies to choose from; a choice of one is none."""
    return [Segment(value=one, label=one, price="") for one in currencies] if len(currencies) > 1 else []


def problem_words(code: str) -> str:
    """Why a payment could not be begun; empty without a code, a general sentence for one we have no words for."""
    if not code:
        return ""
    return sentences().get(f"top_up.problem.{code}") or t("top_up.problem.other")


async def _place(parts: Services, choice: Choice) -> OrderView:
    if who().is_suspended:
        raise suspended()
    return await parts.cashier.order_by_transfer(choice)
