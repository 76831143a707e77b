"""The seller and how tax is handled: one form, every save a version of its own."""

import asyncio
from typing import ClassVar

import reflex as rx

from app import services
from app.invoicing.parties import Seller
from app.invoicing.seller import SellerNeeded
from app.invoicing.tax_elsewhere import STRIPE_TAX
from app.kernel.errors import FareboxError, InvalidInput
from app.kernel.ids import new_id
from app.kernel.text import t
from app.services import Services
from app.ui.components import toast_done
from app.ui.guard import PageState, who
from app.ui.pages.admin_settings.form import CHOICES, FIELDS, SWITCHES, Values, seller_of, values_of
from app.ui.roles import Role

LONGEST = 1_000


class SellerState(PageState):
    REQUIRED_ROLE: ClassVar[Role] = Role.OPERATOR

    ready: bool = False
    stamp: str = ""
    values: Values = dict.fromkeys(FIELDS, "")
    oss: bool = False
    prices_include_tax: bool = False
    errors: Values = dict.fromkeys((*FIELDS, ""), "")
    version: str = ""
    is_new: bool = False
    busy: bool = False
    dirty: bool = False
    takes_cards: bool = False  # a Stripe account is connected

    @rx.event
    async def load(self):
        """A visit."""
        self.errors, self.busy = dict.fromkeys((*FIELDS, ""), ""), False
        self.takes_cards = services.current().cashier.cards is not None
        self._fill(await asyncio.to_thread(_current, services.current()))

    @rx.event
    def write(self, name: str, text: str):
        if name in FIELDS and name not in CHOICES:
            self.values[name], self.errors[name] = str(text)[:LONGEST], ""
            self.dirty = True

    @rx.event
    def choose(self, name: str, value: str):
        if value in CHOICES.get(name, ()):
            self.values[name], self.errors[name] = value, ""
            self.dirty = True

    @rx.event
    def switch(self, name: str, on: bool):
        if name in SWITCHES:
            setattr(self, name, on is True)
            self.dirty = True

    @rx.event
    async def discard(self):
        """Back to what is in force."""
        self.errors = dict.fromkeys((*FIELDS, ""), "")
        self._fill(await asyncio.to_thread(_current, services.current()))

    @rx.event
    async def save(self):
        """Keep a new version; issued invoices stay as they are."""
        if self.busy:
            return None
        house, actor = services.current(), who().user_id
        self.errors, self.busy = dict.fromkeys((*FIELDS, ""), ""), True
        try:
            before = await asyncio.to_thread(_current, house)
            switches = {"oss": self.oss, "prices_include_tax": self.prices_include_tax}
            wanted = seller_of(dict(self.values), switches, before)
            await _check_stripe_tax(house, wanted, before)
            saved = await asyncio.to_thread(
                lambda: house.invoicing.sellers.save(wanted, author=actor, make_default=before is None)
            )
        except FareboxError as refused:
            self.errors[refused.param if refused.param in FIELDS else ""] = refused.message
            return None
        finally:
            self.busy = False
        self._fill(saved)
        return toast_done(t("admin_settings.seller.saved", version=saved.version))

    def _fill(self, seller: Seller | None) -> None:
        self.values, self.stamp = values_of(seller), new_id("req")
        self.oss = seller.oss if seller else False
        self.prices_include_tax = seller.prices_include_tax if seller else False
        self.is_new, self.dirty, self.ready = seller is None, False, True
        self.version = t("admin_settings.version", number=seller.version) if seller else ""


async def _check_stripe_tax(house: Services, wanted: Seller, before: Seller | None) -> None:
    """Stripe Tax is switched on only where it will answer; what stands already is not asked about again."""
    if wanted.tax_source != STRIPE_TAX or (before is not None and before.tax_source == STRIPE_TAX):
        return
    if house.cashier.cards is None:
        raise InvalidInput(t("admin_settings.wrong.no_stripe"), param="tax_source")
    missing = await house.cashier.cards.tax.standing()
    if missing:
        raise InvalidInput(t("admin_settings.wrong.tax_inactive", missing=missing), param="tax_source")


def _current(house: Services) -> Seller | None:
    try:
        return house.invoicing.sellers.current()
    except SellerNeeded:
        return None
