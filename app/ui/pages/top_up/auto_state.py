"""Automatic top-up and the cards on file: everybody sees how it stands, an owner agrees to it and stops it."""

import asyncio
import json
from dataclasses import dataclass
from typing import ClassVar

import reflex as rx

from app import services
from app.invoicing.profiles import ProfileNeeded
from app.kernel.errors import FareboxError, InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.ids import is_id
from app.kernel.text import t
from app.payments.consent import SAVE_CARD_WORDING, Consent, save_card_sentence
from app.payments.saved_card_rows import SavedCard
from app.payments.topup_settings import TopupChoice, TopupView
from app.services import Services
from app.ui import wiring
from app.ui.components import toast_done, var
from app.ui.guard import PageState, who, workspace_id
from app.ui.pages.top_up.auto import (
    FIELDS,
    LONGEST,
    MODES,
    NO_FACTS,
    NO_PREVIEW,
    TYPED,
    AutoFacts,
    CardRow,
    Option,
    PreviewWords,
    auto_facts,
    card_options,
    card_rows,
    first_values,
    preview_words,
    rules_of,
)
from app.ui.pages.top_up.shop_state import problem_words
from app.ui.roles import Role, may
from app.ui.visits import EVERYTHING

CARD_SAVED = "saved"


@dataclass(frozen=True, slots=True)
class Auto:
    """What is known of it. `usual` is the first package's price in the currency of the house."""

    view: TopupView | None
    cards: list[SavedCard]
    waiting: str
    usual: Fiat | None


class AutoState(PageState):
    """What everybody in the workspace sees."""

    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    offered: bool = False
    may_edit: bool = False
    facts: AutoFacts = NO_FACTS
    cards: list[CardRow] = []
    sentence: str = ""  # what is agreed to when a card is saved

    @rx.event
    async def load(self):
        """A visit, perhaps back from the page on which a card was saved."""
        parts = services.current()
        wiring.follow(self, workspace_id(), AutoState.refresh)
        self.may_edit = may(who(), Role.OWNER)
        if self.router.url.query_parameters.get("card", "") == CARD_SAVED and parts.cashier.takes_cards:
            await _look_for_cards(parts, workspace_id())
        await self._show()

    @rx.event
    async def refresh(self):
        """Pushed when something of the workspace changed."""
        if self.ready:
            await self._show()

    async def _show(self) -> None:
        parts = services.current()
        self.offered = parts.cashier.takes_cards
        if self.offered:
            found = await asyncio.to_thread(read_auto, parts, workspace_id())
            self.facts = auto_facts(found.view, found.waiting)
            self.cards = card_rows(found.cards, parts.desk.clock())
            self.sentence = save_card_sentence()
        self.ready = True


class AutoOwnerState(PageState):
    """The dialog in which an owner sets the rules, and the cards that are charged by them."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OWNER
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    is_open: bool = False
    busy: bool = False
    values: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = dict.fromkeys((*FIELDS, ""), "")
    currency: str = ""
    cards: list[Option] = []
    preview: PreviewWords = NO_PREVIEW
    terms_id: str = ""
    terms_words: str = ""
    agreed: bool = False
    saving_card: bool = False
    problem: str = ""

    @rx.event
    async def open_form(self, is_open: bool):
        """With what was agreed to before."""
        self.is_open, self.agreed = bool(is_open), False
        if not self.is_open:
            return
        parts = services.current()
        found = await asyncio.to_thread(read_auto, parts, workspace_id())
        terms = await asyncio.to_thread(parts.cashier.terms.current)
        rows = card_rows(found.cards, parts.desk.clock())
        self.cards = card_options(rows)
        usual = found.usual or Fiat(0, "EUR")
        self.currency = found.view.rules.currency if found.view else usual.currency
        self.values = first_values(found.view, rows, usual)
        self.terms_id = terms.id if terms else ""
        self.terms_words = t("top_up.auto.terms", version=f"v{terms.number}") if terms else ""
        await self._count()

    @rx.event
    async def write(self, field: str, text: str):
        """What stands in one of the fields."""
        if field in TYPED:
            self.values = {**self.values, field: str(text)[:LONGEST]}
            await self._count()

    @rx.event
    async def choose_mode(self, mode: str):
        """A fixed amount, or up to a balance."""
        if mode in MODES:
            self.values = {**self.values, "mode": mode}
            await self._count()

    @rx.event
    async def choose_card(self, card_id: str):
        """Which card is charged."""
        if any(option["value"] == card_id for option in self.cards):
            self.values = {**self.values, "card": card_id}
            await self._count()

    @rx.event
    async def agree(self, agreed: bool):
        """The box under the sentence."""
        self.agreed = bool(agreed)
        self.errors = {**self.errors, "": ""}

    @rx.event
    async def save(self):
        """Turn it on by these rules; where the balance is low already, the first charge is made at once."""
        if not self.is_open or self.busy:
            return
        await self._count()
        if not self.preview["sentence"]:
            self.errors = {**self.errors, "": self.errors[""] or t("top_up.auto.incomplete")}
            return
        if not self.agreed:
            self.errors = {**self.errors, "": t("top_up.auto.agree_first")}
            return
        self.busy = True
        yield
        parts, workspace = services.current(), workspace_id()
        consent = Consent(self.preview["wording"], who().user_id, self.router.session.client_ip)
        try:
            choice = TopupChoice(
                workspace, rules_of(self.values, self.currency), self.values["card"], self.terms_id or None, consent
            )
            await parts.cashier.turn_on_topup(choice)
        except FareboxError as refused:
            self._refuse(refused)
            return
        finally:
            self.busy = False
        self.is_open = False
        parts.news.publish(workspace)
        await (await self.get_state(AutoState))._show()
        yield toast_done(t("top_up.auto.saved"))

    @rx.event
    async def switch(self, on: bool):
        """On asks for the rules; off stops it at once."""
        if on:
            return var(AutoOwnerState).open_form(True)
        parts, workspace = services.current(), workspace_id()
        await asyncio.to_thread(parts.cashier.topups.stop, workspace, actor=who().user_id)
        parts.news.publish(workspace)
        await (await self.get_state(AutoState))._show()
        return toast_done(t("top_up.auto.stopped"))

    @rx.event
    async def add_card(self):
        """On to the provider's page that saves a card; the sentence beside the button was agreed to by pressing it."""
        if self.saving_card:
            return
        self.saving_card, self.problem = True, ""
        yield
        parts = services.current()
        consent = Consent(SAVE_CARD_WORDING, who().user_id, self.router.session.client_ip)
        try:
            found = await asyncio.to_thread(read_auto, parts, workspace_id())
            currency = found.view.rules.currency if found.view else found.usual.currency if found.usual else "EUR"
            page = await parts.cashier.add_card(workspace_id(), currency, consent)
        except FareboxError as refused:
            self.saving_card, self.problem = False, problem_words(refused.stable_code)
            return
        self.saving_card = False
        yield rx.call_script(f"window.location.assign({json.dumps(page.url)})")

    @rx.event
    async def remove_card(self, card_id: str):
        """Have a card forgotten."""
        if not is_id(card_id, "crd"):
            return None
        parts, workspace = services.current(), workspace_id()
        try:
            await parts.cashier.remove_card(workspace, card_id, actor=who().user_id)
        except FareboxError as refused:
            self.problem = problem_words(refused.stable_code)
            return None
        parts.news.publish(workspace)
        await (await self.get_state(AutoState))._show()
        return toast_done(t("top_up.card.removed"))

    async def _count(self) -> None:
        """What one charge comes to, or what is wrong with the rules."""
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        before = self.preview["sentence"]
        self.preview = NO_PREVIEW
        if not self.values["card"]:
            return
        parts = services.current()
        try:
            rules = rules_of(self.values, self.currency)
            found = await parts.cashier.preview_topup(workspace_id(), rules, self.values["card"])
        except FareboxError as refused:
            self._refuse(refused)
            return
        self.preview = preview_words(found)
        if self.preview["sentence"] != before:
            self.agreed = False  # what was agreed to was another sentence

    def _refuse(self, refused: FareboxError) -> None:
        place = refused.param if isinstance(refused, InvalidInput) and refused.param in FIELDS else ""
        if place and not self.values.get(place, "").strip():
            return  # a field nobody has filled in yet is not wrong
        words = t("top_up.profile.needed") if isinstance(refused, ProfileNeeded) else refused.message
        self.errors = {**self.errors, place or "": words}


def read_auto(parts: Services, workspace: str) -> Auto:
    """The rules, the cards, the charge that waits for its owner, and what a package costs."""
    cashier = parts.cashier
    try:
        home = parts.invoicing.sellers.current().currency
    except FareboxError:
        home = ""
    prices = [package.content.prices for package in cashier.packages.on_sale() if package.content.prices]
    usual = next((price[home] for price in prices if home in price), None)
    waiting = cashier.topups.waiting_orders(workspace)
    return Auto(
        view=cashier.topups.of(workspace),
        cards=cashier.saved_cards(workspace),
        waiting=waiting[-1] if waiting else "",
        usual=usual or next((next(iter(price.values())) for price in prices), None),
    )


async def _look_for_cards(parts: Services, workspace: str) -> None:
    try:
        await parts.cashier.refresh_cards(workspace)
    except FareboxError:
        return  # the provider tells us by itself a little later
