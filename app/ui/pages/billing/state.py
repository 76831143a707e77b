"""The billing profile of a workspace: everybody in it may read it, its owners edit it."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

import reflex as rx

from app import services
from app.invoicing.countries import STATES, countries
from app.invoicing.profiles import Profile
from app.invoicing.rates import NoTaxRate
from app.invoicing.seller import SellerNeeded
from app.invoicing.tax_elsewhere import TaxNotCalculated
from app.invoicing.tax_snapshot import TaxSnapshot
from app.kernel.errors import InvalidInput
from app.kernel.fiat import Fiat
from app.kernel.text import t
from app.services import Services
from app.ui import wiring
from app.ui.components import toast_done
from app.ui.guard import PageState, who, workspace_id
from app.ui.pages.billing.form import (
    FIELDS,
    KINDS,
    LONGEST,
    TYPED,
    Option,
    empty_values,
    form_of,
    is_written_right,
    state_options,
    tax_label,
    values_of,
)
from app.ui.pages.billing.words import NO_PROFILE, NO_TAX, ProfileCard, TaxWords, profile_card, tax_words
from app.ui.roles import Role, may
from app.ui.visits import EVERYTHING

#: The tax is shown for a price of this many smallest units; only its rate is read.
SAMPLE_MINOR = 100_00


@dataclass(frozen=True, slots=True)
class Billing:
    """The profile and what tax follows from it; `problem` is a key of [billing.problem]."""

    profile: Profile | None
    tax: TaxSnapshot | None
    problem: str = ""


class BillingState(PageState):
    """What everybody in the workspace sees."""

    REQUIRED_ROLE: ClassVar[Role] = Role.CUSTOMER

    ready: bool = False
    has_profile: bool = False
    may_edit: bool = False
    profile: ProfileCard = NO_PROFILE
    tax: TaxWords = NO_TAX

    @rx.event
    async def load(self):
        """A visit to a page that shows the profile."""
        wiring.follow(self, workspace_id(), BillingState.refresh)
        await self._show()

    @rx.event
    async def refresh(self):
        """Pushed when something of the workspace changed."""
        if self.ready:
            await self._show()

    async def _show(self) -> None:
        found = await asyncio.to_thread(billing_of, services.current(), workspace_id())
        self.may_edit = may(who(), Role.OWNER)
        self.has_profile = found.profile is not None
        self.profile = profile_card(found.profile.buyer) if found.profile else NO_PROFILE
        self.tax = tax_words(found.tax) if found.tax else NO_TAX
        if found.problem:
            self.tax = TaxWords(headline="", detail=t(f"billing.problem.{found.problem}"), tone="thin")
        self.ready = True


class BillingFormState(PageState):
    """The dialog in which an owner says who the invoices are made out to."""

    REQUIRED_ROLE: ClassVar[Role] = Role.OWNER
    ONE_VISIT: ClassVar[tuple[str, ...]] = EVERYTHING

    is_open: bool = False
    busy: bool = False
    values: dict[str, str] = empty_values()
    errors: dict[str, str] = dict.fromkeys((*FIELDS, ""), "")
    states: list[Option] = []
    tax_label: str = ""
    tax_id_right: bool = False

    @rx.event
    async def open_form(self, is_open: bool):
        """Opened with the profile there is, or with what we know of the person; closed, it keeps nothing."""
        self.is_open = bool(is_open)
        if not self.is_open:
            return
        person = who()
        profile = await asyncio.to_thread(services.current().invoicing.profiles.of, workspace_id())
        known = empty_values(name=person.name, company=person.workspace_name or "", email=person.email)
        self.values = values_of(profile) if profile else known
        self._clear_errors()
        self._follow_country()

    @rx.event
    async def write(self, field: str, text: str):
        """What stands in one of the fields."""
        if field in TYPED:
            self.values = {**self.values, field: str(text)[:LONGEST]}
            self._settled(field)

    @rx.event
    async def choose_kind(self, kind: str):
        """A company or a person."""
        if kind in KINDS:
            self.values = {**self.values, "kind": kind}
            self._clear_errors()

    @rx.event
    async def choose_country(self, country: str):
        """The country decides the tax, its id and whether there are states."""
        if country in countries():
            self.values = {**self.values, "country": country, "state": ""}
            self._settled("country")
            self._follow_country()

    @rx.event
    async def choose_state(self, state: str):
        """The state or province, where tax asks for one."""
        if state in STATES.get(self.values["country"], {}):
            self.values = {**self.values, "state": state}
            self._settled("state")

    @rx.event
    async def save(self):
        """Keep it; what is wrong is said under its field."""
        if not self.is_open or self.busy:
            return
        self.busy = True
        self._clear_errors()
        yield
        parts, workspace = services.current(), workspace_id()
        try:
            await parts.invoicing.save_profile(workspace, form_of(self.values), actor=who().user_id)
        except InvalidInput as refused:
            place = refused.param if refused.param in FIELDS else ""
            self.errors = {**self.errors, place or "": refused.message}
            return
        finally:
            self.busy = False
        self.is_open = False
        parts.news.publish(workspace)
        shown = await self.get_state(BillingState)
        await shown._show()
        yield toast_done(t("billing.saved"))

    def _settled(self, field: str) -> None:
        if self.errors[field]:
            self.errors = {**self.errors, field: ""}
        if field in ("tax_id", "country"):
            self.tax_id_right = is_written_right(self.values["tax_id"], self.values["country"])

    def _clear_errors(self) -> None:
        self.errors = dict.fromkeys((*FIELDS, ""), "")

    def _follow_country(self) -> None:
        country = self.values["country"]
        self.states = state_options(country)
        self.tax_label = tax_label(country)
        self.tax_id_right = is_written_right(self.values["tax_id"], country)


def billing_of(parts: Services, workspace: str) -> Billing:
    """The workspace's profile, with the tax on an order of today."""
    profile = parts.invoicing.profiles.of(workspace)
    if profile is None:
        return Billing(None, None)
    try:
        currency = parts.invoicing.sellers.current().currency
        return Billing(profile, parts.invoicing.taxes.quote_tax(workspace, Fiat(SAMPLE_MINOR, currency)))
    except SellerNeeded:
        return Billing(profile, None, "no_seller")
    except TaxNotCalculated:
        return Billing(profile, None, "by_order")
    except NoTaxRate:
        return Billing(profile, None, "no_rate")
